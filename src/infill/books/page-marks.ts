// Lines that hold nothing but a page number or a running head, in the forms in which scans and etexts leave them. What
// one of them is cannot be told from the line alone ("12" may be a chapter), so each is read with its form ("[N]", "-
// N -", "N", "THE MILLER N") and the text above and below; pages.ts decides by all marks of one form together.

export interface PageMark {
  /** Index of the line. */
  readonly at: number;
  /** The line with its number taken out: marks of one form are decided together. */
  readonly form: string;
  /** Undefined for a running head without a number. */
  readonly value: number | undefined;
  /**
   * "named" says that it is a page ("p. 12"); "set off" has brackets or such; "bare" is a number that may as well be a
   * chapter's; "head" is a line of words, "part" one that names a chapter.
   */
  readonly kind: "named" | "set off" | "bare" | "head" | "part";
}

const LONGEST = 80;
const PAGE = "(?:pages?|p[aá]gina|p[aá]g\\.?|pg\\.?|pp?\\.|p|folio|fol\\.|seite|s\\.|blz\\.?)";
const NUMBER = "(\\d{1,4}|[ivxlc]{1,8}|[IVXLC]{1,8})";
const ORNAMENT = "*_~=.…·•–—-";
const NAMED = new RegExp(
  `^[[({<|${ORNAMENT}]*\\s*${PAGE}\\s*[|:#]?\\s*${NUMBER}(?:\\s*(?:of|de|di|van|sur|von|/)\\s*\\d{1,4})?\\.?` +
    `\\s*[\\])}>|${ORNAMENT}]*$`,
  "i",
);
const OF_PAGES = /^[[({]?\s*(\d{1,4})\s*(?:\/|of|sur|von)\s*\d{1,4}\s*[\])}]?$/;
const SET_OFF = new RegExp(
  `^[[({<|]+\\s*${NUMBER}\\s*[\\])}>|]+$|^${NUMBER}\\s*[)\\]}|]$|^# ?${NUMBER}$|^[.…]+\\s*(\\d{1,4})\\s*[.…]+$`,
);
const BARE = new RegExp(`^${NUMBER}[.:]?$|^[-–—~=*•·_]+\\s*${NUMBER}\\s*[-–—~=*•·_]+\\.?$`);
const HEAD_NUMBER = /^(\d{1,4})(?=[\s.,|·•—–*\]-]).{0,3}?\s*(\p{L}.*)$/u;
const NUMBER_HEAD = /^(\p{L}.*?)\s*[|·•—–*[-]{0,2}\s*(?<=[\s|·•—–*.[-])(\d{1,4})[\])]?$/u;
/** "Page 12 THE MILLER", "THE MILLER Page 12" */
const PAGE_IN_HEAD = /^(?:page|pg?\.)\s*(?=\d)|(?<=\s)(?:page|pg?\.)\s*(?=\d{1,4}$)/i;
/** "CHAPTER 12" is a chapter. */
const PART = new RegExp(
  "^(?:the |first |second |third )?(?:chap(?:ter)?|part|book|vol(?:ume)?|act|scene|canto|letter|stave|section|no|" +
    "figure|fig|table|plate|chapitre|partie|livre|tome|acte|sc[eè]ne|chant|lettre|kapitel|teil|buch|" +
    "cap[ií]tulo|parte|libro|tomo)\\.?$",
  "i",
);
/** "CHAPTER IV  Morning", "Book 1 Chapter" */
const NAMED_PART =
  /\b(?:chap(?:ter)?|part|book|volume|act|scene|canto|letter|stave|chapitre|partie|livre|tome|acte|lettre)\.?(?: |$)/i;
const ROMAN = /^(?=[ivxlc])c{0,3}(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})$/;
const ROMAN_DIGITS: Readonly<Record<string, number>> = { i: 1, v: 5, x: 10, l: 50, c: 100 };

/**
 * What `line` may be beside text; undefined for text. `isHead`: whether a line of words recurs as a running head
 * does.
 */
export function readPageMark(line: string, at: number, isHead: (words: string) => boolean): PageMark | undefined {
  const text = line.trim();
  if (text.length === 0 || text.length > LONGEST) return undefined;
  const named = firstGroup(NAMED, text) ?? firstGroup(OF_PAGES, text);
  // the end of a picture's note, "[Illustration: ...\nPage 207.]", is no mark
  if (named !== undefined && /^[[({<]/.test(text) === /[\])}>]$/.test(text)) return numbered(named, "named", text, at);
  const setOff = firstGroup(SET_OFF, text);
  if (setOff !== undefined) return numbered(setOff, "set off", text, at);
  const bare = firstGroup(BARE, text);
  if (bare !== undefined) return numbered(bare, "bare", text, at);
  const head = readHead(text, at);
  if (head) return head;
  const words = headWords(text);
  return words !== "" && isHead(words) ? { at, form: words, value: undefined, kind: "head" } : undefined;
}

/** The words of a running head, as they are compared: letters only; "" for a line of another kind. */
export function headWords(line: string): string {
  return NAMED_PART.test(line) ? "" : lettersOf(line);
}

function lettersOf(line: string): string {
  const text = line.trim();
  if (text.length === 0 || text.length > LONGEST) return "";
  if (/[,;:"“”«»’'‘?!—-]$|[a-z\d]\.$|^["“«‘'—-]/.test(text)) return "";
  return text.replace(/[^\p{L}\p{N}]+/gu, " ").trim();
}

/** "THE MILLER 12", "Page 12 THE MILLER"; with a part's name ("CHAPTER ONE 12") only pages.ts can tell. */
function readHead(line: string, at: number): PageMark | undefined {
  const text = line.replace(PAGE_IN_HEAD, "");
  const before = HEAD_NUMBER.exec(text);
  const after = before ? null : NUMBER_HEAD.exec(text);
  const rest = before?.[2] ?? after?.[1] ?? "";
  const words = lettersOf(rest);
  const value = Number(before?.[1] ?? after?.[2]);
  if (words === "" || PART.test(words) || words.split(" ").length > 12) return undefined;
  const form = `${words}${/[|•·]/.test(text) ? " |" : ""} N`;
  return { at, form, value, kind: NAMED_PART.test(rest) ? "part" : "head" };
}

function numbered(number: string, kind: PageMark["kind"], text: string, at: number): PageMark | undefined {
  const value = /\d/.test(number) ? Number(number) : romanValue(number);
  if (value === undefined || /^0/.test(number)) return undefined;
  const digit = /\d/.test(number) ? "N" : number === number.toLowerCase() ? "n" : "R";
  return { at, form: text.replace(number, digit), value, kind };
}

function romanValue(numeral: string): number | undefined {
  const lower = numeral.toLowerCase();
  if (!ROMAN.test(lower)) return undefined;
  let value = 0;
  for (let i = 0; i < lower.length; i++) {
    const digit = ROMAN_DIGITS[lower[i]!]!;
    value += digit < (ROMAN_DIGITS[lower[i + 1] ?? ""] ?? 0) ? -digit : digit;
  }
  return value;
}

function firstGroup(pattern: RegExp, text: string): string | undefined {
  return pattern.exec(text)?.slice(1).find(Boolean);
}
