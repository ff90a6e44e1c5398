// A book's lines as blocks: what stands together on the page. Three layouts occur: blank lines between blocks (wrapped
// or not), one paragraph a line without blank lines, and paragraphs that are only told by an indented first line.

export interface Block {
  /** Not blank, with their indentation. */
  readonly lines: readonly string[];
  /** Blank lines above: headings stand after several. */
  readonly blankBefore: number;
  /** Line number of the first, from 1. */
  readonly line: number;
  /** Whether its mark-up says that it is one. */
  readonly isHeading?: boolean;
}

export interface Page {
  readonly blocks: readonly Block[];
  readonly margins: Margins;
}

export interface Margins {
  /** The column that prose is wrapped at; Infinity where it is not wrapped. */
  readonly width: number;
  /** The most common indentation. */
  readonly indent: number;
}

/** A line longer than any that people wrap by hand. */
const LONG_LINE = 120;

/** Spaces inside a line beyond which it is no wider: columns are told apart by fewer, and patterns need an end. */
const WIDE_GAP = /[ \t]{40,}/g;

/**
 * `lines`: null for one that is as if it were not there. `firstLine`: the number of the first line in its file, for
 * messages. `headings`: indices of lines that are headings by their mark-up.
 */
export function readBlocks(
  lines: readonly (string | null)[],
  firstLine = 1,
  headings: ReadonlySet<number> = new Set(),
): Page {
  const blocks: Block[] = [];
  let current: string[] = [],
    first = 0,
    blank = 0,
    blankBefore = 0;
  const close = (): void => {
    if (current.length > 0) blocks.push({ lines: current, blankBefore, line: firstLine + first });
    if (current.length > 0) blank = 0;
    current = [];
  };
  for (const [i, line] of lines.entries()) {
    if (line === null) continue;
    if (headings.has(i)) {
      close();
      blocks.push({ lines: [line], blankBefore: blank, line: firstLine + i, isHeading: true });
      blank = 0;
    } else if (line.trim() === "") {
      close();
      blank++;
    } else {
      if (current.length === 0) {
        blankBefore = blank;
        first = i;
      }
      current.push(line.replaceAll("\t", " ").trimEnd().replace(WIDE_GAP, " ".repeat(40)));
    }
  }
  close();
  const lengths = blocks.flatMap((block) => block.lines.map((line) => line.length)).sort((a, b) => a - b);
  const wrapped = lengths.filter((length) => length > LONG_LINE).length < lengths.length / 10;
  const indent = mostCommon(blocks.flatMap((block) => block.lines.map(indentOf)));
  if (!wrapped)
    return {
      blocks: blocks.length < lengths.length / 2 ? splitBlocks(blocks, () => true) : blocks,
      margins: { width: Infinity, indent },
    };
  const start = paragraphIndent(blocks, indent);
  return {
    blocks: start === undefined ? blocks : splitBlocks(blocks, (line) => indentOf(line) === start),
    margins: { width: lengths[Math.floor(lengths.length * 0.95)] ?? 0, indent },
  };
}

/**
 * The indentation that begins a paragraph, where that and not a blank line is what does: the most common deeper one
 * inside long blocks.
 */
function paragraphIndent(blocks: readonly Block[], base: number): number | undefined {
  const lines = blocks.flatMap((block) => block.lines);
  const starts = blocks
    .flatMap((block) => block.lines.slice(1).map(indentOf))
    .filter((indent) => indent > base && indent <= base + 8);
  // Verse and letters are indented too, but never more often than there are blocks.
  return starts.length > blocks.length && starts.length > lines.length / 20 ? mostCommon(starts) : undefined;
}

function splitBlocks(blocks: readonly Block[], startsParagraph: (line: string) => boolean): Block[] {
  return blocks.flatMap((block) => {
    const parts: { lines: string[]; blankBefore: number; line: number }[] = [];
    for (const [i, line] of block.lines.entries()) {
      if (i === 0 || startsParagraph(line))
        parts.push({ lines: [line], blankBefore: i === 0 ? block.blankBefore : 0, line: block.line + i });
      else parts.at(-1)!.lines.push(line);
    }
    return parts;
  });
}

export function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

function mostCommon(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  let best = 0;
  for (const [value, count] of counts) if (count > (counts.get(best) ?? 0)) best = value;
  return best;
}
