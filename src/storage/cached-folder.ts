// A folder behind an address whose files are kept: each is fetched once, goes on where a cut download ended, and is
// there without a network. Read as any Folder, so that a model is loaded from it as from a disk.
import { UserError } from "../errors.ts";
import { checkRange } from "../files/file-name.ts";
import type { Folder } from "../files/folder.ts";
import { fetchPieces } from "./fetch-pieces.ts";
import type { FreeBytes, PieceStore } from "./piece-store.ts";
import { isPassing } from "./remote.ts";
import type { Edition, Remote } from "./remote.ts";
import type { CacheWatcher } from "./watcher.ts";

/** What a file of the folder is now, as far as was asked. */
interface Known {
  readonly edition: Edition;
  /** All of it is here. */
  readonly whole: boolean;
}

export class CachedFolder implements Folder {
  readonly name: string;
  private readonly remote: Remote;
  private readonly pieces: PieceStore;
  private readonly freeBytes: FreeBytes;
  private readonly watcher: CacheWatcher;
  /** Asked once a folder: a model's files belong together. */
  private readonly known = new Map<string, Promise<Known | undefined>>();
  private readonly fetched = new Map<string, Promise<number>>();
  private hasNoted = false;

  /** `freeBytes`: how much the place of the pieces still takes; undefined where nobody knows. */
  constructor(remote: Remote, pieces: PieceStore, freeBytes: FreeBytes, watcher: CacheWatcher) {
    this.name = remote.name;
    this.remote = remote;
    this.pieces = pieces;
    this.freeBytes = freeBytes;
    this.watcher = watcher;
  }

  async list(): Promise<string[]> {
    throw new UserError(`${this.name}: the files behind an address cannot be listed; name the file.`);
  }

  async has(file: string): Promise<boolean> {
    return (await this.ask(file)) !== undefined;
  }

  async size(file: string): Promise<number> {
    const { edition } = await this.found(file);
    return edition.size ?? this.fetch(file);
  }

  async read(file: string, range?: { readonly offset: number; readonly length: number }): Promise<Uint8Array> {
    const size = await this.fetch(file);
    const wanted = range ?? { offset: 0, length: size };
    checkRange(`${this.name}/${file}`, wanted, size);
    const bytes = await this.pieces.read(file, wanted);
    this.watcher.signal?.throwIfAborted();
    return bytes;
  }

  async write(): Promise<void> {
    throw new UserError(`${this.name}: cannot save behind an address; give another folder, such as opfsFolder()'s.`);
  }

  /** What the server has now, else what is kept; asked once. A failed question is asked again. */
  private ask(file: string): Promise<Known | undefined> {
    return once(this.known, file, () => this.askNow(file));
  }

  private async askNow(file: string): Promise<Known | undefined> {
    this.watcher.signal?.throwIfAborted();
    const kept = await this.pieces.entry(file);
    const isUsable = kept !== undefined && (kept.whole || kept.edition === undefined);
    const asKept = kept?.edition && { edition: kept.edition, whole: kept.whole };
    if (isUsable && this.remote.immutable) return asKept;
    let now: Edition | undefined;
    try {
      now = await this.remote.head(file);
    } catch (error) {
      if (!isUsable || !isPassing(error)) throw error;
      this.note(error as Error);
      return asKept;
    }
    if (kept?.edition && now && isSame(kept.edition, now, this.remote.immutable)) return asKept;
    if (kept?.edition) await this.pieces.drop(file, kept.edition);
    if (now) return { edition: now, whole: false };
    if (kept === undefined || kept.edition) await this.pieces.setEntry(file, { edition: undefined, whole: false });
    return undefined;
  }

  private async found(file: string): Promise<Known> {
    const known = await this.ask(file);
    if (known) return known;
    throw new UserError(`${this.name}/${file}: there is no such file on the server; check the address.`);
  }

  /** Bytes of the file, all of which are here now. */
  private fetch(file: string): Promise<number> {
    return once(this.fetched, file, async () => {
      const { edition, whole } = await this.found(file);
      const { size } = edition;
      if (whole && size !== undefined && (await this.pieces.bytesThere(file, size)) === size) return size;
      const { remote, pieces, freeBytes, watcher } = this;
      return fetchPieces({ remote, pieces, file, edition, freeBytes, watcher });
    });
  }

  private note({ message }: Error): void {
    if (!this.hasNoted) this.watcher.onNote?.(`${message} The copy that is kept here is used.`);
    this.hasNoted = true;
  }
}

/** Whether what is kept of `kept` is of use for `now`. Without a version nothing tells whether a file changed. */
function isSame(kept: Edition, now: Edition, immutable: boolean): boolean {
  if (immutable) return true;
  return kept.version !== "" && kept.version === now.version;
}

/** What `make` promises for `key`, made once; what it rejects is forgotten. */
function once<V>(made: Map<string, Promise<V>>, key: string, make: () => Promise<V>): Promise<V> {
  const before = made.get(key);
  if (before) return before;
  const promise = make();
  made.set(key, promise);
  promise.catch(() => made.delete(key));
  return promise;
}
