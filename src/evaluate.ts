// Command line: says whether an infilling model uses what it is given, and how well it keeps to what is asked. See
// --help.
import { join } from "node:path";
import { UserError } from "./errors.ts";
import { printableText } from "./files/quote.ts";
import { announce } from "./cli/shared/announce.ts";
import {
  boundsNote,
  chooseExamples,
  chooseResultFolder,
  openInfillModel,
  readExampleFile,
  readTestFile,
  RESULT_FILES,
} from "./cli/evaluate/data.ts";
import type { InfillModel, TestFile } from "./cli/evaluate/data.ts";
import { EVALUATE } from "./cli/evaluate/flags.ts";
import type { EvaluateValues } from "./cli/evaluate/flags.ts";
import { fittedLine, planRerank, rerankFigures } from "./cli/evaluate/rerank.ts";
import type { RerankPlan } from "./cli/evaluate/rerank.ts";
import { planTexts, realText, ruleFor, writeTexts } from "./cli/evaluate/write.ts";
import { parseFlags } from "./cli/shared/flags.ts";
import { describeModel } from "./cli/shared/describe-model.ts";
import { formatDuration } from "./cli/shared/format.ts";
import { givenOptions } from "./cli/generate/options.ts";
import type { Plan } from "./cli/generate/plan.ts";
import { ProgressBar } from "./cli/shared/progress.ts";
import { DEMO_MODEL, samplePath } from "./cli/shared/project-path.ts";
import { runCli } from "./cli/shared/run.ts";
import type { CliContext } from "./cli/shared/run.ts";
import { contextUse } from "./evaluation/context-use.ts";
import type { RerankFigures } from "./evaluation/rerank-choices.ts";
import type { Cluster } from "./evaluation/places.ts";
import { evaluationJson } from "./evaluation/evaluation-json.ts";
import { htmlReport } from "./evaluation/report.ts";
import { markdownTable } from "./evaluation/markdown-table.ts";
import { scoreExamples } from "./evaluation/score-examples.ts";
import type { ScoredExample } from "./evaluation/score-examples.ts";
import type { Evaluation, ModelEvaluation } from "./evaluation/summary.ts";
import { verdicts } from "./evaluation/verdicts.ts";
import { trainingOverlap, writtenFigures } from "./evaluation/written-figures.ts";
import type { WrittenText } from "./evaluation/written-figures.ts";
import type { GenerationConfig } from "./generation/options/options.ts";
import { GPT2Decoder } from "./generation/device/gpt2-decoder.ts";
import { GPT2LMHeadModel } from "./gpt2/model.ts";
import { requestDevice } from "./gpu/device.ts";
import { openFolder } from "./files/open.ts";
import type { Device } from "./gpu/device.ts";
import type { InfillExample } from "./infill/example.ts";

/** A model and what is to be done with it. */
interface Task {
  readonly path: string;
  readonly model: InfillModel;
  readonly pool: readonly InfillExample[];
  readonly examples: readonly InfillExample[];
  readonly toWrite: readonly InfillExample[];
  readonly clusterOf: (example: InfillExample) => Cluster;
  /** For the examples that p2 is written for; undefined when none is. */
  readonly plan: Plan | undefined;
  /** With --rerank or --fit_rerank. */
  readonly rerank: RerankPlan | undefined;
}

/** What came of it. */
interface Result {
  readonly about: string;
  readonly scored: readonly ScoredExample[];
  readonly texts: readonly WrittenText[];
  readonly rerank: RerankFigures | undefined;
}

async function main({ argv, signal }: CliContext): Promise<void> {
  const started = performance.now();
  const { values, given } = parseFlags(EVALUATE, argv);
  const testFile = values.testFile ?? samplePath("validation.jsonl", "--test_file");
  const paths = [values.modelNameOrPath ?? DEMO_MODEL, ...(values.compare === undefined ? [] : [values.compare])];
  if (values.maxExamples === 0 && values.trainFile !== undefined)
    throw new UserError(
      "--train_file is searched for copies in what the model writes, and --max_examples 0 writes nothing; " +
        "leave one of them out.",
    );
  const outputDir = await chooseResultFolder(values.outputDir, values.overwriteOutputDir);
  const models: InfillModel[] = [];
  for (const path of paths) models.push(await openInfillModel(path));
  const read = await readTestFile(testFile);
  const training = values.trainFile === undefined ? undefined : await readExampleFile(values.trainFile);
  const { maxEvalSamples, maxExamples, seed } = values;
  const examples = chooseExamples(read, models, { scored: maxEvalSamples, written: maxExamples, seed });
  const ofModel = (m: number, which: readonly number[]): InfillExample[] => which.map((i) => examples.pools[m][i]);
  const options = {
    ...givenOptions(values as unknown as Parameters<typeof givenOptions>[0], given),
    seed: values.seed,
  };
  const tasks: Task[] = [];
  for (const [i, model] of models.entries()) {
    const toWrite = ofModel(i, examples.written);
    const places = new Map(examples.pools[i].map((each, place) => [each, examples.clusters[place]]));
    tasks.push({
      clusterOf: (example) => places.get(example)!,
      path: paths[i],
      model,
      pool: examples.pools[i],
      examples: ofModel(i, examples.scored),
      toWrite,
      plan: toWrite.length > 0 ? await planTexts(model, toWrite, options) : undefined,
      rerank: await planRerank(model, toWrite, options, values),
    });
  }
  signal.throwIfAborted();

  const device = await requestDevice();
  announce(device);
  const results: Result[] = [];
  for (const task of tasks) results.push(await run(device, task, values, signal));

  const real = tasks.map(({ model, toWrite }) => toWrite.map((example) => realText(model, example)));
  const overlap =
    training &&
    trainingOverlap(
      [...results.flatMap(({ texts }) => texts), ...real[0]].map(({ text }) => text),
      training,
    );
  const evaluation: Evaluation = {
    testFile,
    trainFile: values.trainFile,
    examples: examples.scored.length,
    dropped: examples.dropped,
    seed,
    search: tasks[0].plan ? searchOf(tasks[0].plan.config) : "",
    notes: [...notesOn(tasks, real, read), ...examples.notes],
    models: results.map(({ about, scored, texts, rerank }, i): ModelEvaluation => {
      const { model, clusterOf } = tasks[i];
      const rule = ruleFor(model, tasks[i].examples, read.lengthBounds);
      const figures = (written: readonly WrittenText[]) =>
        writtenFigures(written, { rule, training: overlap, seed, clusterOf });
      const written = texts.length > 0 ? { texts, rule, figures: figures(texts), real: figures(real[i]) } : undefined;
      return { name: paths[i], about, scored, use: contextUse(scored, values), written, rerank };
    }),
  };
  await (
    await openFolder(outputDir)
  ).write(
    new Map([
      [RESULT_FILES.json, evaluationJson(evaluation)],
      [RESULT_FILES.html, htmlReport(evaluation, models[0].encoder.template)],
    ]),
  );
  process.stdout.write(`${printableText(markdownTable(evaluation))}\n`);
  for (const each of evaluation.models)
    process.stdout.write(
      `${each.name}\n${verdicts(each.use)
        .map(({ sentence }) => `  ${sentence}\n`)
        .join("")}`,
    );
  for (const note of evaluation.notes) process.stderr.write(`Note     ${printableText(note)}\n`);
  if (values.fitRerank)
    process.stderr.write(`Saved    ${printableText(fittedLine(paths[0], evaluation.models[0].rerank!))}\n`);
  process.stderr.write(
    `Saved    ${join(outputDir, RESULT_FILES.json)} and ${join(outputDir, RESULT_FILES.html)}, ` +
      `${formatDuration((performance.now() - started) / 1000)}\n`,
  );
}

/** Loads the model, scores, writes, frees it again. */
async function run(
  device: Device,
  { path, model, pool, examples, toWrite, clusterOf, plan, rerank }: Task,
  values: EvaluateValues,
  signal: AbortSignal,
): Promise<Result> {
  const { perDeviceEvalBatchSize: batchSize, candidates, seed } = values;
  const weights = await GPT2LMHeadModel.fromPretrained(device, model.folder);
  const about = `${describeModel(weights)}${model.history}`;
  process.stderr.write(`Model    ${printableText(path)}: ${about}\n`);
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
        : await withProgress("write", "texts", toWrite.length, (bar) =>
            writeTexts(model, decoder, plan, toWrite, {
              batchSize,
              signal,
              onProgress: (done, tokens) => bar.update(done, "", { amount: tokens, unit: "tokens" }),
            }),
          );
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

async function withProgress<T>(
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

function searchOf({ numBeams, doSample }: GenerationConfig): string {
  if (numBeams > 1) return `by ${doSample ? "sampling with " : ""}${numBeams} beams`;
  return doSample ? "by sampling" : "greedily";
}

function notesOn(tasks: readonly Task[], real: readonly (readonly WrittenText[])[], file: TestFile): string[] {
  const [first, second] = real.map((texts) => texts.map(({ tokens }) => tokens).join());
  const { encoder } = tasks[0].model;
  const rule = ruleFor(tasks[0].model, tasks[0].examples, file.lengthBounds);
  const meaning =
    rule &&
    `Length classes: S up to ${rule.bounds[0]}, M up to ${rule.bounds[1]} ${rule.unit} of p2, L more ` +
      `(${rule.source === "template" ? "as the template says" : "as fits the test examples best"}).`;
  const cut = tasks.flatMap(({ path, plan }) =>
    plan && plan.cut.gaps > 0
      ? [
          `${path}: the context of ${plan.cut.gaps} gaps was cut to ${plan.cut.room} tokens, so that there is ` +
            "room for p2.",
        ]
      : [],
  );
  return [
    ...(second !== undefined && first !== second
      ? ["The models have different tokenizers: perplexities and changes a token cannot be compared, shares can."]
      : []),
    ...(tasks[0].plan && meaning ? [meaning] : []),
    ...new Set(tasks.flatMap(({ model }) => boundsNote(file, model) ?? [])),
    ...(tasks[0].plan && encoder.template.lengthBounds
      ? ["Texts were written without the bounds that src/generate.ts sets for a length class."]
      : []),
    ...cut,
  ];
}

await runCli(main);
