// Files that are books but no plain text, told by their bytes, whatever their names: a PDF's or an archive's read as
// prose would be noise, or an error about some control character. Some have a reader (read-file.ts); each of the others
// gets one sentence: what it is, and what makes a text of it. RTF is among these because no library that reads it is
// kept well and free of Node's streams.
import { UserError } from "../../errors.ts";

export interface Format {
  readonly is: string;
  /** What makes a text of it. */
  readonly todo: string;
  readonly reader?: "epub" | "docx" | "html";
}

const pandoc = (ending: string): string =>
  `convert it to plain text first, for instance with "pandoc book.${ending} -t plain --wrap=none -o book.txt"`;
const unpack = (command: string): string => `unpack it first (${command}) and give the text files that are in it`;
const EBOOK = 'convert it to plain text first, for instance with Calibre\'s "ebook-convert book.mobi book.txt"';

const HTML: Format = { is: "a web page (HTML)", todo: pandoc("html"), reader: "html" };
const WORD_DOC: Format = {
  is: "an old Word document (.doc) or another OLE file",
  todo: "open it in a word processor and save it as plain text in UTF-8",
};
const LOCKED_DOCX: Format = {
  is: "a Word document (DOCX) that a password locks",
  todo: "open it in a word processor and save it without a password",
};
const IMAGE: Format = { is: "a picture", todo: "give the book's text; a scanned page must go through OCR first" };

/** By what stands at an offset; as Latin-1. */
const SIGNATURES: readonly (readonly [offset: number, bytes: string, format: Format])[] = [
  [0, "{\\rtf", { is: "a Rich Text document (RTF)", todo: pandoc("rtf") }],
  [0, "\x1f\x8b", { is: "a gzip archive", todo: unpack("gunzip") }],
  [0, "BZh", { is: "a bzip2 archive", todo: unpack("bunzip2") }],
  [0, "\xfd7zXZ", { is: "an xz archive", todo: unpack("unxz") }],
  [0, "\x28\xb5\x2f\xfd", { is: "a zstd archive", todo: unpack("unzstd") }],
  [0, "7z\xbc\xaf\x27\x1c", { is: "a 7-Zip archive", todo: unpack("7z x") }],
  [0, "Rar!\x1a", { is: "a RAR archive", todo: unpack("unrar x") }],
  [257, "ustar", { is: "a tar archive", todo: unpack("tar -xf") }],
  [0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", WORD_DOC],
  [60, "BOOKMOBI", { is: "a Kindle or Mobipocket book", todo: EBOOK }],
  [60, "TEXtREAd", { is: "a PalmDOC book", todo: EBOOK }],
  [0, "AT&TFORM", { is: "a DjVu document", todo: 'extract its text first, for instance with "djvutxt"' }],
  [0, "%!PS", { is: "a PostScript document", todo: 'extract its text first, for instance with "ps2txt"' }],
  [0, "\x89PNG", IMAGE],
  [0, "\xff\xd8\xff", IMAGE],
  [0, "GIF8", IMAGE],
];
const PDF: Format = {
  is: "a PDF document",
  todo: 'extract its text first, for instance with "pdftotext book.pdf book.txt", and look through it',
};

const EPUB: Format = { is: "an EPUB book", todo: pandoc("epub"), reader: "epub" };
/** What is inside a ZIP file, by names that stand in it uncompressed. */
const ZIPPED: readonly (readonly [name: string, format: Format])[] = [
  ["application/epub+zip", EPUB],
  ["META-INF/container.xml", EPUB],
  ["application/vnd.oasis.opendocument.text", { is: "an OpenDocument text (ODT)", todo: pandoc("odt") }],
  ["word/", { is: "a Word document (DOCX)", todo: pandoc("docx"), reader: "docx" }],
  [".iwa", { is: "a Pages document", todo: "open it in Pages and export it as plain text" }],
];
const ZIP: Format = { is: "a ZIP archive", todo: unpack("unzip") };

const HTML_START = /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^]*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b/i;
const HTML_BLOCK = /<\/?(?:p|div|h[1-6]|a|table|tr|td|ul|ol|li|hr|img|font|center)(?:\s[^<>]*)?\/?>/gi;
/** Markdown has these as well. */
const HTML_INLINE = /<\/?(?:span|br|i|b|em|strong)(?:\s[^<>]*)?\/?>/gi;
const MARKDOWN_HEADING = /^ {0,3}#{1,6}[ \t]*\S/m;
const JSON_LINE = /^\s*\{"(?:p1|p2|p3|meta|text)"\s*:/;
/** Of a text, what is looked at for marks. */
const LOOKED_AT = 65_536;

/** What the bytes are where they are no plain text. */
export function foreignBytes(bytes: Uint8Array): Format | undefined {
  const at = (offset: number, length: number): string => latin1(bytes.subarray(offset, offset + length));
  const found = SIGNATURES.find(([offset, signature]) => at(offset, signature.length) === signature)?.[2];
  if (found) return found === WORD_DOC && holds(bytes, LOCKED_PART) ? LOCKED_DOCX : found;
  if (at(0, 1024).includes("%PDF-")) return PDF;
  if (at(0, 4) !== "PK\x03\x04" && at(0, 4) !== "PK\x05\x06") return undefined;
  // Names stand before each file and once more in the directory at the end.
  const names = at(0, LOOKED_AT) + at(Math.max(0, bytes.length - LOOKED_AT), LOOKED_AT);
  return ZIPPED.find(([part]) => names.includes(part))?.[1] ?? ZIP;
}

/** What a text is where it is a format's source and not what a reader sees: HTML, XML, LaTeX, JSON Lines. */
export function foreignText(text: string, { isMarkdown = false } = {}): Format | undefined {
  const start = text.slice(0, LOOKED_AT);
  if (HTML_START.test(start)) return HTML;
  const words = start.split(/\s+/).length;
  const count = (tag: RegExp): number => start.match(tag)?.length ?? 0;
  const tags = count(HTML_BLOCK) + (MARKDOWN_HEADING.test(start) ? 0 : count(HTML_INLINE));
  if (!isMarkdown && tags > Math.max(10, words / 50)) return HTML;
  if (/^\s*<\?xml\b/.test(start))
    return { is: "an XML file", todo: "convert it to plain text first; pandoc reads FictionBook and DocBook" };
  if (/^[^]{0,2000}\\documentclass\b/.test(start) || /\\begin\{document\}/.test(start))
    return { is: "a LaTeX source", todo: pandoc("tex") };
  if (JSON_LINE.test(start)) return { is: "JSON Lines", todo: "name it *.jsonl, or pass --input_format jsonl" };
  return undefined;
}

/** Throws UserError, naming `name`, where the bytes are no plain text. */
export function refuseForeignBytes(bytes: Uint8Array, name: string): void {
  const format = foreignBytes(bytes);
  if (format) refuse(name, format);
}

export function refuse(name: string, { is, todo }: Format): never {
  throw new UserError(`${name}: not a readable text but ${is}; ${todo}.`);
}

/** "EncryptedPackage" in UTF-16, as an OLE file names what it holds. */
const LOCKED_PART = Uint8Array.from([..."EncryptedPackage"].flatMap((letter) => [letter.charCodeAt(0), 0]));

function holds(bytes: Uint8Array, part: Uint8Array): boolean {
  for (let at = bytes.indexOf(part[0]!); at >= 0; at = bytes.indexOf(part[0]!, at + 1))
    if (part.every((byte, i) => bytes[at + i] === byte)) return true;
  return false;
}

/** Latin-1 is Unicode's first 256 characters; by pieces, because a call takes only so many arguments. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
}
