// From what came of each model to one evaluation: the texts of all systems judged by one model, and all figures.
import { contextUse } from "../../evaluation/context-use.ts";
import { judgedFigures, judgeTexts } from "../../evaluation/judge.ts";
import type { JudgedFigures } from "../../evaluation/judge.ts";
import type { Evaluation, ModelEvaluation, System, WrittenEvaluation } from "../../evaluation/summary.ts";
import { trainingOverlap, writtenFigures } from "../../evaluation/written-figures.ts";
import type { WrittenText } from "../../evaluation/written-figures.ts";
import type { GenerationConfig } from "../../generation/options/options.ts";
import type { Device } from "../../gpu/device.ts";
import { fitsAsCandidate } from "../../rerank/terms.ts";
import { range } from "../generate/print.ts";
import { boundsNote } from "./data.ts";
import { loadWeights, withProgress } from "./run-model.ts";
import type { ModelResult } from "./run-model.ts";
import type { EvaluationSetup, Task } from "./setup.ts";
import { gapKey } from "./texts.ts";
import { realText, ruleFor } from "./write.ts";

/** Whose texts they are, with one for each gap of the setup. */
interface Texts {
  readonly name: string;
  readonly about: string;
  /** Whose examples they are. */
  readonly task: Task;
  readonly texts: readonly WrittenText[];
}

export async function assemble(
  device: Device,
  setup: EvaluationSetup,
  results: readonly ModelResult[],
  signal: AbortSignal,
): Promise<Evaluation> {
  const { values, file, examples, training, tasks, clusterOf } = setup;
  const { seed } = values;
  const own = results.map(({ about, texts }, i): Texts => ({ name: tasks[i].name, about, task: tasks[i], texts }));
  const all = [...own, ...results.flatMap((result, i) => rankedSystems(tasks[i], result)), ...theirSystems(setup)];
  const { judged, notes } = await judgeAll(device, setup, all, signal);
  const real = tasks.map(({ model, toWrite }) => toWrite.map((example) => realText(model, example)));
  const overlap =
    training &&
    trainingOverlap(
      [...all.flatMap(({ texts }) => texts), ...real[0]].map(({ text }) => text),
      training,
    );
  const written = ({ task, texts }: Texts, s: number): WrittenEvaluation | undefined => {
    if (texts.length === 0) return undefined;
    const rule = ruleFor(task.model, task.examples, file.lengthBounds);
    const figures = (of: readonly WrittenText[]) => writtenFigures(of, { rule, training: overlap, seed, clusterOf });
    return { texts, rule, figures: figures(texts), real: figures(real[tasks.indexOf(task)]), judged: judged[s] };
  };
  const systems = all.map((each, s): System => ({ name: each.name, about: each.about, written: written(each, s) }));
  return {
    testFile: file.path,
    trainFile: values.trainFile,
    examples: examples.scored.length,
    dropped: examples.dropped,
    seed,
    search: tasks[0].plan ? searchOf(tasks[0].plan.config) : "",
    judge: judged.some(Boolean) ? setup.judge.name : undefined,
    notes: [...notesOn(setup), ...examples.notes, ...notes],
    models: results.map(({ scored, rerank }, i): ModelEvaluation => ({
      ...systems[i],
      scored,
      use: contextUse(scored, { seed }),
      rerank,
    })),
    others: systems.slice(results.length),
  };
}

/** The first candidates that a model wrote for ranking, and those that ranking chose. */
function rankedSystems(task: Task, { rerank }: ModelResult): Texts[] {
  if (!rerank || rerank.texts.size === 0) return [];
  const system = (which: "first" | "chosen", name: string, about: string): Texts => ({
    name,
    about,
    task,
    texts: task.toWrite.map((example) => {
      const text = rerank.texts.get(task.examples.indexOf(example))?.[which] ?? "";
      return { ...realText(task.model, { ...example, p2: text }), example };
    }),
  });
  return [
    system("first", `${task.name}, first candidate`, "of those that are written to be ranked"),
    system("chosen", `${task.name}, reranked`, "the candidate that ranking puts first"),
  ];
}

function theirSystems({ theirs, tasks: [task] }: EvaluationSetup): Texts[] {
  return theirs.map(({ path, texts }) => ({
    name: path,
    about: `${texts.size} texts of another system`,
    task,
    texts: task.toWrite.map((example) => ({
      ...realText(task.model, { ...example, p2: texts.get(gapKey(example))! }),
      example,
    })),
  }));
}

/** Figures for each system, undefined for one without texts; and what was left out. */
async function judgeAll(
  device: Device,
  { values, judge, clusterOf }: EvaluationSetup,
  systems: readonly Texts[],
  signal: AbortSignal,
): Promise<{ judged: (JudgedFigures | undefined)[]; notes: string[] }> {
  const { perDeviceEvalBatchSize: batchSize, seed } = values;
  const { encoder, config } = judge.model;
  const fits = (text: string): boolean => fitsAsCandidate(encoder.textIds(text).length, config.nPositions);
  const judgeable = systems.map(({ texts }) =>
    texts.map((each, i) => ({ ...each, example: judge.toWrite[i] })).filter(({ text }) => fits(text)),
  );
  const notes = systems.flatMap(({ name, texts }, s) => {
    const tooLong = texts.length - judgeable[s].length;
    return tooLong > 0 ? [`${name}: ${tooLong} texts do not fit into the judge's context, and are not judged.`] : [];
  });
  const total = judgeable.reduce((sum, texts) => sum + texts.length, 0);
  if (total === 0) return { judged: systems.map(() => undefined), notes };
  const weights = await loadWeights(device, judge.model, seed, values.dtype);
  try {
    const judged = await withProgress("judge", "texts", total, async (bar) => {
      bar.update(0);
      const found: (JudgedFigures | undefined)[] = [];
      let before = 0;
      for (const texts of judgeable) {
        const onProgress = (done: number): void => bar.update(before + done);
        const judgements = await judgeTexts(weights, encoder, texts, { batchSize, signal, onProgress });
        found.push(judgements.length > 0 ? judgedFigures(judgements, { seed, clusterOf }) : undefined);
        before += texts.length;
      }
      return found;
    });
    return { judged, notes };
  } finally {
    await device.finish();
    weights.destroy();
  }
}

function searchOf({ numBeams, doSample }: GenerationConfig): string {
  if (numBeams > 1) return `by ${doSample ? "sampling with " : ""}${numBeams} beams`;
  return doSample ? "by sampling" : "greedily";
}

function notesOn({ tasks, file }: EvaluationSetup): string[] {
  const tokensOf = ({ model, examples }: Task): string =>
    examples.map((example) => realText(model, example).tokens).join();
  const [first, second] = tasks.map(tokensOf);
  const { model, examples, plan, guarded } = tasks[0];
  const rule = ruleFor(model, examples, file.lengthBounds);
  const meaning =
    rule &&
    `Length classes: S up to ${rule.bounds[0]}, M up to ${rule.bounds[1]} ${rule.unit} of p2, L more ` +
      `(${rule.source === "template" ? "as the template says" : "as fits the test examples best"}).`;
  return [
    ...(second !== undefined && first !== second
      ? ["The models have different tokenizers: perplexities and changes a token cannot be compared, shares can."]
      : []),
    ...(plan && meaning ? [meaning] : []),
    ...tasks.flatMap((task) => boundsNote(file, task.model) ?? []),
    ...(plan && !guarded && model.encoder.template.lengthBounds
      ? ["Texts were written without the bounds that src/generate.ts sets for a length class (--guarded sets them)."]
      : []),
    ...tasks.flatMap((task) =>
      task.plan && task.plan.cut.gaps > 0
        ? [
            `${task.name}: the context of ${task.plan.cut.gaps} gaps was cut to ` +
              `${range(...task.plan.cut.room)} tokens, so that there is room for p2.`,
          ]
        : [],
    ),
  ];
}
