// From a watched generation to its explanation: what was generated, what each token was chosen from, the beams, the
// attention.
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import { generate } from "../generation/generate.ts";
import type { GenerateInputs, GenerateOutput } from "../generation/generate.ts";
import { GPT2Decoder } from "../generation/device/gpt2-decoder.ts";
import { resolveConfig } from "../generation/options/config.ts";
import { optionNames } from "../generation/options/options.ts";
import type { GenerationConfig, GenerationOptions } from "../generation/options/options.ts";
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import type { GPT2Tokenizer } from "../tokenizer/tokenizer.ts";
import { attentionBytes } from "./attention.ts";
import { chooseLayers } from "./attention-size.ts";
import { beamPath } from "./beam-path.ts";
import type { ExplainedPrompt, ExplainedSequence, Explanation } from "./explanation.ts";
import { describeMethod, describeOptions } from "./method.ts";
import { readableToken, runningText } from "./token-text.ts";
import { Watcher } from "./watcher.ts";

export interface ExplainOptions {
  /** The model's name, for the page. Default "GPT-2". */
  readonly name?: string;
  /** As generate()'s: the options of generation_config.json. */
  readonly defaults?: GenerationOptions;
  /** Layers whose attention is kept. Default: all, or as many, evenly spaced, as fit into MOST_ATTENTION_BYTES. */
  readonly layers?: readonly number[];
  /** Headings: what begins at the special tokens of a prompt, by their ids. */
  readonly labels?: ReadonlyMap<number, string>;
}

const OPTIONS: FieldsOf<ExplainOptions> = { name: true, defaults: true, layers: true, labels: true };

export interface Explained {
  readonly output: GenerateOutput;
  readonly explanation: Explanation;
}

/**
 * Generates as generate() does, with the same result, and explains it. Throws what generate() throws, and UserError for
 * layers that the model does not have or the page cannot hold (the last is known when the text is), and for options
 * that are not known. Nothing stays on the GPU.
 *
 * @example
 * const inputIds = [tokenizer.encode("Once upon a time")];
 * const { explanation } = await explain(model, tokenizer, { inputIds, maxNewTokens: 8 });
 * show(explanationPage(explanation)); // a whole HTML page
 */
export async function explain(
  model: GPT2LMHeadModel,
  tokenizer: GPT2Tokenizer,
  request: GenerateInputs & GenerationOptions,
  options: ExplainOptions = {},
): Promise<Explained> {
  expectFields("explain()", options, OPTIONS);
  const { inputIds, attentionMask, tokenTypeIds: types } = request;
  const config = resolveConfig(onlyOptions(request), options.defaults);
  const watcher = new Watcher(config.lengthPenalty);
  const decoder = new GPT2Decoder(model);
  let output: GenerateOutput;
  try {
    output = await generate(
      decoder,
      { tokenizer, ...request, observer: watcher, returnDictInGenerate: true },
      options.defaults,
    );
  } finally {
    decoder.dispose();
  }
  const seen = (row: readonly number[], p: number): number[] =>
    row.filter((_, i) => !attentionMask || attentionMask[p][i] === 1);
  const prompts = inputIds.map((row, p) => (row.length === 0 ? [config.bosTokenId!] : seen(row, p)));
  const tokenTypeIds = types?.map(seen);
  return {
    output,
    explanation: await explanationOf({ model, tokenizer, config, prompts, tokenTypeIds, output, watcher, ...options }),
  };
}

function onlyOptions(request: GenerateInputs & GenerationOptions): GenerationOptions {
  return Object.fromEntries(optionNames.filter((name) => name in request).map((name) => [name, request[name]]));
}

export interface Watched extends ExplainOptions {
  readonly tokenizer: GPT2Tokenizer;
  /** Complete: see resolveConfig(). */
  readonly config: GenerationConfig;
  /** Without padding. */
  readonly prompts: readonly (readonly number[])[];
  /** Of the prompts' tokens, where generate() had them. */
  readonly tokenTypeIds?: readonly (readonly number[])[];
  /** Of generate(), with returnDictInGenerate, watched by `watcher`. */
  readonly output: GenerateOutput;
  readonly watcher: Watcher;
  /** Needed for attention; without it there is none. */
  readonly model?: GPT2LMHeadModel;
  /** For each prompt its rows of the output, in the order to show them in. Default: as they are. */
  readonly order?: readonly (readonly number[])[];
  /** [R] what each row's place follows from, where rows were ranked. */
  readonly rankings?: readonly ExplainedSequence["ranking"][];
  /** [R] tokens of each row that were shown. Default: all. */
  readonly kept?: readonly number[];
}

/** The explanation of one call of generate(). Throws UserError as explain(). */
export async function explanationOf(watched: Watched): Promise<Explanation> {
  const {
    tokenizer,
    config,
    prompts,
    output,
    model,
    order,
    layers: wanted,
    labels = new Map<number, string>(),
  } = watched;
  const each = config.numReturnSequences;
  const lengths = output.generated.map((ids, r) => ({
    prompt: prompts[Math.floor(r / each)].length,
    generated: ids.length,
  }));
  const layers = model && chooseLayers(lengths, { nLayer: model.config.nLayer, nHead: model.config.nHead, wanted });
  const explained: ExplainedPrompt[] = [];
  for (const [p, ids] of prompts.entries()) {
    const rows = order?.[p] ?? Array.from({ length: each }, (_, i) => p * each + i);
    const sequences: ExplainedSequence[] = [];
    for (const row of rows) sequences.push(await explainedSequence(watched, p, row, layers));
    const steps = watched.watcher.searches[p];
    explained.push({
      ids: [...ids],
      text: runningText(tokenizer, ids),
      sections: sectionsOf(ids, labels),
      sequences,
      ...(steps && {
        beams: {
          beams: config.numBeams,
          groups: config.numBeamGroups,
          steps: steps.map((step) => step.map(({ node }) => node)),
        },
      }),
    });
  }
  return {
    version: 1,
    model: watched.name ?? "GPT-2",
    method: describeMethod(config),
    options: describeOptions(config, output.seed),
    vocabSize: tokenizer.vocabSize,
    tokens: tokenTexts(tokenizer, explained),
    ...(model && layers && { attention: { layers, heads: model.config.nHead, modelLayers: model.config.nLayer } }),
    prompts: explained,
  };
}

async function explainedSequence(
  { tokenizer, config, prompts, tokenTypeIds, output, watcher, model, kept, rankings }: Watched,
  prompt: number,
  row: number,
  layers: readonly number[] | undefined,
): Promise<ExplainedSequence> {
  const generated = output.generated[row],
    reason = output.finishReasons[row];
  const steps = watcher.searches[prompt];
  const beams = output.beamIndices?.[row].map((beam) => beam - prompt * config.numBeams);
  const score = output.sequencesScores?.[row];
  const path = steps && beams && beamPath(steps, { generated, parents: beams, ended: reason === "eos", score: score! });
  const written = runningText(tokenizer, [...prompts[prompt], ...generated]).slice(prompts[prompt].length);
  return {
    ids: [...generated],
    text: written,
    finishReason: reason,
    kept: kept?.[row] ?? generated.length,
    choices: path ? path.map((node, t) => steps[t][node].choice) : (watcher.choices[row] ?? []),
    ...(score !== undefined && { score }),
    ...(rankings?.[row] && { ranking: rankings[row] }),
    ...(path && { path }),
    ...(model &&
      layers && {
        attention: await attentionBytes(model, prompts[prompt], generated, layers, undefined, tokenTypeIds?.[prompt]),
      }),
  };
}

/** A heading where each labelled token stands. */
function sectionsOf(ids: readonly number[], labels: ReadonlyMap<number, string>): ExplainedPrompt["sections"] {
  return ids.flatMap((id, start) => (labels.has(id) ? [{ start, label: labels.get(id)! }] : []));
}

function tokenTexts(tokenizer: GPT2Tokenizer, prompts: readonly ExplainedPrompt[]): Record<number, string> {
  const ids = new Set(
    prompts.flatMap(({ ids, sequences, beams }) => [
      ...ids,
      ...sequences.flatMap((sequence) => [
        ...sequence.ids,
        ...sequence.choices.flatMap(({ alternatives }) => alternatives.map(({ id }) => id)),
      ]),
      ...(beams?.steps.flatMap((step) => step.map(({ token }) => token)) ?? []),
    ]),
  );
  // Models may have more rows than their tokenizer has tokens.
  return Object.fromEntries(
    [...ids].map((id) => [id, id < tokenizer.vocabSize ? readableToken(tokenizer, id) : `⟨${id}⟩`]),
  );
}
