// A text file piece by piece, for files larger than memory: strict UTF-8, line ends as plain text mode has them, and
// cut only where the caller says that a cut changes nothing.
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { UserError } from "../../../errors.ts";
import { decodeUtf8 } from "../../../files/folder.ts";
import { normalizeLineEnds, unifyLineEnds } from "../../../text/normalize.ts";
import { joinBytes } from "../../../files/folder.ts";
import { cannotRead } from "../../shared/input-file.ts";

/** Finds places at which a text may be cut; see TextCutter. */
export interface Cutter {
  lastCut(text: string, start?: number): number | undefined;
  examined(text: string): number;
  /** What a file has that can be cut, for messages (default "text with white space in it"). */
  readonly wanted?: string;
}

export interface TextPiecesOptions {
  readonly cutter: Cutter;
  /** What messages call the file. */
  readonly name: string;
  /** Bytes read at a time (default 32 kB), about those of a piece. */
  readonly readBytes?: number;
  /** UTF-16 units without a place to cut that are too many (default 2^24). */
  readonly longestUncut?: number;
  readonly signal?: AbortSignal;
  /** Of the file, as they are read; valid during the call. */
  readonly onBytes?: (bytes: Uint8Array) => void;
}

export interface TextPiece {
  readonly text: string;
  /** Of the file, read so far. */
  readonly bytesRead: number;
}

/**
 * So few that what a piece becomes is short-lived in memory: V8 moves larger arrays and strings to where it collects
 * them late, and threads that were given 256 kB at a time grew to 100 MB of that.
 */
const PIECE_BYTES = 1 << 15;
const HASHED_BYTES = 1 << 18;
/** No text has such a word, and merging its bytes would take the memory. */
const LONGEST_UNCUT = 1 << 24;

/**
 * The pieces of the file's text, each of which ends where `cutter` lets it, one after the other the whole. Throws
 * UserError where bytes are no UTF-8, and where no place to cut is found; the signal's reason when it fires.
 */
export async function* textPieces(path: string, options: TextPiecesOptions): AsyncGenerator<TextPiece> {
  const { cutter, name, longestUncut = LONGEST_UNCUT } = options;
  let rest = "";
  let read = 0;
  let start = 1; // places of `rest` before it were looked at
  for await (const { text, bytesRead } of decodedParts(path, options)) {
    rest += text;
    read = bytesRead;
    const cut = cutter.lastCut(rest, start);
    if (cut === undefined) {
      start = Math.max(1, cutter.examined(rest));
      if (rest.length > longestUncut)
        throw new UserError(
          `${name}: ${rest.length} characters before byte ${bytesRead} hold no place to cut them at, wanted ` +
            `${cutter.wanted ?? "text with white space in it"}; check that it is the right file.`,
        );
      continue;
    }
    yield { text: rest.slice(0, cut), bytesRead };
    rest = rest.slice(cut);
    start = 1;
  }
  if (rest !== "") yield { text: rest, bytesRead: read };
}

/** The file's text in parts that end between characters, not between "\r" and "\n". */
async function* decodedParts(
  path: string,
  { name, readBytes, signal, onBytes }: TextPiecesOptions,
): AsyncGenerator<TextPiece> {
  let carried = new Uint8Array(0); // of an unfinished character
  let bytesRead = 0;
  let first = true;
  let held = ""; // a "\r" that may have its "\n" in the next part
  const ended = (text: string): string => {
    if (text === "") return text;
    const plain = first ? normalizeLineEnds(text) : unifyLineEnds(text);
    first = false;
    return plain;
  };
  for await (const bytes of fileParts(path, readBytes, signal)) {
    onBytes?.(bytes);
    const offset = bytesRead - carried.length;
    bytesRead += bytes.length;
    const joined = carried.length === 0 ? bytes : joinBytes([carried, bytes]);
    const whole = wholeCharacters(joined);
    carried = joined.slice(whole);
    let text = held + decodeUtf8(joined.subarray(0, whole), name, offset);
    held = text.endsWith("\r") ? "\r" : "";
    if (held !== "") text = text.slice(0, -1);
    if (text !== "") yield { text: ended(text), bytesRead };
  }
  const text = ended(held + decodeUtf8(carried, name, bytesRead - carried.length));
  if (text !== "") yield { text, bytesRead };
}

/** The file's bytes in parts of at most `readBytes`, each valid until the next is asked for. */
export async function* fileParts(
  path: string,
  readBytes = PIECE_BYTES,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const handle = await open(path, "r").catch((error: unknown) => {
    throw cannotRead(path, error);
  });
  try {
    const buffer = new Uint8Array(readBytes);
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, 0, readBytes);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** The SHA-256 of a file's bytes, in a fingerprint's form. */
export async function fileDigest(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const bytes of fileParts(path, HASHED_BYTES, signal)) hash.update(bytes);
  return `sha256:${hash.digest("hex")}`;
}

/** Bytes up to the end of the last whole character, as far as the leading bytes tell: the others are up to three. */
function wholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back];
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
