// Markdown as writers use it, read line by line: headings, emphasis, comments, images, links, quotes. Not by a parser
// of the whole language: for that an indented first line is code and "1865. It was" a list, and a book would lose
// them. Emphasis is taken out with everybody's (text/emphasis.ts).
import type { HeaderFields } from "./gutenberg.ts";
import { languageCode } from "./language-code.ts";

export interface Markdown {
  /** As many as before; what is no text is "". */
  readonly lines: readonly string[];
  /** Indices of lines that are headings. */
  readonly headings: ReadonlySet<number>;
  readonly header: HeaderFields;
}

/** The space behind the marks is often forgotten: "##The Mill". */
const HEADING = /^ {0,3}#{1,6}(?:[ \t]+(\S.*)|(\p{Lu}.*))$/u;
const HTML_HEADING = /^\s*<h([1-6])\b[^<>]*>(.*)<\/h\1>\s*$/i;
/** A line in bold letters, as word processors write a heading; a sentence in bold ends with a stop. */
const BOLD_HEADING = /^(?:\*\*([^*]{1,80})\*\*|__([^_]{1,80})__)$/;
const SENTENCE_END = /[.!?…,;:"”»—–-]$/;
const RULE = /^ {0,3}(?:(?:- *){3,}|(?:\* *){3,}|(?:_ *){3,})$/;
const FENCE = /^ {0,3}(?:```|~~~)/;
const REFERENCE = /^ {0,3}\[[^\]^][^\]]{0,200}\]:\s*\S/;
const PAGE_BREAK = /^\s*\\(?:newpage|pagebreak|clearpage)\s*$/;
const DIV = /^:{3,}\s*(?:\{[^{}]*\}|[\w-]*)\s*$/;
const TAG = /<\/?(?:a|i|b|em|strong|br|hr|img|u|s|sup|sub|span|p|div|center|small|cite|font)(?:\s[^<>]*)?\/?>/gi;
/** A single line in bold may be a sign that somebody reads. */
const FEWEST_BOLD = 2;
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["&nbsp;", " "],
  ["&amp;", "&"],
  ["&lt;", "<"],
  ["&gt;", ">"],
  ["&quot;", '"'],
  ["&mdash;", "—"],
  ["&ndash;", "–"],
  ["&hellip;", "…"],
  ["&lsquo;", "‘"],
  ["&rsquo;", "’"],
  ["&ldquo;", "“"],
  ["&rdquo;", "”"],
]);

export interface MarkdownOptions {
  /** Whether it is Markdown for certain; else a heading must show it. */
  readonly isMarkdown?: boolean;
}

/** `lines` as a reader would see them; undefined where they are no Markdown. */
export function readMarkdown(
  lines: readonly string[],
  { isMarkdown = false }: MarkdownOptions = {},
): Markdown | undefined {
  let headingAt = (all: readonly string[], i: number): string | undefined => markedHeading(all, i);
  if (!lines.some((_, i) => headingAt(lines, i) !== undefined)) {
    headingAt = boldHeading;
    const bold = lines.filter((_, i) => headingAt(lines, i) !== undefined).length;
    if (bold < FEWEST_BOLD && !isMarkdown) return undefined;
    if (bold < FEWEST_BOLD) headingAt = () => undefined;
  }
  const { header, from } = frontMatter(lines);
  const headings = new Set<number>();
  const plain = withoutComments(lines.map((line, i) => (i < from ? "" : line)));
  const read = plain.map((line, i) => {
    if (i > 0 && isUnderlined(plain, i - 1)) return "";
    const heading = headingAt(plain, i);
    if (heading !== undefined) {
      headings.add(i);
      return inline(heading.replace(/ *\{[#.][^{}]*\}$/, "")).trim();
    }
    if (RULE.test(line)) return "* * *";
    if (FENCE.test(line) || REFERENCE.test(line) || PAGE_BREAK.test(line) || DIV.test(line)) return "";
    return inline(line.replace(/^ {0,3}(?:> ?){1,9}/, ""));
  });
  return { lines: read, headings, header };
}

/** The words of a heading that marks say is one. */
function markedHeading(lines: readonly string[], at: number): string | undefined {
  const line = lines[at]!;
  const [, spaced, touching] = HEADING.exec(line) ?? [];
  if (spaced !== undefined || (touching !== undefined && isAlone(lines, at)))
    return (spaced ?? touching)!.replace(/[ \t]+#+[ \t]*$/, "");
  return HTML_HEADING.exec(line)?.[2] ?? (isUnderlined(lines, at) ? line : undefined);
}

function boldHeading(lines: readonly string[], at: number): string | undefined {
  const [, stars, lows] = BOLD_HEADING.exec(lines[at]!.trim()) ?? [];
  const words = stars ?? lows;
  return words !== undefined && isAlone(lines, at) && !SENTENCE_END.test(words) ? words : undefined;
}

function isAlone(lines: readonly string[], at: number): boolean {
  return [at - 1, at + 1].every((i) => (lines[i] ?? "").trim() === "");
}

/** A line of its own with ==== or ---- right below it. */
function isUnderlined(lines: readonly string[], at: number): boolean {
  const below = lines[at + 1];
  if (below === undefined || !/^(?:={3,}|-{3,})\s*$/.test(below)) return false;
  return /\p{L}|\p{N}/u.test(lines[at]!) && (lines[at - 1] ?? "").trim() === "" && lines[at]!.length <= 120;
}

/** The block of fields between two lines of --- that opens a file. `from`: the first line behind it. */
function frontMatter(lines: readonly string[]): { readonly header: HeaderFields; readonly from: number } {
  const end =
    lines[0]?.trimEnd() === "---" ? lines.slice(0, 200).findIndex((line, i) => i > 0 && /^---\s*$/.test(line)) : -1;
  if (end < 0) return { header: {}, from: 0 };
  const fields: { title?: string; author?: string; language?: string } = {};
  for (const line of lines.slice(1, end)) {
    const [, key, value] = /^(title|author|lang|language):\s*["']?(.*?)["']?\s*$/i.exec(line.slice(0, 500)) ?? [];
    if (!key || !value) continue;
    if (/^lang/i.test(key)) fields.language = languageCode(value);
    else fields[key.toLowerCase() as "title" | "author"] = value;
  }
  return { header: fields, from: end + 1 };
}

/** Comments may run over many lines; one that nobody closed is text. */
function withoutComments(lines: readonly string[]): string[] {
  if (!lines.some((line) => line.includes("<!--"))) return [...lines];
  const last = lines.findLastIndex((line) => line.includes("-->"));
  let open = false;
  return lines.map((line, i) => {
    let rest = line;
    let kept = "";
    while (rest !== "") {
      const at = rest.indexOf(open ? "-->" : "<!--");
      if (!open && (at < 0 || (i >= last && !rest.includes("-->", at)))) break;
      if (!open) kept += rest.slice(0, at);
      if (at < 0) {
        rest = "";
      } else {
        rest = rest.slice(at + (open ? 3 : 4));
        open = !open;
      }
    }
    return open ? kept : kept + rest;
  });
}

function inline(line: string): string {
  let text = line;
  if (text.includes("["))
    text = text
      .replace(/!\[[^[\]]*\](?:\((?:[^()]|\([^()]*\))*\)|\[[^[\]]*\])/g, "")
      .replace(/\[\^([^[\]]{1,20})\]:?/g, "[$1]")
      .replace(/\[([^[\]]*)\](?:\((?:[^()]|\([^()]*\))*\)|\[[^[\]]*\]|\{[^{}]*\})/g, "$1");
  if (text.includes("<")) text = text.replace(TAG, "");
  if (text.includes("&")) text = text.replace(/&(?:[a-z]{2,6}|#\d{1,7}|#x[\da-f]{1,6});/gi, characterOf);
  if (text.includes("`")) text = text.replaceAll("`", "");
  if (text.includes("~~")) text = text.replaceAll("~~", "");
  return text.includes("\\") ? text.replace(/\\$/, "").replace(/\\([!-/:-@[-`{-~])/g, "$1") : text;
}

function characterOf(entity: string): string {
  const [, hex, decimal] = /^&#(?:x([\da-f]+)|(\d+));$/i.exec(entity) ?? [];
  const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
  const isCharacter =
    code >= 0x20 && code <= 0x10ffff && !(code >= 0x7f && code < 0xa0) && !(code >= 0xd800 && code < 0xe000);
  return isCharacter ? String.fromCodePoint(code) : (ENTITIES.get(entity.toLowerCase()) ?? entity);
}
