// What the elements of a web page or an EPUB are to a book: which hold no text, which begin a line of their own, and
// which hold what is not the story's, told by EPUB's types (epub:type), ARIA's roles (DPUB-ARIA) and class names.
import type { Reason } from "./left-out.ts";

/** Attributes of an element, by lower-case name. */
export type Attributes = Readonly<Record<string, string>>;

/** How a text is set. */
export interface Setting {
  readonly high: boolean;
  /** Whether it leads to another place of the book. */
  readonly linked: boolean;
}

/** Elements whose text no reader sees as text. `rt`: how a character is read aloud; `del`: deleted. */
const NO_TEXT = new Set(
  (
    "script style head title template noscript svg math object iframe audio video canvas map button select textarea " +
    "datalist rt rp del"
  ).split(" "),
);
const BLOCKS = new Set(
  (
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure " +
    "footer form header hgroup html legend li main menu nav ol p pre section summary table ul"
  ).split(" "),
);
export const HEADING = /^h[1-6]$/;

const NOTES: Reason = "notes of transcribers and footnotes";
const BY_TYPE: readonly (readonly [types: string, reason: Reason])[] = [
  ["pagebreak", "page numbers and running heads"],
  ["footnote footnotes endnote endnotes rearnote rearnotes", NOTES],
  ["toc landmarks loi lot page-list", "contents"],
  [
    "cover titlepage halftitlepage halftitle copyright-page imprint imprimatur colophon dedication",
    "title page and dedication",
  ],
  ["preface foreword introduction", "preface or introduction"],
  ["acknowledgments bibliography glossary index appendix errata credits", "notes at the end of a part"],
];
const REASON_OF_TYPE: ReadonlyMap<string, Reason> = new Map(
  BY_TYPE.flatMap(([types, reason]) => types.split(" ").map((type) => [type, reason] as const)),
);

const BY_CLASS: readonly (readonly [pattern: RegExp, reason: Reason])[] = [
  [/^(?:pagenum(?:ber)?|page-?(?:no|num|number|break)|pb|x-ebookmaker-pageno)s?$/, "page numbers and running heads"],
  [/^(?:(?:foot|end|rear|side)-?notes?(?:-?(?:text|body|block|item))?|trans-?note|tnote)$/, NOTES],
  [/^(?:fig-?)?caption(?:ed|-?text)?$/, NOTES],
  [/^toc(?:[-_]?(?:entry|item|line|list|level|title|head(?:ing)?|\d))?\d?$/, "contents"],
];
const VERSE_CLASS = /^(?:poem|poetry(?:-container)?|stanza|verse|line-?group|lg)$/;
const LONGEST_MARK = 12;
const NOTE_MARK = /^[[({]?(?:\d{1,4}|[a-z]{1,2}|[ivxlc]{1,6}|[*†‡§¶]{1,3})[\])}]?$/i;
/** What stands high without being a link: "2e" and "1er" are ordinals. */
const HIGH_MARK = /^[[(]?(?:\d{1,4}|[*†‡§¶]{1,3})[\])]?$/;
const BRACKETED = /^(?:[[({].*[\])}]|[*†‡§¶]+)$/;
/** A paragraph of such a class is a heading: converters make them of headings. */
const HEADING_CLASS = new RegExp(
  String.raw`^(?:chap(?:ter)?(?:[-_]?(?:title|head(?:ing)?|num(?:ber)?|name))?|(?:part|section)[-_]?title|` +
    String.raw`title|heading\d?|h[1-6])$`,
  "",
);

export function isBlock(element: string): boolean {
  return BLOCKS.has(element) || HEADING.test(element);
}

/** Whether a reader does not see the element's text. */
export function isUnseen(element: string, { hidden, style = "" }: Attributes): boolean {
  return NO_TEXT.has(element) || hidden !== undefined || /display\s*:\s*none/i.test(style);
}

/** Why the text of the element is none of the story's; undefined where it may be. */
export function reasonOf(element: string, attributes: Attributes): Reason | undefined {
  if (element === "nav") return "contents";
  if (element === "figcaption") return NOTES;
  for (const type of typesOf(attributes)) {
    const reason = REASON_OF_TYPE.get(type);
    if (reason !== undefined) return reason;
  }
  for (const name of classesOf(attributes)) {
    const reason = BY_CLASS.find(([pattern]) => pattern.test(name))?.[1];
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** The reason by the name of one type, as an EPUB's guide and landmarks give them for a whole file. */
export function reasonOfType(type: string): Reason | undefined {
  return REASON_OF_TYPE.get(type.replace(/^title-page$/, "titlepage").replace(/^notes$/, "endnotes"));
}

export function isHeadingByClass(element: string, attributes: Attributes): boolean {
  return element === "p" && classesOf(attributes).some((name) => HEADING_CLASS.test(name));
}

/** Whether the blocks inside are lines of verse. */
export function isVerseByClass(attributes: Attributes): boolean {
  return classesOf(attributes).some((name) => VERSE_CLASS.test(name));
}

/**
 * Whether `text` is the mark of a note, by what its element says, or by standing high or being a link and looking so:
 * "[1]", "(12)", "*", "iv". Ordinals (1er, M. Lle) stand high too, and are none.
 */
export function isNoteMark(text: string, attributes: Attributes, { high, linked }: Setting): boolean {
  if (saysNote(attributes)) return text.length <= LONGEST_MARK;
  if (!linked) return high && HIGH_MARK.test(text);
  return NOTE_MARK.test(text) && (high || BRACKETED.test(text));
}

function saysNote(attributes: Attributes): boolean {
  return (
    typesOf(attributes).includes("noteref") ||
    classesOf(attributes).some((name) =>
      /^(?:note-?ref|fn-?(?:ref|anchor)|footnote(?:-?(?:ref|anchor|link))?)$/.test(name),
    )
  );
}

function typesOf(attributes: Attributes): string[] {
  const roles = words(attributes["role"]).map((role) => role.replace(/^doc-/, ""));
  return [...words(attributes["epub:type"]), ...roles];
}

function classesOf(attributes: Attributes): string[] {
  return words(attributes["class"]);
}

function words(value = ""): string[] {
  return value.slice(0, 500).toLowerCase().split(/\s+/).filter(Boolean);
}
