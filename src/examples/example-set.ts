// The examples of a run by number, wherever they lie: in memory, or in a file too large for it, of which only lengths
// are known and the rest is read when it is asked for.
import { digest } from "../files/digest.ts";
import type { EncodedExample } from "./encoded-example.ts";

export interface ExampleSet {
  readonly length: number;
  /** Tokens of each. */
  readonly lengths: ArrayLike<number>;
  /** Example `index`, from 0 to length - 1; where it is read from a file, a new object each time. */
  at(index: number): EncodedExample;
  /** SHA-256 of exampleBytes() of all, as a fingerprint holds it. */
  digest(): Promise<string>;
}

/** As whoever has few of them gives them, or as a set. */
export type Examples = readonly EncodedExample[] | ExampleSet;

export function exampleSet(examples: Examples): ExampleSet {
  return Array.isArray(examples) ? new ExamplesInMemory(examples) : (examples as ExampleSet);
}

/** One after the other. */
export function* eachOf(set: ExampleSet): Generator<EncodedExample> {
  for (let index = 0; index < set.length; index++) yield set.at(index);
}

/** Whether an example fulfils this; none is read after the first that does. */
export function someOf(set: ExampleSet, fulfils: (example: EncodedExample) => boolean): boolean {
  for (const example of eachOf(set)) if (fulfils(example)) return true;
  return false;
}

class ExamplesInMemory implements ExampleSet {
  readonly length: number;
  readonly lengths: readonly number[];
  private readonly examples: readonly EncodedExample[];

  constructor(examples: readonly EncodedExample[]) {
    this.examples = examples;
    this.length = examples.length;
    this.lengths = examples.map(({ ids }) => ids.length);
  }

  at(index: number): EncodedExample {
    return this.examples[index];
  }

  digest(): Promise<string> {
    return digest(exampleBytes(this.examples));
  }
}

/**
 * Each example's length, ids, types and token type ids if it has them, one after the other, in words of 32 bits: of a
 * list's parts these are parts.
 */
export function exampleBytes(examples: readonly EncodedExample[]): Uint8Array {
  const tokens = examples.reduce((sum, { ids }) => sum + ids.length, 0);
  const lists = examples[0]?.tokenTypeIds ? 3 : 2;
  const words = new Uint32Array(examples.length + lists * tokens);
  let at = 0;
  for (const { ids, types, tokenTypeIds } of examples) {
    words[at++] = ids.length;
    words.set(ids, at);
    words.set(types, at + ids.length);
    if (tokenTypeIds) words.set(tokenTypeIds, at + 2 * ids.length);
    at += lists * ids.length;
  }
  return new Uint8Array(words.buffer);
}
