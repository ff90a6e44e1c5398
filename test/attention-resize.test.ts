// Heads cut or filled with zeros to another number of channels: exact copies, also when added to what is there, in
// windows, and there and back again.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device } from "../src/gpu/device.ts";
import { resizeHeads, wholeHead } from "../src/kernels/attention-resize.ts";
import { garbage, openDevice, randomNormal } from "./check-kernel.ts";

function oracle(x: Float32Array, from: number, to: number, start?: Float32Array): Float32Array {
  const lines = x.length / from;
  return Float32Array.from({ length: lines * to }, (_, i) => {
    const [n, c] = [Math.floor(i / to), i % to];
    return Math.fround((c < from ? x[n * from + c] : 0) + (start?.[i] ?? 0));
  });
}

it("attention's head sizes are the next multiple of four", () =>
  expect([1, 4, 5, 63, 64, 125].map(wholeHead)).toEqual([4, 4, 8, 64, 64, 128]));

describe.each([{ limit: undefined }, { limit: 65536 }])("heads resized, binding limit $limit", ({ limit }) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ maxStorageBufferBindingSize: limit });
  });
  afterAll(() => device.destroy());

  async function check(
    sequences: number,
    length: number,
    heads: number,
    from: number,
    to: number,
    accumulate: boolean,
  ) {
    const rows = sequences * length;
    const xs = randomNormal([rows, heads * from], 4);
    const start = randomNormal([rows, heads * to], 5);
    const x = device.tensor(xs, [rows, heads * from]);
    const y = accumulate ? device.tensor(start, [rows, heads * to]) : garbage(device, [rows, heads * to]);
    expect(resizeHeads(device.batch, { x, y, from, to, sequences, accumulate })).toBe(y);
    const got = await device.read(y);
    const want = oracle(xs, from, to, accumulate ? start : undefined);
    expect(got.length).toBe(want.length);
    expect(got.findIndex((value, i) => value !== want[i])).toBe(-1);
    for (const tensor of [x, y]) device.pool.release(tensor);
  }

  it.each([
    [1, 1, 1, 1, 4],
    [2, 3, 5, 5, 8],
    [3, 7, 2, 63, 64],
    [5, 40, 3, 33, 36], // 86,400 bytes: several windows where limited
    [2, 9, 3, 8, 5], // and back
    [4, 50, 3, 36, 33],
  ])("%i sequences of %i, %i heads of %i become %i", async (sequences, length, heads, from, to) => {
    await check(sequences, length, heads, from, to, false);
    await check(sequences, length, heads, from, to, true);
  });

  it("there and back is the same (property)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 4 }), async (headSize, rows) => {
        const xs = randomNormal([rows, 2 * headSize], 9);
        const wide = wholeHead(headSize);
        const [x, y] = [device.tensor(xs, [rows, 2 * headSize]), garbage(device, [rows, 2 * wide])];
        const back = garbage(device, [rows, 2 * headSize]);
        resizeHeads(device.batch, { x, y, from: headSize, to: wide, sequences: rows });
        resizeHeads(device.batch, { x: y, y: back, from: wide, to: headSize, sequences: rows });
        expect(await device.read(back)).toEqual(xs);
        for (const tensor of [x, y, back]) device.pool.release(tensor);
      }),
      { numRuns: 20 },
    );
  });
});
