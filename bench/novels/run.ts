// The stages of bench/novels.ts, one after the other.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_TEMPLATE } from "../../src/infill/template.ts";
import { goingOn, runStage } from "../stages.ts";
import { booksOf } from "./books.ts";
import { drawGaps, linesOf, makeData } from "./data.ts";
import { fitRerank } from "./fit.ts";
import type { NovelsValues } from "./flags.ts";
import { splitByAuthor } from "./split.ts";
import { writeStart, writeTokenizer } from "../start/fresh-model.ts";
import { resultsOf } from "./results.ts";
import { reportOf } from "./report.ts";

/** How gaps are filled: the flags of src/generate.ts. */
export const WRITINGS = {
  ranked: ["--rerank"],
  bounded: ["--rerank", "--require_length"],
  characters: ["--require_characters", "--require_length"],
} as const;

/** What is said about each passage. */
const METADATA_FIELDS = ["length", "characters", "title", "author", "language"];

export async function runNovels(folder: string, values: NovelsValues, signal: AbortSignal): Promise<void> {
  const at = (name: string): string => join(values.outputDir, name);
  const seed = ["--seed", String(values.seed)];
  mkdirSync(values.outputDir, { recursive: true });
  const split = splitByAuthor(
    booksOf(folder),
    { validation: values.validationShare, test: values.testShare },
    values.seed,
  );
  const { p1Share, orderMix } = values;
  const template = { ...DEFAULT_TEMPLATE, metadataFields: METADATA_FIELDS, p1Share, orderMix };
  await writeTokenizer(at("tokenizer"), template, values);
  const data = makeData(at("data"), split, at("tokenizer"), values);
  drawGaps(at("gaps.jsonl"), data.files.test, values.gaps, values.seed);
  await writeStart(at("start"), at("tokenizer"), data.template, values);
  signal.throwIfAborted();

  runStage("train", at("model/model.safetensors"), [
    ["--model_name_or_path", at("start"), "--train_file", data.files.train, "--output_dir", at("model"), ...seed],
    ["--max_steps", String(values.maxSteps), "--per_device_train_batch_size", String(values.batchSize)],
    ["--learning_rate", String(values.learningRate), "--warmup_steps", String(Math.ceil(values.maxSteps / 20))],
    ["--max_train_samples", String(Math.min(data.trainingExamples, values.maxSteps * values.batchSize))],
    ["--save_steps", String(values.saveSteps), "--save_total_limit", "2", "--group_by_length", goingOn(at("model"))],
  ]);
  await fitRerank(at("model"), data.files.validation, values.fitSamples, values.seed, signal);

  const judge = (name: string, model: string, samples: number, more: readonly string[]): void =>
    runStage("evaluate", at(`${name}/evaluation.json`), [
      ["--model_name_or_path", at(model), "--test_file", data.files.test, "--output_dir", at(name), ...seed],
      ["--max_eval_samples", String(samples), "--max_examples", String(Math.ceil(values.gaps / 2)), ...more],
    ]);
  judge("after", "model", values.maxEvalSamples, ["--rerank"]);
  for (const [name, flags] of Object.entries(WRITINGS)) {
    const answers = at(`${name}.jsonl`);
    // A run that was stopped leaves fewer lines, with which the next one goes on.
    if (existsSync(answers) && linesOf(answers).length === linesOf(at("gaps.jsonl")).length) continue;
    runStage("generate", undefined, [
      ["--model_name_or_path", at("model"), "--input_file", at("gaps.jsonl"), ...flags, ...seed],
      ["--output_file", answers, "--batch_size", "8"],
    ]);
  }
  judge("before", "start", values.beforeSamples, []);
  const results = resultsOf(values, { ...data, books: split });
  writeFileSync(at("results.json"), `${JSON.stringify(results, null, 1)}\n`);
  const report = reportOf(results, values.shown);
  writeFileSync(at("report.md"), report);
  process.stdout.write(report);
}
