// HTML and XHTML as the lines of a book: a paragraph a line, headings known as such, marks of notes and numbers of
// pages taken out, with the notes, contents and captions that they belong to. Read by htmlparser2 as a stream of tags,
// so that neither size nor nesting costs more than one pass; of a DTD's own entities it expands none.
import { Parser } from "htmlparser2";
import { UserError } from "../../errors.ts";
import type { BookText } from "./book-text.ts";
import type { HeaderFields } from "./gutenberg.ts";
import { renderBlocks, sameLetters } from "./html-blocks.ts";
import type { HtmlBlock, HtmlElement } from "./html-blocks.ts";
import { HEADING, isBlock, isHeadingByClass, isNoteMark, isUnseen, isVerseByClass, reasonOf } from "./html-rules.ts";
import type { Attributes } from "./html-rules.ts";
import { languageCode } from "./language-code.ts";
import type { Reason } from "./left-out.ts";
import { linkTarget } from "./links.ts";

/** Elements inside one another; browsers stop at 512. */
const DEEPEST = 1000;
const SPACES = /[ \t\n\r\f]+/g;
/** Characters of a heading that only its class makes one; more are prose. */
const LONGEST_HEADING = 120;
/** Blocks among which a heading repeats the title. */
const TITLE_PAGE = 20;

export interface ReadHtmlOptions {
  /** The document's path inside its book; links name it. */
  readonly path?: string;
  /** `<br/>` and `<a id="x"/>` close themselves, as in EPUB. */
  readonly xhtml?: boolean;
  /** Why all of the document is left out. */
  readonly reason?: Reason;
}

interface OpenElement {
  readonly name: string;
  readonly attributes: Attributes;
  readonly unseen: boolean;
  readonly reason: Reason | undefined;
  readonly preformatted: boolean;
  /** Whether blocks inside it are lines of verse; and whether it is itself such a line. */
  readonly verse: boolean;
  readonly isLine: boolean;
  /** The nearest element, itself included, that begins lines of its own. */
  readonly block: HtmlElement | undefined;
  /** Where its text begins: the number of its block, line and column there. */
  readonly start: readonly [block: number, line: number, column: number];
  /** Whether something in it stood high. */
  high: boolean;
}

/** Reads one document after the other and makes one text of them. */
export class HtmlText {
  readonly blocks: HtmlBlock[] = [];
  /** By "path#id": the number of the block that follows the anchor. */
  readonly anchors = new Map<string, number>();
  private readonly name: string;
  private readonly noteTargets = new Map<string, number>();
  private readonly header: { title?: string; author?: string; language?: string } = {};
  private path = "";
  private readonly stack: OpenElement[] = [];
  /** The heading that is open. */
  private heading: OpenElement | undefined;
  /** Of the block that is open: its lines, what is left out inside them, anchors at its start, characters of links. */
  private lines: string[] = [""];
  private aside: { readonly reason: Reason; text: string } | undefined;
  private starts: string[] = [];
  private linked = 0;
  /** Empty paragraphs since the last block. */
  private blank = 0;

  /** `name`: what messages call the file. */
  constructor(name: string) {
    this.name = name;
  }

  /** Throws UserError where elements are nested as in no book. */
  read(html: string, { path = "", xhtml = false, reason }: ReadHtmlOptions = {}): void {
    this.path = path;
    const first = this.blocks.length;
    this.anchors.set(`${path}#`, first);
    const parser = new Parser(
      {
        onopentag: (name, attributes) => this.open(name, attributes),
        onclosetag: () => this.close(),
        ontext: (text) => this.text(text),
      },
      { recognizeSelfClosing: xhtml, recognizeCDATA: xhtml },
    );
    parser.end(html);
    this.flush(undefined);
    if (reason !== undefined) for (const block of this.blocks.slice(first)) block.reason ??= reason;
  }

  /** The text of all documents. `header`: what is known of the book; without it, what its pages say. */
  finish(header: HeaderFields = this.ownHeader()): BookText {
    return renderBlocks(this.blocks, this.noteTargets, header);
  }

  private open(name: string, attributes: Attributes): void {
    if (this.stack.length >= DEEPEST)
      throw new UserError(
        `${this.name}: its elements are nested more than ${DEEPEST} deep, as in no book; check the file.`,
      );
    const parent = this.stack.at(-1);
    const beginsLines = isBlock(name);
    const isVerse = isVerseByClass(attributes) && name !== "p";
    if (beginsLines && !this.heading && parent?.verse && !isVerse) this.endLine();
    else if (beginsLines && !this.heading) this.flush(parent);
    const keys = [attributes["id"], name === "a" ? attributes["name"] : undefined].flatMap((id) =>
      id ? [`${this.path}#${id}`] : [],
    );
    for (const key of keys) if (!this.anchors.has(key)) this.anchors.set(key, this.blocks.length);
    if (!beginsLines && this.lines.every(isBlank)) this.starts.push(...keys);
    const element: OpenElement = {
      name,
      attributes,
      unseen: (parent?.unseen ?? false) || isUnseen(name, attributes),
      reason: parent?.reason ?? reasonOf(name, attributes),
      preformatted: (parent?.preformatted ?? false) || name === "pre",
      verse: (parent?.verse ?? false) || isVerse,
      isLine: (parent?.verse ?? false) && !isVerse,
      block: beginsLines ? { parent: parent?.block, keys, hasHeading: false } : parent?.block,
      start: [this.blocks.length, this.lines.length - 1, this.lines.at(-1)!.length],
      high: name === "sup",
    };
    this.stack.push(element);
    if (HEADING.test(name)) this.heading ??= element;
    this.signs(name, attributes);
  }

  /** What an element puts into the text by itself, or says of the document. */
  private signs(name: string, attributes: Attributes): void {
    switch (name) {
      case "br":
        return this.newLine();
      case "tr":
        return this.endLine();
      case "td":
      case "th":
        return this.text("  ");
      case "q":
        return this.text("“");
      case "hr":
        this.flush(this.stack.at(-1));
        this.text("* * *");
        return this.flush(this.stack.at(-1));
      case "img": {
        const alt = attributes["alt"]?.trim() ?? "";
        // a large initial, a chapter's painted title
        if (/^\p{L}$/u.test(alt) || (this.heading && alt.length <= LONGEST_HEADING)) this.text(alt);
        return;
      }
      case "html":
        return this.describe("language", attributes["lang"] ?? attributes["xml:lang"]);
      case "meta":
        return this.describe(attributes["name"]?.toLowerCase().replace(/^dc(?:terms)?\./, ""), attributes["content"]);
    }
  }

  private describe(field: string | undefined, value: string | undefined): void {
    if (!value?.trim()) return;
    if (field === "language") this.header.language ??= languageCode(value);
    if (field === "author" || field === "creator") this.header.author ??= value.trim();
  }

  private close(): void {
    const element = this.stack.at(-1)!;
    const { name } = element;
    if (name === "q") this.text("”");
    if (name === "a") this.closeLink(element);
    const link = name === "sup" ? this.stack.findLast((each) => each.name === "a") : undefined;
    if (link) link.high = true;
    else if (name === "sup" && isNoteMark(this.textOf(element), element.attributes, { high: true, linked: false }))
      this.cut(element);
    this.stack.pop();
    if (element === this.heading) {
      this.heading = undefined;
      this.flush(element, true);
    } else if (isBlock(name) && !this.heading) {
      if (element.isLine) this.endLine();
      else this.flush(element, isHeadingByClass(name, element.attributes));
    }
  }

  private closeLink(link: OpenElement): void {
    const target = linkTarget(link.attributes["href"] ?? "", this.path);
    if (target === undefined) return;
    const text = this.textOf(link);
    const high = link.high || this.stack.some(({ name }) => name === "sup");
    if (isNoteMark(text, link.attributes, { high, linked: true })) {
      this.cut(link);
      if (!this.noteTargets.has(target)) this.noteTargets.set(target, this.blocks.length);
    } else this.linked += text.length;
  }

  /** What the open block got since the element began; "" where that was another block. */
  private textOf({ start: [block, line, column] }: OpenElement): string {
    if (block !== this.blocks.length) return "";
    return [this.lines[line]?.slice(column) ?? "", ...this.lines.slice(line + 1)].join(" ").trim();
  }

  private cut({ start: [block, line, column] }: OpenElement): void {
    if (block === this.blocks.length) this.lines.splice(line, Infinity, this.lines[line]!.slice(0, column));
  }

  private text(text: string): void {
    const element = this.stack.at(-1);
    if (element?.unseen) {
      if (element.name === "title" && this.stack.length <= 3) this.header.title = (this.header.title ?? "") + text;
    } else if (element?.reason !== undefined) {
      if (this.aside?.reason !== element.reason) this.flushAside(element);
      this.aside = { reason: element.reason, text: (this.aside?.text ?? "") + text.replace(SPACES, " ") };
    } else if (element?.preformatted) {
      for (const [i, line] of text.split("\n").entries()) {
        if (i > 0) this.newLine();
        this.lines[this.lines.length - 1] += line;
      }
    } else {
      const line = this.lines.at(-1)!;
      const plain = text.replace(SPACES, " ");
      this.lines[this.lines.length - 1] += line === "" || line.endsWith(" ") ? plain.trimStart() : plain;
    }
  }

  private endLine(): void {
    if (!isBlank(this.lines.at(-1)!)) this.newLine();
  }

  /** A line's end; two in a row end a paragraph. */
  private newLine(): void {
    const element = this.stack.at(-1);
    if (element?.unseen || element?.reason !== undefined || this.heading) return this.text(" ");
    if (this.lines.length > 1 && isBlank(this.lines.at(-1)!)) this.flush(element);
    else this.lines.push("");
  }

  /** Ends the open block. */
  private flush(element: OpenElement | undefined, isHeading = false): void {
    this.flushAside(element);
    const { lines } = this;
    this.lines = [""];
    if (lines.every(isBlank)) {
      if (lines.length > 1 || lines[0] !== "") this.blank = Math.min(this.blank + 1, 3);
      return;
    }
    const length = lines.reduce((sum, line) => sum + line.length, 0);
    this.blocks.push({
      lines,
      isHeading: isHeading && (element === undefined || HEADING.test(element.name) || length <= LONGEST_HEADING),
      reason: undefined,
      element: element?.block,
      anchors: this.starts,
      linked: this.linked,
      blank: this.blank,
    });
    this.starts = [];
    this.linked = 0;
    this.blank = 0;
  }

  private flushAside(element: OpenElement | undefined): void {
    if (this.aside && !isBlank(this.aside.text)) {
      const { reason, text } = this.aside;
      const block = { lines: [text], isHeading: false, reason, element: element?.block, anchors: [] };
      this.blocks.push({ ...block, linked: 0, blank: 0 });
    }
    this.aside = undefined;
  }

  /** A page's title is its site's as often as its book's: it counts where a heading says the same. */
  private ownHeader(): HeaderFields {
    const { title, ...others } = this.header;
    const repeats = ({ isHeading, lines }: HtmlBlock): boolean => isHeading && sameLetters(lines.join(" "), title!);
    if (title === undefined || !this.blocks.slice(0, TITLE_PAGE).some(repeats)) return others;
    return { title: title.replace(SPACES, " ").trim(), ...others };
  }
}

function isBlank(line: string): boolean {
  return line.trim() === "";
}
