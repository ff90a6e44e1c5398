// Which examples make up which batch. The order of an epoch is a pure function of (seed, epoch), so a run that stopped
// anywhere goes on exactly as if it had not: the state is the position { epoch, batch }, two numbers.
import { UserError } from "../errors.ts";
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import { paddedLength } from "./collate.ts";
import { packRows } from "./pack.ts";
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
  /** Where the examples of a batch share rows, the most tokens of one, for padShare (default: they do not). */
  readonly packedLength?: number;
}

const OPTIONS: FieldsOf<LoaderOptions> = {
  batchSize: true,
  seed: true,
  shuffle: true,
  dropLast: true,
  bucketByLength: true,
  padToMultipleOf: true,
  packedLength: true,
};

/** The next batch to be taken: number `batch` of epoch `epoch`, both from 0. */
export interface Position {
  readonly epoch: number;
  readonly batch: number;
}

const BATCHES_PER_BUCKET = 50;

/** The order of an epoch. */
interface EpochPlan {
  readonly batches: number;
  /** The examples of batch `number`. */
  batch(number: number): number[];
}

export class DataLoader {
  /** Batches in every epoch, at least 1. */
  readonly batchesPerEpoch: number;
  private readonly lengths: ArrayLike<number>;
  private readonly options: LoaderOptions;

  /** `lengths`: tokens in each example. Throws UserError when not one batch can be made, or an option is not known. */
  constructor(lengths: ArrayLike<number>, options: LoaderOptions) {
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
    const plan = this.plan(epoch);
    return Array.from({ length: plan.batches }, (_, number) => plan.batch(number));
  }

  /** Four bytes an example, and four a batch where they are grouped by length: a set may have many millions. */
  private plan(epoch: number): EpochPlan {
    const { batchSize, seed, shuffle = true, bucketByLength = false } = this.options;
    const { lengths, batchesPerEpoch: batches } = this;
    const random = new Random(seed, epoch);
    const all = numbersBelow(lengths.length);
    if (shuffle) random.shuffle(all);
    const order = all.subarray(0, Math.min(all.length, batches * batchSize)); // dropLast leaves out the others
    const batch = (number: number): number[] =>
      Array.from(order.subarray(number * batchSize, (number + 1) * batchSize));
    if (!bucketByLength) return { batches, batch };

    // A bucket is a whole number of batches, so that only the last one can leave a short batch.
    const bucket = batchSize * BATCHES_PER_BUCKET;
    for (let start = 0; start < order.length; start += bucket)
      order.subarray(start, start + bucket).sort((a, b) => lengths[a] - lengths[b]);
    if (!shuffle) return { batches, batch };
    const numbers = random.shuffle(numbersBelow(batches));
    return { batches, batch: (number) => batch(numbers[number]) };
  }

  /**
   * Endless batches from `start` on, epoch after epoch, each with the position that follows it: save that one to
   * resume.
   */
  *batches(
    start: Position = { epoch: 0, batch: 0 },
  ): Generator<{ readonly indices: readonly number[]; readonly next: Position }> {
    for (let { epoch, batch } = start; ; epoch++, batch = 0) {
      const plan = this.plan(epoch);
      for (; batch < plan.batches; batch++) {
        yield {
          indices: plan.batch(batch),
          next: batch + 1 < plan.batches ? { epoch, batch: batch + 1 } : { epoch: epoch + 1, batch: 0 },
        };
      }
    }
  }

  /**
   * The share of an epoch's positions, in [0, 1), that are padding when each batch is padded to its longest example, or
   * the next multiple; where examples share rows, as those are filled, unless `packed` is false.
   */
  padShare(epoch: number, { packed = true } = {}): number {
    const { padToMultipleOf = 1, packedLength: maxLength } = this.options;
    let positions = 0,
      tokens = 0;
    const plan = this.plan(epoch);
    for (let number = 0; number < plan.batches; number++) {
      const lengths = plan.batch(number).map((index) => this.lengths[index]);
      const { rows, length } =
        packed && maxLength !== undefined
          ? packRows(lengths, { padToMultipleOf, maxLength })
          : { rows: lengths, length: paddedLength(Math.max(...lengths), padToMultipleOf, Infinity) };
      positions += rows.length * length;
      tokens += lengths.reduce((sum, length) => sum + length, 0);
    }
    return positions === 0 ? 0 : 1 - tokens / positions;
  }
}

function numbersBelow(count: number): Uint32Array {
  const numbers = new Uint32Array(count);
  for (let number = 0; number < count; number++) numbers[number] = number;
  return numbers;
}
