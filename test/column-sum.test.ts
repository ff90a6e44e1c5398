// Sums of columns against float64, in every variant: narrow and wide, part of the columns, scaled, added to what is
// there, windows.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device } from "../src/gpu/device.ts";
import { columnSum } from "../src/kernels/column-sum.ts";
import { expectClose, garbage, openDevice, randomNormal, ROW_VARIANTS } from "./check-kernel.ts";

const TABLE = [
  { N: 1, C: 1 },
  { N: 700, C: 1 },
  { N: 3, C: 5 },
  { N: 1025, C: 7 },
  { N: 130, C: 64, start: 3, columns: 9 },
  { N: 67, C: 253 },
  { N: 300, C: 100, start: 50 },
];

describe.each([
  ...ROW_VARIANTS.map((tuning) => ({ ...tuning, tuning, limit: undefined })),
  ...[ROW_VARIANTS[0], ROW_VARIANTS[2]].map((tuning) => ({ ...tuning, tuning, limit: 65536 })),
])("column sums, rows by $rows, binding limit $limit", ({ tuning, limit }) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ tuning, maxStorageBufferBindingSize: limit });
  });
  afterAll(() => device.destroy());

  it.each(TABLE)("N=$N C=$C", async ({ N, C, start = 0, columns = C - start }) => {
    const values = randomNormal([N, C], 1),
      before = randomNormal([columns], 2);
    const want = Float64Array.from({ length: columns }, (_, c) => {
      let sum = 0;
      for (let n = 0; n < N; n++) sum += values[n * C + start + c];
      return sum;
    });
    const x = device.tensor(values, [N, C]),
      out = garbage(device, [columns]),
      sum = device.tensor(before, [columns]);
    columnSum(device.batch, { x, out, start });
    const tolerance = { atol: 1e-6 * Math.sqrt(N), rtol: 1e-5 };
    const first = await device.read(out);
    expectClose("sum", first, want, [columns], tolerance);
    columnSum(device.batch, { x, out, start });
    expect(await device.read(out)).toEqual(first); // the same bits
    columnSum(device.batch, { x, out: sum, start, scale: 0.5, accumulate: true });
    expectClose(
      "added",
      await device.read(sum),
      want.map((v, c) => before[c] + v / 2),
      [columns],
      tolerance,
    );
    for (const tensor of [x, out, sum]) device.pool.release(tensor);
  });
});
