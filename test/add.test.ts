// Elementwise sums, and the residual add on a tape: both inputs get dy, in buffers of their own.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { add } from "../src/autograd/add.ts";
import { Tape } from "../src/autograd/tape.ts";
import type { Variable } from "../src/autograd/variable.ts";
import type { Device } from "../src/gpu/device.ts";
import type { Tensor } from "../src/gpu/tensor.ts";
import { add as addForward, addInto } from "../src/kernels/add.ts";
import { expectClose, garbage, openDevice, randomNormal } from "./check-kernel.ts";

const SHAPES = [
  [1, 1],
  [3, 5],
  [57, 253],
  [130, 768],
];

describe.each([{ limit: undefined }, { limit: 65536 }])("add, binding limit $limit", ({ limit }) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ maxStorageBufferBindingSize: limit });
  });
  afterAll(() => device.destroy());

  it.each(SHAPES)("[%i, %i]", async (...shape) => {
    const as = randomNormal(shape, 1),
      bs = randomNormal(shape, 2);
    const a = device.tensor(as, shape),
      b = device.tensor(bs, shape),
      y = garbage(device, shape);
    addForward(device.batch, { a, b, y });
    expectClose(
      "y",
      await device.read(y),
      as.map((v, i) => v + bs[i]),
      shape,
      { atol: 0, rtol: 0 },
    );
    addInto(device.batch, { x: a, y });
    expectClose(
      "y += x",
      await device.read(y),
      as.map((v, i) => Math.fround(v + bs[i]) + v),
      shape,
      { atol: 1e-7, rtol: 1e-7 },
    );
    for (const tensor of [a, b, y]) device.pool.release(tensor);
  });

  // y = (x + x) + x, and x is read by an operation of its own in between: gradients of 3 dy and dy meet in one buffer.
  it("adds up over every use of an input, and gives all memory back", async () => {
    const shape = [7, 253],
      xs = randomNormal(shape, 3),
      dys = randomNormal(shape, 4),
      others = randomNormal(shape, 5);
    const live = device.pool.liveBytes;
    const given: Variable = { value: garbage(device, [1]), requiresGrad: true, name: "given" };
    const seed = device.tensor(dys, shape),
      other = device.tensor(others, shape);
    const received: Record<string, Promise<Float32Array>> = {};
    const tape = new Tape(device, true);
    const leaf = (name: string, value: Tensor) =>
      tape.record(name, [given], value, [], (dy) => {
        received[name] = device.read(dy);
      });
    const x = leaf("x", device.tensor(xs, shape));
    const z = leaf("z", device.tensor(others, shape));
    const twice = add(tape, x, x);
    const withZ = add(tape, twice, z);
    const between = tape.record("between", [x], tape.acquire([1]), [], (_dy, into) => {
      into.write(x, (dst, accumulate) =>
        accumulate ? addInto(device.batch, { x: other, y: dst }) : device.batch.copy(other, dst),
      );
    });
    const y = add(tape, withZ, x);
    const forward = await device.read(y.value);
    const loss = tape.record("loss", [y, between], tape.acquire([1]), [], (dy, into) => {
      into.write(y, (dst) => device.batch.copy(seed, dst));
      into.adopt(between, dy, () => {});
    });
    tape.backward(loss);
    expectClose(
      "y",
      forward,
      xs.map((v, i) => 3 * v + others[i]),
      shape,
      { atol: 1e-6, rtol: 1e-6 },
    );
    expectClose(
      "dx",
      await received.x,
      dys.map((v, i) => 3 * v + others[i]),
      shape,
      { atol: 1e-6, rtol: 1e-6 },
    );
    expectClose("dz", await received.z, dys, shape, { atol: 0, rtol: 0 });
    for (const tensor of [given.value, seed, other]) device.pool.release(tensor);
    expect(device.pool.liveBytes).toBe(live);
  });
});

it("a wrong shape is refused by name", async () => {
  const device = await openDevice();
  const [a, b] = [garbage(device, [2, 8]), garbage(device, [2, 9])];
  expect(() => addForward(device.batch, { a, b, y: a })).toThrow(
    "add: cannot bind b: shape is [2,9], expected [2,8] (as a)",
  );
  device.destroy();
});
