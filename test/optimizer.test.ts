// The optimizer over a parameter store: 20 clipped steps of both forms against float64, decay groups, state, bad
// gradients.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ParameterStore } from "../src/autograd/parameter.ts";
import { UserError } from "../src/errors.ts";
import type { Device } from "../src/gpu/device.ts";
import type { Shape } from "../src/gpu/tensor.ts";
import { AdamW, decayAllButBiases, decayMatrices } from "../src/training/optimizer.ts";
import type { AdamWOptions } from "../src/training/optimizer.ts";
import { expectClose, openDevice, randomNormal } from "./check-kernel.ts";
import { clipGradients, decaysUnder, OracleAdamW } from "./oracle/adamw.ts";

// Decay alternates, sizes fill their 256 bytes or not, one matrix exceeds a 64 KiB binding.
const SHAPES = new Map<string, Shape>([
  ["wte.weight", [257, 100]],
  ["h.0.ln_1.weight", [5]],
  ["h.0.ln_1.bias", [5]],
  ["h.0.attn.c_attn.weight", [5, 15]],
  ["h.0.mlp.c_fc.weight", [5, 20]],
  ["h.0.mlp.c_fc.bias", [64]],
  ["ln_f.weight", [1]],
]);

const GROUPINGS = { trainer: decayMatrices, "2020_script": decayAllButBiases } as const;

describe.each([{ limit: undefined }, { limit: 65536 }])("AdamW, binding limit $limit", ({ limit }) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ maxStorageBufferBindingSize: limit });
  });
  afterAll(() => device.destroy());

  function open(options: AdamWOptions) {
    const store = new ParameterStore(device, SHAPES, { gradients: true });
    const start = new Map([...SHAPES].map(([name, shape], i) => [name, randomNormal(shape, i, { scale: 0.5 })]));
    for (const [name, values] of start) device.batch.write(store.get(name).value, values);
    return { store, start, optimizer: new AdamW(store, options) };
  }

  /** Gradients of step t: large every third step, so that some steps clip and some do not. */
  function gradients(t: number): Map<string, Float32Array> {
    return new Map(
      [...SHAPES].map(([name, shape], i) => [
        name,
        randomNormal(shape, 100 * t + i, { scale: t % 3 === 0 ? 0.05 : 0.003 }),
      ]),
    );
  }

  function upload(store: ParameterStore, values: ReadonlyMap<string, Float32Array>): void {
    for (const [name, gradient] of values) device.batch.write(store.get(name).grad!, gradient);
  }

  async function readAll(store: ParameterStore): Promise<Map<string, Float32Array>> {
    const values = new Map<string, Float32Array>();
    for (const { name, value } of store.all()) values.set(name, await device.read(value));
    return values;
  }

  /** Names of the parameters whose values differ. */
  async function different(a: ParameterStore, b: ParameterStore): Promise<string[]> {
    const [mine, other] = [await readAll(a), await readAll(b)];
    return [...mine].filter(([name, values]) => values.some((v, i) => v !== other.get(name)![i])).map(([name]) => name);
  }

  it.each([
    { form: "adamw_torch", grouping: "trainer" },
    { form: "hf_adamw_2020", grouping: "2020_script" },
  ] as const)("20 steps of $form, $grouping groups", async ({ form, grouping }) => {
    const settings = { form, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.05 } as const;
    const { store, start, optimizer } = open({ ...settings, decay: GROUPINGS[grouping] });
    const want = new Map([...start].map(([name, values]) => [name, Float64Array.from(values)]));
    // The reference's names carry a prefix that ours lack here.
    const decays = decaysUnder(grouping);
    const oracle = new OracleAdamW({ ...settings, decays: (name) => decays(`.${name}`) });
    let clipped = 0;
    for (let t = 1; t <= 20; t++) {
      const gradient = gradients(t),
        learningRate = 1e-3 * (1 - t / 40);
      optimizer.zeroGrad();
      upload(store, gradient);
      optimizer.step(learningRate, { maxGradNorm: 1 });
      const exact = new Map([...gradient].map(([name, values]) => [name, Float64Array.from(values)]));
      const norm = clipGradients(exact, 1);
      oracle.step(want, exact, learningRate);
      const [gotNorm, coefficient] = await device.read(optimizer.gradNorm);
      expect(Math.abs(gotNorm / norm - 1)).toBeLessThan(1e-5);
      if (coefficient < 1) clipped++;
    }
    expect(clipped).toBe(6);
    expect(optimizer.stepCount).toBe(20);
    for (const [name, values] of await readAll(store))
      expectClose(name, values, want.get(name)!, SHAPES.get(name)!, { atol: 2e-6, rtol: 2e-6 });
    // Negative control: the other grouping is told apart at this tolerance.
    const other = grouping === "trainer" ? "2020_script" : "trainer";
    expect(decaysUnder(other)(".h.0.ln_1.weight")).not.toBe(decays(".h.0.ln_1.weight"));
    optimizer.destroy();
    store.destroy();
  });

  it("decays the parameters that it should, and no others", async () => {
    for (const [grouping, decay] of Object.entries(GROUPINGS)) {
      const { store, start, optimizer } = open({ weightDecay: 0.5, decay });
      optimizer.step(0.1); // zero gradients: only decay acts
      for (const [name, values] of await readAll(store)) {
        const factor = decaysUnder(grouping as "trainer")(`.${name}`) ? 0.95 : 1;
        expectClose(
          name,
          values,
          start.get(name)!.map((v) => v * factor),
          SHAPES.get(name)!,
          { atol: 1e-7, rtol: 1e-6 },
        );
      }
      optimizer.destroy();
      store.destroy();
    }
  });

  it("resumes from its state to the same bits, and refuses another model's", async () => {
    const first = open({ weightDecay: 0.1 });
    for (let t = 1; t <= 3; t++) {
      upload(first.store, gradients(t));
      first.optimizer.step(1e-3);
    }
    expect([...(await device.readU32(first.optimizer.made))]).toEqual([3]);
    const { stepCount, moments } = first.optimizer.state();
    const saved = new Map<string, { shape: Shape; values: Float32Array }>();
    for (const [name, tensor] of moments) saved.set(name, { shape: tensor.shape, values: await device.read(tensor) });
    expect([...saved.keys()].slice(0, 2)).toEqual(["exp_avg.wte.weight", "exp_avg_sq.wte.weight"]);

    const second = open({ weightDecay: 0.1 });
    for (const [name, values] of await readAll(first.store)) device.batch.write(second.store.get(name).value, values);
    const load = (moments: typeof saved) =>
      second.optimizer.load({
        stepCount,
        skippedInARow: 3,
        shapes: new Map([...moments].map(([name, { shape }]) => [name, shape])),
        read: (name) => moments.get(name)!.values,
      });
    await load(saved);
    expect([...(await device.readU32(second.optimizer.skipped))]).toEqual([3]);
    for (const { store, optimizer } of [first, second]) {
      upload(store, gradients(4));
      optimizer.step(1e-3);
    }
    const [a, b] = [await readAll(first.store), await readAll(second.store)];
    for (const [name, values] of a) expect(b.get(name)).toEqual(values);

    const missing = new Map(saved);
    missing.delete("exp_avg.ln_f.weight");
    await expect(load(missing)).rejects.toThrow("The optimizer state has no exp_avg.ln_f.weight");
    const reshaped = new Map(saved).set("exp_avg.ln_f.weight", { shape: [2], values: new Float32Array(2) });
    await expect(load(reshaped)).rejects.toThrow("exp_avg.ln_f.weight is [2], this model's is [1]");
    const extra = new Map(saved).set("exp_avg.other", { shape: [1], values: new Float32Array(1) });
    await expect(load(extra)).rejects.toThrow("exp_avg.other, which this model has not");
    for (const [name, value] of [
      ["exp_avg.ln_f.weight", NaN],
      ["exp_avg_sq.ln_f.weight", -1],
    ] as const) {
      const damaged = new Map(saved).set(name, { shape: [1], values: Float32Array.of(value) });
      await expect(load(damaged)).rejects.toThrow(`The optimizer state's ${name} holds ${value}: the file is damaged`);
    }
    for (const { store, optimizer } of [first, second]) {
      optimizer.destroy();
      store.destroy();
    }
  });

  it("skips a step whose gradients are not finite, and says so", async () => {
    const { store, start, optimizer } = open({ weightDecay: 0.1 });
    const bad = gradients(1);
    bad.get("h.0.ln_1.bias")![2] = NaN;
    upload(store, bad);
    optimizer.step(1e-3, { maxGradNorm: 1 });
    const [norm, coefficient] = await device.read(optimizer.gradNorm);
    expect(norm).toBeNaN();
    expect(coefficient).toBe(0);
    expect([...(await device.readU32(optimizer.skipped))]).toEqual([1]);
    for (const [name, values] of await readAll(store)) expect(values).toEqual(start.get(name));
    optimizer.zeroGrad();
    upload(store, gradients(2));
    optimizer.step(1e-3, { maxGradNorm: 1 });
    for (const values of (await readAll(store)).values()) expect(values.every(Number.isFinite)).toBe(true);
    optimizer.destroy();
    store.destroy();
  });

  it("counts no skipped step in the bias corrections, before and after it is resumed", async () => {
    const [plain, skipping] = [open({ weightDecay: 0.1 }), open({ weightDecay: 0.1 })];
    const nan = new Map([["ln_f.weight", Float32Array.of(NaN)]]);
    const step = ({ store, optimizer }: typeof plain, gradient: ReadonlyMap<string, Float32Array>): void => {
      optimizer.zeroGrad();
      upload(store, gradient);
      optimizer.step(1e-3);
    };
    for (const t of [1, 2]) {
      for (const bad of [nan, nan]) step(skipping, bad);
      for (const each of [plain, skipping]) step(each, gradients(t));
    }
    expect(await different(skipping.store, plain.store)).toEqual([]);
    expect([skipping.optimizer.stepCount, ...(await device.readU32(skipping.optimizer.made))]).toEqual([6, 2]);

    const { stepCount, moments } = skipping.optimizer.state();
    const resumed = open({ weightDecay: 0.1 });
    const values = new Map<string, Float32Array>();
    for (const [name, tensor] of moments) values.set(name, (await device.read(tensor)).slice());
    for (const [name, value] of await readAll(skipping.store)) device.batch.write(resumed.store.get(name).value, value);
    const load = (skipped: number): Promise<void> =>
      resumed.optimizer.load({
        stepCount,
        skipped,
        shapes: new Map([...moments].map(([name, { shape }]) => [name, shape])),
        read: (name) => values.get(name)!,
      });
    await load(4);
    for (const each of [plain, resumed]) step(each, gradients(3));
    expect(await different(resumed.store, plain.store)).toEqual([]);
    await expect(load(7)).rejects.toThrow("The optimizer state has 7 skipped steps, expected 0 to 6.");
    for (const { store, optimizer } of [plain, skipping, resumed]) {
      optimizer.destroy();
      store.destroy();
    }
  });

  it("launches neighbours that decay alike together", () => {
    const { store, optimizer } = open({ weightDecay: 0.1 });
    const { dispatches } = device.batch.counters;
    optimizer.step();
    // Four runs: wte, then ln_1's two, then both matrices, then a bias and ln_f. The norm takes two. wte is two windows
    // of
    // 64 KiB, and so are the gradients as a whole.
    expect(device.batch.counters.dispatches - dispatches).toBe(limit ? 4 + 2 + 2 : 4 + 2);
    device.batch.submit();
    optimizer.destroy();
    store.destroy();
  });

  it.each([
    [{ betas: [1, 0.9] as const }, "beta"],
    [{ eps: 0 }, "eps"],
    [{ weightDecay: -1 }, "weight decay"],
  ])("refuses %o", (options, word) => {
    const store = new ParameterStore(device, new Map([["p", [4]]]), { gradients: true });
    expect(() => new AdamW(store, options)).toThrow(UserError);
    expect(() => new AdamW(store, options)).toThrow(word);
    store.destroy();
  });
});
