// What makes a run this run and no other: everything that decides which model comes out, but not how long it goes on or
// what is logged on the way. It is saved with every checkpoint, and a run goes on only from its own.
import { isDigest } from "../files/digest.ts";
import { printable, quote } from "../files/quote.ts";
import { exampleSet } from "../examples/example-set.ts";
import type { Examples } from "../examples/example-set.ts";
import type { GPT2Config } from "../gpt2/config.ts";
import { snakeCase } from "../snake-case.ts";
import { DEFAULT_ARGUMENTS } from "./arguments.ts";
import type { TrainingArguments } from "./arguments.ts";
import { schedulerKwargsText } from "./lr-schedule.ts";

export { digest } from "../files/digest.ts";

/** By the flag's name without dashes, or what the digest is of. */
export type Fingerprint = Readonly<Record<string, string | number | boolean | null>>;

/** How long, how often, how verbose: a run may change these on the way. Everything else of its arguments it may not. */
const FREE = [
  "perDeviceEvalBatchSize",
  "numTrainEpochs",
  "maxSteps",
  "maxSkippedUpdates",
  "loggingSteps",
  "evalSteps",
  "saveSteps",
  "saveTotalLimit",
  "loadBestModelAtEnd",
  "metricForBestModel",
  "greaterIsBetter",
  "earlyStoppingPatience",
  "earlyStoppingThreshold",
] as const satisfies readonly (keyof TrainingArguments)[];

/** Of the encoded examples. Its difference says no more where another setting already says why they differ. */
const EXAMPLES = "training_examples";

export interface RunDescription {
  readonly args: TrainingArguments;
  readonly config: GPT2Config;
  readonly examples: Examples;
  readonly precision: string;
  readonly worldSize: number;
  /** What the examples were made from: files' digests (see `digest`), block size, limits, ... */
  readonly settings: Fingerprint;
}

export async function fingerprintOf({
  args,
  config: { embdPdrop, attnPdrop, residPdrop },
  examples,
  precision,
  worldSize,
  settings,
}: RunDescription): Promise<Fingerprint> {
  const names = (Object.keys(DEFAULT_ARGUMENTS) as (keyof typeof DEFAULT_ARGUMENTS)[]).filter(
    (name) => !(FREE as readonly string[]).includes(name),
  );
  const kwargs = schedulerKwargsText(args.lrSchedulerKwargs ?? {});
  const rates = new Set([embdPdrop, attnPdrop, residPdrop]);
  return {
    ...settings,
    ...Object.fromEntries(names.map((name) => [snakeCase(name), args[name]])),
    ...(args.logitsChunk !== undefined && { logits_chunk: args.logitsChunk }), // rounds its sums in another order
    ...(args.packing && { packing: true }), // likewise
    ...(args.initialLossScale !== undefined && { initial_loss_scale: args.initialLossScale }),
    ...(kwargs !== "" && { lr_scheduler_kwargs: kwargs }), // absent without any, as in runs from before there were
    dropout: rates.size === 1 ? embdPdrop : [embdPdrop, attnPdrop, residPdrop].join("/"),
    precision,
    world_size: worldSize,
    [EXAMPLES]: await exampleSet(examples).digest(),
  };
}

/** What differs between a checkpoint's run and this one, in words; empty when they are the same. */
export function differences(saved: Fingerprint, mine: Fingerprint): string[] {
  const names = [...new Set([...Object.keys(mine), ...Object.keys(saved)])].filter(
    (name) => (Object.hasOwn(saved, name) ? saved[name] : undefined) !== mine[name],
  );
  const told = names.length > 1 ? names.filter((name) => name !== EXAMPLES) : names;
  return told.map((name) => {
    const [there, here] = [Object.hasOwn(saved, name) ? saved[name] : undefined, mine[name]];
    return [there, here].some(isDigest)
      ? `the ${printable(name).replaceAll("_", " ")} ${name.endsWith("s") ? "are" : "is"} not the same`
      : `--${printable(name)} was ${shown(there)} and is ${shown(here)}`;
  });
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return "not given";
  return typeof value === "string" ? quote(value).slice(1, -1) : quote(value);
}
