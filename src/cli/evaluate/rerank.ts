// --rerank and --fit_rerank: the true p2 among others, and the choice among candidates that are written as
// src/generate.ts --rerank writes them.
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { choiceFigures, rankedTexts } from "../../evaluation/rerank-choices.ts";
import type { RerankFigures, WrittenChoice } from "../../evaluation/rerank-choices.ts";
import { fittedByParts, fittedWeights, ownWeights, trialFigures } from "../../evaluation/rerank-trial.ts";
import type { Trial } from "../../evaluation/rerank-trial.ts";
import type { Cluster } from "../../evaluation/places.ts";
import type { Folder } from "../../files/folder.ts";
import { openFolder } from "../../files/open.ts";
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
import { chooseResultFolder, isFolder } from "./data.ts";
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

/** What ranking is judged by. */
export interface RerankMeasures {
  /** Of each example. */
  readonly trials: readonly Trial[];
  /** Of each example that candidates are written for; null where none are as asked for. */
  readonly choices: readonly (WrittenChoice | null)[];
}

export interface RerankRun {
  readonly model: InfillModel;
  readonly weights: GPT2LMHeadModel;
  readonly decoder: GPT2Decoder;
  readonly examples: readonly InfillExample[];
  readonly values: EvaluateValues;
  readonly signal: AbortSignal;
}

/** Writes candidates for gap `which` of the plan, which is of example `index`, and measures them. */
export async function measureChoice(
  plan: Plan,
  which: number,
  index: number,
  { model, weights, decoder, examples, values, signal }: RerankRun,
): Promise<WrittenChoice | null> {
  const { perDeviceEvalBatchSize: batchSize, seed } = values;
  const { tokenizer, encoder } = model;
  const found = await writeMet({ decoder, tokenizer, plan, trim: true }, { which: [which], signal, seed });
  signal.throwIfAborted();
  const texts = found?.candidates[0].map(({ text }) => text) ?? [];
  if (texts.length === 0) return null;
  const { p2 } = examples[index];
  const terms = await candidateTerms(weights, encoder, examples[index], [...texts, p2], { batchSize, signal });
  return { index, p2, texts, terms };
}

export function rerankFigures(
  { weights: own }: RerankPlan,
  { trials, choices }: RerankMeasures,
  { clusters, values }: { readonly clusters: readonly Cluster[]; readonly values: EvaluateValues },
): RerankFigures {
  const { seed, fitRerank } = values;
  const fitted = own ?? fittedWeights(trials);
  if (fitRerank && fitted.fittedOn!.candidates < 2)
    throw new UserError(
      "--fit_rerank needs examples of one book (by title and author) with different p2, and there are none that the " +
        "true one could be told from; use a larger --test_file.",
    );
  const weigh = own ? ownWeights(own) : fittedByParts(trials);
  const written = choices.filter((choice) => choice !== null);
  return {
    trial: trialFigures(trials, weigh, seed, clusters),
    choices: written.length > 0 ? choiceFigures(written, weigh, seed, clusters) : undefined,
    weights: fitted,
    byParts: own === undefined,
    texts: rankedTexts(written, weigh),
  };
}

/** Where fitted weights go. */
export interface FittedPlace {
  readonly folder: Folder;
  readonly path: string;
  /** That is the model's own folder, where they are found when candidates are ranked. */
  readonly isModel: boolean;
}

/**
 * The model's folder where the user named one on this disk; else, for the demo, the Hub's cache and addresses are not
 * the user's to change, the results' folder. Throws UserError where that has weights already.
 */
export async function placeOfFitted(
  { modelNameOrPath, overwriteOutputDir }: EvaluateValues,
  outputDir: string,
  model: InfillModel,
): Promise<FittedPlace> {
  if (modelNameOrPath !== undefined && (await isFolder(modelNameOrPath)))
    return { folder: model.folder, path: join(modelNameOrPath, RERANK_FILE), isModel: true };
  await chooseResultFolder(outputDir, overwriteOutputDir, [RERANK_FILE]);
  return { folder: await openFolder(outputDir), path: join(outputDir, RERANK_FILE), isModel: false };
}

/**
 * Writes them. Gives "model/infill_rerank.json: p2 0.31, p3 4.20, seam p1-p2 1.10, seam p2-p3 0.40, fitted on 200
 * examples".
 */
export async function saveFitted(
  { folder, path, isModel }: FittedPlace,
  { weights: fitted }: RerankFigures,
): Promise<string> {
  await folder.write(new Map([[RERANK_FILE, rerankToJson(fitted)]]));
  const terms = TERMS.map((term) => `${TERM_NAMES[term]} ${fitted.weights[term].toFixed(2)}`);
  const use = isModel ? "" : "; beside the model's own files src/generate.ts --rerank would use it";
  return `${path}: ${terms.join(", ")}, fitted on ${fitted.fittedOn!.examples} examples${use}`;
}
