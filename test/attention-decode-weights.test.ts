// Attention probabilities over a cache against a float64 softmax: rows that share ancestors, hidden positions, several
// new tokens at once, rows that may see nothing, and unread places of the cache full of NaN.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device } from "../src/gpu/device.ts";
import { attentionDecodeWeights } from "../src/kernels/attention-decode-weights.ts";
import { lineWidth } from "../src/kernels/stored.ts";
import { asKept, expectClose, garbage, inLines, keptTensor, openDevice, randomNormal } from "./check-kernel.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

interface Case {
  readonly B: number;
  /** Rows of the cache. */
  readonly R: number;
  readonly NH: number;
  readonly HS: number;
  readonly capacity: number;
  readonly past: number;
  readonly length: number;
  /** Positions that row b may not see. */
  readonly hidden?: (b: number, s: number) => boolean;
  readonly scale?: number;
}

const CASES: readonly Case[] = [
  { B: 1, R: 1, NH: 1, HS: 4, capacity: 1, past: 0, length: 1 },
  { B: 3, R: 5, NH: 3, HS: 12, capacity: 19, past: 11, length: 1, hidden: (b, s) => s < b },
  { B: 2, R: 2, NH: 2, HS: 64, capacity: 40, past: 6, length: 7, hidden: (b, s) => b === 1 && s === 9 },
  { B: 4, R: 4, NH: 5, HS: 8, capacity: 70, past: 66, length: 3, scale: 20 }, // a softmax that is nearly one-hot
  { B: 2, R: 3, NH: 1, HS: 16, capacity: 9, past: 3, length: 2, hidden: (b) => b === 0 }, // a row that sees nothing
];

// A head of an odd size has a half of padding behind each of its lines.
const HALVES = [CASES[1], { ...CASES[1], HS: 5 }, { ...CASES[1], HS: 1 }];

it.each([
  ...CASES.map((sizes) => ({ ...sizes, kept: "f32" as const })),
  ...HALVES.map((sizes) => ({ ...sizes, kept: "f16" as const })),
])("$B rows of $R, $NH heads of $HS, $length tokens after $past, keys $kept", async (sizes) => {
  const { B, R, NH, HS, capacity, past, length, hidden = () => false, scale = 1, kept } = sizes;
  const S = past + length;
  const C = NH * HS;
  const qkv = randomNormal([B * length, 3 * C], 1, { scale });
  qkv.forEach((_, i) => {
    if (i % (3 * C) >= C) qkv[i] = NaN; // only queries are read of it
  });
  const keys = asKept(randomNormal([R, NH, capacity, HS], 2), kept);
  keys.forEach((_, i) => {
    if (Math.floor(i / HS) % capacity >= S) keys[i] = NaN; // places that no token has
  });
  const ancestry = Uint32Array.from({ length: B * capacity }, (_, i) => (i * 31) % R);
  const mask = Uint32Array.from({ length: B * capacity }, (_, i) =>
    Number(!hidden(Math.floor(i / capacity), i % capacity)),
  );
  const weights = garbage(device, [B, NH, length, S]);
  attentionDecodeWeights(device.batch, {
    qkv: device.tensor(qkv, [B * length, 3 * C]),
    keys: keptTensor(device, inLines(keys, HS, kept), [R, NH, capacity, lineWidth(HS, kept)], kept),
    ancestry: device.tensor(ancestry, [B, capacity]),
    mask: device.tensor(mask, [B, capacity]),
    weights,
    past,
    length,
  });
  const want = Float64Array.from({ length: B * NH * length * S }, () => 0);
  for (let b = 0; b < B; b++)
    for (let h = 0; h < NH; h++)
      for (let t = 0; t < length; t++) {
        const scores = Array.from({ length: S }, (_, s) => {
          if (s > past + t || mask[b * capacity + s] === 0) return -Infinity;
          const at = ((ancestry[b * capacity + s] * NH + h) * capacity + s) * HS;
          let dot = 0;
          for (let c = 0; c < HS; c++) dot += qkv[(b * length + t) * 3 * C + h * HS + c] * keys[at + c];
          return dot / Math.sqrt(HS);
        });
        const highest = Math.max(...scores);
        if (highest === -Infinity) continue; // nothing to see: all zero
        const powers = scores.map((score) => Math.exp(score - highest));
        const sum = powers.reduce((a, b) => a + b);
        powers.forEach((power, s) => (want[((b * NH + h) * length + t) * S + s] = power / sum));
      }
  expectClose("weights", await device.read(weights), want, [B, NH, length, S], { atol: 1e-6, rtol: 1e-4 });
});

describe("other shapes", () => {
  it("are refused by name", () => {
    const table = () => device.tensor(new Uint32Array(8), [2, 4]);
    const call = (qkv: number[], weights: number[]) => () =>
      attentionDecodeWeights(device.batch, {
        qkv: garbage(device, qkv),
        keys: garbage(device, [2, 1, 4, 8]),
        ancestry: table(),
        mask: table(),
        weights: garbage(device, weights),
        past: 1,
        length: 1,
      });
    expect(call([2, 23], [2, 1, 1, 2])).toThrow("attention_decode_weights: cannot bind qkv: shape is [2,23]");
    expect(call([2, 24], [2, 1, 1, 3])).toThrow("attention_decode_weights: cannot bind weights: shape is [2,1,1,3]");
  });
});
