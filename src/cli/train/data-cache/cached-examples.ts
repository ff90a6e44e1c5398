// Plain text's training sequences out of the cache: only where each begins and how long it is stands in memory.
import { createHash } from "node:crypto";
import { eachOf, exampleBytes } from "../../../examples/example-set.ts";
import type { ExampleSet } from "../../../examples/example-set.ts";
import type { EncodedExample } from "../../../examples/encoded-example.ts";
import { asTarget } from "../../../training/text-dataset.ts";
import { RandomAccessFile } from "./token-cache.ts";

/** Sequences of a file of ids, by number. */
export interface Spans {
  /** Of the file's first token of each. */
  readonly offsets: ArrayLike<number>;
  readonly lengths: Uint32Array;
}

/** Tokens given to a hash at once. */
const HASHED_AT_ONCE = 1 << 17;

export class CachedExamples implements ExampleSet {
  readonly lengths: Uint32Array;
  private readonly offsets: ArrayLike<number>;
  private readonly file: RandomAccessFile;
  private readonly idBytes: 2 | 4;

  constructor(path: string, idBytes: 2 | 4, { offsets, lengths }: Spans) {
    this.file = new RandomAccessFile(path);
    this.idBytes = idBytes;
    this.offsets = offsets;
    this.lengths = lengths;
  }

  get length(): number {
    return this.lengths.length;
  }

  at(index: number): EncodedExample {
    const bytes = this.file.read(this.offsets[index] * this.idBytes, this.lengths[index] * this.idBytes);
    return asTarget(Array.from(this.idBytes === 2 ? new Uint16Array(bytes) : new Uint32Array(bytes)));
  }

  digest(): Promise<string> {
    return digestOf(this);
  }

  close(): void {
    this.file.close();
  }
}

/** The digest of a set that is not in memory, as ExampleSet has it. */
export async function digestOf(examples: ExampleSet): Promise<string> {
  const hash = createHash("sha256");
  let some: EncodedExample[] = [];
  let tokens = 0;
  for (const example of eachOf(examples)) {
    some.push(example);
    tokens += example.ids.length;
    if (tokens < HASHED_AT_ONCE) continue;
    hash.update(exampleBytes(some));
    some = [];
    tokens = 0;
  }
  return `sha256:${hash.update(exampleBytes(some)).digest("hex")}`;
}
