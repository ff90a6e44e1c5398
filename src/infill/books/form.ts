// Plays and verse told from prose by their layout, because examples of paragraphs cannot be made of them: a play's
// blocks begin with the names of who speaks, verse breaks its lines long before the margin.
import type { Block, Page } from "./blocks.ts";
import { oneLine } from "./clean.ts";
import { isVerse } from "./residue.ts";

/** How a book is to be taken: "auto" refuses plays and verse. */
export const FORMS = ["auto", "prose", "verse"] as const;
export type Form = (typeof FORMS)[number];

export interface FormFound {
  readonly form: "play" | "verse";
  /** The share of its blocks, or for verse of its characters, that are of this form; above one half. */
  readonly share: number;
  /** A speaker, or a line. */
  readonly example: string;
}

/** "HAMLET. To be", "HAMLET: To be", "Ham. To be", "HAMLET" above the speech, "HAMLET (aside). To be". */
const SPEAKER = new RegExp(
  "^_?((?:\\p{Lu}[\\p{Lu}'’ .-]{1,30}\\p{Lu})|(?:\\p{Lu}[\\p{L}'’]{1,14}))_?" +
    "(?: ?[[(][^\\])]{1,80}[\\])])?_?(?:[.:]|[.:]?[—–-]{1,2})_?(?:\\s|$)",
  "u",
);
const SPEAKER_LINE = /^_?(\p{Lu}[\p{Lu}'’ .-]{1,30})_?[.:]?$/u;
const STAGE = /^\W*(?:act|scene|acte|sc[eè]ne)\b|^\W*(?:enter|exit|exeunt|re-enter)\b/i;
const FEWEST = 10;

export function formOf({ blocks, margins }: Page): FormFound | undefined {
  return playOf(blocks) ?? verseOf(blocks, margins);
}

function playOf(blocks: readonly Block[]): FormFound | undefined {
  const speakers = new Map<string, number>();
  let speeches = 0;
  let stage = 0;
  let others = 0;
  for (const block of blocks) {
    const speaker = speakerOf(block);
    if (speaker !== undefined) {
      speakers.set(speaker, (speakers.get(speaker) ?? 0) + 1);
      speeches++;
    } else if (STAGE.test(block.lines[0]!)) stage++;
    else if (!/^\s*[[(]/.test(block.lines[0]!)) others++;
  }
  // People speak again and again; first words of paragraphs ("Yes.", "CHAPTER I.") do not take turns.
  const recurring = [...speakers].filter(([, count]) => count >= 3).sort((a, b) => b[1] - a[1]);
  const ofThem = recurring.reduce((sum, [, count]) => sum + count, 0);
  const share = (ofThem + stage) / Math.max(1, speeches + stage + others);
  return recurring.length >= 2 && ofThem >= FEWEST && share > 0.5
    ? { form: "play", share, example: recurring[0]![0] }
    : undefined;
}

function speakerOf({ lines, isHeading }: Block): string | undefined {
  if (isHeading) return undefined;
  const first = lines[0]!.trim().slice(0, 200);
  if (lines.length > 1) {
    const [, alone] = SPEAKER_LINE.exec(first) ?? [];
    if (alone !== undefined) return alone.trim();
  }
  const [, name] = SPEAKER.exec(first) ?? [];
  // "Mr. Hall" and "Yes. ..." open paragraphs of prose: a name in capitals, or an abbreviation with its speech.
  return name === undefined || (name !== name.toUpperCase() && !/^\S+[.:]\s/.test(first)) ? undefined : name;
}

function verseOf(blocks: readonly Block[], margins: Page["margins"]): FormFound | undefined {
  let verse = 0;
  let all = 0;
  let lines = 0;
  let example = "";
  for (const block of blocks) {
    if (block.isHeading) continue;
    const length = block.lines.reduce((sum, line) => sum + line.trim().length, 0);
    all += length;
    if (block.lines.length < 2 || !isVerse(block, margins)) continue;
    verse += length;
    lines += block.lines.length;
    example ||= oneLine(block.lines.slice(0, 1));
  }
  const share = verse / Math.max(1, all);
  return share > 0.5 && lines >= FEWEST ? { form: "verse", share, example } : undefined;
}
