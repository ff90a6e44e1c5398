// Linear layers and the tied head, forward and backward through the tape, against float64.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { linear, linearGelu, linearResidual, tiedHead } from "../src/autograd/linear.ts";
import { ParameterStore } from "../src/autograd/parameter.ts";
import { Tape } from "../src/autograd/tape.ts";
import type { Variable } from "../src/autograd/variable.ts";
import type { Device } from "../src/gpu/device.ts";
import type { Shape } from "../src/gpu/tensor.ts";
import { centralDifferences, expectClose, openDevice, randomNormal } from "./check-kernel.ts";
import { gelu, geluDerivative, linear as linearOracle, linearBackward } from "./oracle/ops.ts";

const START = 0.25; // what gradients hold beforehand: parameters always add

/**
 * Records `build` over parameters of these shapes, seeds dy at its output, and returns every value and gradient by
 * name.
 */
async function run(
  device: Device,
  data: ReadonlyMap<string, readonly [Shape, Float32Array]>,
  build: (tape: Tape, get: (name: string) => Variable) => Variable,
  dy: Float32Array,
) {
  const store = new ParameterStore(device, new Map([...data].map(([name, [shape]]) => [name, shape])), {
    gradients: true,
  });
  for (const [name, [, values]] of data) {
    device.batch.write(store.get(name).value, values);
    device.batch.write(
      store.get(name).grad!,
      values.map(() => START),
    );
  }
  const tape = new Tape(device, true);
  const y = build(tape, (name) => store.get(name));
  const value = await device.read(y.value);
  const loss = tape.record("loss", [y], tape.acquire([1]), [], (_, into) =>
    into.write(y, (dst) => device.batch.write(dst, dy)),
  );
  tape.backward(loss);
  const grads: Record<string, Float32Array> = {};
  for (const name of data.keys()) grads[name] = (await device.read(store.get(name).grad!)).map((v) => v - START);
  store.destroy();
  return { y: value, grads };
}

describe.each([{ limit: undefined }, { limit: 65536 }])("linear, binding limit $limit", ({ limit }) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ maxStorageBufferBindingSize: limit });
  });
  afterAll(() => device.destroy());

  const sizes = limit ? { N: 150, I: 130, O: 192 } : { N: 19, I: 21, O: 30 };
  it(`forward, gelu and residual, N=${sizes.N} in=${sizes.I} out=${sizes.O}`, async () => {
    const { N, I, O } = sizes;
    const x = randomNormal([N, I], 1),
      w = randomNormal([I, O], 2, { scale: 0.3 }),
      b = randomNormal([O], 3),
      r = randomNormal([N, O], 4),
      dy = randomNormal([N, O], 5);
    const data = new Map<string, readonly [Shape, Float32Array]>([
      ["x", [[N, I], x]],
      ["w", [[I, O], w]],
      ["b", [[O], b]],
      ["r", [[N, O], r]],
    ]);
    const u = linearOracle(x, w, b, N);
    const close = { atol: 3e-6 * (N + O), rtol: 1e-5 };
    const live = device.pool.liveBytes;

    // Parameters stand in for x and the residual: their gradients are then read like any other.
    const kinds = {
      linear: {
        y: u,
        du: Float64Array.from(dy),
        build: (tape: Tape, get: (name: string) => Variable) =>
          linear(tape, get("x"), get("w") as never, get("b") as never),
      },
      gelu: {
        y: u.map(gelu),
        du: u.map((v, i) => dy[i] * geluDerivative(v)),
        build: (tape: Tape, get: (name: string) => Variable) =>
          linearGelu(tape, get("x"), get("w") as never, get("b") as never),
      },
      residual: {
        y: u.map((v, i) => v + r[i]),
        du: Float64Array.from(dy),
        build: (tape: Tape, get: (name: string) => Variable) =>
          linearResidual(tape, get("x"), get("w") as never, get("b") as never, get("r")),
      },
    };
    for (const [name, { y, du, build }] of Object.entries(kinds)) {
      const got = await run(device, data, build, dy);
      const want = linearBackward(du, x, w, N);
      expectClose(`${name} y`, got.y, y, [N, O], close);
      expectClose(`${name} dx`, got.grads.x, want.dx, [N, I], close);
      expectClose(`${name} dw`, got.grads.w, want.dw, [I, O], close);
      expectClose(`${name} db`, got.grads.b, want.db, [O], close);
      expectClose(`${name} dr`, got.grads.r, name === "residual" ? dy : dy.map(() => 0), [N, O], close);
      expect(device.pool.liveBytes).toBe(live);
    }
  });

  it("tied head: padded logits, both gradients", async () => {
    const [N, C, V] = limit ? [70, 68, 301] : [5, 12, 77];
    const Vp = Math.ceil(V / 64) * 64;
    const x = randomNormal([N, C], 1),
      wte = randomNormal([V, C], 2),
      dlogits = randomNormal([N, Vp], 3);
    const columns = <T extends Float32Array | Float64Array>(padded: T) => padded.filter((_, i) => i % Vp < V) as T;
    for (let i = 0; i < dlogits.length; i++) if (i % Vp >= V) dlogits[i] = NaN; // padding is never read
    const got = await run(
      device,
      new Map<string, readonly [Shape, Float32Array]>([
        ["x", [[N, C], x]],
        ["wte", [[V, C], wte]],
      ]),
      (tape, get) => tiedHead(tape, get("x"), get("wte") as never),
      dlogits,
    );
    const transposed = Float64Array.from({ length: C * V }, (_, i) => wte[(i % V) * C + Math.floor(i / V)]);
    const want = linearBackward(columns(dlogits), x, transposed, N);
    const close = { atol: 3e-6 * V, rtol: 1e-5 };
    expectClose("logits", columns(got.y), linearOracle(x, transposed, null, N), [N, V], close);
    expectClose("dx", got.grads.x, want.dx, [N, C], close);
    expectClose(
      "dwte",
      got.grads.wte,
      Float64Array.from({ length: V * C }, (_, i) => want.dw[(i % C) * V + Math.floor(i / C)]),
      [V, C],
      close,
    );
  });

  it("without recording, nothing but the output is held", () => {
    const store = new ParameterStore(
      device,
      new Map<string, Shape>([
        ["x", [3, 4]],
        ["w", [4, 8]],
        ["b", [8]],
      ]),
      { gradients: false },
    );
    const live = device.pool.liveBytes;
    const tape = new Tape(device, false);
    const y = linearGelu(tape, store.get("x"), store.get("w"), store.get("b"));
    tape.release(y);
    expect(device.pool.liveBytes).toBe(live);
    store.destroy();
  });
});

it("the oracle's gradient agrees with central differences", () => {
  const N = 3,
    I = 4,
    O = 2,
    x = randomNormal([N, I], 1),
    w = randomNormal([I, O], 2),
    b = randomNormal([O], 3),
    dy = randomNormal([N, O], 4);
  const loss = (y: Float64Array) => y.reduce((sum, v, i) => sum + gelu(v) * dy[i], 0);
  const u = linearOracle(x, w, b, N);
  const want = linearBackward(
    u.map((v, i) => dy[i] * geluDerivative(v)),
    x,
    w,
    N,
  );
  const close = { atol: 1e-7, rtol: 1e-5 };
  expectClose(
    "dx",
    want.dx,
    centralDifferences((point) => loss(linearOracle(point, w, b, N)), x),
    [N, I],
    close,
  );
  expectClose(
    "dw",
    want.dw,
    centralDifferences((point) => loss(linearOracle(x, point, b, N)), w),
    [I, O],
    close,
  );
  expectClose(
    "db",
    want.db,
    centralDifferences((point) => loss(linearOracle(x, w, point, N)), b),
    [O],
    close,
  );
});
