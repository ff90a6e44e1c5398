// Several examples in a row: as few positions as the rule finds, and the loss and gradients that the same examples have
// in rows of their own, against float64; runs of packed batches stop, go on, and are shared like others.
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collate, countLabels, IGNORED_LABEL } from "../src/examples/collate.ts";
import { TOKEN_TYPE } from "../src/examples/encoded-example.ts";
import type { EncodedExample } from "../src/examples/encoded-example.ts";
import { collatePacked, packRows } from "../src/examples/pack.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { LoraOptions } from "../src/gpt2/lora-config.ts";
import type { Device } from "../src/gpu/device.ts";
import { evaluateLoss } from "../src/training/evaluate.ts";
import type { MicroBatch } from "../src/training/step.ts";
import { Trainer } from "../src/training/trainer.ts";
import type { TrainerOptions } from "../src/training/trainer-options.ts";
import { expectClose, openDevice, VARIANTS } from "./check-kernel.ts";
import { OracleGPT2 } from "./oracle/gpt2.ts";
import { ranksInProcess } from "./ranks-in-process.ts";
import { MemoryStore, tinyArgs, tinyConfig, VOCAB } from "./training-runs.ts";

const config = tinyConfig.with({ nPositions: 40 });

/** Targets, context and an end in turn; with token types. */
function example(length: number, seed: number): EncodedExample {
  const at = (of: (t: number) => number): number[] => Array.from({ length }, (_, t) => of(t));
  return {
    ids: at((t) => (seed * 7 + t * 3 + t * t) % VOCAB),
    types: Uint8Array.from(at((t) => (t % 3 === 0 ? TOKEN_TYPE.context : TOKEN_TYPE.target))),
    tokenTypeIds: at((t) => (seed + Math.floor(t / 4)) % 5),
  };
}

const lengthsOf = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 9 });

describe("rows that examples share", () => {
  it("hold each example once, in no more positions than without, and are never too long", () => {
    fc.assert(
      fc.property(lengthsOf, fc.integer({ min: 1, max: 9 }), (lengths, padToMultipleOf) => {
        const { rows, length } = packRows(lengths, { padToMultipleOf, maxLength: 40 });
        expect(rows.flat().sort((a, b) => a - b)).toEqual([...lengths.keys()]);
        const filled = rows.map((numbers) => numbers.reduce((sum, number) => sum + lengths[number], 0));
        expect(Math.max(...filled)).toBeLessThanOrEqual(length);
        expect(length).toBeLessThanOrEqual(40);
        const alone = Math.min(40, Math.ceil(Math.max(...lengths) / padToMultipleOf) * padToMultipleOf);
        expect(rows.length * length).toBeLessThanOrEqual(lengths.length * alone);
      }),
    );
  });

  it.each([
    [[10, 10, 10, 10], 40, [[0, 1, 2, 3]], 40],
    [[30, 25, 10, 12], 40, [[0, 2], [1, 3]], 40], // prettier-ignore
    [[9, 1, 1, 1], 40, [[0, 1, 2, 3]], 12],
    [[20, 20, 20], 30, [[0], [1], [2]], 20],
    [[5, 5, 5], 10, [[0], [1], [2]], 5], // two rows would do, of 10 each
    [[50], 40, [[0]], 50],
  ])("of lengths %j in at most %i: %j", (lengths, maxLength, rows, length) => {
    expect(packRows(lengths, { maxLength })).toEqual({ rows, length });
  });

  it("are padded, labelled and told apart", () => {
    const options = { padId: 9, lossOn: "all", padToMultipleOf: 8, maxLength: 40 } as const;
    const [a, b] = [example(4, 1), example(3, 2)];
    const batch = collatePacked([a, b], options);
    expect(batch.inputIds).toEqual([[...a.ids, ...b.ids, 9]]);
    expect(batch.attentionMask).toEqual([[1, 1, 1, 1, 1, 1, 1, 0]]);
    expect(batch.segmentIds).toEqual([[1, 1, 1, 1, 2, 2, 2, 0]]);
    const [, a1, a2, a3] = a.ids;
    const [, b1, b2] = b.ids;
    expect(batch.labels).toEqual([[IGNORED_LABEL, a1, a2, a3, IGNORED_LABEL, b1, b2, IGNORED_LABEL]]);
    expect(batch.tokenTypeIds).toEqual([[...a.tokenTypeIds!, ...b.tokenTypeIds!, 9]]);
    expect(batch.types).toEqual([[...a.types, ...b.types, TOKEN_TYPE.pad]]);
    expect(countLabels(batch.labels)).toBe(countLabels(collate([a, b], options).labels));
    expect(() => collatePacked([], options)).toThrow(/0 examples/);
  });
});

interface Way {
  readonly checkpointing?: boolean;
  readonly logitsChunk?: number;
  readonly lora?: LoraOptions;
}

describe.each(VARIANTS)("a packed batch by attention of $attention", (variant) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ tuning: variant });
  });
  afterAll(() => device.destroy());

  async function gradientsOf(batch: MicroBatch, { checkpointing = false, logitsChunk, lora }: Way = {}) {
    const model = GPT2LMHeadModel.fromConfig(device, config, { seed: 2, gradients: lora === undefined });
    if (lora) model.addAdapter(lora, { seed: 3 });
    model.transformer.training = true;
    model.transformer.gradientCheckpointing = checkpointing;
    try {
      const output = model.forward({ ...batch, keepLogits: false, logitsChunk, lossReduction: "sum" });
      const loss = await output.loss!.item();
      output.loss!.backward();
      output.dispose();
      const gradients = new Map<string, Float32Array>();
      for (const { name, grad } of model.trained.trainable()) gradients.set(name, (await device.read(grad!)).slice());
      return { loss, gradients };
    } finally {
      model.destroy();
    }
  }

  async function oracle(): Promise<OracleGPT2> {
    const model = GPT2LMHeadModel.fromConfig(device, config, { seed: 2 });
    const weights = new Map<string, Float32Array>();
    for (const { name, value } of model.parameters.all()) weights.set(name, (await device.read(value)).slice());
    model.destroy();
    return new OracleGPT2(config, weights);
  }

  const batches = fc.record({
    lengths: lengthsOf,
    lossOn: fc.constantFrom("all", "target"),
    padToMultipleOf: fc.integer({ min: 1, max: 9 }),
    checkpointing: fc.boolean(),
    logitsChunk: fc.option(fc.constantFrom(64, 128), { nil: undefined }),
  });

  it("has the loss and gradients of the examples in rows of their own, in float64", async () => {
    const reference = await oracle();
    await fc.assert(
      fc.asyncProperty(batches, async ({ lengths, lossOn, padToMultipleOf, ...way }) => {
        const examples = lengths.map(example);
        const options = { padId: 0, lossOn, padToMultipleOf, maxLength: 40 } as const;
        const alone = collate(examples, options);
        const packed = collatePacked(examples, options);
        const count = countLabels(alone.labels);
        expect(countLabels(packed.labels)).toBe(count);
        if (count === 0) return;
        const want = reference.lossAndGradients(alone, alone.labels);
        const got = await gradientsOf(packed, way);
        expectClose("loss", [got.loss], [want.loss * count], [1], { rtol: 1e-5 });
        for (const [name, values] of want.gradients) {
          const sums = values.map((value) => value * count);
          expectClose(name, got.gradients.get(name)!, sums, [values.length], { atol: 2e-4, rtol: 1e-3 });
        }
      }),
      { numRuns: 8 },
    );
  });

  it("has those of an adapter too", async () => {
    const examples = [12, 3, 20, 7].map(example);
    const options = { padId: 0, lossOn: "all", maxLength: 40 } as const;
    const way = { lora: { r: 2, targetModules: ["c_attn", "c_proj"] as const } };
    const alone = await gradientsOf(collate(examples, options), way);
    const packed = await gradientsOf(collatePacked(examples, options), way);
    expectClose("loss", [packed.loss], [alone.loss], [1], { rtol: 1e-5 });
    for (const [name, values] of alone.gradients)
      expectClose(name, packed.gradients.get(name)!, values, [values.length], { atol: 1e-4, rtol: 1e-3 });
  });

  it("is another one where a token sees its neighbours' segment, or positions run on", async () => {
    const batch = collatePacked([12, 3, 20].map(example), { padId: 0, lossOn: "all", maxLength: 40 });
    const { loss } = await gradientsOf(batch);
    const { segmentIds, ...open } = batch;
    expect(segmentIds).toHaveLength(1);
    expect(Math.abs((await gradientsOf(open)).loss - loss)).toBeGreaterThan(1e-3);
    const runOn = { ...batch, positionIds: [Array.from({ length: 35 }, (_, t) => t)] };
    expect(Math.abs((await gradientsOf(runOn)).loss - loss)).toBeGreaterThan(1e-3);
  });
});

describe("packed rows", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device.destroy());

  it("that cannot be are refused in words", () => {
    const model = GPT2LMHeadModel.fromConfig(device, config, { seed: 2 });
    const inputIds = [[1, 2, 3]];
    const given = (more: object) => () => model.forward({ inputIds, ...more });
    expect(given({ segmentIds: [[1, 1]] })).toThrow(/segmentIds\[0\] has 2 entries, wanted 3/);
    expect(given({ segmentIds: [[1, -1, 0]] })).toThrow(/segmentIds\[0\]\[1\] is -1, wanted a sequence's number/);
    expect(given({ segmentIds: [[1, 1, 0]], attentionMask: [[1, 1, 1]] })).toThrow(
      /attentionMask\[0\]\[2\] is 1 and segmentIds\[0\]\[2\] is 0, wanted 0 in both or in neither/,
    );
    expect(given({ segmentIds: [[1, 1, 2]], useCache: true })).toThrow(/segmentIds are for rows as a whole/);
    const long = Array<number>(41).fill(1);
    expect(() => model.forward({ inputIds: [long], segmentIds: [long] })).toThrow(
      /is 40, wanted a position from 0 to 39/,
    );
    model.destroy();
  });

  const train = Array.from({ length: 13 }, (_, i) => example(3 + ((i * 5) % 20), i));
  const evaluation = Array.from({ length: 5 }, (_, i) => example(4 + i, 40 + i));
  const args = { ...tinyArgs, perDeviceTrainBatchSize: 4, adamEpsilon: 1e-2, maxSteps: 9, saveSteps: 5, packing: true };

  async function run(
    more: Partial<TrainerOptions> = {},
    { from, dropout = 0 }: { from?: string; dropout?: number } = {},
  ) {
    const { store = new MemoryStore(), ...options } = more;
    const model = from
      ? await GPT2LMHeadModel.fromPretrained(device, await store.open(from), { gradients: true })
      : GPT2LMHeadModel.fromConfig(device, config.with({ attnPdrop: dropout, residPdrop: dropout }), { seed: 1 });
    const trainer = new Trainer({ model, args, train, evaluation, padId: 0, store, ...options });
    try {
      if (from) await trainer.resume(await store.open(from));
      const { logHistory } = await trainer.train();
      const weights = (await device.read(model.parameters.chunks[0].values)).slice();
      const { loss } = await evaluateLoss(model, evaluation, { batchSize: 2, padId: 0, lossOn: "all" });
      return { logHistory, weights, loss, fingerprint: await trainer.fingerprint() };
    } finally {
      trainer.destroy();
      model.destroy();
    }
  }

  it("train the model that rows of their own train, and say in the fingerprint that they do", async () => {
    const packed = await run();
    const alone = await run({ args: { ...args, packing: false } });
    expectClose("weights", packed.weights, alone.weights, [packed.weights.length], { atol: 1e-5, rtol: 1e-4 });
    expect(packed.weights).not.toEqual(alone.weights); // sums in another order
    expect(packed.loss).toBeCloseTo(alone.loss, 4);
    expect(packed.fingerprint).toEqual({ ...alone.fingerprint, packing: true });
    expect(alone.fingerprint).not.toHaveProperty("packing");
  });

  it("go on with the same bits, with dropout, and by two ranks as by one", async () => {
    const store = new MemoryStore();
    const whole = await run({ store }, { dropout: 0.1 });
    expect(await run({ store }, { from: "checkpoint-5", dropout: 0.1 })).toEqual(whole);
    const two = { ...args, maxSteps: 4, saveSteps: 0 };
    const one = await run({ args: two, worldSize: 2 });
    const both = await Promise.all(ranksInProcess(2).map((ranks) => run({ args: two, ranks })));
    for (const { weights } of both)
      expectClose("weights", weights, one.weights, [weights.length], { atol: 1e-6, rtol: 1e-5 });
  });

  it("leave nothing for grouping by length to save", () => {
    const model = GPT2LMHeadModel.fromConfig(device, config, { seed: 1 });
    const grouped = { ...args, groupByLength: true };
    expect(() => new Trainer({ model, args: grouped, train, padId: 0 })).toThrow(/packing.*groupByLength/);
    model.destroy();
  });
});
