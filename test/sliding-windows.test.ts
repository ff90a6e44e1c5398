// Windows that overlap: every token of a text but the first is predicted once, from as much as there is room for. That
// the perplexity is the reference's is in reference.test.ts.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { collate, countLabels, IGNORED_LABEL } from "../src/examples/collate.ts";
import { slidingWindows } from "../src/training/sliding-windows.ts";
import { textWindows } from "../src/training/text-dataset.ts";

/** Hugging Face's loop, step by step: where windows begin and end, and how many of their last tokens are targets. */
function guide(total: number, length: number, stride: number): { begin: number; end: number; targets: number }[] {
  const windows = [];
  let previous = 0;
  for (let begin = 0; begin < total; begin += stride) {
    const end = Math.min(begin + length, total);
    windows.push({ begin, end, targets: end - previous });
    previous = end;
    if (end === total) break;
  }
  return windows;
}

const sizes = fc
  .tuple(fc.nat(120), fc.integer({ min: 1, max: 40 }), fc.nat())
  .map(([total, length, n]) => ({ total, length, stride: 1 + (n % length) }));

describe("slidingWindows", () => {
  it("are those of the guide, with its labels", () => {
    fc.assert(
      fc.property(sizes, ({ total, length, stride }) => {
        const ids = Array.from({ length: total }, (_, i) => 1000 + i);
        const windows = slidingWindows(ids, { length, stride });
        const wanted = guide(total, length, stride);
        expect(windows.map((window) => window.ids)).toEqual(wanted.map(({ begin, end }) => ids.slice(begin, end)));
        const labels = windows.map((window) => collate([window], { padId: 0, lossOn: "target" }).labels[0]);
        expect(labels).toEqual(
          wanted.map(({ begin, end, targets }) =>
            ids.slice(begin, end).map((id, i) => (begin + i < end - targets ? IGNORED_LABEL : id)),
          ),
        );
      }),
    );
  });

  it("predict every token but the first once, where they overlap", () => {
    fc.assert(
      fc.property(sizes, ({ total, length, stride }) => {
        fc.pre(stride < length);
        const windows = slidingWindows(Array.from({ length: total }).fill(7) as number[], { length, stride });
        const predicted = windows.reduce(
          (sum, window) => sum + countLabels(collate([window], { padId: 0, lossOn: "target" }).labels),
          0,
        );
        expect(predicted).toBe(Math.max(0, total - 1));
      }),
    );
  });

  it.each([0, -1, 1.5, 9, Number.NaN])("refuse a stride of %d of windows of 8", (stride) => {
    expect(() => slidingWindows([1, 2, 3], { length: 8, stride })).toThrow(
      `The stride is ${stride}, wanted 1 to 8, the tokens of a window`,
    );
  });
});

it("of a text with nothing to predict are refused", () => {
  const characters = { encode: (text: string): number[] => Array.from(text, (c) => c.codePointAt(0)!) };
  expect(() => textWindows("a", characters, { length: 8, stride: 4 }, "x.txt")).toThrow(
    "x.txt: the text is a single token, in which nothing is predicted",
  );
  expect(textWindows("\uFEFFab\r\nc", characters, { length: 8, stride: 4 }, "x.txt")[0].ids).toEqual([97, 98, 10, 99]);
});
