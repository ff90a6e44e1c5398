// generate(): from prompts and options to token sequences. Checks everything first, picks the loop, and lays out its
// result as Hugging Face's generate() does.
import { UserError } from "../errors.ts";
import { beamSearch } from "./loops/beam-search.ts";
import { sampleOnDevice } from "./loops/device-sample-loop.ts";
import { asList, eosTokens, padToken, resolveConfig, usesGuidance } from "./options/config.ts";
import type { Decoder } from "./device/decoder.ts";
import { GuidedDecoder } from "./device/guided-decoder.ts";
import { buildProcessors } from "./scores/logits-processors.ts";
import type { LogitsProcessor, PrefixAllowedTokens } from "./scores/logits-processors.ts";
import { buildWarpers } from "./scores/logits-warpers.ts";
import type { GenerationObserver } from "./loops/observer.ts";
import type { GenerationConfig, GenerationOptions } from "./options/options.ts";
import { lookupSequences } from "./loops/prompt-lookup.ts";
import { checkTokens, preparePrompts, repeat } from "./options/prompts.ts";
import type { Prompt } from "./options/prompts.ts";
import { readBackOf } from "./loops/read-back.ts";
import { StepRecorder } from "./loops/recorder.ts";
import type { StepRecord } from "./loops/recorder.ts";
import { NonFiniteLogits } from "./loops/run.ts";
import type { Run, Sequence, Streamer } from "./loops/run.ts";
import { sampleOnHost } from "./loops/sample-loop.ts";
import { buildStopping } from "./loops/stopping-criteria.ts";
import type { FinishReason } from "./loops/stopping-criteria.ts";

/** What a call gives besides options that could stand in a file. */
export interface GenerateInputs {
  /** Prompts of any length; or, with `attentionMask`, rows of one length padded on the left. */
  readonly inputIds: readonly (readonly number[])[];
  /** 0 on padding, else 1. */
  readonly attentionMask?: readonly (readonly number[])[];
  /** With guidanceScale: what to move away from, one row for each prompt. Default: the prompt's last token. */
  readonly negativePromptIds?: readonly (readonly number[])[];
  /** Tokens allowed next; called for every sequence at every step. */
  readonly prefixAllowedTokensFn?: PrefixAllowedTokens;
  /** Applied after those that the options ask for, in this order. */
  readonly logitsProcessors?: readonly LogitsProcessor[];
  /** Needed by stopStrings. */
  readonly tokenizer?: { decode(ids: readonly number[]): string };
  /** Not with beam search, which knows its tokens only at the end. */
  readonly streamer?: Streamer;
  /** Sees what every token is chosen from, and all beams; the output is the same. */
  readonly observer?: GenerationObserver;
  /** Ends generation after the current step; what there is, is returned. */
  readonly signal?: AbortSignal;
}

/** `R` = prompts times numReturnSequences rows, a prompt's rows next to each other. */
export interface GenerateOutput extends StepRecord {
  /** [R, longest]: padded prompt and generated tokens, filled on the right with padding. */
  readonly sequences: number[][];
  /** [R]: the generated tokens alone, end-of-sequence token included, padding not. */
  readonly generated: number[][];
  /** [R]: why each sequence ended. */
  readonly finishReasons: FinishReason[];
  /** [R], beam search: summed log-probability over length^lengthPenalty. */
  readonly sequencesScores?: number[];
  /** [R][generated], beam search: the beam, numbered over the batch, that each token continued. */
  readonly beamIndices?: number[][];
  /** The seed in force, when sampling. */
  readonly seed?: number;
}

const busy = new WeakSet<Decoder>();

/**
 * Generates with `decoder`, which it starts afresh and leaves as it is at the end. `defaults` are the options of the
 * model's generation_config.json; `request` overrides them. Throws UserError for unknown, contradictory or useless
 * options and for prompts that do not fit the model, before anything runs, and when the model gives no finite logits;
 * Error when the decoder is in use.
 */
export async function generate(
  decoder: Decoder,
  request: GenerateInputs & GenerationOptions,
  defaults: GenerationOptions = {},
): Promise<GenerateOutput> {
  const {
    inputIds,
    attentionMask,
    negativePromptIds,
    prefixAllowedTokensFn,
    logitsProcessors,
    tokenizer,
    streamer,
    observer,
    signal,
    ...options
  } = request;
  const config = resolveConfig(options, withoutForeignTokens(defaults, decoder.vocabSize));
  const prompts = preparePrompts(inputIds, attentionMask, config, decoder);
  checkTogether(config, prompts, request);
  checkOptionTokens(config, decoder.vocabSize);
  if (busy.has(decoder))
    throw new Error(
      "generate: cannot start: this decoder is generating already, wanted one that is free (wait for the first call)",
    );

  const processors = buildProcessors(config, prefixAllowedTokensFn, logitsProcessors);
  let driven = decoder;
  if (usesGuidance(config)) {
    const guided = new GuidedDecoder(decoder, negativePrompts(negativePromptIds, prompts, decoder));
    processors.unshift(guided.guide(config.guidanceScale!));
    driven = guided;
  }
  const run: Run = {
    decoder: driven,
    config,
    seed: config.seed ?? Math.floor(Math.random() * 2 ** 32),
    prompts,
    processors,
    warpers: config.doSample ? buildWarpers(config) : [],
    stopping: buildStopping(config, { signal, decode: tokenizer && ((ids) => tokenizer.decode(ids)) }),
    recorder: new StepRecorder(config, driven, observer),
    streamer,
  };
  busy.add(decoder);
  try {
    return layOut(await search(run), run);
  } catch (error) {
    throw error instanceof NonFiniteLogits ? await error.explained(decoder) : error;
  } finally {
    busy.delete(decoder);
  }
}

function search(run: Run): Promise<Sequence[]> {
  const { config } = run;
  const back = readBackOf(run);
  if (config.numBeams > 1) return beamSearch(run, back);
  if (config.promptLookupNumTokens !== null) return lookupSequences(run, config.promptLookupNumTokens);
  return back.what === "tokens" ? sampleOnDevice(run, back.sampler) : sampleOnHost(run, back);
}

function layOut(found: readonly Sequence[], { config, seed, recorder }: Run): GenerateOutput {
  const rows = found.map(({ prompt, generated }) => [...prompt.padded, ...generated]);
  const width = Math.max(...rows.map((row) => row.length));
  const sequences = rows.map((row) => [...row, ...repeat(padToken(config), width - row.length)]);
  const output = {
    sequences,
    generated: found.map(({ generated }) => [...generated]),
    finishReasons: found.map(({ reason }) => reason),
  };
  if (!config.returnDictInGenerate) return output;
  const beams = found.flatMap(({ beam }) => (beam ? [beam] : []));
  return {
    ...output,
    ...(config.numBeams > 1 && {
      sequencesScores: beams.map((beam) => beam.score),
      beamIndices: beams.map((beam) => [...beam.indices]),
    }),
    ...(config.doSample && { seed }),
    ...recorder.record(),
  };
}

/** What options and inputs need of each other. */
function checkTogether(
  config: GenerationConfig,
  prompts: readonly Prompt[],
  { tokenizer, streamer, negativePromptIds }: GenerateInputs,
): void {
  if (config.stopStrings !== null && !tokenizer)
    throw new UserError("stopStrings are given without a tokenizer to read the text with; give tokenizer too.");
  if (streamer && config.numBeams > 1)
    throw new UserError(
      `streamer is given with numBeams ${config.numBeams}: beam search knows its tokens only at the end; drop one of them.`,
    );
  if (negativePromptIds && !usesGuidance(config))
    throw new UserError(
      "negativePromptIds have no effect without a guidanceScale other than 1; set that, or leave them out.",
    );
  if (config.promptLookupNumTokens !== null && prompts.length > 1)
    throw new UserError(
      `promptLookupNumTokens works on one prompt, and inputIds has ${prompts.length}; call once for each prompt, or drop it.`,
    );
  if (config.forcedBosTokenId !== null && prompts.every((prompt) => prompt.ids.length > 1)) {
    throw new UserError(
      "forcedBosTokenId has no effect: it follows a prompt of one token, and every prompt is longer; leave it out.",
    );
  }
}

/**
 * Configs of small models often carry the special tokens of a large one: an id outside the vocabulary never occurs, so
 * it goes.
 */
function withoutForeignTokens(defaults: GenerationOptions, vocabSize: number): GenerationOptions {
  const inside = (token: number): boolean => token < vocabSize;
  const one = (token: number | null | undefined): number | null => (token != null && inside(token) ? token : null);
  const some = (tokens: readonly number[] | null | undefined): readonly number[] | null => {
    const known = tokens?.filter(inside) ?? [];
    return known.length > 0 ? known : null;
  };
  return {
    ...defaults,
    bosTokenId: one(defaults.bosTokenId),
    eosTokenId: some(asList(defaults.eosTokenId ?? [])),
    padTokenId: one(defaults.padTokenId),
    suppressTokens: some(defaults.suppressTokens),
    beginSuppressTokens: some(defaults.beginSuppressTokens),
  };
}

/** Every token that an option names must be one of the model's. */
function checkOptionTokens(config: GenerationConfig, vocabSize: number): void {
  const lists: Partial<Record<keyof GenerationConfig, readonly number[]>> = {
    badWordsIds: config.badWordsIds?.flat(),
    sequenceBias: config.sequenceBias?.flatMap(([sequence]) => sequence),
    suppressTokens: config.suppressTokens ?? [],
    beginSuppressTokens: config.beginSuppressTokens ?? [],
    forcedBosTokenId: config.forcedBosTokenId === null ? [] : [config.forcedBosTokenId],
    forcedEosTokenId: config.forcedEosTokenId === null ? [] : asList(config.forcedEosTokenId),
    eosTokenId: eosTokens(config),
    padTokenId: [padToken(config)],
  };
  for (const [name, tokens] of Object.entries(lists)) checkTokens(name, tokens ?? [], vocabSize);
}

function negativePrompts(
  given: readonly (readonly number[])[] | undefined,
  prompts: readonly Prompt[],
  { vocabSize, nPositions }: Decoder,
): readonly (readonly number[])[] {
  const rows = given ?? prompts.map((prompt) => prompt.ids.slice(-1));
  if (rows.length !== prompts.length)
    throw new UserError(`negativePromptIds has ${rows.length} rows for ${prompts.length} prompts; give one for each.`);
  rows.forEach((row, r) => {
    checkTokens(`negativePromptIds row ${r}`, row, vocabSize);
    const total = row.length + prompts[r].maxLength - prompts[r].ids.length;
    if (row.length === 0 || total > nPositions)
      throw new UserError(
        `negativePromptIds row ${r} has ${row.length} tokens, which makes ${total} with those to come; wanted at least 1 and in all at most ${nPositions}, the model's positions.`,
      );
  });
  return rows;
}
