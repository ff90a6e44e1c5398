// How a batch is divided into submits by what they took: on adapters that are made up, whose clock is this file's own,
// and on the real one, where it must change no bit.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requestDevice } from "../src/gpu/device.ts";
import type { Device } from "../src/gpu/device.ts";
import { SubmitPace } from "../src/gpu/submit-pace.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";

const CONFIG = new GPT2Config({ vocabSize: 2000, nPositions: 512, nEmbd: 256, nLayer: 4, nHead: 4 });
/** Operations a second: a processor, and a GPU. */
const [SLOW, FAST] = [2e10, 2e13];

let device: Device;
beforeAll(async () => void (device = await requestDevice()));
afterAll(() => device.destroy());

/** Milliseconds of each submit of `steps` training steps on an adapter of so many operations a second. */
async function submitsOf(rate: number, { steps, paced }: { steps: number; paced: boolean }): Promise<number[][]> {
  const slow = device.dry();
  try {
    const { batch, gpu } = slow;
    let now = 0;
    let idleSince = 0;
    let recorded = 0;
    let seen: number[] = [];
    // each kernel is faster or slower than its operations and bytes say, by up to a half
    const factor = (name: string): number => 0.5 + ([...name].reduce((sum, c) => sum + c.charCodeAt(0), 0) % 11) / 10;
    const dispatch = batch.dispatch.bind(batch) as (...launch: Parameters<typeof batch.dispatch>) => void;
    batch.dispatch = ((...launch: Parameters<typeof batch.dispatch>) => {
      dispatch(...launch);
      const [kernel, constants, bindings, params] = launch;
      const { flops = 0, bytes } = kernel.work?.(params, bindings, constants) ?? {};
      const moved = bytes ?? Object.values(bindings).reduce((sum, { buffer }) => sum + buffer.size, 0);
      recorded += (1000 * factor(kernel.name) * (flops + 4 * moved)) / rate;
    }) as typeof batch.dispatch;
    const ends: number[] = [];
    gpu.queue.submit = () => {
      seen.push(recorded);
      idleSince = Math.max(now, idleSince) + recorded;
      ends.push(idleSince);
      recorded = 0;
    };
    let told: Promise<unknown> = Promise.resolve();
    const done = (): Promise<undefined> => {
      const end = ends.at(-1)!;
      const heard = told.then(() => void (now = Math.max(now, end)));
      told = heard.then(() => new Promise((resolve) => setImmediate(resolve))); // one is heard of before the next
      return heard;
    };
    batch.pace = paced ? new SubmitPace({ onSubmittedWorkDone: done }, () => now) : undefined;
    const model = GPT2LMHeadModel.fromConfig(slow, CONFIG, { gradients: true });
    const inputIds = Array.from({ length: 4 }, () => Array.from({ length: 512 }, (_, i) => i));
    const all: number[][] = [];
    for (let step = 0; step < steps; step++) {
      seen = [];
      const output = model.forward({ inputIds, labels: inputIds, keepLogits: false });
      output.loss!.backward();
      output.dispose();
      batch.submit();
      all.push(seen);
      await told;
    }
    return all;
  } finally {
    slow.destroy();
  }
}

describe("a training step", () => {
  it("takes seconds in one submit on a slow adapter where nothing divides it", async () => {
    const [[whole, ...more]] = await submitsOf(SLOW, { steps: 1, paced: false });
    expect(more).toEqual([]);
    expect(whole).toBeGreaterThan(2000);
  });

  it("is sent there in parts of at most 0.3 seconds, of a size that is worth sending", async () => {
    const all = await submitsOf(SLOW, { steps: 8, paced: true });
    expect(Math.max(...all.flat())).toBeLessThan(300);
    for (const submits of all) {
      const whole = submits.reduce((sum, ms) => sum + ms, 0);
      expect(whole / submits.length).toBeGreaterThan(80);
    }
  });

  it("is one submit on a fast adapter, once that is known", async () => {
    const all = await submitsOf(FAST, { steps: 6, paced: true });
    expect(all[0].length).toBeGreaterThan(5);
    expect(all.slice(-2).map(({ length }) => length)).toEqual([1, 1]);
  });
});

it("little work that seems slow, because it is heard of late, is not divided", async () => {
  let now = 0;
  const pace = new SubmitPace({ onSubmittedWorkDone: async () => void (now += 1000) }, () => now);
  for (let i = 0; i < 50; i++) {
    pace.add(2 ** 27);
    pace.sent();
    await new Promise((resolve) => setImmediate(resolve));
  }
  pace.add(2 ** 27);
  expect(pace.isFull(2 ** 27)).toBe(false);
  expect(pace.isFull(2 ** 28)).toBe(true); // what was seen did count
});

it("the same bits come of one submit and of a submit for each launch", async () => {
  const pace = device.batch.pace;
  const gradients = async (paces: SubmitPace | undefined): Promise<[Float32Array, number, number]> => {
    const small = new GPT2Config({ vocabSize: 97, nPositions: 16, nEmbd: 20, nLayer: 2, nHead: 2 });
    using model = GPT2LMHeadModel.fromConfig(device, small, { gradients: true, seed: 1 });
    const inputIds = [[5, 8, 13, 21, 34, 55, 89]];
    const before = { ...device.batch.counters };
    device.batch.pace = paces;
    const output = model.forward({ inputIds, labels: inputIds });
    output.loss!.backward();
    output.dispose();
    const read = await device.read(model.parameters.get("transformer.wte.weight").grad!);
    device.batch.pace = pace;
    const { submits, dispatches } = device.batch.counters;
    return [read, submits - before.submits, dispatches - before.dispatches];
  };
  const [whole, few] = await gradients(undefined);
  const never = { onSubmittedWorkDone: () => new Promise<undefined>(() => {}) };
  const [divided, many, launches] = await gradients(new SubmitPace(never, () => 0, 0));
  expect(divided).toEqual(whole);
  expect(whole.some((value) => value !== 0)).toBe(true);
  expect(many).toBeGreaterThanOrEqual(launches);
  expect(few).toBeLessThan(5);
});
