// A book file of any format that is read here, as text: EPUB, DOCX, HTML, Markdown, plain text. What a file is its
// bytes say; its name decides only between plain text and what cannot be told from it by its bytes. Each format's
// reader, with its libraries, is loaded when the first such file comes.
import { UserError } from "../../errors.ts";
import { importOptional } from "../../runtime.ts";
import type { BookText } from "./book-text.ts";
import { decodeText, plainText } from "./decode.ts";
import { foreignBytes, foreignText, latin1, refuse } from "./formats.ts";

/** Of files in a folder that are books by their names. */
export const BOOK_NAME = /\.(?:txt|text|md|markdown|html?|xhtml|epub|docx)$/i;
/** Formats that hold pictures too, and may be larger than a text. */
export const HOLDS_PICTURES = /\.(?:epub|docx)$/i;

const MARKDOWN_NAME = /\.(?:md|markdown)$/i;
const HTML_NAME = /\.(?:html?|xhtml)$/i;
const TAG = /<\/?[a-z][a-z\d]*(?:\s[^<>]*)?\/?>/i;
/** Where a page says its encoding. */
const HEAD = 2048;
const ENCODING =
  /<meta\b[^>]{0,300}\bcharset\s*=\s*["']?([\w:-]+)|^\s*<\?xml\b[^>]{0,200}\bencoding\s*=\s*["']([\w:-]+)/i;
const XHTML = /^\s*<\?xml\b|<!doctype\s+html\s+public\s+"-\/\/W3C\/\/DTD XHTML|\bxmlns\s*=/i;

/**
 * Throws UserError, naming `name`, where the file is of another format (saying which, and what makes a text of it),
 * damaged, locked, or holds no text.
 */
export async function readBookFile(bytes: Uint8Array, name: string): Promise<BookText> {
  const format = foreignBytes(bytes);
  // All three turn what they read into HTML.
  const reader = <M>(load: () => Promise<M>) => importOptional("htmlparser2@12.0.0", `Reading ${name}`, load);
  if (format?.reader === "epub")
    return withText(await (await reader(() => import("./epub.ts"))).readEpub(bytes, name), name);
  if (format?.reader === "docx")
    return withText(await (await reader(() => import("./docx.ts"))).readDocx(bytes, name), name);
  if (format) refuse(name, format);
  const isMarkdown = MARKDOWN_NAME.test(name);
  const head = latin1(bytes.subarray(0, HEAD));
  const [, inMeta, inXml] = ENCODING.exec(head) ?? [];
  const text = decodeText(bytes, name, inMeta ?? inXml);
  const isHtml = foreignText(text, { isMarkdown })?.reader === "html" || (HTML_NAME.test(name) && TAG.test(text));
  if (!isHtml) return { text: plainText(text, name, { isMarkdown }), isMarkdown };
  const { HtmlText } = await reader(() => import("./html.ts"));
  const html = new HtmlText(name);
  html.read(text, { xhtml: XHTML.test(head) });
  return withText(html.finish(), name);
}

function withText(book: BookText, name: string): BookText {
  if (book.text.trim() !== "") return book;
  throw new UserError(`${name}: the file holds no text; check the path.`);
}
