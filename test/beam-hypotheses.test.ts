// When a beam search may stop, by each rule and each sign of the length penalty, against what could still come.
import { describe, expect, test } from "vitest";
import { BeamHypotheses } from "../src/generation/loops/beam-hypotheses.ts";
import type { BeamRules } from "../src/generation/loops/beam-hypotheses.ts";

/** Two kept, the worse of score -6 whatever the penalty; the best candidate's sum is `best`, of 2 of 10 tokens. */
function isDone(rules: BeamRules, best: number): boolean {
  const found = new BeamHypotheses<string>(2, rules);
  found.add("better", -5, 1);
  found.add("worse", -6, 1);
  return found.isDone(best, 2, 10);
}

describe.each<[BeamRules, boolean[]]>([
  // Candidates of sums -5, -8, -11, -13 and -70.
  [{ earlyStopping: true, lengthPenalty: 1 }, [true, true, true, true, true]],
  [{ earlyStopping: false, lengthPenalty: 1 }, [false, false, false, true, true]], // over 2
  [{ earlyStopping: "never", lengthPenalty: 1 }, [false, false, false, false, true]], // over 10
  [{ earlyStopping: "never", lengthPenalty: 0 }, [false, true, true, true, true]],
  [{ earlyStopping: "never", lengthPenalty: -1 }, [true, true, true, true, true]], // times 2
])("%j", (rules, want) => {
  test("stops as soon as no better one can come", () =>
    expect([-5, -8, -11, -13, -70].map((best) => isDone(rules, best))).toEqual(want));
});

test("a penalty below 0 favours the shortest, which is now", () => {
  expect(isDone({ earlyStopping: "never", lengthPenalty: -1 }, -2)).toBe(false); // -4 now, -20 at the end
  expect(isDone({ earlyStopping: "never", lengthPenalty: -1 }, -4)).toBe(true);
});

test("does not stop before enough are kept, and keeps the best", () => {
  const found = new BeamHypotheses<string>(2, { earlyStopping: true, lengthPenalty: 1 });
  found.add("a", -4, 2); // -2
  expect(found.isDone(-100, 2, 10)).toBe(false);
  for (const [value, sum] of [
    ["b", -2],
    ["c", -6],
    ["d", -1],
  ] as const)
    found.add(value, sum, 2);
  expect(found.kept.map(({ value }) => value)).toEqual(["b", "d"]);
});
