// One reading of a file from its beginning to its end, encoded piece by piece as it is read.
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { UserError } from "../../../errors.ts";
import { ProgressBar } from "../../shared/progress.ts";
import { EncodePool, encodeInOrder } from "./encode-pool.ts";
import type { EncoderSetup } from "./encoder.ts";
import type { EncodedPiece, Piece } from "./piece.ts";
import { textPieces } from "./text-pieces.ts";
import type { Cutter, TextPiece } from "./text-pieces.ts";
import { TokenCache } from "./token-cache.ts";
import type { CacheEntry, EntryKey, EntryNotes, NewEntry } from "./token-cache.ts";

/** How files are encoded into the cache. */
export interface Caching {
  /** The cache's folder. */
  readonly dir: string;
  /** Encode anew what the cache has. */
  readonly overwrite: boolean;
  /** Threads that tokenise; 0: this one. */
  readonly threads: number;
  readonly signal?: AbortSignal;
  /** Bytes read at a time; see textPieces(). */
  readonly readBytes?: number;
}

/** A file of fewer bytes is encoded before a thread has started. */
const WORTH_THREADS = 4e6;

/** What is made of a file's pieces. */
export interface Encoding {
  readonly setup: EncoderSetup;
  readonly cutter: Cutter;
  /** The pieces with what the threads must know beside their texts. */
  readonly numbered?: (pieces: AsyncIterable<TextPiece>) => AsyncIterable<TextPiece & Piece>;
  /** Of each piece, in their order. */
  readonly onPiece: (piece: Piece, encoded: EncodedPiece) => void;
  /** When all were read. Throws UserError where they hold nothing. */
  readonly onEnd: () => void;
  /** What there is to know of all beside tokens. */
  readonly notes?: () => Omit<EntryNotes, "tokens">;
}

/**
 * The entry of a file, encoded into the cache where that has none. `key`: all that decides it beside the file, whose
 * digest is `source`. Throws UserError for what is wrong with the file, and where the cache cannot be written.
 */
export async function encodedFile(
  file: string,
  source: string,
  key: EntryKey,
  encoding: () => Promise<Encoding>,
  caching: Caching,
): Promise<CacheEntry> {
  const { dir, overwrite, signal } = caching;
  const cache = new TokenCache(dir);
  const whole: EntryKey = { source, ...key };
  const found = overwrite ? undefined : await cache.find(whole, signal);
  if (found) return found;
  const reading = new FileEncoding(file, await encoding(), caching);
  return cache.write(whole, { records: reading.records(source), rest: () => reading.rest() });
}

/** One reading of a file from its beginning to its end. */
class FileEncoding {
  private readonly file: string;
  private readonly encoding: Encoding;
  private readonly caching: Caching;
  private readonly indices: Uint32Array[] = [];
  private tokens = 0;

  constructor(file: string, encoding: Encoding, caching: Caching) {
    this.file = file;
    this.encoding = encoding;
    this.caching = caching;
  }

  /** Throws UserError where the file holds nothing, or is not the one whose digest is `source`. */
  async *records(source: string): AsyncGenerator<Uint8Array> {
    const { file, caching } = this;
    const { setup, cutter, numbered, onPiece, onEnd } = this.encoding;
    const { size } = await stat(resolve(file));
    const hash = createHash("sha256");
    const pieces = textPieces(resolve(file), {
      cutter,
      name: file,
      readBytes: caching.readBytes,
      signal: caching.signal,
      onBytes: (bytes) => hash.update(bytes),
    });
    const pool = new EncodePool(setup, size < WORTH_THREADS ? 0 : caching.threads);
    const bar = size < WORTH_THREADS ? undefined : new EncodingProgress(file, size);
    try {
      for await (const { piece, encoded } of encodeInOrder(pool, numbered ? numbered(pieces) : pieces)) {
        onPiece(piece, encoded);
        this.tokens += encoded.tokens;
        this.indices.push(encoded.index);
        bar?.update(piece.bytesRead);
        yield encoded.bytes;
      }
    } finally {
      bar?.stop();
      await pool.close();
    }
    onEnd();
    if (`sha256:${hash.digest("hex")}` !== source)
      throw new UserError(`${file}: the file was changed while it was read; run again.`);
  }

  /** What there is beside the records when all have come. */
  rest(): ReturnType<NewEntry["rest"]> {
    const index = new Uint32Array(this.indices.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const words of this.indices.splice(0)) {
      index.set(words, at);
      at += words.length;
    }
    return { index, notes: { tokens: this.tokens, ...this.encoding.notes?.() } };
  }
}

class EncodingProgress {
  private readonly bar: ProgressBar;
  private read = 0;

  constructor(file: string, bytes: number) {
    this.bar = new ProgressBar({ label: `tokenise ${basename(file)}`, unit: "MB", total: Math.ceil(bytes / 1e6) });
  }

  update(bytesRead: number): void {
    this.bar.update(Math.ceil(bytesRead / 1e6), "", { amount: (bytesRead - this.read) / 1e6, unit: "MB" });
    this.read = bytesRead;
  }

  stop(): void {
    this.bar.stop();
  }
}
