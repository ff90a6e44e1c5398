// Attention over the cache = attention over the whole sequence, at every position: random prompts with padding, chunks
// of any length, and rows that are reordered, copied and dropped as beam search does, against the float64 oracle of
// each row's history.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device } from "../src/gpu/device.ts";
import type { Tensor } from "../src/gpu/tensor.ts";
import { attentionDecodeWeights } from "../src/kernels/attention-decode-weights.ts";
import { attentionDecode } from "../src/kernels/attention-decode.ts";
import { kvCacheAppend, kvCacheReorder } from "../src/kernels/kv-cache.ts";
import { lineWidth } from "../src/kernels/stored.ts";
import { asKept, expectClose, garbage, KEPT, openDevice, randomNormal, VARIANTS } from "./check-kernel.ts";
import type { Kept } from "./check-kernel.ts";
import { attention as oracle } from "./oracle/ops.ts";

interface Row {
  readonly qkv: number[];
  readonly mask: number[];
} // a sequence so far: [T, 3C] and [T]
interface Step {
  readonly parents?: readonly number[];
  readonly length: number;
}

interface Sizes {
  readonly NH: number;
  readonly HS: number;
  readonly capacity: number;
  readonly physical: number;
  readonly kept?: Kept;
}

/** A cache of `rows` rows, and beside it what each row's sequence is. */
class Cache {
  readonly device: Device;
  readonly NH: number;
  readonly HS: number;
  readonly capacity: number;
  readonly keys: Tensor;
  readonly values: Tensor;
  rows: Row[];
  length = 0;
  readonly kept: Kept;
  private tables: { ancestry: Tensor; mask: Tensor };
  private seed = 1;

  constructor(device: Device, { NH, HS, capacity, physical, masks, kept = "f32" }: Sizes & { masks: number[][] }) {
    [this.device, this.NH, this.HS, this.capacity, this.kept] = [device, NH, HS, capacity, kept];
    const B = masks.length,
      shape = [physical, NH, capacity, lineWidth(HS, kept)],
      dtype = kept === "f16" ? kept : undefined;
    [this.keys, this.values] = [garbage(device, shape, dtype), garbage(device, shape, dtype)];
    this.rows = masks.map(() => ({ qkv: [], mask: [] }));
    const mask = masks.flatMap((prompt) => [...prompt, ...new Array<number>(capacity - prompt.length).fill(1)]);
    this.tables = {
      ancestry: device.tensor(
        Uint32Array.from({ length: B * capacity }, (_, i) => Math.floor(i / capacity)),
        [B, capacity],
      ),
      mask: device.tensor(Uint32Array.from(mask), [B, capacity]),
    };
  }

  reorder(parents: readonly number[]): void {
    const { device, capacity } = this,
      { pool } = device,
      B = parents.length;
    const next = { ancestry: pool.acquire([B, capacity], "u32"), mask: pool.acquire([B, capacity], "u32") };
    const given = device.tensor(Uint32Array.from(parents), [B]);
    kvCacheReorder(device.batch, {
      parents: given,
      ...this.tables,
      newAncestry: next.ancestry,
      newMask: next.mask,
      length: this.length,
    });
    for (const tensor of [given, this.tables.ancestry, this.tables.mask]) pool.release(tensor);
    this.tables = next;
    this.rows = parents.map((parent) => ({ qkv: [...this.rows[parent].qkv], mask: [...this.rows[parent].mask] }));
  }

  /**
   * Appends `length` random tokens to every row and returns the attention of those tokens, [B, length, C], and their
   * qkv.
   */
  async append(length: number, masks?: number[][], given?: Float32Array): Promise<Float32Array> {
    const { device, NH, HS, keys, values, rows } = this,
      { batch, pool } = device,
      C = NH * HS,
      past = this.length;
    const xs = given ?? randomNormal([rows.length * length, 3 * C], this.seed++);
    const qkv = device.tensor(xs, [rows.length * length, 3 * C]),
      out = garbage(device, [rows.length * length, C]);
    // one token is appended by attentionDecode itself
    if (length > 1) kvCacheAppend(batch, { qkv, keys, values, length, past });
    attentionDecode(batch, { qkv, keys, values, ...this.tables, out, past, length });
    rows.forEach((row, b) => {
      const own = xs.slice(b * length * 3 * C, (b + 1) * length * 3 * C);
      const rounded = asKept(own, this.kept); // keys and values are seen as they are kept
      // one by one: a worker's stack is too small for so many arguments
      own.forEach((x, i) => row.qkv.push(i % (3 * C) < C ? x : rounded[i]));
      row.mask.push(...(masks?.[b] ?? new Array<number>(length).fill(1)));
    });
    this.length += length;
    const got = await device.read(out);
    for (const tensor of [qkv, out]) pool.release(tensor);
    return got;
  }

  /** What the oracle says of the last `length` tokens of every row. */
  want(length: number): { y: number[]; probs: number[] } {
    const { NH, HS } = this,
      C = NH * HS,
      T = this.length;
    const all = this.rows.map(({ qkv, mask }) => oracle(qkv, mask, { B: 1, T, NH, HS }));
    return {
      y: all.flatMap(({ y }) => [...y.subarray((T - length) * C)]),
      probs: all.flatMap(({ probs }) =>
        Array.from({ length: NH }, (_, h) => [...probs.subarray((h * T + T - length) * T, (h + 1) * T * T)]).flat(),
      ),
    };
  }

  async weights(length: number): Promise<Float32Array> {
    const { device, NH, HS, rows } = this,
      C = NH * HS;
    const last = rows.flatMap(({ qkv }) => qkv.slice(qkv.length - length * 3 * C));
    const qkv = device.tensor(Float32Array.from(last), [rows.length * length, 3 * C]),
      weights = garbage(device, [rows.length, NH, length, this.length]);
    attentionDecodeWeights(device.batch, {
      qkv,
      keys: this.keys,
      ...this.tables,
      weights,
      past: this.length - length,
      length,
    });
    const got = await device.read(weights);
    for (const tensor of [qkv, weights]) device.pool.release(tensor);
    return got;
  }

  release(): void {
    for (const tensor of [this.keys, this.values, this.tables.ancestry, this.tables.mask])
      this.device.pool.release(tensor);
  }
}

const leftPadded = (length: number, pads: readonly number[]): number[][] =>
  pads.map((count) => Array.from({ length }, (_, t) => Number(t >= count)));

describe.each(VARIANTS)("cached attention by $attentionDecode", (tuning) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ tuning });
  });
  afterAll(() => device.destroy());

  async function expectReplay(
    sizes: Sizes,
    prompt: number,
    pads: readonly number[],
    steps: readonly Step[],
    on = device,
  ): Promise<void> {
    const live = on.pool.liveBytes;
    const masks = leftPadded(prompt, pads),
      cache = new Cache(on, { ...sizes, masks });
    const check = async (length: number, given?: number[][]): Promise<void> => {
      const got = await cache.append(length, given);
      expectClose(`after ${cache.length}`, got, cache.want(length).y, [cache.rows.length, length, sizes.NH, sizes.HS], {
        atol: 2e-5,
        rtol: 2e-4,
      });
    };
    await check(prompt, masks);
    for (const { parents, length } of steps) {
      if (parents) cache.reorder(parents);
      await check(length);
    }
    cache.release();
    expect(on.pool.liveBytes).toBe(live);
  }

  it.each([
    { HS: 1, NH: 2 },
    { HS: 3, NH: 3 },
    { HS: 20, NH: 2 },
    { HS: 64, NH: 2 },
    { HS: 128, NH: 1 },
    { HS: 3, NH: 3, kept: "f16" as const },
  ])("a padded prompt, chunks and beams, HS=$HS, kept as $kept", async ({ HS, NH, kept }) => {
    await expectReplay(
      { NH, HS, capacity: 300, physical: 4, kept },
      5,
      [2, 0, 5],
      [
        { length: 1 },
        { parents: [1, 1, 0, 2], length: 1 },
        { parents: [3, 0, 0, 1], length: 3 },
        { parents: [2, 3], length: 1 },
        { length: 260 },
        { length: 1 },
      ],
    );
  });

  it.runIf(tuning.attentionDecode === "workgroup")(
    "in wide workgroups, of positions that fill them and that do not",
    async () => {
      const wide = await openDevice({ tuning: { ...tuning, attentionLanes: 256 } });
      await expectReplay(
        { NH: 2, HS: 20, capacity: 300, physical: 3 },
        5,
        [2, 0, 5],
        [{ length: 1 }, { parents: [1, 1], length: 250 }, { length: 1 }, { parents: [1, 0], length: 1 }],
        wide,
      );
      wide.destroy();
    },
  );

  it("any prompt, any padding, any reordering", async () => {
    const step = fc.record({
      parents: fc.option(fc.array(fc.nat(100), { minLength: 1, maxLength: 4 }), { nil: undefined }),
      length: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.nat(100), { minLength: 1, maxLength: 4 }),
        fc.array(step, { maxLength: 4 }),
        fc.constantFrom(...KEPT),
        async (prompt, pads, steps, kept) => {
          let rows = pads.length;
          const possible = steps.map(({ parents, length }) => {
            const within = parents?.map((parent) => parent % rows);
            rows = within?.length ?? rows;
            return { parents: within, length };
          });
          await expectReplay(
            { NH: 2, HS: 20, capacity: 64, physical: 4, kept },
            prompt,
            pads.map((count) => count % (prompt + 1)),
            possible,
          );
        },
      ),
      { numRuns: 12, seed: 5 },
    );
  });

  it.each(KEPT)("a row's bits do not depend on the other rows, kept as %s", async (kept) => {
    const sizes = { NH: 2, HS: 20, capacity: 64, physical: 3, kept },
      C = 40;
    const xs = randomNormal([3 * 9, 3 * C], 3);
    const cache = new Cache(device, { ...sizes, masks: leftPadded(9, [0, 4, 8]) });
    const together = await cache.append(9, undefined, xs);
    cache.release();
    for (const b of [0, 1, 2]) {
      const single = new Cache(device, { ...sizes, masks: leftPadded(9, [[0, 4, 8][b]]) });
      expect(await single.append(9, undefined, xs.subarray(b * 9 * 3 * C, (b + 1) * 9 * 3 * C))).toEqual(
        together.subarray(b * 9 * C, (b + 1) * 9 * C),
      );
      single.release();
    }
  });

  it("writes the probabilities on demand", async () => {
    const masks = leftPadded(6, [0, 3]),
      cache = new Cache(device, { NH: 2, HS: 20, capacity: 16, physical: 2, masks });
    await cache.append(6, masks);
    cache.reorder([1, 0]);
    await cache.append(2);
    expectClose("weights", await cache.weights(2), cache.want(2).probs, [2, 2, 2, 8]);
    cache.release();
  });

  it("gives the same by windows over the rows", async () => {
    const small = await openDevice({ tuning, maxStorageBufferBindingSize: 65536 });
    const sizes = { NH: 2, HS: 20, capacity: 25, physical: 7, masks: leftPadded(25, [0, 1, 2, 3, 4, 5, 6]) };
    const xs = randomNormal([7 * 25, 120], 9),
      got: Float32Array[] = []; // qkv takes 84,000 bytes
    for (const on of [device, small]) {
      const cache = new Cache(on, sizes);
      got.push(await cache.append(25, undefined, xs));
      cache.release();
    }
    expect(got[1]).toEqual(got[0]);
    small.destroy();
  });

  it("refuses what does not fit", () => {
    const cache = new Cache(device, { NH: 1, HS: 4, capacity: 4, physical: 1, masks: [[1]] });
    const qkv = device.tensor(new Float32Array(60), [5, 12]);
    expect(() =>
      kvCacheAppend(device.batch, { qkv, keys: cache.keys, values: cache.values, length: 5, past: 0 }),
    ).toThrow("kv_cache_append: cannot append 5 tokens after 0: the cache's capacity is 4");
    expect(() =>
      kvCacheAppend(device.batch, { qkv, keys: cache.keys, values: cache.values, length: 1, past: 0 }),
    ).toThrow("the cache has 1 rows");
    const table = device.tensor(Uint32Array.of(0, 0, 0, 0), [1, 4]),
      out = garbage(device, [1, 4]);
    const decode = (past: number) =>
      attentionDecode(device.batch, {
        qkv: { ...qkv, shape: [1, 12] },
        keys: cache.keys,
        values: cache.values,
        ancestry: table,
        mask: table,
        out,
        past,
        length: 1,
      });
    expect(() => decode(4)).toThrow("attention_decode: cannot attend to 5 positions: the cache's capacity is 4");
    cache.release();
    for (const tensor of [qkv, table, out]) device.pool.release(tensor);
  });
});
