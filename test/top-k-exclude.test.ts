// Excluding tokens of each row: their logits come out bit for bit, they count as removed afterwards, and nothing
// else changes.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device } from "../src/gpu/device.ts";
import { packTokens, excludeTokens } from "../src/kernels/top-k-exclude.ts";
import { topK } from "../src/kernels/top-k.ts";
import { openDevice, randomNormal, ROW_VARIANTS } from "./check-kernel.ts";

const REMOVED = Math.fround(-3.4028234663852886e38);

/** Different tokens for each row: none, one, few, or all but two. */
function tokensOf(row: number, V: number): number[] {
  const count = Math.min(V, [0, 1, 7, V - 2][row % 4]);
  return Array.from({ length: Math.max(0, count) }, (_, i) => (i * 2 + row) % V).filter(
    (token, i, all) => all.indexOf(token) === i,
  );
}

describe.each([
  ...ROW_VARIANTS.map((tuning) => ({ ...tuning, tuning, limit: undefined })),
  { rows: "subgroup", tuning: ROW_VARIANTS[0], limit: 65536 },
])("excluding tokens, rows by $rows, binding limit $limit", ({ tuning, limit }) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ tuning, maxStorageBufferBindingSize: limit });
  });
  afterAll(() => device.destroy());

  it.each([
    { R: 1, V: 1 },
    { R: 5, V: 257 },
    { R: 70, V: 503 },
  ])("R=$R V=$V", async ({ R, V }) => {
    const stride = Math.ceil(V / 64) * 64;
    const values = randomNormal([R, stride], 6);
    const rows = Array.from({ length: R }, (_, r) => tokensOf(r, V));
    const packed = packTokens(rows);
    const logits = device.tensor(values, [R, stride]),
      tokens = device.tensor(packed, [packed.length]);
    const excluded = device.tensor(new Float32Array(packed.length).fill(NaN), [packed.length]);
    excludeTokens(device.batch, { tokens, logits, excluded });
    const [left, out] = [await device.read(logits), await device.read(excluded)];
    const want = values.slice();
    rows.forEach((row, r) => {
      expect([...out.subarray(packed[r], packed[r + 1])]).toEqual(row.map((token) => values[r * stride + token]));
      for (const token of row) want[r * stride + token] = REMOVED;
    });
    expect(left).toEqual(want);
    expect(out.subarray(0, R + 1).every(Number.isNaN)).toBe(true);

    const k = Math.min(3, V),
      best = device.tensor(new Float32Array(R * k), [R, k]),
      ids = device.tensor(new Uint32Array(R * k), [R, k]);
    topK(device.batch, { logits, columns: V, k, values: best, ids });
    const first = await device.readU32(ids);
    rows.forEach((row, r) => {
      if (row.length < V) expect(row).not.toContain(first[r * k]);
    });
    for (const tensor of [logits, tokens, excluded, best, ids]) device.pool.release(tensor);
  });
});

it("refuses places for another number of logits", async () => {
  const device = await openDevice();
  const packed = packTokens([[3, 5]]);
  expect([...packed]).toEqual([2, 4, 3, 5]);
  const logits = device.pool.acquire([1, 64]),
    tokens = device.tensor(packed, [4]),
    excluded = device.pool.acquire([2]);
  expect(() => excludeTokens(device.batch, { tokens, logits, excluded })).toThrow(
    "top_k_exclude: cannot bind excluded: shape is [2], expected [4] (tokens)",
  );
  device.destroy();
});
