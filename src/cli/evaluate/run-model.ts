// One model of an evaluation: loaded, scored, let write, ranked, and freed again; and what all that comes to.
import { printableText } from "../../files/quote.ts";
import type { RerankFigures, WrittenChoice } from "../../evaluation/rerank-choices.ts";
import { rerankTrials } from "../../evaluation/rerank-trial.ts";
import type { Trial } from "../../evaluation/rerank-trial.ts";
import { scoreExamples } from "../../evaluation/score-examples.ts";
import type { ScoredExample } from "../../evaluation/score-examples.ts";
import type { WrittenText } from "../../evaluation/written-figures.ts";
import { GPT2Decoder } from "../../generation/device/gpt2-decoder.ts";
import { GPT2LMHeadModel } from "../../gpt2/model.ts";
import type { Stored } from "../../gpt2/pretrained.ts";
import type { Device } from "../../gpu/device.ts";
import type { InfillExample } from "../../infill/example.ts";
import { describeModel } from "../shared/describe-model.ts";
import { ProgressBar } from "../shared/progress.ts";
import type { InfillModel } from "./data.ts";
import type { EvaluateValues } from "./flags.ts";
import type { Parts } from "./parts.ts";
import { measureChoice, rerankFigures } from "./rerank.ts";
import type { EvaluationSetup, Task } from "./setup.ts";
import { writeGuarded, writeTexts } from "./write.ts";

/** What came of it. */
export interface ModelResult {
  readonly about: string;
  readonly scored: readonly ScoredExample[];
  readonly texts: readonly WrittenText[];
  readonly rerank: RerankFigures | undefined;
}

/** The weights that were saved, or fresh ones. */
export function loadWeights(device: Device, { folder, config, fresh }: InfillModel, seed: number, dtype?: Stored) {
  return fresh
    ? GPT2LMHeadModel.fromConfig(device, config, { seed, dtype, gradients: false })
    : GPT2LMHeadModel.fromPretrained(device, folder, { dtype });
}

/** Numbers of a task's examples, and of the gaps that p2 is written for. */
export interface Share {
  readonly examples: readonly number[];
  readonly toWrite: readonly number[];
}

export const shareOfAll = ({ examples, toWrite }: Task): Share => ({
  examples: examples.map((_, i) => i),
  toWrite: toWrite.map((_, i) => i),
});

/** What of an example's value follows from its number. */
type Bare<T> = Omit<T, "example">;

function bare<T extends { readonly example: InfillExample }>(value: T): Bare<T> {
  const { example: _, ...rest } = value;
  return rest;
}

/** Kinds of parts of model `m`. */
const kindsOf = (m: number) => ({
  about: `${m} about`,
  score: `${m} score`,
  write: `${m} write`,
  trial: `${m} trial`,
  choose: `${m} choose`,
});

/** What a share of a task is made of, by kind. */
export function partsOf(
  m: number,
  { plan, rerank }: Task,
  { examples, toWrite }: Share,
): [string, readonly number[]][] {
  const kinds = kindsOf(m);
  return [
    [kinds.about, [0]],
    [kinds.score, examples],
    [kinds.write, plan ? toWrite : []],
    [kinds.trial, rerank ? examples : []],
    [kinds.choose, rerank?.plan ? toWrite : []],
  ];
}

/** Measures what is missing of a share of task `m`. */
export async function measureModel(
  device: Device,
  m: number,
  task: Task,
  share: Share,
  { values, parts, signal }: { readonly values: EvaluateValues; readonly parts: Parts; readonly signal: AbortSignal },
): Promise<void> {
  if (partsOf(m, task, share).every(([kind, which]) => parts.missing(kind, which).length === 0)) return;
  const { name, model, pool, examples, toWrite, plan, guarded, rerank } = task;
  const { perDeviceEvalBatchSize: batchSize, candidates, seed } = values;
  const kinds = kindsOf(m);
  const weights = await loadWeights(device, model, seed, values.dtype);
  const about = `${describeModel(weights)}${model.history}`;
  process.stderr.write(`Model    ${printableText(name)}: ${printableText(about)}\n`);
  const decoder = new GPT2Decoder(weights);
  const options = { candidates, batchSize, pool, signal };
  const { encoder } = model;
  const of = (numbers: readonly number[]): InfillExample[] => numbers.map((i) => examples[i]);
  const measure = (label: string, kind: string, which: readonly number[], work: Work): Promise<void> =>
    measureMissing(parts, label, kind, which, work);
  try {
    if (parts.missing(kinds.about, [0]).length > 0) await parts.keep(kinds.about, 0, about);
    await measure("score", kinds.score, share.examples, (missing, keep) => {
      const keepNext = inOrder(missing, keep);
      const onScored = (scored: ScoredExample): Promise<void> => keepNext(bare(scored));
      return scoreExamples(weights, encoder, of(missing), { ...options, seed, onScored });
    });
    await measure("write", kinds.write, plan ? share.toWrite : [], (which, keep) => {
      const onWritten = (i: number, text: WrittenText): Promise<void> => keep(i, bare(text), text.tokens);
      const writing = { signal, which, onWritten };
      return guarded
        ? writeGuarded(model, decoder, plan!, toWrite, writing)
        : writeTexts(model, decoder, plan!, toWrite, { ...writing, batchSize });
    });
    await measure("rank", kinds.trial, rerank ? share.examples : [], (missing, keep) =>
      rerankTrials(weights, encoder, of(missing), { ...options, onTrial: inOrder(missing, keep) }),
    );
    await measure("choose", kinds.choose, rerank?.plan ? share.toWrite : [], async (missing, keep) => {
      const run = { model, weights, decoder, examples, values, signal };
      for (const which of missing)
        await keep(which, await measureChoice(rerank!.plan!, which, examples.indexOf(toWrite[which]), run));
    });
  } finally {
    decoder.dispose();
    await device.finish(); // a step that was begun ahead may still need the weights
    weights.destroy();
  }
}

/** `tokens`: that were written for it. */
type Keep = (number: number, value: unknown, tokens?: number) => Promise<void>;
type Work = (missing: readonly number[], keep: Keep) => Promise<unknown>;

/** Measures those of `which` that are missing, with a bar. */
async function measureMissing(
  parts: Parts,
  label: string,
  kind: string,
  which: readonly number[],
  work: Work,
): Promise<void> {
  const missing = parts.missing(kind, which);
  if (missing.length === 0) return;
  await withProgress(label, "examples", which.length, async (bar) => {
    let done = which.length - missing.length;
    bar.update(done);
    await work(missing, async (number, value, tokens) => {
      await parts.keep(kind, number, value);
      bar.update(++done, "", tokens === undefined ? undefined : { amount: tokens, unit: "tokens" });
    });
  });
}

/** For values that come in the order of `numbers`. */
function inOrder(numbers: readonly number[], keep: Keep): (value: unknown) => Promise<void> {
  let next = 0;
  return (value) => keep(numbers[next++], value);
}

/** From all parts of task `m` to what came of it. */
export function resultOf(
  m: number,
  task: Task,
  { values, clusterOf, parts }: Pick<EvaluationSetup, "values" | "clusterOf"> & { readonly parts: Parts },
): ModelResult {
  const { examples, toWrite, plan, rerank } = task;
  const kinds = kindsOf(m);
  const all = shareOfAll(task);
  const gaps = plan ? all.toWrite : [];
  const scored = parts.values<Bare<ScoredExample>>(kinds.score, all.examples);
  const texts = parts.values<Bare<WrittenText>>(kinds.write, gaps);
  const ranking = rerank && {
    trials: parts.values<Trial>(kinds.trial, all.examples),
    choices: parts.values<WrittenChoice | null>(kinds.choose, rerank.plan ? all.toWrite : []),
  };
  return {
    about: parts.values<string>(kinds.about, [0])[0],
    scored: scored.map((losses, i) => ({ example: examples[i], ...losses })),
    texts: texts.map((text, i) => ({ example: toWrite[i], ...text })),
    rerank: ranking && rerankFigures(rerank!, ranking, { clusters: examples.map(clusterOf), values }),
  };
}

export async function withProgress<T>(
  label: string,
  unit: string,
  total: number,
  work: (bar: ProgressBar) => Promise<T>,
): Promise<T> {
  const bar = new ProgressBar({ label, unit, total });
  try {
    return await work(bar);
  } finally {
    bar.stop();
  }
}
