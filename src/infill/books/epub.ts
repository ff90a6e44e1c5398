// EPUB books: the documents of the spine in their order, read as HTML (html.ts), with the title, author and language of
// the package. Its guide, landmarks and types say which documents are no story; its contents say which blocks are
// headings where the pages do not.
import { UserError } from "../../errors.ts";
import { Archive, damaged } from "./archive.ts";
import type { BookText } from "./book-text.ts";
import { decodeText } from "./decode.ts";
import type { HeaderFields } from "./gutenberg.ts";
import { sameLetters } from "./html-blocks.ts";
import { reasonOfType } from "./html-rules.ts";
import { HtmlText } from "./html.ts";
import { languageCode } from "./language-code.ts";
import type { Reason } from "./left-out.ts";
import { linkTarget, partPath } from "./links.ts";
import { xmlElements } from "./xml.ts";
import type { XmlElement } from "./xml.ts";

const CONTAINER = "META-INF/container.xml";
const ENCRYPTION = "META-INF/encryption.xml";
/** Fonts are made unreadable by these for their licence; a book is protected by any other. */
const OF_FONTS = /\/embedding$|enc#RC$/i;
const HTML_TYPE = /^(?:application\/xhtml\+xml|text\/html|text\/x-oeb1-document)$/i;
/** A page with these words, and no more characters, is the publisher's. */
const IMPRINT = /\bISBN\b|all rights reserved|tous droits réservés|alle rechte vorbehalten|copyright|©/i;
const LONGEST_IMPRINT = 4000;
/** Blocks behind an anchor among which the heading stands that the contents name. */
const NEAR = 4;

interface Package {
  readonly path: string;
  readonly header: HeaderFields;
  readonly spine: readonly SpineItem[];
  /** The documents that list the contents: of EPUB 3, and of EPUB 2. */
  readonly nav: string | undefined;
  readonly ncx: string | undefined;
  /** Why whole documents are left out, by path. */
  readonly reasons: ReadonlyMap<string, Reason>;
}

interface SpineItem {
  readonly part: string;
  readonly isLinear: boolean;
}

interface Entry {
  readonly label: string;
  readonly target: string;
}

/** Throws UserError where the file is damaged or protected. */
export async function readEpub(bytes: Uint8Array, name: string): Promise<BookText> {
  const archive = await Archive.open(bytes, name);
  await refuseProtected(archive);
  const [rootfile] = elementsNamed(await readXml(archive, CONTAINER), "rootfile");
  const path = partPath(rootfile?.attributes["full-path"] ?? "", "");
  const book = packageOf(await readXml(archive, path), path);
  if (book.spine.length === 0) throw damaged(name, "its package lists no documents to read");
  const nav = book.nav === undefined ? [] : await readXml(archive, book.nav);
  const reasons = new Map([...book.reasons, ...landmarks(nav, book.nav ?? "")]);
  const html = new HtmlText(name);
  for (const { part, isLinear } of book.spine) {
    const first = html.blocks.length;
    const text = decodeText(await archive.read(part), `${name}, ${part}`);
    const reason = isLinear ? reasons.get(part) : "notes of transcribers and footnotes";
    html.read(text, { path: part, xhtml: true, reason: part === book.nav ? "contents" : reason });
    if (isImprint(html, first)) for (const block of html.blocks.slice(first)) block.reason ??= TITLE_PAGE;
  }
  const ncx = book.ncx === undefined || !archive.has(book.ncx) ? [] : await readXml(archive, book.ncx);
  markHeadings(html, nav.length > 0 ? navEntries(nav, book.nav!) : ncxEntries(ncx, book.ncx ?? ""));
  return html.finish(book.header);
}

const TITLE_PAGE: Reason = "title page and dedication";

async function readXml(archive: Archive, part: string): Promise<readonly XmlElement[]> {
  const elements = xmlElements(decodeText(await archive.read(part), `${archive.name}, ${part}`));
  if (elements === undefined) throw damaged(archive.name, `its part ${part} is nested deeper than such files are`);
  return elements;
}

/** Whoever sells a book may lock it: its text is then noise. */
async function refuseProtected(archive: Archive): Promise<void> {
  const locked = ["META-INF/license.lcpl", "META-INF/rights.xml"].some((part) => archive.has(part));
  const methods = archive.has(ENCRYPTION)
    ? elementsNamed(await readXml(archive, ENCRYPTION), "encryptionmethod").filter(
        ({ parent }) => parent?.name === "encrypteddata",
      )
    : [];
  if (!locked && methods.every(({ attributes }) => OF_FONTS.test(attributes["Algorithm"] ?? ""))) return;
  throw new UserError(
    `${archive.name}: an EPUB whose text is locked by copy protection (DRM); use a copy without it, such as one that ` +
      "its publisher or Project Gutenberg gives.",
  );
}

function packageOf(elements: readonly XmlElement[], path: string): Package {
  const items = new Map(
    elementsNamed(elements, "item").map(({ attributes }) => [
      attributes["id"],
      { ...attributes, part: partPath(attributes["href"] ?? "", path) } as Readonly<Record<string, string>>,
    ]),
  );
  const spine = elementsNamed(elements, "itemref").flatMap(({ attributes }): SpineItem[] => {
    const item = items.get(attributes["idref"]);
    return item && HTML_TYPE.test(item["media-type"] ?? "")
      ? [{ part: item["part"]!, isLinear: attributes["linear"] !== "no" }]
      : [];
  });
  const [toc] = elementsNamed(elements, "spine");
  const guide = elementsNamed(elements, "reference").flatMap(({ attributes }) =>
    reasonEntry(attributes["type"], partPath(attributes["href"] ?? "", path)),
  );
  const nav = [...items.values()].find(({ properties }) => properties?.split(/\s+/).includes("nav"));
  return {
    path,
    header: headerOf(elements),
    spine,
    nav: nav?.["part"],
    ncx: items.get(toc?.attributes["toc"])?.["part"],
    reasons: new Map(guide),
  };
}

function headerOf(elements: readonly XmlElement[]): HeaderFields {
  const values = (name: string): string[] =>
    elementsNamed(elements, name)
      .filter(({ parent }) => parent?.name === "metadata" || parent?.name === "dc-metadata")
      .map(({ text }) => text.replace(/\s+/g, " ").trim())
      .filter((text) => text !== "");
  const [title] = values("title");
  const authors = values("creator");
  const [language] = values("language");
  return {
    ...(title !== undefined && { title }),
    ...(authors.length > 0 && { author: authors.join(", ") }),
    ...(language !== undefined && { language: languageCode(language) }),
  };
}

function landmarks(nav: readonly XmlElement[], path: string): [part: string, reason: Reason][] {
  return linksOf(nav, path, "landmarks").flatMap(({ attributes, target }) =>
    reasonEntry(attributes["epub:type"], target.split("#")[0]!),
  );
}

/** Where a story begins counts as nothing; a preface may be a part of the first chapter's document. */
function reasonEntry(type: string | undefined, part: string): [part: string, reason: Reason][] {
  const reason = type === undefined ? undefined : reasonOfType(type.toLowerCase());
  return reason === undefined ? [] : [[part, reason]];
}

function navEntries(nav: readonly XmlElement[], path: string): Entry[] {
  return linksOf(nav, path, "toc").map(({ text, target }) => ({ label: text, target }));
}

function linksOf(nav: readonly XmlElement[], path: string, type: string): (XmlElement & { readonly target: string })[] {
  const isWithin = (element: XmlElement | undefined): boolean => {
    for (let each = element; each; each = each.parent)
      if (each.name === "nav") return (each.attributes["epub:type"] ?? "").split(/\s+/).includes(type);
    return false;
  };
  return elementsNamed(nav, "a").flatMap((link) => {
    const target = linkTarget(link.attributes["href"] ?? "", path);
    return target !== undefined && isWithin(link) ? [{ ...link, target }] : [];
  });
}

function ncxEntries(ncx: readonly XmlElement[], path: string): Entry[] {
  let label = "";
  return ncx.flatMap((element) => {
    if (element.name === "navlabel") label = element.text;
    if (element.name !== "content" || element.parent?.name !== "navpoint") return [];
    const target = linkTarget(element.attributes["src"] ?? "", path);
    return target === undefined ? [] : [{ label, target }];
  });
}

/** The block near the anchor that says what the contents say is a heading, whatever its mark-up. */
function markHeadings({ blocks, anchors }: HtmlText, entries: readonly Entry[]): void {
  for (const { label, target } of entries) {
    const at = anchors.get(target);
    if (at === undefined) continue;
    const near = blocks.slice(at, at + NEAR);
    if (near.some(({ isHeading }) => isHeading)) continue;
    const heading = near.find(({ lines }) => sameLetters(lines.join(" "), label));
    if (heading) heading.isHeading = true;
  }
}

function isImprint({ blocks }: HtmlText, first: number): boolean {
  const text = blocks
    .slice(first)
    .flatMap(({ lines }) => lines)
    .join("\n");
  return text.length <= LONGEST_IMPRINT && IMPRINT.test(text);
}

function elementsNamed(elements: readonly XmlElement[], name: string): XmlElement[] {
  return elements.filter((element) => element.name === name);
}
