// Which micro-batches make up each update: as many as are accumulated, and at an epoch's end what is left of them.
import { collate } from "../examples/collate.ts";
import type { LossOn } from "../examples/collate.ts";
import type { DataLoader, Position } from "../examples/data-loader.ts";
import type { EncodedExample } from "../examples/encoded-example.ts";
import type { MicroBatch } from "./step.ts";

/** Example `index` as epoch `epoch` has it. */
export type ExampleOf = (index: number, epoch: number) => EncodedExample;

export interface UpdateBatchesOptions {
  /** The first micro-batch to take: an update's first. */
  readonly start: Position;
  readonly gradientAccumulationSteps: number;
  readonly padId: number;
  readonly lossOn: LossOn;
  readonly padToMultipleOf: number;
  /** Of a row, in tokens: n_positions. */
  readonly maxLength: number;
}

/** The micro-batches of one update after the other, without end. */
export function* updateBatches(
  loader: DataLoader,
  exampleOf: ExampleOf,
  { start, gradientAccumulationSteps, padId, lossOn, padToMultipleOf, maxLength }: UpdateBatchesOptions,
): Generator<MicroBatch[], never, undefined> {
  let window: MicroBatch[] = [];
  let { epoch } = start;
  for (const { indices, next } of loader.batches(start)) {
    const batch = indices.map((index) => exampleOf(index, epoch));
    window.push(collate(batch, { padId, lossOn, padToMultipleOf, maxLength }));
    if (window.length < gradientAccumulationSteps && next.epoch === epoch) continue;
    yield window;
    window = [];
    epoch = next.epoch;
  }
  throw new Error("updateBatches: a loader's batches have no end");
}
