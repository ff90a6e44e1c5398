// All of an evaluation that needs no GPU: flags, models, examples, the texts of others, prompts and options. Most
// mistakes end here, before any weights are read.
import { UserError } from "../../errors.ts";
import type { Cluster } from "../../evaluation/places.ts";
import type { InfillExample } from "../../infill/example.ts";
import { givenOptions } from "../generate/options.ts";
import type { Plan } from "../generate/plan.ts";
import { wishesOf } from "../generate/wishes.ts";
import type { Wishes } from "../generate/wishes.ts";
import { DEMO_MODEL, samplePath } from "../shared/project-path.ts";
import { parseShard } from "../shared/shard.ts";
import { chooseExamples, chooseResultFolder, openInfillModels, readExampleFile, readTestFile } from "./data.ts";
import type { Examples, InfillModel, TestFile } from "./data.ts";
import type { EvaluateValues } from "./flags.ts";
import { placeOfFitted, planRerank } from "./rerank.ts";
import type { FittedPlace, RerankPlan } from "./rerank.ts";
import { gapKey, readTheirTexts } from "./texts.ts";
import type { TheirTexts } from "./texts.ts";
import { planTexts } from "./write.ts";

/** A model and what is to be done with it. */
export interface Task {
  readonly name: string;
  readonly model: InfillModel;
  readonly pool: readonly InfillExample[];
  readonly examples: readonly InfillExample[];
  /** Gaps whose texts are judged; the model writes for them where there is a plan. */
  readonly toWrite: readonly InfillExample[];
  readonly plan: Plan | undefined;
  readonly guarded: boolean;
  /** With --rerank or --fit_rerank. */
  readonly rerank: RerankPlan | undefined;
}

export interface Judge {
  readonly name: string;
  readonly model: InfillModel;
  /** The gaps of `toWrite`, as this model knows them. */
  readonly toWrite: readonly InfillExample[];
}

export interface EvaluationSetup {
  readonly values: EvaluateValues;
  readonly outputDir: string;
  readonly file: TestFile;
  readonly examples: Examples;
  readonly training: readonly InfillExample[] | undefined;
  readonly tasks: readonly Task[];
  readonly theirs: readonly TheirTexts[];
  readonly judge: Judge;
  /** With --fit_rerank. */
  readonly fitted: FittedPlace | undefined;
  /** Of an example as any of the models knows it. */
  readonly clusterOf: (example: InfillExample) => Cluster;
}

/** Throws UserError for anything the user got wrong. */
export async function setUpEvaluation(values: EvaluateValues, given: ReadonlySet<string>): Promise<EvaluationSetup> {
  const { maxEvalSamples, maxExamples, seed } = values;
  checkTogether(values);
  checkShards(values);
  const testFile = values.testFile ?? samplePath("validation.jsonl", "--test_file");
  const names = [values.modelNameOrPath ?? DEMO_MODEL, ...(values.compare === undefined ? [] : [values.compare])];
  const judgeName = values.judge ?? names[names.length - 1];
  const outputDir = await chooseResultFolder(values.outputDir, values.overwriteOutputDir);
  const { revision, offline, cacheDir } = values;
  const all = names.includes(judgeName) ? names : [...names, judgeName];
  const models = await openInfillModels(all, { revision, offline, cacheDir });
  const fitted = values.fitRerank ? await placeOfFitted(values, outputDir, models[0]) : undefined;
  const file = await readTestFile(testFile);
  const training = values.trainFile === undefined ? undefined : await readExampleFile(values.trainFile);
  const theirs: TheirTexts[] = [];
  for (const path of values.texts) theirs.push(await readTheirTexts(path, file.examples));
  const examples = chooseExamples(file, models, {
    scored: maxEvalSamples,
    written: maxExamples === 0 && theirs.length > 0 ? Infinity : maxExamples,
    judged: (example) => theirs.every(({ texts }) => texts.has(gapKey(example))),
    seed,
  });
  if (theirs.length > 0 && examples.written.length === 0)
    throw new UserError(
      `None of the ${examples.scored.length} gaps that are scored has a text in ${values.texts.join(" and in ")}; ` +
        "raise --max_eval_samples, or give texts for more gaps.",
    );
  const ofModel = (m: number, which: readonly number[]): InfillExample[] => which.map((i) => examples.pools[m][i]);
  const wishes = wishesAsked(values);
  const options = { ...givenOptions(values as unknown as Parameters<typeof givenOptions>[0], given), seed };
  const tasks: Task[] = [];
  for (const [i, name] of names.entries()) {
    const model = models[i];
    const toWrite = ofModel(i, examples.written);
    const written = maxExamples > 0 ? toWrite : [];
    tasks.push({
      name,
      model,
      pool: examples.pools[i],
      examples: ofModel(i, examples.scored),
      toWrite,
      plan: written.length > 0 ? await planTexts(model, written, options, wishes) : undefined,
      guarded: wishes !== undefined,
      rerank: await planRerank(model, written, options, wishes, values),
    });
  }
  const places = new Map(
    examples.pools.flatMap((pool) => pool.map((example, place) => [example, examples.clusters[place]] as const)),
  );
  const judge = names.includes(judgeName) ? names.indexOf(judgeName) : names.length;
  return {
    values,
    outputDir,
    file,
    examples,
    training,
    tasks,
    theirs,
    fitted,
    judge: { name: judgeName, model: models[judge], toWrite: ofModel(judge, examples.written) },
    clusterOf: (example) => places.get(example)!,
  };
}

function checkTogether({ maxExamples, trainFile, texts, judge }: EvaluateValues): void {
  if (maxExamples > 0 || texts.length > 0) return;
  const flag = trainFile === undefined ? judge && "--judge looks at" : "--train_file is searched for copies in";
  if (flag)
    throw new UserError(`${flag} what the model writes, and --max_examples 0 writes nothing; leave one of them out.`);
}

/** Throws UserError for what is no shard, and where its results would have no place that the others know. */
function checkShards({ shard, mergeShards, outputDir }: EvaluateValues): void {
  if (shard !== undefined) parseShard(shard);
  if (shard !== undefined && mergeShards)
    throw new UserError("--shard measures one part, --merge_shards puts all together; give one of them.");
  const flag = shard !== undefined ? "--shard" : mergeShards ? "--merge_shards" : undefined;
  if (flag && outputDir === undefined)
    throw new UserError(`${flag} needs the folder that all shards share; name it with --output_dir.`);
}

/** Undefined where the model is left to itself. */
function wishesAsked(values: EvaluateValues): Wishes | undefined {
  const wishes = wishesOf(values);
  const { forceWords = [], badWords = [], words, sentences, endsWith, requireCharacters, requireLength } = wishes;
  const asked = forceWords.length + badWords.length > 0 || requireCharacters || requireLength;
  const bounded = [words, sentences, endsWith].some((bound) => bound !== undefined);
  return asked || bounded || values.guarded ? wishes : undefined;
}
