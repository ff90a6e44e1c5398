// The flags of `npm run bench`, and what each benchmark is handed.
import { defineFlags } from "../src/cli/shared/flags.ts";
import type { FlagValues, Program } from "../src/cli/shared/flags.ts";
import type { Ceiling } from "../src/profile/ceiling.ts";
import type { MeasureOptions } from "../src/profile/measure.ts";
import type { Result } from "./result.ts";

export const PARTS = ["kernels", "train", "decode"] as const;
export type Part = (typeof PARTS)[number];

/** The form the adapter is tuned for, one of the two, or both. */
const VARIANTS = ["tuned", "subgroup", "workgroup", "all"] as const;

const flags = defineFlags({
  only: { type: "choice", choices: PARTS, group: "What", help: "Run one part." },
  filter: {
    type: "string",
    default: "",
    placeholder: "text",
    group: "What",
    help: 'Only results whose name and sizes contain this, such as "matmul nn" or "model=demo".',
  },
  large: {
    type: "bool",
    group: "What",
    help: "Also what takes minutes on a software adapter: GPT-2 124M, large matrices.",
  },
  all: {
    type: "bool",
    group: "What",
    help: "Decoding: every batch size, way of choosing and context together, instead of each by itself.",
  },
  variant: {
    type: "choice",
    choices: VARIANTS,
    default: "tuned",
    group: "What",
    help: "Which form of each kernel: the adapter's own, one of the two, or both.",
  },
  quick: { type: "bool", group: "How", help: "Short runs of small sizes: to see that everything works." },
  runs: { type: "int", min: 7, max: 1000, default: 9, group: "How", help: "Timed runs a result." },
  timer: {
    type: "choice",
    choices: ["wall", "gpu"],
    defaultText: "gpu where the adapter is one and has timestamps",
    group: "How",
    help: "Time kernels by the clock or by GPU timestamps.",
  },
  save: { type: "bool", group: "Output", help: "Write the JSON lines to bench/results/<adapter>.jsonl too." },
});

export const BENCH: Program<typeof flags> = {
  command: "npm run bench --",
  summary:
    "Times every kernel, a training step and decoding. JSON lines on stdout, a table on stderr; " +
    "bench/README.md says how to read them.",
  flags,
  examples: [
    { args: "--quick", does: "a minute's look" },
    { args: "--only kernels --filter matmul --variant all", does: "both forms of the matrix product" },
    { args: "--only decode --large", does: "decoding, GPT-2 124M's shape too" },
  ],
};

export type BenchOptions = MeasureOptions &
  Pick<FlagValues<typeof flags>, "filter" | "large" | "all" | "quick" | "variant">;

/** One run of the program. */
export interface BenchRun {
  readonly options: BenchOptions;
  readonly ceiling: Ceiling;
  report(result: Result): void;
  /** A remark for people. */
  note(text: string): void;
}

export function benchOptions({
  filter,
  large,
  all,
  variant,
  quick,
  runs,
  timer,
}: FlagValues<typeof flags>): BenchOptions {
  return {
    filter,
    large,
    all,
    variant,
    quick,
    runs: quick ? 7 : runs,
    runMs: quick ? 5 : 30,
    timer: timer as MeasureOptions["timer"],
  };
}
