// Choosing tokens on the GPU and editing logits there, against the loops' own float64 arithmetic: the same tokens for
// the same random numbers, ties, removed tokens, rows that are not finite, and windows.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyEdits } from "../src/generation/scores/logits-processor.ts";
import {
  MinPLogitsWarper,
  TemperatureLogitsWarper,
  TopKLogitsWarper,
  TopPLogitsWarper,
} from "../src/generation/scores/logits-warpers.ts";
import { drawToken, randomStream, uniform } from "../src/generation/scores/sampling.ts";
import { argmax } from "../src/generation/scores/scores.ts";
import type { Device } from "../src/gpu/device.ts";
import { sampleGreedy, sampleMultinomial, NO_TOKEN } from "../src/kernels/sample.ts";
import { editLogits, packEdits } from "../src/kernels/edit-logits.ts";
import type { Edit } from "../src/kernels/edit-logits.ts";
import { expectClose, openDevice, randomNormal, ROW_VARIANTS } from "./check-kernel.ts";

const REMOVED = -3.4028234663852886e38;
const stride = (V: number): number => Math.ceil(V / 64) * 64;

/** Rows of V values; the columns beyond are larger than any. */
function pad(values: Float32Array, V: number): Float32Array {
  const R = values.length / V,
    Vp = stride(V);
  const padded = new Float32Array(R * Vp).fill(1e9);
  for (let r = 0; r < R; r++) padded.set(values.subarray(r * V, (r + 1) * V), r * Vp);
  return padded;
}

const none = { temperature: 1, topK: 0, topP: 1, minP: 0 };
const SAMPLING = [
  none,
  { ...none, temperature: 0.7 },
  { ...none, topK: 1 },
  { ...none, topK: 50 },
  { ...none, topP: 0.9 },
  { ...none, topP: 0.05 },
  { ...none, minP: 0.1 },
  { temperature: 1.3, topK: 40, topP: 0.8, minP: 0.02 },
  { ...none, topK: 1000, topP: 0.99 },
];

/** What sampling does on the CPU. */
function drawn(
  logits: Float32Array,
  { temperature: t, topK: k, topP: p, minP: m }: typeof none,
  number: number,
): number {
  const scores = Float64Array.from(logits, (x) => (x <= REMOVED ? -Infinity : x));
  new TemperatureLogitsWarper(t).apply(scores);
  if (k > 0) new TopKLogitsWarper(k).apply(scores);
  if (p < 1) new TopPLogitsWarper(p).apply(scores);
  new MinPLogitsWarper(m).apply(scores);
  return drawToken(scores, number);
}

describe.each([
  ...ROW_VARIANTS.map((tuning) => ({ ...tuning, tuning, limit: undefined })),
  { rows: "subgroup", tuning: ROW_VARIANTS[0], limit: 65536 },
])("choosing, rows by $rows, binding limit $limit", ({ tuning, limit }) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ tuning, maxStorageBufferBindingSize: limit });
  });
  afterAll(() => device.destroy());

  /** Runs `launch` on logits [R, V] with `expand` inputs a row and returns ids and positions. */
  async function choose(
    values: Float32Array,
    V: number,
    expand: number,
    launch: (given: {
      logits: ReturnType<Device["tensor"]>;
      columns: number;
      inputs: ReturnType<Device["tensor"]>;
      lastPosition: number;
    }) => void,
  ) {
    const R = values.length / V,
      N = R * expand;
    const logits = device.tensor(pad(values, V), [R, stride(V)]);
    const inputs = device.tensor(
      Uint32Array.from({ length: 2 * N }, (_, i) => i),
      [2, N],
    );
    launch({ logits, columns: V, inputs, lastPosition: N + 1 });
    const words = [...(await device.readU32(inputs))];
    device.pool.release(logits);
    device.pool.release(inputs);
    expect(words.slice(N)).toEqual(Array.from({ length: N }, (_, n) => Math.min(N + n + 1, N + 1)));
    return words.slice(0, N);
  }

  it.each(
    [
      [1, 1],
      [3, 5],
      [40, 503],
      [2, 8193],
      [1, 50257],
    ].filter(([, V]) => !limit || V < 10000),
  )("greedy, R=%d V=%d", async (R, V) => {
    const smooth = randomNormal([R, V], 1, { scale: 5 });
    for (const values of [smooth, smooth.map(Math.round), smooth.map((_, i) => i % V), smooth.map(() => REMOVED)]) {
      const want = Array.from({ length: R }, (_, r) => argmax(values.subarray(r * V, (r + 1) * V)));
      expect(await choose(values, V, 1, (given) => sampleGreedy(device.batch, given))).toEqual(want);
    }
  });

  it.each([
    [1, 1, 1],
    [3, 5, 2],
    [40, 503, 1],
    [2, 503, 16],
    [2, 8193, 4],
  ])("sampling as on the CPU, R=%d V=%d, %d rows each", async (R, V, expand) => {
    const values = randomNormal([R, V], 2, { scale: 2.5 });
    for (let i = 0; i < values.length; i += 7) if (V > 1) values[i] = REMOVED;
    const streams = Array.from({ length: R * expand }, (_, n) => randomStream(7, [n], 3));
    const names = device.tensor(Uint32Array.from(streams.flatMap(({ a, b }) => [a, b])), [R * expand, 2]);
    for (const options of SAMPLING)
      for (const step of [0, 9]) {
        const want = streams.map((stream, n) =>
          drawn(
            values.subarray(Math.floor(n / expand) * V, (Math.floor(n / expand) + 1) * V),
            options,
            uniform(stream, step),
          ),
        );
        expect(
          await choose(values, V, expand, (given) =>
            sampleMultinomial(device.batch, { ...given, ...options, streams: names, expand, step }),
          ),
          JSON.stringify(options),
        ).toEqual(want);
      }
    device.pool.release(names);
  });

  it("rows that are not finite get no token, rows without any token the first", async () => {
    const V = 100;
    const values = randomNormal([4, V], 3);
    values[V + 50] = NaN;
    values[2 * V + 99] = Infinity;
    values.fill(REMOVED, 3 * V);
    const streams = device.tensor(new Uint32Array(8), [4, 2]);
    const greedy = await choose(values, V, 1, (given) => sampleGreedy(device.batch, given));
    const sampled = await choose(values, V, 1, (given) =>
      sampleMultinomial(device.batch, { ...given, ...none, streams, expand: 1, step: 0 }),
    );
    device.pool.release(streams);
    for (const tokens of [greedy, sampled])
      expect([tokens[0] < V, ...tokens.slice(1)]).toEqual([true, NO_TOKEN, NO_TOKEN, 0]);
  });

  it("edits in order, on scores relative to a base", async () => {
    const R = 40,
      V = 503;
    const logits = randomNormal([R, V], 4, { scale: 3 }),
      base = randomNormal([R], 5);
    const edits = Array.from(
      { length: R },
      (_, r): Edit[] =>
        [
          { kind: "penalize", token: r, value: 1.3 },
          { kind: "add", token: r, value: -2 },
          { kind: "penalize", token: r, value: 1.3 },
          { kind: "set", token: 100 + r, value: -Infinity },
          { kind: "add", token: 100 + r, value: 5 },
          { kind: "raise", token: 100 + r, value: 2 },
          { kind: "raise", token: 200, value: 3 },
          ...(r % 3 === 1
            ? ([
                { kind: "clear", token: 0, value: 0 },
                { kind: "set", token: 7, value: 0 },
              ] as const)
            : []),
        ].slice(0, r % 4 === 3 ? 0 : 99) as Edit[],
    );
    const given = device.tensor(pad(logits, V), [R, stride(V)]);
    const packed = packEdits(edits);
    const [words, bases] = [device.tensor(packed, [packed.length]), device.tensor(base, [R])];
    editLogits(device.batch, { edits: words, base: bases, logits: given, columns: V });
    const got = await device.read(given);
    for (const tensor of [given, words, bases]) device.pool.release(tensor);
    for (let r = 0; r < R; r++) {
      const scores = Float64Array.from(logits.subarray(r * V, (r + 1) * V), (x) => x - base[r]);
      applyEdits(scores, edits[r]);
      const row = got.subarray(r * stride(V), r * stride(V) + V);
      expectClose(
        `row ${r}`,
        row,
        Array.from(scores, (x) => (x === -Infinity ? REMOVED : x + base[r])),
        [V],
        { atol: 1e-5, rtol: 1e-6 },
      );
      expect([...got.subarray(r * stride(V) + V, (r + 1) * stride(V))].every((x) => x === 1e9)).toBe(true);
    }
  });
});
