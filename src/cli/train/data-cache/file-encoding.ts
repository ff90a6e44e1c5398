// One reading of a file from its beginning to its end, encoded piece by piece as it is read.
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { UserError } from "../../../errors.ts";
import type { PreTrainedTokenizer } from "../../../tokenizer/pretrained-tokenizer.ts";
import { isBlank, isLineEnd, noText } from "../../../training/text-dataset.ts";
import { ProgressBar } from "../../shared/progress.ts";
import { EncodePool, encodeInOrder } from "./encode-pool.ts";
import type { EncoderSetup } from "./encoder.ts";
import { textPieces } from "./text-pieces.ts";
import type { Cutter } from "./text-pieces.ts";

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

/** One reading of a file from its beginning to its end. */
export class FileEncoding {
  tokens = 0;
  private readonly file: string;
  private readonly setup: EncoderSetup;
  private readonly cutter: Cutter;
  private readonly caching: Caching;
  private readonly lengthsOfPieces: Uint32Array[] = [];

  constructor(file: string, setup: EncoderSetup, tokenizer: PreTrainedTokenizer, caching: Caching) {
    this.file = file;
    this.setup = setup;
    this.cutter = setup.kind === "lines" ? lineCutter : tokenizer.textCutter();
    this.caching = caching;
  }

  /** Throws UserError where the file holds no text, or is not the one whose digest is `source`. */
  async *records(source: string): AsyncGenerator<Uint8Array> {
    const { file, caching } = this;
    const { size } = await stat(resolve(file));
    const hash = createHash("sha256");
    const pieces = textPieces(resolve(file), {
      cutter: this.cutter,
      name: file,
      readBytes: caching.readBytes,
      signal: caching.signal,
      onBytes: (bytes) => hash.update(bytes),
    });
    const pool = new EncodePool(this.setup, size < WORTH_THREADS ? 0 : caching.threads);
    const bar = size < WORTH_THREADS ? undefined : new EncodingProgress(file, size);
    let isEmpty = true;
    try {
      for await (const { piece, encoded } of encodeInOrder(pool, pieces)) {
        isEmpty &&= isBlank(piece.text);
        this.tokens += encoded.tokens;
        this.lengthsOfPieces.push(encoded.lengths);
        bar?.update(piece.bytesRead);
        yield encoded.bytes;
      }
    } finally {
      bar?.stop();
      await pool.close();
    }
    if (isEmpty) throw noText(file);
    if (`sha256:${hash.digest("hex")}` !== source)
      throw new UserError(`${file}: the file was changed while it was read; run again.`);
  }

  /** Of all records. */
  lengths(): Uint32Array {
    const lengths = new Uint32Array(this.lengthsOfPieces.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const some of this.lengthsOfPieces.splice(0)) {
      lengths.set(some, at);
      at += some.length;
    }
    return lengths;
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

/** After the end of each line, as LineByLineTextDataset ends them. */
export const lineCutter: Cutter = {
  lastCut(text, start = 1) {
    for (let at = text.length; at >= start; at--) if (isLineEnd(text[at - 1])) return at;
    return undefined;
  },
  examined: (text) => text.length + 1,
};
