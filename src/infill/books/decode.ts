// The text of a book file, whatever it was saved as: UTF-8 (with or without a byte-order mark), UTF-16 with one, or
// Latin-1 in its Windows form, which older Project Gutenberg files use. Its characters come out in the one spelling of
// text/normalize.ts.
import { UserError } from "../../errors.ts";
import { decodeUtf8 } from "../../files/folder.ts";
import { normalizeCharacters } from "../../text/normalize.ts";

/**
 * Throws UserError, naming `name`, where the bytes are no text, or are UTF-8 with damaged places: read as Latin-1 it
 * would turn every accent of the book into two wrong letters.
 */
export function decodeBook(bytes: Uint8Array, name: string): string {
  const text = decode(bytes, name);
  // These stand in no text file; tabs, form feeds, the 0x1a that ends DOS files and the line end 0x85 do.
  // oxlint-disable-next-line no-control-regex -- as said above
  const control = /[\x00-\x08\x0e-\x19\x1b-\x1f\x7f-\x84\x86-\x9f]/.exec(text);
  if (control) {
    const code = control[0].charCodeAt(0).toString(16).padStart(2, "0");
    throw new UserError(
      `${name}: not a readable text (control character 0x${code} at character ${control.index}); save the book as plain text in UTF-8 or Latin-1.`,
    );
  }
  const plain = normalizeCharacters(text.replaceAll("\x1a", ""));
  if (plain.trim() === "") throw new UserError(`${name}: the file holds no text; check the path.`);
  return plain;
}

function decode(bytes: Uint8Array, name: string): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  const { sequences, strays } = countUtf8(bytes);
  if (strays === 0 || sequences > strays) return decodeUtf8(bytes, name).replace(/^\uFEFF/, "");
  return decodeWindows1252(bytes);
}

/**
 * What 0x80 to 0x9f are in Windows' Latin-1; a space where it has nothing. Node 20's own decoder takes them for control
 * characters.
 */
const WINDOWS_1252 = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ";

function decodeWindows1252(bytes: Uint8Array): string {
  // Latin-1 is Unicode's first 256 characters; decoded by pieces, because a call takes only so many arguments.
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text.replace(/[\x80-\x9f]/g, (char) => {
    const known = WINDOWS_1252[char.charCodeAt(0) - 0x80]!;
    return known === " " ? char : known;
  });
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
