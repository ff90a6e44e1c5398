// Top-k, argmax and log-sum-exp of rows of logits against sorting in JavaScript: exact values and ids, ties,
// infinities, NaN.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device } from "../src/gpu/device.ts";
import { logSumExp } from "../src/kernels/log-sum-exp.ts";
import { argmax, topK } from "../src/kernels/top-k.ts";
import { expectClose, openDevice, randomNormal, ROW_VARIANTS } from "./check-kernel.ts";

const TABLE = [
  { R: 1, V: 1, k: 1 },
  { R: 3, V: 257, k: 5 },
  { R: 128, V: 503, k: 8 },
  { R: 2, V: 9, k: 9 },
  { R: 5, V: 100, k: 64 },
  { R: 2, V: 8193, k: 64 },
  { R: 3, V: 50257, k: 10 },
  { R: 1, V: 50257, k: 64 },
  { R: 2, V: 50257, k: 1 },
];

const stride = (V: number): number => Math.ceil(V / 64) * 64;

/** Rows of V values; the columns beyond are larger than any. */
function pad(values: Float32Array, V: number): Float32Array {
  const R = values.length / V,
    Vp = stride(V);
  const padded = new Float32Array(R * Vp).fill(1e9);
  for (let r = 0; r < R; r++) padded.set(values.subarray(r * V, (r + 1) * V), r * Vp);
  return padded;
}

function oracle(values: Float32Array, V: number, k: number): { values: number[]; ids: number[] } {
  const found = { values: [] as number[], ids: [] as number[] };
  for (let at = 0; at < values.length; at += V) {
    const row = Array.from(values.subarray(at, at + V), (value) => (Number.isNaN(value) ? Infinity : value));
    const isNaN = (id: number): number => Number(Number.isNaN(values[at + id]));
    const order = row
      .map((_, id) => id)
      .sort((a, b) => isNaN(b) - isNaN(a) || (row[a] === row[b] ? a - b : row[b] - row[a] || 0))
      .slice(0, k);
    found.ids.push(...order);
    found.values.push(...order.map((id) => values[at + id]));
  }
  return found;
}

describe.each([
  ...ROW_VARIANTS.map((tuning) => ({ ...tuning, tuning, limit: undefined })),
  { rows: "subgroup", tuning: ROW_VARIANTS[0], limit: 65536 },
])("top-k, rows by $rows, binding limit $limit", ({ tuning, limit }) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ tuning, maxStorageBufferBindingSize: limit });
  });
  afterAll(() => device.destroy());

  async function run(data: Float32Array, V: number, k: number) {
    const R = data.length / V,
      logits = device.tensor(pad(data, V), [R, stride(V)]);
    const values = device.tensor(new Float32Array(R * k).fill(NaN), [R, k]),
      ids = device.tensor(new Uint32Array(R * k).fill(9e8), [R, k]);
    const first = device.tensor(new Uint32Array(R).fill(9e8), [R]);
    topK(device.batch, { logits, columns: V, k, values, ids });
    argmax(device.batch, { logits, columns: V, ids: first });
    const got = {
      values: [...(await device.read(values))],
      ids: [...(await device.readU32(ids))],
      argmax: [...(await device.readU32(first))],
    };
    for (const tensor of [logits, values, ids, first]) device.pool.release(tensor);
    return got;
  }

  it.each(TABLE.filter(({ V }) => !limit || V < 10000))("R=$R V=$V k=$k", async ({ R, V, k }) => {
    const live = device.pool.liveBytes;
    const smooth = randomNormal([R, V], 1, { scale: 5 });
    for (const data of [smooth, smooth.map((x) => Math.round(x)), smooth.map((_, i) => i % V)]) {
      // distinct; many ties; ascending
      const got = await run(data, V, k),
        want = oracle(data, V, k);
      expect(got.ids).toEqual(want.ids);
      expect(got.values).toEqual(want.values.map((v) => v + 0)); // -0 comes back as 0
      expect(got.argmax).toEqual(want.ids.filter((_, i) => i % k === 0));
    }
    expect(device.pool.liveBytes).toBe(live);
  });

  it("orders infinities, zeros and NaN as torch does", async () => {
    const row = [1, -Infinity, 0, -0, Infinity, -1e-38, NaN, -3.4e38, 1e-40, -Infinity, 3.4e38];
    const { values, ids } = await run(new Float32Array(row), row.length, row.length);
    expect(ids).toEqual([6, 4, 10, 0, 8, 2, 3, 5, 7, 1, 9]);
    expect(values[0]).toBeNaN();
    expect(values.slice(-2)).toEqual([-Infinity, -Infinity]);
  });

  it.each([
    { R: 3, V: 257, scale: 3 },
    { R: 70, V: 64, scale: 1e4 },
    { R: 2, V: 5, scale: 0 },
  ])("log-sum-exp R=$R V=$V scale $scale", async ({ R, V, scale }) => {
    const data = randomNormal([R, V], 2, { scale });
    const logits = device.tensor(pad(data, V), [R, stride(V)]),
      lse = device.tensor(new Float32Array(R).fill(NaN), [R]);
    logSumExp(device.batch, { logits, columns: V, lse });
    const want = Array.from({ length: R }, (_, r) => {
      const row = data.subarray(r * V, (r + 1) * V),
        max = row.reduce((a, b) => Math.max(a, b));
      return max + Math.log(row.reduce((sum, x) => sum + Math.exp(x - max), 0));
    });
    expectClose("lse", await device.read(lse), want, [R], { atol: 2e-6, rtol: 2e-6 });
    for (const tensor of [logits, lse]) device.pool.release(tensor);
  });
});

it("refuses more than there are columns", async () => {
  const device = await openDevice();
  const logits = device.pool.acquire([2, 64]),
    values = device.pool.acquire([2, 11]),
    ids = device.pool.acquire([2, 11], "u32");
  expect(() => topK(device.batch, { logits, columns: 10, k: 11, values, ids })).toThrow(
    "top_k: cannot take the 11 largest of 10 columns of [2,64]",
  );
  device.destroy();
});
