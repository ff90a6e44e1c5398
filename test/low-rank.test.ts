// LoRA's product, forward and backward through the tape, against float64: ranks and widths that are no multiples of
// anything, with and without a residual and dropout, by windows; and the kernel that scales it.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lowRank } from "../src/autograd/low-rank.ts";
import { ParameterStore } from "../src/autograd/parameter.ts";
import { Tape } from "../src/autograd/tape.ts";
import type { Device } from "../src/gpu/device.ts";
import type { Shape } from "../src/gpu/tensor.ts";
import { dropout as launchDropout } from "../src/kernels/dropout.ts";
import { scale } from "../src/kernels/scale.ts";
import { expectClose, openDevice, randomNormal, VARIANTS } from "./check-kernel.ts";

const START = 0.25; // what gradients hold beforehand: parameters always add

describe.each([{ limit: undefined, tuning: VARIANTS[0] }, { limit: undefined, tuning: VARIANTS[1] }, { limit: 65536 }])(
  "binding limit $limit, $tuning.matmul",
  ({ limit, tuning }) => {
    let device: Device;
    beforeAll(async () => {
      device = await openDevice({ maxStorageBufferBindingSize: limit, tuning });
    });
    afterAll(() => device.destroy());

    const sizes = limit
      ? [{ N: 300, I: 64, O: 128, r: 4 }]
      : [
          { N: 19, I: 21, O: 30, r: 3 },
          { N: 1, I: 8, O: 5, r: 1 },
          { N: 67, I: 64, O: 96, r: 8 },
        ];
    const cases = sizes.flatMap((size) => [
      { ...size, residual: false, p: 0 },
      { ...size, residual: true, p: 0.3 },
    ]);
    it.each(cases)("N=$N in=$I out=$O r=$r, residual $residual, dropout $p", async ({ N, I, O, r, residual, p }) => {
      const scaling = 1.75;
      const data = new Map<string, readonly [Shape, Float32Array]>([
        ["x", [[N, I], randomNormal([N, I], 1)]],
        ["a", [[r, I], randomNormal([r, I], 2, { scale: 0.4 })]],
        ["b", [[O, r], randomNormal([O, r], 3, { scale: 0.4 })]],
        ["z", [[N, O], randomNormal([N, O], 4)]],
      ]);
      const dy = randomNormal([N, O], 5);
      const live = device.pool.liveBytes;
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
      const dropout = { probability: p, seed: 7, step: 3, site: 5 };
      // The mask times 1 / (1 - p), as the dropout kernel draws it.
      const ones = device.tensor(new Float32Array(N * I).fill(1), [N, I]);
      const kept = device.pool.acquire([N, I]);
      launchDropout(device.batch, { x: ones, y: kept, dropout, accumulate: false });
      const mask = await device.read(kept);
      for (const tensor of [ones, kept]) device.pool.release(tensor);
      expect(mask.some((value) => value === 0)).toBe(p > 0);

      const tape = new Tape(device, true);
      const low = { a: store.get("a"), b: store.get("b"), scaling };
      const y = lowRank(tape, store.get("x"), low, { residual: residual ? store.get("z") : undefined, dropout });
      const value = await device.read(y.value);
      const loss = tape.record("loss", [y], tape.acquire([1]), [], (_, into) =>
        into.write(y, (dst) => device.batch.write(dst, dy)),
      );
      tape.forget(y);
      tape.backward(loss);
      const grads = new Map<string, Float32Array>();
      for (const name of data.keys())
        grads.set(
          name,
          (await device.read(store.get(name).grad!)).map((v) => v - START),
        );
      store.destroy();
      expect(device.pool.liveBytes).toBe(live);

      const [x, a, b, z] = ["x", "a", "b", "z"].map((name) => data.get(name)![1]);
      const zeros = (size: number) => new Float64Array(size);
      const [h, want, dh, dx, da, db] = [N * r, N * O, N * r, N * I, r * I, O * r].map(zeros);
      for (let n = 0; n < N; n++) {
        for (let k = 0; k < r; k++) {
          for (let i = 0; i < I; i++) h[n * r + k] += scaling * x[n * I + i] * mask[n * I + i] * a[k * I + i];
          for (let o = 0; o < O; o++) {
            want[n * O + o] += h[n * r + k] * b[o * r + k];
            dh[n * r + k] += scaling * dy[n * O + o] * b[o * r + k];
            db[o * r + k] += dy[n * O + o] * h[n * r + k];
          }
          for (let i = 0; i < I; i++) {
            dx[n * I + i] += mask[n * I + i] * dh[n * r + k] * a[k * I + i];
            da[k * I + i] += mask[n * I + i] * dh[n * r + k] * x[n * I + i];
          }
        }
        if (residual) for (let o = 0; o < O; o++) want[n * O + o] += z[n * O + o];
      }
      const close = { atol: 3e-6 * (N + O), rtol: 1e-5 };
      expectClose("y", value, want, [N, O], close);
      expectClose("dx", grads.get("x")!, dx, [N, I], close);
      expectClose("da", grads.get("a")!, da, [r, I], close);
      expectClose("db", grads.get("b")!, db, [O, r], close);
      expectClose("dz", grads.get("z")!, residual ? dy : dy.map(() => 0), [N, O], close);
    });

    it("a tensor times a number, and nothing is launched for 1", async () => {
      const values = randomNormal([7, 2341], 3);
      const x = device.tensor(values, [7, 2341]);
      scale(device.batch, { x, factor: -0.125 });
      const { dispatches } = device.batch.counters;
      scale(device.batch, { x, factor: 1 });
      expect(device.batch.counters.dispatches).toBe(dispatches);
      expect(await device.read(x)).toEqual(values.map((value) => -0.125 * value));
      device.pool.release(x);
    });
  },
);
