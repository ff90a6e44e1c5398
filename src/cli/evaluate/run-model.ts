// One model of an evaluation: loaded, scored, let write, ranked, and freed again.
import { printableText } from "../../files/quote.ts";
import type { RerankFigures } from "../../evaluation/rerank-choices.ts";
import { scoreExamples } from "../../evaluation/score-examples.ts";
import type { ScoredExample } from "../../evaluation/score-examples.ts";
import type { WrittenText } from "../../evaluation/written-figures.ts";
import { GPT2Decoder } from "../../generation/device/gpt2-decoder.ts";
import { GPT2LMHeadModel } from "../../gpt2/model.ts";
import type { Device } from "../../gpu/device.ts";
import { describeModel } from "../shared/describe-model.ts";
import { ProgressBar } from "../shared/progress.ts";
import type { InfillModel } from "./data.ts";
import { rerankFigures } from "./rerank.ts";
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
export function loadWeights(device: Device, { folder, config, fresh }: InfillModel, seed: number) {
  return fresh
    ? GPT2LMHeadModel.fromConfig(device, config, { seed, gradients: false })
    : GPT2LMHeadModel.fromPretrained(device, folder);
}

export async function runModel(
  device: Device,
  { name, model, pool, examples, toWrite, plan, guarded, rerank }: Task,
  { values, clusterOf }: Pick<EvaluationSetup, "values" | "clusterOf">,
  signal: AbortSignal,
): Promise<ModelResult> {
  const { perDeviceEvalBatchSize: batchSize, candidates, seed } = values;
  const weights = await loadWeights(device, model, seed);
  const about = `${describeModel(weights)}${model.history}`;
  process.stderr.write(`Model    ${printableText(name)}: ${printableText(about)}\n`);
  const decoder = new GPT2Decoder(weights);
  try {
    const scored = await withProgress("score", "examples", examples.length, (bar) =>
      scoreExamples(weights, model.encoder, examples, {
        candidates,
        batchSize,
        seed,
        pool,
        signal,
        onProgress: (done) => bar.update(done),
      }),
    );
    const texts =
      plan === undefined
        ? []
        : await withProgress("write", "texts", toWrite.length, (bar) => {
            const onProgress = (done: number, tokens: number): void =>
              bar.update(done, "", { amount: tokens, unit: "tokens" });
            return guarded
              ? writeGuarded(model, decoder, plan, toWrite, { signal, onProgress })
              : writeTexts(model, decoder, plan, toWrite, { batchSize, signal, onProgress });
          });
    const total = examples.length + (rerank?.plan?.prompts.length ?? 0);
    const ranking =
      rerank &&
      (await withProgress("rank", "examples", total, (bar) =>
        rerankFigures(rerank, {
          model,
          weights,
          decoder,
          examples,
          pool,
          clusters: examples.map(clusterOf),
          toWrite: toWrite.map((example) => examples.indexOf(example)),
          values,
          signal,
          onProgress: (done) => bar.update(done),
        }),
      ));
    return { about, scored, texts, rerank: ranking };
  } finally {
    decoder.dispose();
    await device.finish(); // a step that was begun ahead may still need the weights
    weights.destroy();
  }
}

export async function withProgress<T>(
  label: string,
  unit: string,
  total: number,
  work: (bar: ProgressBar) => Promise<T>,
): Promise<T> {
  const bar = new ProgressBar({ label, unit, total });
  try {
    bar.update(0);
    return await work(bar);
  } finally {
    bar.stop();
  }
}
