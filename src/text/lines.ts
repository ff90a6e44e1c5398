// Line breaks that are only a margin's, told from those that are meant. Books and letters are wrapped by hand at some
// column; in dialogue, verse and what src/prepare.ts writes every line is whole.

/** A line longer than any that people wrap by hand. */
export const LONG_LINE = 120;
/** A wrapped line of prose whose next one begins with a capital is at least so long. */
const PROSE_LINE = 40;
const SENTENCE_END = /[.!?…:;。！？：；—–-][\])"”»’'」』）*_]*$/u;
const LOWER_START = /^["“«‘'([¿¡—–*_-]*\p{Ll}/u;
const CAPITAL_START = /^["“«‘'([¿¡—–*_-]*\p{Lu}/u;
/** Letters without upper and lower case: Chinese, Arabic, Hindi, ... */
const CASELESS_START = /^["“«‘'([¿¡—–*_-]*\p{Lo}/u;
/** Scripts that put no space between words, so that a wrapped line hides none. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff00-\uffef]/u;

/** The lines of one paragraph as one: "" when all are blank. */
export function joinLines(lines: readonly string[]): string {
  const parts: string[] = [];
  let end = "";
  for (const line of lines) {
    const next = line.trim();
    if (next === "") continue;
    if (parts.length > 0 && !touches(end, next)) parts.push(" ");
    parts.push(next);
    end = next.slice(-3);
  }
  return parts.join("");
}

/**
 * Whether no space belongs at a line end: inside a word ("sun-" "beam"), beside a dash that touches its words ("he
 * came--" "and went"), between characters of scripts without spaces. `before`: the last characters above.
 */
function touches(before: string, after: string): boolean {
  if (/[-—–]$/.test(before)) return /[^\s—–-][—–-]+$/.test(before) && !/^(?:--?|[—–])\s/.test(after);
  if (/^(?:--|—)\S/.test(after) && /[\p{L}\p{N}]$/u.test(before)) return true;
  return UNSPACED.test(before.slice(-1)) && UNSPACED.test(after[0] ?? "");
}

/**
 * The lines of a text with those joined that were only wrapped. Blank lines end a paragraph, unless it stops in the
 * middle of a sentence that goes on below them (the foot of a page).
 */
export function meantLines(lines: readonly string[]): string[] {
  const found: string[] = [];
  let block: string[] = [];
  let wrappedAbove = false;
  for (const line of [...lines, ""]) {
    if (line !== "") {
      block.push(line);
      continue;
    }
    if (block.length === 0) continue;
    const wrapped = isWrapped(block);
    const paragraphs = wrapped ? unwrap(block) : block;
    const above = found.at(-1);
    if (above !== undefined && (wrapped || wrappedAbove) && !ends(above) && LOWER_START.test(paragraphs[0]!)) {
      found[found.length - 1] = joinLines([above, paragraphs[0]!]);
      found.push(...paragraphs.slice(1));
    } else {
      for (const paragraph of paragraphs) found.push(paragraph);
    }
    wrappedAbove = wrapped;
    block = [];
  }
  return found;
}

/**
 * Whether the lines of a block are wrapped prose: none is too long for it, some stop in mid-sentence, most of these
 * where the next word would not have fitted, and the lines do not all begin with a capital as those of verse do.
 */
function isWrapped(block: readonly string[]): boolean {
  const width = longest(block);
  if (block.length < 2 || width > LONG_LINE) return false;
  const breaks = block
    .slice(0, -1)
    .map((line, i) => ({ line, next: block[i + 1]! }))
    .filter(({ line, next }) => breaksInside(line, next));
  const early = breaks.filter(({ line, next }) => fits(line, next, width));
  if (breaks.length === 0 || early.length * 2 > breaks.length) return false;
  return block.length <= 3 || !block.every((line) => CAPITAL_START.test(line));
}

/** Whether the line stops in mid-sentence. */
function breaksInside(line: string, next: string): boolean {
  return LOWER_START.test(next) || (!ends(line) && (CASELESS_START.test(next) || line.length >= PROSE_LINE));
}

/** In wrapped prose a paragraph ends where a sentence does and the next word would still have fitted. */
function unwrap(block: readonly string[]): string[] {
  const width = longest(block);
  const paragraphs: string[] = [];
  let lines: string[] = [];
  for (const [i, line] of block.entries()) {
    lines.push(line);
    const next = block[i + 1];
    if (next === undefined || (ends(line) && !LOWER_START.test(next) && fits(line, next, width))) {
      paragraphs.push(joinLines(lines));
      lines = [];
    }
  }
  return paragraphs;
}

const ends = (line: string): boolean => SENTENCE_END.test(line.slice(-12));

function longest(block: readonly string[]): number {
  return block.reduce((most, line) => Math.max(most, line.length), 0);
}

function fits(line: string, next: string, width: number): boolean {
  const space = next.indexOf(" ");
  return line.length + 1 + (space < 0 ? next.length : space) <= width;
}
