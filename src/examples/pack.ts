// A batch of encoded sequences in as few rows as they fit: several in a row, one after the other, told apart by
// segment ids, so that hardly anything is padding. Every token meets those of its own example alone, and every label
// counts that counts in collate()'s batch: the same loss and gradients, up to rounding.
import { collate, IGNORED_LABEL, paddedLength } from "./collate.ts";
import type { Batch, CollateOptions } from "./collate.ts";
import type { EncodedExample } from "./encoded-example.ts";

type PackOptions = Pick<CollateOptions, "padToMultipleOf" | "maxLength">;

/** Which examples share a row, by their numbers. */
export interface Packing {
  readonly rows: readonly (readonly number[])[];
  /** Of each row, padding included. */
  readonly length: number;
}

/**
 * Examples of these lengths in rows of one length, at most `maxLength`, so that there are as few positions as the
 * longest-first rule finds (Graham 1969: the next longest goes to the row that has most room); among equals, as few
 * rows. One example a row is always one of the ways, so there are never more than without packing.
 */
export function packRows(
  lengths: readonly number[],
  { padToMultipleOf = 1, maxLength = Infinity }: PackOptions,
): Packing {
  const longestFirst = Array.from(lengths.keys()).sort((a, b) => lengths[b] - lengths[a] || a - b);
  const longest = lengths[longestFirst[0]];
  const total = lengths.reduce((sum, length) => sum + length, 0);
  let best: Packing | undefined;
  for (let count = Math.min(lengths.length, Math.ceil(total / maxLength) || 1); count <= lengths.length; count++) {
    if (best && count * longest >= best.rows.length * best.length) break; // more rows are no shorter than that
    const { rows, fullest } = fillRows(longestFirst, lengths, count);
    if (fullest > maxLength && count < lengths.length) continue;
    const length = paddedLength(fullest, padToMultipleOf, maxLength);
    if (!best || count * length < best.rows.length * best.length) best = { rows, length };
  }
  return best!;
}

function fillRows(
  order: readonly number[],
  lengths: readonly number[],
  count: number,
): { rows: number[][]; fullest: number } {
  const rows = Array.from({ length: count }, (): number[] => []);
  const filled = new Array<number>(count).fill(0);
  for (const number of order) {
    let emptiest = 0;
    for (let row = 1; row < count; row++) if (filled[row] < filled[emptiest]) emptiest = row;
    rows[emptiest].push(number);
    filled[emptiest] += lengths[number];
  }
  return { rows, fullest: Math.max(...filled) };
}

/** As collate(), with several examples in a row. Throws as that. */
export function collatePacked(examples: readonly EncodedExample[], options: CollateOptions): Batch {
  const lengths = examples.map(({ ids }) => ids.length);
  if (lengths.length === 0) return collate(examples, options); // which refuses it
  const { rows, length } = packRows(lengths, options);
  const packed = collate(
    rows.map((numbers) => joined(numbers.map((number) => examples[number]))),
    { ...options, padToMultipleOf: length, maxLength: length },
  );
  const segmentIds = packed.inputIds.map((row) => new Array<number>(row.length).fill(0));
  for (const [b, numbers] of rows.entries()) {
    let at = 0;
    for (const [order, number] of numbers.entries()) {
      packed.labels[b][at] = IGNORED_LABEL; // nothing predicts it
      segmentIds[b].fill(order + 1, at, (at += lengths[number]));
    }
  }
  return { ...packed, segmentIds };
}

function joined(examples: readonly EncodedExample[]): EncodedExample {
  return {
    ids: examples.flatMap(({ ids }) => ids),
    types: Uint8Array.from(examples.flatMap(({ types }) => Array.from(types))),
    ...(examples[0].tokenTypeIds && { tokenTypeIds: examples.flatMap(({ tokenTypeIds }) => tokenTypeIds!) }),
  };
}
