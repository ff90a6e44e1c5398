// A folder in which some files are others than lie there: a model's own, with another template or tokenizer beside it.
import { checkRange } from "./file-name.ts";
import type { FileData, Folder } from "./folder.ts";

export class OverlayFolder implements Folder {
  readonly name: string;
  private readonly below: Folder;
  private readonly files: ReadonlyMap<string, Uint8Array>;

  /** `files` stand before those of `below`; nothing is written. */
  constructor(below: Folder, files: ReadonlyMap<string, string | Uint8Array>) {
    this.name = below.name;
    this.below = below;
    const encoder = new TextEncoder();
    this.files = new Map(
      [...files].map(([file, data]) => [file, typeof data === "string" ? encoder.encode(data) : data]),
    );
  }

  async list(): Promise<string[]> {
    return [...new Set([...(await this.below.list()), ...this.files.keys()])].sort();
  }

  async has(file: string): Promise<boolean> {
    return this.files.has(file) || this.below.has(file);
  }

  async size(file: string): Promise<number> {
    return this.files.get(file)?.byteLength ?? this.below.size(file);
  }

  async read(file: string, range?: { readonly offset: number; readonly length: number }): Promise<Uint8Array> {
    const data = this.files.get(file);
    if (!data) return this.below.read(file, range);
    const { offset, length } = range ?? { offset: 0, length: data.byteLength };
    checkRange(`${this.name}/${file}`, { offset, length }, data.byteLength);
    return data.slice(offset, offset + length);
  }

  /** Into the folder below. */
  write(files: ReadonlyMap<string, FileData>): Promise<void> {
    return this.below.write(files);
  }
}
