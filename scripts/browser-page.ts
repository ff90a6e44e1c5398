// What check-firefox.ts has a page run: the demo, and kernels' tables without a test runner. The name "vitest" is
// bench/test-shim.ts here.
import type { Outcome } from "../bench/test-shim.ts";
import { collectTests, runGroups, withoutSubgroupForms } from "../bench/test-shim.ts";
import { runDemo } from "./portable-demo.ts";

export interface GroupResult extends Outcome {
  readonly file: string;
  readonly name: string;
}

const tables = import.meta.glob("../test/*.test.ts");

/**
 * Runs a test file's groups, without those for subgroups, which Firefox does not offer; `report` hears of each before
 * the next begins.
 */
async function runTable(stem: string, report: (line: string, failed: boolean) => Promise<void>): Promise<void> {
  const { rest, withheld } = withoutSubgroupForms(await collectTests(tables[`../test/${stem}.test.ts`]));
  for (const name of withheld)
    await report(`skip  ${stem.padEnd(24)} ${name}: this adapter has no subgroups here`, false);
  for await (const { name, outcome } of runGroups(rest)) {
    const failed = outcome.failures.length > 0;
    await report(`${failed ? "FAIL " : "ok   "} ${stem.padEnd(24)} ${name} ${outcome.passed} checks`, false);
    for (const { name: test, error } of outcome.failures.slice(0, 3))
      await report(`      ${test}: ${error.message}`, true);
  }
}

Object.assign(globalThis, { runDemo, runTable });
