// One file from its server into pieces: on from where an earlier download ended, again where the connection is cut.
import { UserError } from "../errors.ts";
import { ConnectionError } from "../files/url-folder.ts";
import type { FreeBytes, PieceStore } from "./piece-store.ts";
import { isPassing } from "./remote.ts";
import type { Answer, Edition, Remote } from "./remote.ts";
import type { CacheWatcher } from "./watcher.ts";

export interface Job {
  readonly remote: Remote;
  readonly pieces: PieceStore;
  readonly file: string;
  /** As the server said when it was asked. */
  readonly edition: Edition;
  readonly freeBytes: FreeBytes;
  readonly watcher: CacheWatcher;
}

/**
 * Tries in a row with hardly a new byte before the network is believed to be gone, and the wait before the second,
 * doubled for each further one.
 */
const TRIES = 4;
const FRUIT_BYTES = 1 << 14;
const FIRST_WAIT_MS = 500;
/** Times that the server may change a file while it is fetched. */
const CHANGES = 3;

/**
 * Bytes of the file, all of which are stored now. Throws UserError when the place is full or denied (nothing of the
 * file is left then), the file is gone, or the connection stays cut (what came is kept); the signal's reason.
 */
export async function fetchPieces(job: Job): Promise<number> {
  let { edition } = job;
  for (let changes = 0; changes < CHANGES; changes++) {
    const ended = await new Download(job, edition).run();
    if (typeof ended === "number") return ended;
    await job.pieces.drop(job.file, edition);
    edition = ended;
  }
  throw new UserError(`${job.remote.name}/${job.file} changed ${CHANGES} times while it was fetched; try again later.`);
}

/** How an answer ended: the file is whole, there must be more of it, or the server has another edition now. */
type Ended = "whole" | "short" | Edition;

class Download {
  private readonly job: Job;
  private edition: Edition;
  /** Bytes that came, those in `piece` among them. */
  private received = 0;
  /** What came of the piece that is not stored yet. */
  private readonly piece: Uint8Array;
  private filled = 0;

  constructor(job: Job, edition: Edition) {
    this.job = job;
    this.edition = edition;
    this.piece = new Uint8Array(Math.min(job.pieces.pieceBytes, edition.size ?? Infinity));
  }

  /** Bytes of the whole file, or the edition that the server has now. */
  async run(): Promise<number | Edition> {
    const { pieces, file } = this.job;
    const { size } = this.edition;
    if (size !== undefined) this.received = await pieces.bytesThere(file, size);
    await this.needRoom();
    await this.storing(() => pieces.setEntry(file, { edition: this.edition, whole: false }));
    this.tell();
    for (let fruitless = 0; this.received !== size;) {
      const before = this.received;
      try {
        const ended = await this.ask();
        if (ended === "whole") break;
        if (ended !== "short") return ended;
        throw new ConnectionError("The answer ended early.");
      } catch (error) {
        if (!isPassing(error)) throw error;
        fruitless = this.received - before >= FRUIT_BYTES ? 1 : fruitless + 1;
        if (fruitless === TRIES) throw this.givenUp(error as Error);
        if (size === undefined) this.received = this.filled = 0; // of a compressed answer no part can be asked for
        await sleep(FIRST_WAIT_MS * 2 ** (fruitless - 1), this.job.watcher.signal);
      }
    }
    await this.store();
    const whole = { version: this.edition.version, size: this.received };
    await this.storing(() => pieces.setEntry(file, { edition: whole, whole: true }));
    return this.received;
  }

  private async ask(): Promise<Ended> {
    const { remote, file } = this.job;
    const ended = await remote.open(file, this.received, (answer) => this.take(answer));
    if (ended !== undefined) return ended;
    throw new UserError(`${remote.name}/${file}: the server has no such file any more; check the address.`);
  }

  private async take({ version, size, start, body }: Answer): Promise<Ended> {
    const { remote, file, watcher } = this.job;
    const known = this.edition;
    if (!remote.immutable && version !== known.version) {
      if (this.received > 0) return { version, size };
      this.edition = { version, size: known.size };
    }
    let skip = this.received - start;
    for await (const bytes of body) {
      watcher.signal?.throwIfAborted();
      if (skip < bytes.length) await this.append(bytes.subarray(skip));
      skip = Math.max(0, skip - bytes.length);
    }
    // An answer with all of the file ends where the file does, whatever length was told: it may have come compressed.
    const isAll = start === 0 || known.size === undefined;
    if (skip > 0 || (!isAll && this.received > known.size!))
      throw new UserError(`${remote.name}/${file} has changed while it was fetched; load it again.`);
    return isAll || this.received === known.size ? "whole" : "short";
  }

  private async append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      if (this.filled === this.piece.length) await this.store();
      const count = Math.min(bytes.length - at, this.piece.length - this.filled);
      this.piece.set(bytes.subarray(at, at + count), this.filled);
      this.filled += count;
      this.received += count;
      at += count;
    }
    this.tell();
  }

  private async store(): Promise<void> {
    if (this.filled === 0) return;
    const { pieces, file } = this.job;
    const offset = this.received - this.filled;
    await this.storing(() => pieces.writePiece(file, offset, this.piece.subarray(0, this.filled)));
    this.filled = 0;
  }

  /** What cannot be written leaves nothing behind that fills the place. */
  private async storing(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      await this.job.pieces.drop(this.job.file, { ...this.edition, size: this.received }).catch(() => {});
      throw error;
    }
  }

  private async needRoom(): Promise<void> {
    const { remote, file, freeBytes } = this.job;
    const wanted = (this.edition.size ?? 0) - this.received;
    const free = wanted > 0 ? await freeBytes() : undefined;
    if (free === undefined || free >= wanted) return;
    throw new UserError(
      `${remote.name}/${file}: ${wanted} bytes are to come, and the browser gives this site ${free} more; free some ` +
        "space, or give `store` a folder that the user picked.",
    );
  }

  private givenUp(error: Error): UserError {
    const { remote, file } = this.job;
    const { size } = this.edition;
    const of = size === undefined ? "" : ` of ${size}`;
    const message = `${remote.name}/${file} came to ${this.received}${of} bytes only. ${error.message}`;
    return new UserError(`${message} Load it again when the network is back: it goes on from there.`, { cause: error });
  }

  private tell(): void {
    const { file, watcher } = this.job;
    watcher.onProgress?.({ file, done: this.received, total: this.edition.size });
  }
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((done, fail) => {
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      settle();
    };
    const abort = (): void => end(() => fail(signal!.reason as Error));
    const timer = setTimeout(() => end(done), ms);
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
  });
}
