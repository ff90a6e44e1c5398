// The key-value cache: appending moves exactly the new keys and values to their places, and reordering rewrites the
// tables as if the histories had been copied. Copies are exact, or of numbers that are rounded to half precision, to
// nearest: all is compared bit by bit.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device } from "../src/gpu/device.ts";
import type { Shape } from "../src/gpu/tensor.ts";
import { kvCacheAppend, kvCacheReorder } from "../src/kernels/kv-cache.ts";
import { lineWidth } from "../src/kernels/stored.ts";
import { asKept, garbage, KEPT, openDevice, randomNormal } from "./check-kernel.ts";
import type { Kept } from "./check-kernel.ts";

describe.each([{ limit: undefined }, { limit: 65536 }])("the cache, binding limit $limit", ({ limit }) => {
  let device: Device;
  const garbageOf = (kept: Kept, shape: Shape) => garbage(device, shape, kept === "f16" ? kept : undefined);
  beforeAll(async () => {
    device = await openDevice({ maxStorageBufferBindingSize: limit });
  });
  afterAll(() => device.destroy());

  const sizes = [
    { B: 1, R: 1, NH: 1, HS: 1, capacity: 1, past: 0, length: 1 },
    { B: 2, R: 3, NH: 3, HS: 5, capacity: 11, past: 4, length: 7 },
    { B: 3, R: 3, NH: 2, HS: 64, capacity: 20, past: 19, length: 1 },
    { B: 5, R: 8, NH: 4, HS: 32, capacity: 16, past: 1, length: 13 }, // qkv of 99,840 bytes: windows where limited
  ];
  const kinds = KEPT.flatMap((kept) => sizes.map((each) => ({ ...each, kept })));
  it.each(kinds)("takes $length tokens after $past as $kept: $B of $R rows, $NH heads of $HS", async (each) => {
    const { B, R, NH, HS, capacity, past, length, kept } = each;
    const C = NH * HS;
    const line = lineWidth(HS, kept);
    const shape = [R, NH, capacity, line];
    const xs = randomNormal([B * length, 3 * C], 3);
    if (kept === "f16") xs.set([7e4, -1e30, 65519].slice(0, C), C); // keys beyond a half become the largest
    const rounded = asKept(
      xs.map((x) => Math.max(-65504, Math.min(x, 65504))),
      kept,
    );
    const [keys, values] = [garbageOf(kept, shape), garbageOf(kept, shape)];
    kvCacheAppend(device.batch, { qkv: device.tensor(xs, [B * length, 3 * C]), keys, values, length, past });
    for (const [name, tensor, part] of [
      ["keys", keys, 1],
      ["values", values, 2],
    ] as const) {
      const want = new Float32Array(R * NH * capacity * line).fill(NaN); // what was not appended stays as it was
      for (let b = 0; b < B; b++)
        for (let t = 0; t < length; t++)
          for (let c = 0; c < C; c++) {
            const [head, channel] = [Math.floor(c / HS), c % HS];
            const at = ((b * NH + head) * capacity + past + t) * line;
            want[at + channel] = rounded[(b * length + t) * 3 * C + part * C + c];
            if (line > HS) want[at + HS] = 0;
          }
      expect(await device.read(tensor), name).toEqual(want);
    }
    for (const tensor of [keys, values]) device.pool.release(tensor);
  });

  it("refuses what does not fit, by name", () => {
    const cache = { keys: garbage(device, [2, 1, 4, 8]), values: garbage(device, [2, 1, 4, 8]) };
    const append = (rows: number, length: number, past: number) => () =>
      kvCacheAppend(device.batch, { qkv: garbage(device, [rows, 24]), ...cache, length, past });
    expect(append(4, 2, 3)).toThrow("cannot append 2 tokens after 3: the cache's capacity is 4");
    expect(append(3, 1, 0)).toThrow("the cache has 2 rows");
    expect(append(3, 2, 0)).toThrow("kv_cache_append: cannot ");
  });

  /** Histories as plain lists; a reorder copies them. */
  async function reorder(B: number, old: number, capacity: number, length: number, parents: readonly number[]) {
    const ancestry = Uint32Array.from({ length: old * capacity }, (_, i) => (i * 7919) % 13);
    const mask = Uint32Array.from({ length: old * capacity }, (_, i) => Number((i * 104729) % 3 > 0));
    const fresh = () => device.tensor(new Uint32Array(B * capacity).fill(0xdeadbeef), [B, capacity]);
    const [newAncestry, newMask] = [fresh(), fresh()];
    kvCacheReorder(device.batch, {
      parents: device.tensor(Uint32Array.from(parents), [B]),
      ancestry: device.tensor(ancestry, [old, capacity]),
      mask: device.tensor(mask, [old, capacity]),
      newAncestry,
      newMask,
      length,
    });
    const want = (table: Uint32Array, own: (row: number) => number): number[] =>
      parents.flatMap((parent, row) =>
        Array.from({ length: capacity }, (_, t) => (t < length ? table[parent * capacity + t] : own(row))),
      );
    expect([...(await device.readU32(newAncestry))]).toEqual(want(ancestry, (row) => row));
    expect([...(await device.readU32(newMask))]).toEqual(want(mask, () => 1));
    for (const tensor of [newAncestry, newMask]) device.pool.release(tensor);
  }

  it.each([
    [1, 1, 1, 0, [0]],
    [4, 1, 9, 5, [0, 0, 0, 0]], // one prompt becomes four beams
    [3, 3, 67, 67, [2, 2, 0]],
    [2, 5, 33, 12, [4, 1]], // rows that have finished drop out
  ])("%i rows go on from %i, capacity %i, length %i, parents %j", reorder);

  it("any reordering (property)", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 70 }),
        fc.array(fc.nat(4), { minLength: 1, maxLength: 6 }),
        fc.nat(100),
        (old, capacity, draws, share) =>
          reorder(
            draws.length,
            old,
            capacity,
            Math.round((capacity * share) / 100),
            draws.map((draw) => draw % old),
          ),
      ),
      { numRuns: 20 },
    );
  });
});
