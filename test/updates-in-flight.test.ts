// Updates under way: how many may be, what is measured of them and kept for a checkpoint, and when they end the run.
import { afterAll, beforeAll, expect, test } from "vitest";
import { UserError } from "../src/errors.ts";
import { collate } from "../src/examples/collate.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import { LossMeter } from "../src/training/loss-meter.ts";
import { AdamW } from "../src/training/optimizer.ts";
import type { MicroBatch } from "../src/training/step.ts";
import { UpdatesInFlight } from "../src/training/updates-in-flight.ts";
import { openDevice } from "./check-kernel.ts";
import { example, tinyConfig } from "./training-runs.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const batch: MicroBatch = collate([example(6, 1)], { padId: 0, lossOn: "all" });
const unlabelled: MicroBatch = { ...batch, labels: batch.labels.map((row) => row.map(() => -100)) };

/** Updates of a tiny model; the gradients of those numbered in `poisoned`, from 1, are not finite. */
function begin({ poisoned, maxSkippedUpdates }: { poisoned: readonly number[]; maxSkippedUpdates?: number }) {
  const model = GPT2LMHeadModel.fromConfig(device, tinyConfig, { seed: 1 });
  const optimizer = new AdamW(model.parameters);
  const skipped: [number, string][] = [];
  let at = 0;
  const updates = new UpdatesInFlight(model, optimizer, {
    maxSkippedUpdates,
    onSkip: (step, reason) => skipped.push([step, reason]),
    exchange: ([first], counts) => {
      if (poisoned.includes(++at)) device.batch.write(first, Float32Array.of(NaN));
      return counts;
    },
  });
  const end = (): void => {
    updates.destroy();
    optimizer.destroy();
    model.destroy();
  };
  return { updates, skipped, end };
}

test("an update without a label neither ends a row of skipped ones nor begins one, and is said", async () => {
  const { updates, skipped, end } = begin({ poisoned: [2, 4], maxSkippedUpdates: 3 });
  const micro = [batch, batch, unlabelled, batch];
  for (const [i, each] of micro.entries()) {
    await updates.send(i + 1, [each], 1e-3);
    await updates.settle();
    expect(updates.state().skippedInARow).toBe([0, 1, 1, 2][i]);
  }
  expect(skipped.map(([step]) => step)).toEqual([2, 3, 4]);
  expect(skipped[1][1]).toContain("no label");
  expect(updates.state().skippedUpdates).toBe(2);
  const { loss, skipped_updates } = await updates.measured();
  expect(skipped_updates).toBe(2);
  expect(updates.state().skippedUpdates, "of the whole run").toBe(2);
  expect(loss).toBeGreaterThan(0);
  end();
});

test("as many skipped ones in a row as allowed end the run", async () => {
  const { updates, end } = begin({ poisoned: [1], maxSkippedUpdates: 1 });
  await updates.send(1, [batch], 1e-3);
  await expect(updates.settle()).rejects.toThrow(UserError);
  end();
});

test("sends are at most two updates ahead of what is known", async () => {
  const { updates, skipped, end } = begin({ poisoned: [1, 2, 3] });
  for (let step = 1; step <= 3; step++) {
    await updates.send(step, [batch], 1e-3);
    await updates.keepUp();
    expect(skipped.map(([at]) => at)).toEqual(step === 3 ? [1] : []);
  }
  await updates.settle();
  expect(skipped.map(([at]) => at)).toEqual([1, 2, 3]);
  end();
});

test("the norm that is logged is that of the last update that was made", () => {
  const meter = new LossMeter();
  meter.add({ loss: 6, count: 3, gradNorm: 2, skippedInARow: 0 });
  meter.add({ loss: 0, count: 0, gradNorm: undefined, skippedInARow: 0 }); // without a label
  meter.add({ loss: NaN, count: 3, gradNorm: NaN, skippedInARow: 1 });
  const again = new LossMeter();
  again.restore(meter.state());
  expect(again.take()).toEqual({ loss: 2, grad_norm: 2, skipped_updates: 1 });
  expect(again.take()).toEqual({});
});
