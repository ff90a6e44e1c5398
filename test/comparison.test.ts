// Where two models differ, said in sentences, also beside systems that have no such figure: texts of another system,
// candidates that were written to be ranked.
import { expect, it } from "vitest";
import { clearDifferences } from "../src/evaluation/comparison.ts";
import type { Estimate } from "../src/evaluation/estimate.ts";
import type { Row } from "../src/evaluation/row.ts";

const estimate = (value: number, clusters = 9): Estimate => ({ value, low: value - 0.5, high: value + 0.5, clusters });
const format = (value: number): string => value.toFixed(1);
const row = (label: string, by: number, clusters?: number): Row => ({
  group: "perplexity",
  label,
  share: false,
  figures: [estimate(3), estimate(3 + by), undefined, undefined],
  difference: { figure: estimate(by, clusters), format },
  format,
});

it("of two models among four systems", () => {
  const sentences = clearDifferences([row("clear", 2), row("open", 0.2), row("of few books", 2, 1)]);
  expect(sentences).toHaveLength(1);
  expect(sentences[0]).toContain("clear: from 3.0 to 5.0, 2.0 (1.5 to 2.5)");
});
