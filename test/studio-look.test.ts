// What Look inside makes of an explanation: attention from its bytes, surprise in numbers that need no explanation.
import { describe, expect, it } from "vitest";
import { toBase64 } from "../src/explain/base64.ts";
import { attentionOf, strengths } from "../studio/src/look/attention.ts";
import { meanChoice, oneIn, surpriseOf } from "../studio/src/look/surprise.ts";

describe("attention from an explanation's bytes", () => {
  const layers = [0, 2];
  const heads = 2;
  const [given, written] = [3, 2];
  /** Of (head, t, key): awkward on purpose, and each row's greatest is its peak. */
  const weight = (head: number, t: number, key: number): number => ((head + 1) * (t + 2) * (key + 1)) / 1000;
  const perHead = written * given + (written * (written - 1)) / 2;
  const bytes = new Uint8Array(layers.length * heads * perHead);
  const peaks = new Float32Array(layers.length * heads * written);
  for (let head = 0; head < layers.length * heads; head++)
    for (let t = 0; t < written; t++) {
      const keys = given + t;
      const peak = weight(head, t, keys - 1);
      peaks[head * written + t] = peak;
      for (let key = 0; key < keys; key++)
        bytes[head * perHead + t * given + (t * (t - 1)) / 2 + key] = Math.round((255 * weight(head, t, key)) / peak);
    }
  const sequence = {
    ids: [7, 8],
    attention: { weights: toBase64(bytes), peaks: toBase64(new Uint8Array(peaks.buffer)) },
  };
  const explanation = { attention: { layers, heads, modelLayers: 4 } };

  it("is the mean over the heads of all layers", () => {
    for (const t of [0, 1]) {
      const found = attentionOf(explanation, { ids: [1, 2, 3] }, sequence, t)!;
      expect(found.length).toBe(given + t);
      for (const [key, value] of found.entries()) {
        const wanted = [0, 1, 2, 3].reduce((sum, head) => sum + weight(head, t, key) / 4, 0);
        expect(Math.abs(value - wanted)).toBeLessThan(1e-4);
      }
    }
  });

  it("is none where none was kept", () => {
    expect(attentionOf({}, { ids: [1] }, sequence, 0)).toBeUndefined();
    expect(attentionOf(explanation, { ids: [1] }, { ids: [7] }, 0)).toBeUndefined();
  });

  it("is measured by the greatest but that of the first token", () => {
    expect(strengths(Float64Array.of(0.8, 0.1, 0.05))).toEqual([1, 1, 0.5]);
    expect(strengths(Float64Array.of(0.3, 0, 0))).toEqual([0, 0, 0]);
  });
});

describe("surprise", () => {
  it("grows from certain to one in a hundred", () => {
    expect([1, 0.1, 0.01, 0.001, 0].map(surpriseOf)).toEqual([0, expect.closeTo(0.5), expect.closeTo(1), 1, 1]);
  });

  it("says chances as people do", () => {
    expect([1, 0.5, 0.3, 1 / 17.2, 1 / 1234].map(oneIn)).toEqual([1, 2, 3.3, 17, 1200]);
  });

  it("is on average a choice between so many", () => {
    expect(meanChoice([Math.log(0.5), Math.log(0.125), null])).toBeCloseTo(4);
    expect(meanChoice([null])).toBeUndefined();
  });
});
