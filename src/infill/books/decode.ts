// The text of a book file, whatever it was saved as: UTF-8, UTF-16 (with a byte-order mark or without), or one byte a
// character (encodings.ts). Its characters are then spelt as everywhere in this project (text/normalize.ts).
import { UserError } from "../../errors.ts";
import { decodeUtf8 } from "../../files/folder.ts";
import { normalizeCharacters } from "../../text/normalize.ts";
import { decodeSingleByte } from "./encodings.ts";
import { foreignText, refuse, refuseForeignBytes } from "./formats.ts";

/**
 * Lines end with "\n" and hold no control characters. Throws UserError, naming `name`, where the bytes are no plain
 * text (formats.ts), or are UTF-8 with damaged places: read as Latin-1 it would turn every accent of the book into two
 * wrong letters.
 */
export function decodeBook(bytes: Uint8Array, name: string): string {
  refuseForeignBytes(bytes, name);
  return plainText(decodeText(bytes, name), name);
}

/** What decodeBook makes of the characters of a file. `isMarkdown`: some HTML in it does not make a web page of it. */
export function plainText(text: string, name: string, { isMarkdown = false } = {}): string {
  const format = foreignText(text, { isMarkdown });
  if (format) refuse(name, format);
  const plain = normalizeCharacters(text.replaceAll("\x1a", ""));
  if (plain.trim() === "") throw new UserError(`${name}: the file holds no text; check the path.`);
  return plain;
}

/**
 * The characters of a file, as `encoding` says where the file names one. Throws UserError where they cannot be told,
 * and where there are such among them as no text holds.
 */
export function decodeText(bytes: Uint8Array, name: string, encoding?: string): string {
  const text = decodeAs(bytes, encoding) ?? decode(bytes, name);
  // These stand in no text file; tabs, form feeds, the 0x1a that ends DOS files and the line end 0x85 do.
  // oxlint-disable-next-line no-control-regex -- as said above
  const control = /[\x00-\x08\x0e-\x19\x1b-\x1f\x7f-\x84\x86-\x9f]/.exec(text);
  if (control) {
    const code = control[0].charCodeAt(0).toString(16).padStart(2, "0");
    throw new UserError(
      `${name}: not a readable text (control character 0x${code} at character ${control.index}); ` +
        "save the book as plain text in UTF-8 or Latin-1.",
    );
  }
  return text;
}

/** By the name that a page gives; UTF-8 that is whole is UTF-8, whatever the page says. */
function decodeAs(bytes: Uint8Array, encoding: string | undefined): string | undefined {
  const isWide = bytes[0]! >= 0xfe || bareUtf16(bytes) !== undefined;
  if (encoding === undefined || isWide || countUtf8(bytes).strays === 0) return undefined;
  try {
    return new TextDecoder(encoding).decode(bytes);
  } catch {
    return undefined; // a name that nobody knows
  }
}

function decode(bytes: Uint8Array, name: string): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  const wide = bareUtf16(bytes);
  if (wide) return new TextDecoder(wide).decode(bytes);
  const { sequences, strays } = countUtf8(bytes);
  if (strays === 0 || sequences > strays) return decodeUtf8(bytes, name).replace(/^\uFEFF/, "");
  const read = decodeSingleByte(bytes);
  if (read === undefined)
    throw new UserError(
      `${name}: not UTF-8, and its letters make words in none of the code pages that are known here (Windows-1252, ` +
        "Latin-1, Latin-9, DOS 437 and 850, Mac Roman); save the book as plain text in UTF-8.",
    );
  return read;
}

/** UTF-16 without its mark: in Latin script every second byte is zero, and no other. */
function bareUtf16(bytes: Uint8Array): "utf-16le" | "utf-16be" | undefined {
  const length = Math.min(bytes.length, 4096);
  const zeros = [0, 0];
  for (let i = 0; i < length; i++) if (bytes[i] === 0) zeros[i % 2]!++;
  const many = length / 4;
  if (zeros[1]! > many && zeros[0] === 0) return "utf-16le";
  return zeros[0]! > many && zeros[1] === 0 ? "utf-16be" : undefined;
}

/**
 * Multi-byte UTF-8 sequences, and bytes above 0x7f outside of any. A Latin-1 text of some length has next to none of
 * the first.
 */
function countUtf8(bytes: Uint8Array): { sequences: number; strays: number } {
  let sequences = 0,
    strays = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte < 0x80) continue;
    const more =
      byte >= 0xc2 && byte < 0xe0 ? 1 : byte >= 0xe0 && byte < 0xf0 ? 2 : byte >= 0xf0 && byte < 0xf5 ? 3 : 0;
    let follow = 0;
    while (follow < more && (bytes[i + 1 + follow]! & 0xc0) === 0x80) follow++;
    if (more > 0 && follow === more) {
      sequences++;
      i += more;
    } else {
      strays++;
    }
  }
  return { sequences, strays };
}
