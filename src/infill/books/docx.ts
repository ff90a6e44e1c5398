// Word documents (DOCX), turned into HTML by mammoth, which knows Word's styles, tracked changes, notes and fields. The
// title and author that Word stores are left alone: they are mostly those of a template and of an account. Pictures are
// not unpacked at all.
import { UserError } from "../../errors.ts";
import { importOptional } from "../../runtime.ts";
import { Archive, damaged, zipLibrary } from "./archive.ts";
import type { BookText } from "./book-text.ts";
import { HtmlText } from "./html.ts";
import { isNestedDeeper } from "./xml.ts";

/** Word's XML is ten times as long as its text, and mammoth's tree takes about 50 bytes for each of its bytes. */
const MOST_BYTES = 32 * 2 ** 20;
const PARTS = /^(?:\[Content_Types\]\.xml|(?:.*\/)?[^/]*\.(?:rels|xml))$/i;
/** Parts that hold no text of the story, and may be large. */
const NOT_TEXT = /^(?:customXml|docProps)\/|\/(?:theme|fontTable|webSettings|glossary)/i;
/** Elements inside one another (a table in a table: 30). xmldom takes time with the square of it, mammoth the stack. */
const DEEPEST = 500;
/** Beside mammoth's own. Built-in styles have their English names in every language. */
const STYLES = [
  "p[style-name='Title'] => h1:fresh",
  "p[style-name='Subtitle'] => h2:fresh",
  "p[style-name='TOC Heading'] => h1.toc:fresh",
  "p[style-name='Contents Heading'] => h1.toc:fresh",
  ...[1, 2, 3, 4].flatMap((level) => [
    `p[style-name='toc ${level}'] => p.toc:fresh`,
    `p[style-name='Contents ${level}'] => p.toc:fresh`,
  ]),
  "p[style-name='caption'] => p.caption:fresh",
  "p[style-name='Quote'] => blockquote > p:fresh",
];

/** Throws UserError where the file is damaged, locked or no Word document. */
export async function readDocx(bytes: Uint8Array, name: string): Promise<BookText> {
  const archive = await Archive.open(bytes, name, MOST_BYTES);
  const safe = new (await zipLibrary(name))();
  for (const part of archive.parts) {
    if (!PARTS.test(part) || NOT_TEXT.test(part)) continue;
    const content = await archive.read(part);
    if (isNestedDeeper(new TextDecoder().decode(content), DEEPEST)) throw tooDeep(name);
    safe.file(part, content);
  }
  const arrayBuffer = await safe.generateAsync({ type: "arraybuffer" });
  const html = new HtmlText(name);
  html.read(await convert(arrayBuffer, name));
  return html.finish();
}

async function convert(arrayBuffer: ArrayBuffer, name: string): Promise<string> {
  const library = () => import("mammoth");
  const { default: mammoth } = await importOptional("mammoth@1.13.0", `Reading ${name}`, library);
  try {
    // Node's build wants a buffer, the browsers' an ArrayBuffer.
    const input = { arrayBuffer, buffer: new Uint8Array(arrayBuffer) } as unknown as { arrayBuffer: ArrayBuffer };
    return (await mammoth.convertToHtml(input, { styleMap: STYLES })).value;
  } catch (error) {
    throw error instanceof RangeError ? tooDeep(name) : damaged(name, "it holds no document that Word could read");
  }
}

function tooDeep(name: string): UserError {
  return new UserError(`${name}: its parts are nested deeper than those of any book; save it again from Word.`);
}
