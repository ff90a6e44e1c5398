// Small texts for people: sizes, times, numbers, paragraphs. Shared by the command-line programs. Text is measured in
// columns of a terminal, which string-width knows: two for Chinese letters and most emoji, none for accents.
import stringWidth from "string-width";

/** "512 B", "1.4 MB": decimal units, as disks and downloads count. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes,
    unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** "0.8 s", "42 s", "3 min 05 s", "2 h 10 min", "3 d 4 h"; "-" for what is not a finite time. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "-";
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
  const minutes = Math.round(s / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
  const hours = Math.round(s / 3600);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Three significant digits, thousands as "12.3k": for rates that only need a glance. */
export function formatRate(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (value >= 999_500) return `${(value / 1e6).toPrecision(3)}M`;
  if (value >= 999.5) return `${(value / 1000).toPrecision(3)}k`;
  return value >= 99.5 ? String(Math.round(value)) : value.toPrecision(2);
}

/** Columns to write in: the terminal's, at most `most`; `most` where the stream is no terminal. */
export function terminalWidth(stream: { readonly isTTY?: boolean; readonly columns?: number }, most = 100): number {
  return stream.isTTY && stream.columns ? Math.min(most, stream.columns) : most;
}

/** The beginning of `text` that takes at most `columns` columns. */
export function cutToWidth(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  let cut = "";
  let used = 0;
  for (const { segment } of GRAPHEMES.segment(text)) {
    used += stringWidth(segment);
    if (used > columns) break;
    cut += segment;
  }
  return cut;
}

/**
 * Breaks `text` into lines of at most `width` columns of a terminal, each after `indent`: at spaces, and between words
 * of scripts that write none. Line breaks in `text` stay; a longer word has a line of its own.
 */
export function wrapText(text: string, width: number, indent = ""): string {
  const room = Math.max(1, width - stringWidth(indent));
  return text
    .split("\n")
    .map((paragraph) =>
      wrapParagraph(paragraph, room)
        .map((line) => line && indent + line)
        .join("\n"),
    )
    .join("\n");
}

function wrapParagraph(paragraph: string, room: number): string[] {
  const lines: string[] = [];
  let line = "";
  let used = 0;
  for (const word of paragraph.split(/[ \t]+/)) {
    breakable(word, room).forEach((piece, i) => {
      const gap = i === 0 && line !== "" ? " " : "";
      const needed = gap.length + stringWidth(piece);
      if (line !== "" && used + needed > room) {
        lines.push(line);
        line = piece;
        used = stringWidth(piece);
      } else {
        line += gap + piece;
        used += needed;
      }
    });
  }
  return [...lines, line];
}

const GRAPHEMES = new Intl.Segmenter("en", { granularity: "grapheme" });
const WORDS = new Intl.Segmenter("en", { granularity: "word" });
/** Scripts whose words follow each other without spaces, and pictures. */
const UNSPACED = new RegExp(
  String.raw`[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}` +
    String.raw`\p{Script=Myanmar}\p{Extended_Pictographic}]`,
  "u",
);
const OPENING = /^[\p{Ps}\p{Pi}]$/u;

/**
 * The parts of a word between which a line may end. In scripts without spaces a mark stays with the word it closes or
 * opens, unless the two are wider than `room`.
 */
function breakable(word: string, room: number): string[] {
  if (!UNSPACED.test(word)) return [word];
  const parts: string[] = [];
  let joins = false;
  for (const { segment } of WORDS.segment(word)) {
    if (parts.length > 0 && (joins || !UNSPACED.test(segment))) parts[parts.length - 1] += segment;
    else parts.push(segment);
    joins = OPENING.test(segment);
  }
  return parts.flatMap((part) =>
    stringWidth(part) <= room ? [part] : [...GRAPHEMES.segment(part)].map(({ segment }) => segment),
  );
}
