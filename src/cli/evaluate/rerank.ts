// --rerank and --fit_rerank: the true p2 among others, and the choice among candidates that are written as
// src/generate.ts --rerank writes them.
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { choiceFigures, rankedTexts } from "../../evaluation/rerank-choices.ts";
import type { RerankFigures, WrittenChoice } from "../../evaluation/rerank-choices.ts";
import { fittedByParts, fittedWeights, ownWeights, rerankTrials, trialFigures } from "../../evaluation/rerank-trial.ts";
import type { Cluster } from "../../evaluation/places.ts";
import type { GPT2Decoder } from "../../generation/device/gpt2-decoder.ts";
import type { GenerationOptions } from "../../generation/options/options.ts";
import type { GPT2LMHeadModel } from "../../gpt2/model.ts";
import type { InfillExample } from "../../infill/example.ts";
import { candidateTerms, TERM_NAMES, TERMS } from "../../rerank/terms.ts";
import { readRerankWeights, RERANK_FILE, rerankToJson } from "../../rerank/weights.ts";
import type { RerankWeights } from "../../rerank/weights.ts";
import { planGaps } from "../generate/plan.ts";
import type { Plan } from "../generate/plan.ts";
import { severalCandidates } from "../generate/several.ts";
import { withBeams } from "../generate/wishes.ts";
import type { Wishes } from "../generate/wishes.ts";
import type { InfillModel } from "./data.ts";
import type { EvaluateValues } from "./flags.ts";
import { writeMet } from "./write.ts";

/** What is to be done for one model, known before a GPU is opened. */
export interface RerankPlan {
  /** The model's own; undefined where weights are fitted here. */
  readonly weights: RerankWeights | undefined;
  /** Of the examples that candidates are written for; undefined when none are. */
  readonly plan: Plan | undefined;
}

/**
 * Undefined without the flags. Throws UserError for flags that contradict each other, and for a damaged file of
 * weights.
 */
export async function planRerank(
  model: InfillModel,
  toWrite: readonly InfillExample[],
  options: GenerationOptions,
  wishes: Wishes | undefined,
  { rerank, fitRerank, compare }: EvaluateValues,
): Promise<RerankPlan | undefined> {
  if (!rerank && !fitRerank) return undefined;
  if (fitRerank && compare !== undefined)
    throw new UserError(
      "--fit_rerank saves the weights of one model, and --compare names a second; fit one after the other.",
    );
  const search = wishes ? withBeams(options, wishes, false) : options;
  const settings = {
    options: severalCandidates(search, model.defaults, { interactive: false, rerank: true }),
    allowSpecialTokens: false,
    wishes,
  };
  return {
    weights: fitRerank || model.fresh ? undefined : await readRerankWeights(model.folder),
    plan: toWrite.length > 0 ? await planGaps(model, toWrite, "", settings) : undefined,
  };
}

export interface RerankRun {
  readonly model: InfillModel;
  readonly weights: GPT2LMHeadModel;
  readonly decoder: GPT2Decoder;
  readonly examples: readonly InfillExample[];
  /** Of the file, in its order. */
  readonly pool: readonly InfillExample[];
  readonly clusters: readonly Cluster[];
  /** Those that candidates are written for, as numbers of `examples`. */
  readonly toWrite: readonly number[];
  readonly values: EvaluateValues;
  readonly signal: AbortSignal;
  /** Told how many of all examples, and of the choices after them, are done. */
  readonly onProgress: (done: number) => void;
}

/** The figures; with --fit_rerank the weights are in the model's folder afterwards. */
export async function rerankFigures(
  { weights: own, plan }: RerankPlan,
  { model, weights, decoder, examples, pool, clusters, toWrite, values, signal, onProgress }: RerankRun,
): Promise<RerankFigures> {
  const { candidates, perDeviceEvalBatchSize: batchSize, seed, fitRerank } = values;
  const trials = await rerankTrials(weights, model.encoder, examples, {
    candidates,
    pool,
    batchSize,
    signal,
    onProgress,
  });
  const fitted = own ?? fittedWeights(trials);
  if (fitRerank && fitted.fittedOn!.candidates < 2)
    throw new UserError(
      "--fit_rerank needs examples of one book (by title and author) with different p2, and there are none that the " +
        "true one could be told from; use a larger --test_file.",
    );
  const weigh = own ? ownWeights(own) : fittedByParts(trials);
  const written: WrittenChoice[] = [];
  for (const [which, index] of toWrite.entries()) {
    if (!plan) break;
    const { tokenizer } = model;
    const found = await writeMet({ decoder, tokenizer, plan, trim: true }, { which: [which], signal, seed });
    signal.throwIfAborted();
    const texts = found?.candidates[0].map(({ text }) => text) ?? [];
    const example = examples[index];
    const judged = [...texts, example.p2];
    const terms =
      texts.length > 0 ? await candidateTerms(weights, model.encoder, example, judged, { batchSize, signal }) : [];
    if (texts.length > 0) written.push({ index, p2: example.p2, texts, terms });
    onProgress(examples.length + which + 1);
  }
  if (fitRerank) await model.folder.write(new Map([[RERANK_FILE, rerankToJson(fitted)]]));
  return {
    trial: trialFigures(trials, weigh, seed, clusters),
    choices: written.length > 0 ? choiceFigures(written, weigh, seed, clusters) : undefined,
    weights: fitted,
    byParts: own === undefined,
    texts: rankedTexts(written, weigh),
  };
}

/** "model/infill_rerank.json: p2 0.31, p3 4.20, seam p1-p2 1.10, seam p2-p3 0.40, fitted on 200 examples" */
export function fittedLine(model: string, { weights: { weights, fittedOn } }: RerankFigures): string {
  const terms = TERMS.map((term) => `${TERM_NAMES[term]} ${weights[term].toFixed(2)}`);
  return `${join(model, RERANK_FILE)}: ${terms.join(", ")}, fitted on ${fittedOn!.examples} examples`;
}
