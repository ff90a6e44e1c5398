// Cross-entropy against a float64 oracle: loss, the gradient that replaces the logits, ignored labels, large logits,
// windows.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { crossEntropy, crossEntropyRows, shiftLabels } from "../src/autograd/cross-entropy.ts";
import { Tape } from "../src/autograd/tape.ts";
import type { Variable } from "../src/autograd/variable.ts";
import { UserError } from "../src/errors.ts";
import type { Device } from "../src/gpu/device.ts";
import { crossEntropyByRow } from "../src/kernels/cross-entropy.ts";
import { centralDifferences, expectClose, garbage, openDevice, randomNormal, ROW_VARIANTS } from "./check-kernel.ts";
import { crossEntropy as oracle } from "./oracle/ops.ts";

const TABLE = [
  { B: 1, T: 2, V: 5 },
  { B: 3, T: 11, V: 257, ignored: 0.4 },
  { B: 2, T: 40, V: 503 },
  { B: 1, T: 4, V: 50257 },
  { B: 2, T: 5, V: 64, spread: 1e4 },
  { B: 2, T: 5, V: 130, mean: -1e4 },
  { B: 2, T: 5, V: 130, mean: 1e4 },
];

interface Case {
  B: number;
  T: number;
  V: number;
  ignored?: number;
  spread?: number;
  mean?: number;
}

const stride = (V: number): number => Math.ceil(V / 64) * 64;

/** Logits [N, V], the same rows padded with NaN, and labels. */
function draw({ B, T, V, ignored = 0, spread = 3, mean = 0 }: Case) {
  const N = B * T,
    Vp = stride(V);
  const logits = randomNormal([N, V], 1, { scale: spread, mean });
  const padded = new Float32Array(N * Vp).fill(NaN);
  for (let n = 0; n < N; n++) padded.set(logits.subarray(n * V, (n + 1) * V), n * Vp);
  const labels = Int32Array.from(randomNormal([N], 2), (z, n) =>
    (n * 7) % 10 < ignored * 10 ? -100 : Math.floor(Math.abs(z) * 1e5) % V,
  );
  labels[1] = V - 1;
  return { logits, padded, labels };
}

/** [N, V] as [N, Vp] with zeros. */
function pad(values: ArrayLike<number>, V: number): Float64Array {
  const Vp = stride(V),
    N = values.length / V;
  return Float64Array.from({ length: N * Vp }, (_, i) => (i % Vp < V ? values[Math.floor(i / Vp) * V + (i % Vp)] : 0));
}

/** Quicker than toEqual on long arrays. */
function sameBits(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}

/** Labels [B*T] as [B][T]. */
function rowsOf(labels: ArrayLike<number>, T: number): number[][] {
  const flat = Array.from(labels);
  return Array.from({ length: flat.length / T }, (_, b) => flat.slice(b * T, (b + 1) * T));
}

const targetsOf = (labels: ArrayLike<number>, T: number, V: number) => shiftLabels(rowsOf(labels, T), V);

/** Forward and backward on a tape whose logits have a gradient of their own to receive. */
async function run(
  device: Device,
  { B, T, V }: Case,
  padded: Float32Array,
  labels: Int32Array,
  keepLogits: boolean,
  { scale, reduction }: { scale?: number; reduction?: "mean" | "sum" } = {},
) {
  const shape = [B * T, stride(V)];
  const tape = new Tape(device, true);
  const given: Variable = { value: device.tensor(new Float32Array(1), [1]), requiresGrad: true, name: "given" };
  const values = device.tensor(padded, shape);
  let dlogits: Float32Array | undefined;
  let reading: Promise<void> | undefined;
  const logits = tape.record("logits", [given], values, [], (dy) => {
    reading = device.read(dy).then((read) => {
      dlogits = read;
    });
  });
  const targets = targetsOf(labels, T, V);
  const loss = crossEntropy(tape, logits, { vocabSize: V, targets, scale, reduction, keepLogits });
  tape.giveAway(loss);
  const kept = keepLogits ? await device.read(values) : undefined;
  tape.backward(loss);
  await reading;
  const result = { loss: (await device.read(loss.value))[0], dlogits: dlogits!, kept };
  device.pool.release(loss.value);
  device.pool.release(given.value);
  return result;
}

describe.each([
  ...ROW_VARIANTS.map((tuning) => ({ ...tuning, tuning, limit: undefined })),
  ...[ROW_VARIANTS[0], ROW_VARIANTS[2]].map((tuning) => ({ ...tuning, tuning, limit: 65536 })),
])("cross-entropy, rows by $rows, binding limit $limit", ({ tuning, limit }) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ tuning, maxStorageBufferBindingSize: limit });
  });
  afterAll(() => device.destroy());

  it.each(TABLE.filter(({ V }) => !limit || V < 10000))("B=$B T=$T V=$V", async (size: Case) => {
    const { B, T, V, spread = 3, mean = 0 } = size;
    const { logits, padded, labels } = draw(size);
    const want = oracle(logits, labels, T);
    const live = device.pool.liveBytes;
    // Softmax probabilities are at most 1, so gradients are compared on the scale of 1 / count.
    const tolerance = { atol: 2e-6 / want.count, rtol: 1e-4 };
    const first = await run(device, size, padded, labels, false);
    expectClose("loss", [first.loss], [want.loss], [1], { atol: 1e-5, rtol: 2e-6 });
    expectClose("dlogits", first.dlogits, pad(want.dlogits, V), [B, T, stride(V)], tolerance);
    const second = await run(device, size, padded, labels, false);
    expect(second.loss).toBe(first.loss);
    expect(sameBits(second.dlogits, first.dlogits)).toBe(true);

    const kept = await run(device, size, padded, labels, true, { scale: 0.25 });
    expectClose("scaled loss", [kept.loss], [want.loss / 4], [1], { atol: 1e-5, rtol: 2e-6 });
    expectClose(
      "scaled dlogits",
      kept.dlogits,
      pad(
        want.dlogits.map((d) => d / 4),
        V,
      ),
      [B, T, stride(V)],
      tolerance,
    );
    expect(sameBits(kept.kept!, padded)).toBe(true);

    const sum = await run(device, size, padded, labels, false, { reduction: "sum" });
    expectClose("summed loss", [sum.loss], [want.loss * want.count], [1], { atol: 1e-5, rtol: 2e-6 });
    expectClose(
      "dlogits of the sum",
      sum.dlogits,
      pad(
        want.dlogits.map((d) => d * want.count),
        V,
      ),
      [B, T, stride(V)],
      { atol: 2e-6, rtol: 1e-4 },
    );
    expect(device.pool.liveBytes).toBe(live);

    const values = device.tensor(padded, [B * T, stride(V)]);
    const losses = crossEntropyRows(device, values, { vocabSize: V, labels: rowsOf(labels, T) });
    const perRow = await device.read(losses);
    const counted = (n: number): boolean => n % T < T - 1 && labels[n + 1] !== -100;
    expectClose(
      "row losses",
      perRow,
      Float64Array.from(perRow, (_, n) => {
        if (!counted(n)) return 0;
        const row = logits.subarray(n * V, (n + 1) * V);
        const max = row.reduce((a, b) => Math.max(a, b));
        return max + Math.log(row.reduce((sum, x) => sum + Math.exp(x - max), 0)) - row[labels[n + 1]];
      }),
      [B, T],
      { atol: 1e-5 + 2e-7 * (spread + Math.abs(mean)) * 4, rtol: 1e-5 },
    );
    expect(sameBits(await device.read(values), padded)).toBe(true);
    for (const tensor of [values, losses]) device.pool.release(tensor);
  });
});

describe("cross-entropy", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device.destroy());

  it("gives no gradient and keeps the logits when the tape does not record", async () => {
    const { padded, labels } = draw(TABLE[1]);
    const { B, T, V } = TABLE[1];
    const tape = new Tape(device, false);
    const logits: Variable = { value: device.tensor(padded, [B * T, stride(V)]), requiresGrad: false, name: "logits" };
    const loss = crossEntropy(tape, logits, { vocabSize: V, targets: targetsOf(labels, T, V), keepLogits: false });
    expect((await device.read(loss.value))[0]).toBeGreaterThan(0);
    expect(await device.read(logits.value)).toEqual(padded);
  });

  it("refuses labels that are out of range, or all ignored, and takes no memory then", () => {
    const tape = new Tape(device, true);
    const logits: Variable = { value: garbage(device, [4, 64]), requiresGrad: true, name: "logits" };
    const live = device.pool.liveBytes;
    const loss = (labels: number[]): Variable =>
      crossEntropy(tape, logits, { vocabSize: 10, targets: targetsOf(labels, 2, 10), keepLogits: false });
    expect(() => loss([0, 1, 0, 10])).toThrow("labels[1][1] is 10, wanted a token id from 0 to 9");
    for (const wrong of [-1, 1.5, NaN]) expect(() => loss([0, wrong, 0, 9])).toThrow(UserError);
    expect(() => loss([3, -100, 4, -100])).toThrow(UserError);
    expect(device.pool.liveBytes).toBe(live);
  });

  it("is 0 with no gradient as the sum over no label at all", async () => {
    const size = TABLE[0];
    const labels = Int32Array.of(3, -100);
    const { padded } = draw(size);
    const { loss, dlogits } = await run(device, size, padded, labels, false, { reduction: "sum" });
    expect(loss).toBe(0);
    expect([...dlogits]).toEqual([...new Float32Array(dlogits.length)]);
  });

  it("refuses a row that is no multiple of 4", () => {
    const [logits, losses] = [garbage(device, [2, 10]), garbage(device, [2])];
    expect(() =>
      crossEntropyByRow(device.batch, {
        logits,
        targets: device.tensor(new Uint32Array(2), [2]),
        losses,
        vocabSize: 9,
      }),
    ).toThrow("cross_entropy: cannot bind logits: shape is [2,10]");
  });
});

it("the oracle's gradient agrees with central differences", () => {
  const T = 3,
    V = 4,
    labels = [1, 2, -100, 0, 3, 1],
    logits = randomNormal([6, V], 3);
  expectClose(
    "dlogits",
    oracle(logits, labels, T).dlogits,
    centralDifferences((x) => oracle(x, labels, T).loss, logits),
    [6, V],
    { atol: 1e-8, rtol: 1e-6 },
  );
});
