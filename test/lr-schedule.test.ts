// Learning rates against every schedule in the reference runs, and the shape at their ends.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseSchedulerKwargs } from "../src/cli/train/scheduler-kwargs.ts";
import { checkSchedule, learningRateAt, SCHEDULES } from "../src/training/lr-schedule.ts";
import type { LrSchedule, LrSchedulerKwargs, ScheduleName } from "../src/training/lr-schedule.ts";

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

/**
 * Rates of updates 0, 1, ... to two past the end, at a peak of 2e-3: schedule, its options, warmupSteps, totalSteps.
 * Computed in Python from the lambdas of transformers' optimization.py (main, 2025), each a factor of the peak there,
 * to 12 digits. Only the cosine's last two are ours: it stays at its end.
 */
const PEAK = 2e-3;
const TABLE: readonly (readonly [ScheduleName, LrSchedulerKwargs, number, number, readonly number[]])[] = [
  [
    "cosine_with_restarts",
    {},
    3,
    12,
    [
      0, 0.000666666666667, 0.00133333333333, 0.002, 0.00193969262079, 0.00176604444312, 0.0015, 0.00117364817767,
      0.000826351822333, 0.0005, 0.000233955556881, 6.03073792141e-5, 0, 0, 0,
    ],
  ],
  [
    "cosine_with_restarts",
    { numCycles: 3 },
    2,
    14,
    [
      0, 0.001, 0.002, 0.00170710678119, 0.001, 0.000292893218813, 0.002, 0.00170710678119, 0.001, 0.000292893218813,
      0.002, 0.00170710678119, 0.001, 0.000292893218813, 0, 0, 0,
    ],
  ],
  [
    "cosine_with_restarts",
    { numCycles: 2 },
    0,
    9,
    [
      0.002, 0.00176604444312, 0.00117364817767, 0.0005, 6.03073792141e-5, 0.00193969262079, 0.0015, 0.000826351822333,
      0.000233955556881, 0, 0, 0,
    ],
  ],
  [
    "cosine",
    { numCycles: 1.25 },
    2,
    10,
    [
      0, 0.001, 0.002, 0.00155557023302, 0.000617316567635, 1.92147195968e-5, 0.000292893218813, 0.00119509032202,
      0.00192387953251, 0.0018314696123, 0.001, 0.001, 0.001,
    ],
  ],
  [
    "polynomial",
    {},
    2,
    8,
    [
      0, 0.001, 0.002, 0.00166668333333, 0.00133336666667, 0.00100005, 0.000666733333333, 0.000333416666667, 1e-7, 1e-7,
      1e-7,
    ],
  ],
  [
    "polynomial",
    { power: 2.5, lrEnd: 0.0004 },
    3,
    11,
    [
      0, 0.000666666666667, 0.00133333333333, 0.002, 0.0015458825747, 0.00117942286341, 0.000894105884401,
      0.000682842712475, 0.000537783798032, 0.00045, 0.000408838834765, 0.0004, 0.0004, 0.0004,
    ],
  ],
  [
    "polynomial",
    { power: 0.5, lrEnd: 0 },
    0,
    7,
    [
      0.002, 0.00185164019955, 0.00169030850946, 0.00151185789204, 0.00130930734142, 0.00106904496765,
      0.000755928946018, 0, 0, 0,
    ],
  ],
  [
    "inverse_sqrt",
    {},
    4,
    12,
    [
      0, 0.0005, 0.001, 0.0015, 0.002, 0.001788854382, 0.00163299316186, 0.00151185789204, 0.00141421356237,
      0.00133333333333, 0.00126491106407, 0.00120604537831, 0.00115470053838, 0.00110940039245, 0.00106904496765,
    ],
  ],
  [
    "inverse_sqrt",
    {},
    0,
    6,
    [
      0.002, 0.0019999000075, 0.00199980003, 0.00199970006748, 0.00199960011996, 0.00199950018742, 0.00199940026987,
      0.00199930036729, 0.00199920047968,
    ],
  ],
  [
    "inverse_sqrt",
    { timescale: 2.5 },
    3,
    9,
    [
      0, 0.000666666666667, 0.00133333333333, 0.002, 0.00169030850946, 0.001490711985, 0.00134839972493,
      0.00124034734589, 0.00115470053838, 0.00108465228909, 0.00102597835209, 0.000975900072949,
    ],
  ],
  ["constant_with_warmup", {}, 4, 7, [0, 0.0005, 0.001, 0.0015, 0.002, 0.002, 0.002, 0.002, 0.002, 0.002]],
];

describe("schedules with options", () => {
  it.each(TABLE)("%s %j, warm-up %d of %d", (schedule, kwargs, warmupSteps, totalSteps, rates) => {
    expect(rates.length).toBe(totalSteps + 3);
    expectRates({ schedule, ...kwargs, learningRate: PEAK, warmupSteps, totalSteps }, rates);
  });

  it("has a row of the table or of the reference runs for every schedule", () => {
    const tested = [...TABLE.map(([schedule]) => schedule), "linear", "cosine", "constant"];
    expect([...SCHEDULES].sort()).toEqual([...new Set(tested)].sort());
  });

  it("constant_with_warmup is constant, and HF's default waves of the cosine are half a one", () => {
    const common = { learningRate: 1e-3, warmupSteps: 3, totalSteps: 9 };
    for (let step = 0; step < 12; step++) {
      const rate = (given: Pick<LrSchedule, "schedule" | "numCycles">): number =>
        learningRateAt({ ...common, ...given }, step);
      expect(rate({ schedule: "constant_with_warmup" })).toBe(rate({ schedule: "constant" }));
      expect(rate({ schedule: "cosine", numCycles: 0.5 })).toBe(rate({ schedule: "cosine" }));
    }
  });

  const wrong: readonly [Partial<LrSchedule>, string][] = [
    [
      { schedule: "linear", power: 2 },
      "power of the learning rate's schedule is 2, and linear has no options of its own",
    ],
    [
      { schedule: "polynomial", numCycles: 2 },
      "num_cycles of the learning rate's schedule is 2, and polynomial has lr_end and power",
    ],
    [{ schedule: "polynomial", lrEnd: 1e-3 }, "falls to lr_end 0.001, which is not below the learning rate 0.001"],
    [{ schedule: "polynomial", learningRate: 1e-8 }, "falls to lr_end 1e-7, which is not below the learning rate 1e-8"],
    [
      { schedule: "polynomial", lrEnd: -1 },
      "lr_end of the learning rate's schedule is -1, wanted a number of at least 0",
    ],
    [{ schedule: "polynomial", power: 0 }, "power of the learning rate's schedule is 0, wanted a number above 0"],
    [
      { schedule: "inverse_sqrt", timescale: NaN },
      "timescale of the learning rate's schedule is null, wanted a number",
    ],
    [
      { schedule: "cosine-with-restart" as ScheduleName },
      'no schedule "cosine-with-restart" of the learning rate; did you mean cosine_with_restarts?',
    ],
    [{ schedule: "toString" as ScheduleName }, 'no schedule "toString" of the learning rate; known are linear, cosine'],
  ];
  it.each(wrong)("refuses %j", (given, message) => {
    const schedule = { schedule: "linear", learningRate: 1e-3, warmupSteps: 0, totalSteps: 9, ...given } as LrSchedule;
    expect(() => checkSchedule(schedule)).toThrow(message);
    expect(() => learningRateAt(schedule, 0)).toThrow(message);
  });
});

describe("--lr_scheduler_kwargs", () => {
  it.each([
    ["", {}],
    ["num_cycles=2", { numCycles: 2 }],
    [" power = 1.5 , lr_end=1e-6", { power: 1.5, lrEnd: 1e-6 }],
    ['{"timescale": 500}', { timescale: 500 }],
    [' {"power": 2, "lr_end": 0}', { power: 2, lrEnd: 0 }],
  ])("reads %j", (text, kwargs) => expect(parseSchedulerKwargs(text)).toEqual(kwargs));

  it.each([
    ["cycles=2", 'gives "cycles", wanted num_cycles, power, lr_end, timescale'],
    ["power", 'has "power", wanted name=number'],
    ["power=two", 'gives power as "two", wanted a number'],
    ["power=2,power=3", "gives power twice"],
    ['{"power": "2"}', 'gives power as "2", wanted a number'],
    ['{"power": 2', "not valid JSON"],
    ['{"__proto__": 2}', 'gives "__proto__"'],
  ])("refuses %j", (text, message) => expect(() => parseSchedulerKwargs(text)).toThrow(message));
});

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
