// The report of bench/report.ts: how a stage ends, and what it says of Dawn's toggles. Nothing is timed here.
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stageLines, toggleLines } from "../bench/report/print.ts";
import { runStage } from "../bench/report/run-stage.ts";
import type { StageOutcome } from "../bench/report/run-stage.ts";
import { stages } from "../bench/report/stages.ts";
import { summarize } from "../src/profile/measure.ts";

const never = new AbortController().signal;
const line = JSON.stringify({ name: "x", sizes: {}, adapter: "a", ...summarize([1]) });

describe("a stage", () => {
  let folder: string;
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "report-"))));
  afterAll(() => rm(folder, { recursive: true }));

  async function run(source: string, seconds = 60, toggles?: string): Promise<StageOutcome> {
    const file = join(folder, "program.mjs");
    await writeFile(file, source);
    const bench = fileURLToPath(new URL("../bench/", import.meta.url));
    return runStage({ name: "stage", command: [relative(bench, file)], seconds, toggles }, never);
  }

  it("keeps its results and what else it said, and hands Dawn's toggles on", async () => {
    const outcome = await run(
      `console.log(${JSON.stringify(line)}); console.log(process.env.GPT2_WEBGPU_DAWN)`,
      60,
      "enable-dawn-features=skip_validation",
    );
    expect(outcome).toMatchObject({ ended: "whole", text: ["enable-dawn-features=skip_validation"] });
    expect(outcome.results.map(({ name }) => name)).toEqual(["x"]);
  });

  it("that fails says so, with its last words", async () => {
    const outcome = await run(`console.error("no room"); process.exitCode = 3`);
    expect(outcome.ended).toBe("failed");
    expect(stageLines(outcome)).toMatch(/^\nstage: \d+ s, failed\nno room\n$/);
  });

  it("that hangs is stopped, with what it started, and what it had found counts", async () => {
    const hang = `setInterval(() => {}, 1000)`;
    const source =
      `import { spawn } from "node:child_process"; console.log(${JSON.stringify(line)}); ` +
      `spawn(process.execPath, ["-e", ${JSON.stringify(hang)}], { stdio: "inherit" }); ${hang}`;
    const outcome = await run(source, 2);
    expect(outcome.ended).toBe("stopped");
    expect(outcome.results).toHaveLength(1);
    expect(outcome.seconds).toBeLessThan(30);
  });
});

describe("the toggles", () => {
  const outcome = (name: string, times: readonly number[]): StageOutcome => ({
    name,
    seconds: 1,
    ended: "whole",
    text: [],
    results: times.map((time, i) => ({ name: "product", sizes: { m: i }, adapter: "a", ...summarize([time]) })),
  });

  it("are compared with the mean of the plain runs around them, kernel by kernel", () => {
    const done = [outcome("plain", [1, 4]), outcome("faster", [1, 2]), outcome("plain again", [3, 4])];
    expect(toggleLines(done, ["faster", "absent"])).toBe(
      "\nToggles of Dawn (the two plain runs themselves differ by up to 200%)\n" +
        "faster: 0.50 to 0.50 of the plain times, geometric mean 0.50\n",
    );
  });

  it("without results are said not to be measured", () =>
    expect(toggleLines([outcome("plain", [1]), outcome("faster", [])], ["faster"])).toContain("faster: not measured"));

  it("run between two plain runs of the same command", () => {
    const plan = stages(false);
    const names = plan.map(({ name }) => name);
    const toggled = plan.filter(({ toggles }) => toggles !== undefined);
    expect(toggled).toHaveLength(4);
    const [first, last] = [names.indexOf("plain"), names.indexOf("plain again")];
    for (const { name, command } of toggled) {
      expect(names.indexOf(name)).toSatisfy((at: number) => first < at && at < last);
      expect(command).toEqual(plan[first].command);
    }
  });
});

it("peers are run where bench/peers has its packages, else skipped by a sentence that says how to get them", () => {
  const { command, skipped } = stages(true).find(({ name }) => name === "peers")!;
  expect(command).toEqual(["peers/run.ts", "--minutes", "2", "--quick"]);
  const packages = fileURLToPath(new URL("../bench/peers/node_modules", import.meta.url));
  expect(skipped).toEqual(existsSync(packages) ? undefined : expect.stringContaining("npm ci in bench/peers"));
});
