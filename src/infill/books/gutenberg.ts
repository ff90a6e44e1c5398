// What Project Gutenberg puts around a book: a header with title, author and language, a licence, and marker lines
// between them and the text. Markers of all ages are known: "*** START OF THIS PROJECT GUTENBERG EBOOK X ***" (at times
// wrapped over several lines), and the "SMALL PRINT" of the 1990s. A file without markers is all text.

/** What the header says; fields it lacks are left out. */
export interface HeaderFields {
  readonly title?: string;
  readonly author?: string;
  /** A two-letter code where the language is a common one, else its name. */
  readonly language?: string;
}

export interface Unwrapped {
  readonly header: HeaderFields;
  /** Lines of the book itself. */
  readonly lines: readonly string[];
  /** Lines of the file before them. */
  readonly skipped: number;
}

const START = /^\s*\*{3} ?START OF (?:THE|THIS) PROJECT GUTENBERG/i;
const OLD_START = /^\*?END\W+THE SMALL PRINT|\*END THE SMALL PRINT/i;
const END = /^\s*(?:\*{3} ?END OF (?:THE|THIS) PROJECT GUTENBERG|End of (?:The |this )?Project Gutenberg\b)/i;
/** Where a marker that runs over several lines must have closed. */
const MARKER_LINES = 4;

const LANGUAGES: Readonly<Record<string, string>> = {
  english: "en",
  french: "fr",
  german: "de",
  spanish: "es",
  italian: "it",
  portuguese: "pt",
  dutch: "nl",
};

export function unwrapGutenberg(text: string): Unwrapped {
  const lines = text.split("\n");
  let start = 0;
  const marker = lines.findIndex((line) => START.test(line));
  if (marker >= 0) {
    const closing = lines.slice(marker, marker + MARKER_LINES).findIndex((line) => /\*{3}\s*$/.test(line));
    start = marker + Math.max(closing, 0) + 1;
  } else {
    start = lines.findIndex((line) => OLD_START.test(line)) + 1;
  }
  const end = lines.findIndex((line, i) => i >= start && END.test(line));
  return {
    header: start > 0 ? headerFields(lines.slice(0, start)) : {},
    lines: lines.slice(start, end < 0 ? lines.length : end),
    skipped: start,
  };
}

function headerFields(lines: readonly string[]): HeaderFields {
  const field = (name: string): string | undefined => {
    const at = lines.findIndex((line) => line.startsWith(`${name}:`));
    if (at < 0) return undefined;
    // A long title goes on in indented lines.
    const rest = lines.slice(at + 1).findIndex((line) => !/^\s+\S/.test(line));
    return (
      lines
        .slice(at, at + 1 + Math.max(rest, 0))
        .join(" ")
        .slice(name.length + 1)
        .replace(/\s+/g, " ")
        .trim() || undefined
    );
  };
  const language = field("Language")?.toLowerCase();
  const fields = {
    title: field("Title"),
    author: field("Author"),
    language: language === undefined ? undefined : (LANGUAGES[language] ?? language),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
