// Windows over tensors larger than a binding: they cover every row once, fit, and start where a binding may start.
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Device } from "../src/gpu/device.ts";
import { byteLength, OFFSET_ALIGNMENT, sliceRows } from "../src/gpu/tensor.ts";
import type { Tensor } from "../src/gpu/tensor.ts";
import { flatten, rowWindows } from "../src/kernels/windows.ts";
import { openDevice } from "./check-kernel.ts";

let device: Device;
let tensor: Tensor;
beforeAll(async () => {
  device = await openDevice({ maxStorageBufferBindingSize: 65536 });
  tensor = device.pool.acquire([4]);
});
afterAll(() => device.destroy());

const shaped = (...shape: number[]): Tensor => ({ ...tensor, shape });

it("cover, fit and are aligned, for tensors of different widths together", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3000 }),
      fc.array(fc.integer({ min: 1, max: 250 }), { minLength: 1, maxLength: 3 }),
      (rows, widths) => {
        const tensors = widths.map((width) => shaped(rows, width));
        const windows = rowWindows(device, ...tensors);
        let next = 0;
        for (const { start, count } of windows) {
          expect(start).toBe(next);
          next += count;
          for (const each of tensors) {
            const slice = sliceRows(each, start, count);
            expect(slice.byteOffset % OFFSET_ALIGNMENT).toBe(0);
            expect(byteLength(slice)).toBeLessThanOrEqual(65536);
          }
        }
        expect(next).toBe(rows);
        if (tensors.every((each) => byteLength(each) <= 65536)) expect(windows).toHaveLength(1);
      },
    ),
  );
});

it("are as few as the limit allows", () => {
  expect(rowWindows(device, shaped(100, 256))).toEqual([
    { start: 0, count: 64 },
    { start: 64, count: 36 },
  ]);
  expect(rowWindows(device, flatten(shaped(3, 16384)))).toHaveLength(3);
});

it("refuse a row that cannot be bound", () => {
  expect(() => rowWindows(device, shaped(2, 16385))).toThrow("rowWindows: cannot cut [2,16385]");
});
