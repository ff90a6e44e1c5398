// Which examples make up which batch. The order of an epoch is a pure function of (seed, epoch), so a run that stopped
// anywhere goes on exactly as if it had not: the state is the position { epoch, batch }, two numbers.
import { UserError } from "../errors.ts";
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import { paddedLength } from "./collate.ts";
import { Random } from "../random.ts";

export interface LoaderOptions {
  readonly batchSize: number;
  readonly seed: number;
  /** A new order every epoch (default true); false keeps the given order, as for evaluation. */
  readonly shuffle?: boolean;
  /** Leave out the last examples of the epoch's order when they do not fill a batch (default false). */
  readonly dropLast?: boolean;
  /**
   * Group examples of similar length so that less is padded (default false): within each run of 50 batches of the
   * epoch's order, examples are sorted by length; then the batches take a random order. The same idea as HF's
   * LengthGroupedSampler.
   */
  readonly bucketByLength?: boolean;
  /** What rows are padded to, for padShare (default 1: to the longest of the batch). */
  readonly padToMultipleOf?: number;
}

const OPTIONS: FieldsOf<LoaderOptions> = {
  batchSize: true,
  seed: true,
  shuffle: true,
  dropLast: true,
  bucketByLength: true,
  padToMultipleOf: true,
};

/** The next batch to be taken: number `batch` of epoch `epoch`, both from 0. */
export interface Position {
  readonly epoch: number;
  readonly batch: number;
}

const BATCHES_PER_BUCKET = 50;

export class DataLoader {
  /** Batches in every epoch, at least 1. */
  readonly batchesPerEpoch: number;
  private readonly lengths: readonly number[];
  private readonly options: LoaderOptions;

  /** `lengths`: tokens in each example. Throws UserError when not one batch can be made, or an option is not known. */
  constructor(lengths: readonly number[], options: LoaderOptions) {
    expectFields("DataLoader", options, OPTIONS);
    const { batchSize, dropLast = false } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1)
      throw new UserError(`The batch size is ${batchSize}, wanted an integer of at least 1; set a larger one.`);
    this.batchesPerEpoch = dropLast ? Math.floor(lengths.length / batchSize) : Math.ceil(lengths.length / batchSize);
    if (this.batchesPerEpoch === 0) {
      throw new UserError(
        `There are ${lengths.length} examples, wanted at least ` +
          `${dropLast ? `one full batch of ${batchSize}` : "one"}; ` +
          `add data${dropLast ? " or make the batch smaller" : ""}.`,
      );
    }
    this.lengths = lengths;
    this.options = options;
  }

  /**
   * The batches of one epoch, as lists of example indices. Each index stands in it once (but for those that dropLast
   * leaves out).
   */
  epoch(epoch: number): number[][] {
    const { batchSize, seed, shuffle = true, dropLast = false, bucketByLength = false } = this.options;
    const random = new Random(seed, epoch);
    const order = this.lengths.map((_, index) => index);
    if (shuffle) random.shuffle(order);
    if (dropLast) order.length -= order.length % batchSize;
    if (!bucketByLength) return chunks(order, batchSize);

    // A bucket is a whole number of batches, so that only the last one can leave a short batch.
    const buckets = chunks(order, batchSize * BATCHES_PER_BUCKET);
    const batches = buckets.flatMap((bucket) =>
      chunks(
        bucket.sort((a, b) => this.lengths[a]! - this.lengths[b]!),
        batchSize,
      ),
    );
    return shuffle ? random.shuffle(batches) : batches;
  }

  /**
   * Endless batches from `start` on, epoch after epoch, each with the position that follows it: save that one to
   * resume.
   */
  *batches(
    start: Position = { epoch: 0, batch: 0 },
  ): Generator<{ readonly indices: readonly number[]; readonly next: Position }> {
    for (let { epoch, batch } = start; ; epoch++, batch = 0) {
      const plan = this.epoch(epoch);
      for (; batch < plan.length; batch++) {
        yield {
          indices: plan[batch]!,
          next: batch + 1 < plan.length ? { epoch, batch: batch + 1 } : { epoch: epoch + 1, batch: 0 },
        };
      }
    }
  }

  /**
   * The share of an epoch's positions, in [0, 1), that are padding when each batch is padded to its longest example, or
   * the next multiple.
   */
  padShare(epoch: number): number {
    const { padToMultipleOf = 1 } = this.options;
    let positions = 0,
      tokens = 0;
    for (const batch of this.epoch(epoch)) {
      const lengths = batch.map((index) => this.lengths[index]!);
      positions += paddedLength(Math.max(...lengths), padToMultipleOf, Infinity) * batch.length;
      tokens += lengths.reduce((sum, length) => sum + length, 0);
    }
    return positions === 0 ? 0 : 1 - tokens / positions;
  }
}

function chunks<T>(values: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(values.length / size) }, (_, i) => values.slice(i * size, (i + 1) * size));
}
