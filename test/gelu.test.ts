// Backward of gelu_new against central differences of a float64 gelu_new: small, large and huge arguments, sizes that
// fill no workgroup, any shape, in windows.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device } from "../src/gpu/device.ts";
import { geluBackward } from "../src/kernels/gelu.ts";
import { centralDifferences, expectClose, openDevice, randomNormal } from "./check-kernel.ts";
import { gelu } from "./oracle/ops.ts";

const derivative = (x: number): number =>
  centralDifferences(([at]) => gelu(at), [x], 1e-5 * Math.max(1, Math.abs(x)))[0];

describe.each([{ limit: undefined }, { limit: 65536 }])("gelu backward, binding limit $limit", ({ limit }) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ maxStorageBufferBindingSize: limit });
  });
  afterAll(() => device.destroy());

  it.each([[[1]], [[3]], [[257]], [[5, 13, 7]], [[131, 129]], [[200, 200]]])("shape %j", async (shape) => {
    const count = shape.reduce((a, b) => a * b);
    const us = randomNormal(shape, 1, { scale: 3 });
    const dys = randomNormal(shape, 2);
    us.set([-1e10, -60, -20, -1e-3, 0, 1e-30, 20, 60, 1e10].slice(0, count));
    const [u, dy] = [device.tensor(us, shape), device.tensor(dys, shape)];
    geluBackward(device.batch, { dy, u });
    const want = Array.from(us, (x, i) => dys[i] * derivative(x));
    expectClose("dy", await device.read(dy), want, shape, { atol: 1e-5, rtol: 2e-5 });
    expect(await device.read(u)).toEqual(us); // read only
  });

  it("refuses another shape by name", () => {
    const [u, dy] = [device.tensor(new Float32Array(6), [2, 3]), device.tensor(new Float32Array(6), [3, 2])];
    expect(() => geluBackward(device.batch, { dy, u })).toThrow(
      "gelu_backward: cannot bind u: shape is [2,3], expected [3,2] (as dy)",
    );
  });
});
