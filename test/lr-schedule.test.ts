// Learning rates against every schedule in the reference runs, and the shape at their ends.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { learningRateAt } from "../src/training/lr-schedule.ts";
import type { LrSchedule, ScheduleName } from "../src/training/lr-schedule.ts";

interface Reference {
  readonly training: readonly {
    name: string;
    steps: number;
    schedule: ScheduleName;
    warmup_steps: number;
    learning_rate: number;
    lr: number[];
  }[];
  readonly runs: Readonly<Record<"blocks" | "line_by_line", { readonly lr_used: number[] }>>;
}

const root = new URL("./fixtures/reference/", import.meta.url);
const read = (folder: string): Reference => JSON.parse(readFileSync(new URL(`${folder}/reference.json`, root), "utf8"));
const folders = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

function expectRates(schedule: LrSchedule, rates: readonly number[]): void {
  rates.forEach((want, step) =>
    expect(Math.abs(learningRateAt(schedule, step) - want), `update ${step}`).toBeLessThan(1e-12),
  );
}

describe("learningRateAt", () => {
  for (const folder of folders.filter((name) => name !== "e2e_2020")) {
    for (const run of read(folder).training) {
      it(`equals ${folder}/${run.name}`, () => {
        expect(run.lr.length).toBe(run.steps);
        expectRates(
          {
            schedule: run.schedule,
            learningRate: run.learning_rate,
            warmupSteps: run.warmup_steps,
            totalSteps: run.steps,
          },
          run.lr,
        );
      });
    }
  }

  it("equals the 2020 script's runs, whose last update may lie past the end", () => {
    const { blocks, line_by_line: lines } = read("e2e_2020").runs;
    expectRates({ schedule: "linear", learningRate: 2e-3, warmupSteps: 4, totalSteps: 12 }, blocks.lr_used);
    expectRates({ schedule: "linear", learningRate: 1e-3, warmupSteps: 0, totalSteps: 12 }, lines.lr_used);
    expect(lines.lr_used.length).toBe(13);
  });

  it("stays at 0 after the end, and constant never falls", () => {
    const common = { learningRate: 1e-3, warmupSteps: 2, totalSteps: 10 };
    for (const schedule of ["linear", "cosine"] as const) {
      for (const step of [10, 11, 15, 1000]) expect(learningRateAt({ ...common, schedule }, step)).toBe(0);
    }
    expect([0, 1, 2, 9, 1000].map((step) => learningRateAt({ ...common, schedule: "constant" }, step))).toEqual([
      0, 5e-4, 1e-3, 1e-3, 1e-3,
    ]);
    expect(learningRateAt({ ...common, schedule: "constant", warmupSteps: 0 }, 0)).toBe(1e-3);
  });

  it("needs no decay phase: a warm-up as long as the run", () => {
    const schedule = { schedule: "linear", learningRate: 1, warmupSteps: 4, totalSteps: 4 } as const;
    expect([0, 1, 2, 3, 4].map((step) => learningRateAt(schedule, step))).toEqual([0, 0.25, 0.5, 0.75, 0]);
  });
});
