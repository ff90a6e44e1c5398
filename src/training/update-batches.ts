// Which micro-batches make up each update: as many as are accumulated, and at an epoch's end what is left of them.
import { collate } from "../examples/collate.ts";
import { collatePacked } from "../examples/pack.ts";
import type { LossOn } from "../examples/collate.ts";
import { ALONE, isShareOf } from "./ranks.ts";
import type { Rank } from "./ranks.ts";
import type { DataLoader, Position } from "../examples/data-loader.ts";
import type { EncodedExample } from "../examples/encoded-example.ts";
import type { MicroBatch } from "./step.ts";

/** Example `index` as epoch `epoch` has it. */
export type ExampleOf = (index: number, epoch: number) => EncodedExample;

export interface UpdateBatchesOptions {
  /** The first micro-batch to take: an update's first. */
  readonly start: Position;
  /** Of all ranks together. */
  readonly microBatchesAnUpdate: number;
  /** Whose share of them is taken; default: all. */
  readonly rank?: Rank;
  readonly padId: number;
  readonly lossOn: LossOn;
  readonly padToMultipleOf: number;
  /** Whether examples share rows. */
  readonly packing?: boolean;
  /** Of a row, in tokens: n_positions. */
  readonly maxLength: number;
}

/**
 * This rank's micro-batches of one update after the other, without end: of each update's every size-th, from the
 * rank-th on. Each draws the dropout of its number in the run, whoever takes it.
 */
export function* updateBatches(
  loader: DataLoader,
  exampleOf: ExampleOf,
  {
    start,
    microBatchesAnUpdate,
    rank = ALONE,
    padId,
    lossOn,
    padToMultipleOf,
    packing,
    maxLength,
  }: UpdateBatchesOptions,
): Generator<MicroBatch[], never, undefined> {
  let window: MicroBatch[] = [];
  let seen = 0;
  let { epoch, batch: number } = start;
  for (const { indices, next } of loader.batches(start)) {
    if (isShareOf(rank, seen)) {
      const batch = indices.map((index) => exampleOf(index, epoch));
      const dropoutStep = epoch * loader.batchesPerEpoch + number;
      window.push({
        ...(packing ? collatePacked : collate)(batch, { padId, lossOn, padToMultipleOf, maxLength }),
        dropoutStep,
      });
    }
    seen++;
    const endsEpoch = next.epoch !== epoch;
    ({ epoch, batch: number } = next);
    if (seen < microBatchesAnUpdate && !endsEpoch) continue;
    yield window;
    window = [];
    seen = 0;
  }
  throw new Error("updateBatches: a loader's batches have no end");
}
