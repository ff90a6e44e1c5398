// The browser's File System API in memory, as far as the storage room uses it: a file changes when its writer is
// closed, asking for a handle with `create` makes an empty file, and each call may be refused as a browser does.
import type { DirectoryHandle, FileHandle, WritableFile } from "../src/storage/handles.ts";

export class FakeDisk {
  /** Bytes that it takes in all. */
  quota = Infinity;
  /** Set: every call is refused with a DOMException of this name. */
  denies: string | undefined;
  /** Reading goes on, but each writer's close() is refused so. */
  closeFailsAs: string | undefined;
  readonly root = new FakeDirectory("", this);

  get used(): number {
    return this.root.bytes;
  }

  check(): void {
    if (this.denies) throw new DOMException("no", this.denies);
  }
}

export class FakeDirectory implements DirectoryHandle {
  readonly name: string;
  readonly kind = "directory";
  readonly entries = new Map<string, FakeDirectory | FakeFile>();
  readonly disk: FakeDisk;

  constructor(name: string, disk: FakeDisk) {
    this.name = name;
    this.disk = disk;
  }

  get bytes(): number {
    return [...this.entries.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async getDirectoryHandle(name: string, { create = false } = {}): Promise<FakeDirectory> {
    return this.get(name, create, FakeDirectory);
  }

  async getFileHandle(name: string, { create = false } = {}): Promise<FakeFile> {
    return this.get(name, create, FakeFile);
  }

  async removeEntry(name: string, { recursive = false } = {}): Promise<void> {
    this.disk.check();
    const found = this.entries.get(name);
    if (!found) throw new DOMException("none", "NotFoundError");
    if (found instanceof FakeDirectory && found.entries.size > 0 && !recursive)
      throw new DOMException("not empty", "InvalidModificationError");
    this.entries.delete(name);
  }

  async *values(): AsyncGenerator<FakeDirectory | FakeFile> {
    this.disk.check();
    yield* this.entries.values();
  }

  private get<E extends FakeDirectory | FakeFile>(
    name: string,
    create: boolean,
    type: new (name: string, disk: FakeDisk) => E,
  ): E {
    this.disk.check();
    if (name === "" || name === "." || name === ".." || /[/\\]/.test(name)) throw new TypeError(`not a name: ${name}`);
    const found = this.entries.get(name);
    if (found instanceof type) return found;
    if (found) throw new DOMException("other kind", "TypeMismatchError");
    if (!create) throw new DOMException("none", "NotFoundError");
    const made = new type(name, this.disk);
    this.entries.set(name, made);
    return made;
  }
}

export class FakeFile implements FileHandle {
  readonly name: string;
  readonly kind = "file";
  readonly disk: FakeDisk;
  data = new Uint8Array();

  constructor(name: string, disk: FakeDisk) {
    this.name = name;
    this.disk = disk;
  }

  get bytes(): number {
    return this.data.length;
  }

  async getFile() {
    this.disk.check();
    return new Blob([this.data]);
  }

  async createWritable(): Promise<WritableFile> {
    this.disk.check();
    let written = new Uint8Array();
    let open = true;
    const needOpen = (): void => {
      if (!open) throw new TypeError("the stream is closed");
    };
    return {
      write: async (data) => {
        needOpen();
        this.disk.check();
        if (this.disk.used + written.length + data.length > this.disk.quota)
          throw new DOMException("full", "QuotaExceededError");
        written = new Uint8Array(Buffer.concat([written, data]));
      },
      close: async () => {
        needOpen();
        open = false;
        if (this.disk.closeFailsAs) throw new DOMException("no", this.disk.closeFailsAs);
        this.data = written;
      },
      abort: async () => void (open = false),
    };
  }
}

/** All files with their lengths, by path. */
export function contentsOf(directory: FakeDirectory, below = ""): Record<string, number> {
  return Object.fromEntries(
    [...directory.entries].flatMap(([name, entry]) =>
      entry instanceof FakeFile
        ? [[`${below}${name}`, entry.bytes] as const]
        : Object.entries(contentsOf(entry, `${below}${name}/`)),
    ),
  );
}
