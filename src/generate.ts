// Command line: writes the paragraph between two others, or goes on from a prompt. See --help.
// oxlint-disable-next-line import/no-unassigned-import -- it takes effect before the others are evaluated
import "./cli/shared/beside-tsx.ts";
import { writeFile } from "node:fs/promises";
import { UserError } from "./errors.ts";
import { printableText } from "./files/quote.ts";
import { announce } from "./cli/shared/announce.ts";
import { describeModel } from "./cli/shared/describe-model.ts";
import { formatDuration, formatRate } from "./cli/shared/format.ts";
import { openAnswers } from "./cli/generate/batch.ts";
import type { AnswerSink } from "./cli/generate/batch.ts";
import { write } from "./cli/generate/candidates.ts";
import type { Writer, Written } from "./cli/generate/candidates.ts";
import { Explainer } from "./cli/generate/explain.ts";
import { fillAll } from "./cli/generate/fill-all.ts";
import type { Input } from "./cli/generate/input.ts";
import { planGaps } from "./cli/generate/plan.ts";
import type { Plan } from "./cli/generate/plan.ts";
import {
  candidateJson,
  costNote,
  cutNote,
  figures,
  limitNote,
  GapPrinter,
  prose,
  proseLayout,
  recordJson,
  sameNote,
  shortNote,
  unfittedNote,
} from "./cli/generate/print.ts";
import { fillSettings, setUp } from "./cli/generate/setup.ts";
import type { Setup } from "./cli/generate/setup.ts";
import { interactive } from "./cli/generate/interactive.ts";
import { LiveText, settledLength } from "./cli/generate/live-text.ts";
import { needEncoder } from "./cli/shared/load-model.ts";
import { Profiling } from "./cli/shared/profiling.ts";
import { DEMO_MODEL } from "./cli/shared/project-path.ts";
import { runCli } from "./cli/shared/run.ts";
import type { CliContext } from "./cli/shared/run.ts";
import { styleFor } from "./cli/shared/style.ts";
import { GPT2Decoder } from "./generation/device/gpt2-decoder.ts";
import { GPT2LMHeadModel } from "./gpt2/model.ts";
import type { Device } from "./gpu/device.ts";
import type { InfillRequest } from "./infill/example.ts";
import { Reranker } from "./rerank/reranker.ts";

async function main({ argv, signal }: CliContext): Promise<void> {
  const setup = await setUp(argv, DEMO_MODEL, signal);
  const { values, input, model, plan } = setup;
  const answers = input.kind === "gaps" ? await answersTo(input, setup) : undefined;
  if (input.kind === "gaps" && answers!.answered === input.lines.length) {
    note(
      "Done",
      input.lines.length === 0
        ? `${input.part}${input.file} has no line`
        : `${values.outputFile} has an answer to every line of ${input.part}${input.file} already`,
    );
    return;
  }

  const profiling = await Profiling.begin(values, (line) => process.stderr.write(`${line}\n`));
  const device = await profiling.openDevice();
  announce(device);
  const weights = await profiling.span("load", () =>
    GPT2LMHeadModel.fromPretrained(device, model.folder, { dtype: values.dtype }),
  );
  note(
    "Model",
    `${model.folder.name}: ${describeModel(weights)}, ${model.config.nPositions} positions${model.history}`,
  );
  note("Note", cutNote(plan.cut));
  note("Note", unfittedNote(setup.rerank, model.folder.name));
  signal.throwIfAborted();

  const explainer = values.explain === undefined ? undefined : new Explainer(values.explain, setup, weights);
  const writer: Writer = {
    decoder: new GPT2Decoder(weights),
    tokenizer: model.tokenizer,
    plan,
    trim: values.trim,
    observer: explainer?.watcher,
    reranker: setup.rerank && new Reranker(weights, needEncoder(model), setup.rerank),
  };
  await profiling.span("generate", () => answer(setup, writer, { answers, explainer, device }, signal));
  await profiling.end();
}

async function answer(
  setup: Setup,
  writer: Writer,
  { answers, explainer, device }: { answers?: AnswerSink; explainer?: Explainer; device: Device },
  signal: AbortSignal,
): Promise<void> {
  const { values, input, model } = setup;
  if (input.kind === "interactive") await talk(setup, writer, input.gap, signal);
  else if (input.kind === "gaps") {
    const { batchSize } = values;
    const { config } = model;
    await fillAll(writer, input, answers!, { device, config, dtype: values.dtype, batchSize, signal, note });
  } else {
    const written = values.json
      ? await printJson(setup, writer, signal)
      : await printText(setup, writer, input, signal);
    if (explainer && !signal.aborted) note("Page", await explainer.write(written));
  }
}

async function answersTo({ lines, file }: Extract<Input, { kind: "gaps" }>, setup: Setup): Promise<AnswerSink> {
  const { outputFile } = setup.values;
  const settings = outputFile === undefined ? {} : await fillSettings(setup);
  return openAnswers(outputFile, { lines, inputName: file, settings });
}

/** One gap or prompt, for people. */
async function printText(
  { values, model, plan }: Setup,
  writer: Writer,
  input: Extract<Input, { kind: "gap" | "prompt" }>,
  signal: AbortSignal,
): Promise<Written> {
  const { stdout } = process;
  const page = input.kind === "gap" ? new GapPrinter(stdout, input.gap, model.encoder!.template) : undefined;
  if (page) stdout.write(page.before());
  const started = performance.now();
  let written: Written;
  // A text is shown as it grows unless it is still to be compared: with others, or with what it must be.
  if (plan.config.numReturnSequences === 1 && plan.config.numBeams === 1 && !plan.prompts[0].constraints) {
    const live = new LiveText({
      stream: stdout,
      layout: page ? (text) => page.written(text) : proseLayout(stdout),
      paint: page ? styleFor(stdout).written : (text) => text,
    });
    written = await write(writer, { signal, onText: (text) => live.show(text, settledLength(text, values.trim)) });
    const [[{ text }]] = written.candidates;
    live.finish(text || "(nothing: the model ended at once)");
  } else {
    written = await write(writer, { signal });
    const [candidates] = written.candidates;
    stdout.write(page ? page.candidates(candidates) : prose(stdout, candidates));
  }
  if (page) stdout.write(page.after());
  report(written, newTokens(plan), (performance.now() - started) / 1000);
  if (input.kind === "gap" && input.around && values.outputFile !== undefined && !signal.aborted) {
    const { before, after } = input.around;
    await writeFile(values.outputFile, before + written.candidates[0][0].text + after, { flag: "wx" }).catch(
      (error: Error) => {
        throw new UserError(`Cannot write ${values.outputFile}: ${error.message}; choose another --output_file.`);
      },
    );
    note("Saved", `${values.outputFile}: the document with its gap filled`);
  }
  return written;
}

/** One gap or prompt, for programs. */
async function printJson({ values, input, model, plan }: Setup, writer: Writer, signal: AbortSignal): Promise<Written> {
  const written = await write(writer, { signal });
  const { where: _, ...gap } = input.kind === "gap" ? input.gap : { where: "" };
  process.stdout.write(
    `${JSON.stringify({
      model: model.folder.name,
      ...(input.kind === "prompt" ? { prompt: input.text } : { ...gap, prefix: values.prefix }),
      max_new_tokens: newTokens(plan),
      candidates: written.candidates[0].map((candidate) =>
        candidateJson(candidate, input.kind === "prompt" ? "text" : "p2"),
      ),
      ...recordJson(written, model.config),
    })}\n`,
  );
  return written;
}

async function talk(
  { values, model, settings }: Setup,
  writer: Writer,
  gap: InfillRequest | undefined,
  signal: AbortSignal,
): Promise<void> {
  await interactive({
    template: model.encoder!.template,
    gap,
    prefix: values.prefix ?? "",
    signal,
    write: async (request, prefix, round, stop) => {
      const plan = await planGaps(model, [request], prefix, settings);
      // A given seed is for the first round: writing again is meant to give something else.
      const seed = plan.options.seed == null ? undefined : plan.options.seed + round;
      const { candidates } = await write({ ...writer, plan }, { signal: stop, seed });
      return {
        candidates: candidates[0],
        notes: [
          cutNote(plan.cut),
          limitNote(candidates[0], newTokens(plan)),
          shortNote(candidates[0]),
          costNote(candidates[0]),
          sameNote(candidates[0]),
        ].filter((text) => text !== undefined),
      };
    },
  });
}

/** The limit in force for a single prompt, in tokens; undefined where it is one of the whole length. */
function newTokens({ prompts: [{ limits }], options }: Plan): number | undefined {
  return limits.maxNewTokens ?? options.maxNewTokens ?? undefined;
}

function report({ candidates: [candidates] }: Written, maxNewTokens: number | undefined, seconds: number): void {
  const tokens = candidates.reduce((sum, candidate) => sum + candidate.tokens, 0);
  note(
    "Wrote",
    `${candidates.length === 1 ? figures(candidates[0]) : `${tokens} tokens`} in ${formatDuration(seconds)} ` +
      `(${formatRate(tokens / seconds)} tokens/s)`,
  );
  note("Cost", costNote(candidates));
  note("Note", limitNote(candidates, maxNewTokens));
  note("Note", shortNote(candidates));
  note("Note", sameNote(candidates));
}

function note(label: string, text: string | undefined): void {
  if (text !== undefined) process.stderr.write(`${label.padEnd(8)} ${printableText(text)}\n`);
}

await runCli(main);
