// generate(): from prompts and options to token sequences, as Hugging Face's generate() does: resolve everything and
// check it, run the prompts, search token by token, lay the result out.
import type { Decoder } from "./device/decoder.ts";
import { GuidedDecoder, UnbatchedClassifierFreeGuidanceLogitsProcessor } from "./device/guided-decoder.ts";
import { beamSearch } from "./loops/beam-search.ts";
import { sampleOnDevice } from "./loops/device-sample-loop.ts";
import { checkConstraints } from "./loops/constrained-beams.ts";
import { forcedWords } from "./loops/constraint.ts";
import type { Constraint } from "./loops/constraint.ts";
import { ConstraintList } from "./loops/constraint-list.ts";
import { NonFiniteLogits } from "./loops/non-finite-logits.ts";
import type { GenerationObserver } from "./loops/observer.ts";
import { lookupSequences } from "./loops/prompt-lookup.ts";
import { readBackOf } from "./loops/read-back.ts";
import { StepRecorder } from "./loops/recorder.ts";
import type { StepRecord } from "./loops/recorder.ts";
import { prefill } from "./loops/run.ts";
import type { Run, Sequence, Streamer } from "./loops/run.ts";
import { sampleOnHost } from "./loops/sample-loop.ts";
import { buildStopping } from "./loops/stopping-criteria.ts";
import type { FinishReason, StoppingCriteria } from "./loops/stopping-criteria.ts";
import { checkOptionTokens, checkTogether, negativePrompts, withoutForeignTokens } from "./options/check-request.ts";
import { padToken, resolveConfig, usesGuidance } from "./options/config.ts";
import type { GenerationOptions } from "./options/options.ts";
import { checkRows, preparePrompts, repeat } from "./options/prompts.ts";
import { buildProcessors } from "./scores/build-processors.ts";
import type { LogitsProcessor } from "./scores/logits-processor.ts";
import { checkedProcessors } from "./scores/own-processors.ts";
import type { PrefixAllowedTokens } from "./scores/row-processors.ts";

/** What a call gives besides options that could stand in a file. */
export interface GenerateInputs {
  /** Prompts of any length; or, with `attentionMask`, rows of one length padded on the left. */
  readonly inputIds: readonly (readonly number[])[];
  /** 0 on padding, else 1. */
  readonly attentionMask?: readonly (readonly number[])[];
  /**
   * A type for each token of `inputIds`, see GPT2Model.forward(); generated tokens have that of their prompt's last
   * token, as in HF. Negative prompts have that type throughout.
   */
  readonly tokenTypeIds?: readonly (readonly number[])[];
  /** With guidanceScale: what to move away from, one row for each prompt. Default: the prompt's last token. */
  readonly negativePromptIds?: readonly (readonly number[])[];
  /** Tokens allowed next; called for every sequence at every step. */
  readonly prefixAllowedTokensFn?: PrefixAllowedTokens;
  /** Your own changes to scores, after those of the options and before normalisation and sampling, as in HF. */
  readonly logitsProcessors?: readonly LogitsProcessor[];
  /** Beam search: what every text must hold besides the words of forceWordsIds. */
  readonly constraints?: readonly Constraint[];
  /** Your own reasons to end a sequence, besides those of the options. */
  readonly stoppingCriteria?: readonly StoppingCriteria[];
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
  /** [R, longest], padded prompt and generated tokens, filled on the right with padding. */
  readonly sequences: number[][];
  /** [R], the generated tokens alone, end-of-sequence token included, padding not. */
  readonly generated: number[][];
  /** [R], why each sequence ended. */
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
 * Generates with `decoder`, which it starts afresh and leaves as it is at the end; the caller disposes of it. When it
 * throws in mid-run, the decoder has given its memory back. `defaults` are the options of the model's
 * generation_config.json; `request` overrides them. Throws UserError for unknown, contradictory or useless options and
 * for prompts that do not fit the model, before anything runs, and when the model gives no finite logits; Error when
 * the decoder is in use.
 *
 * @example
 * const device = await requestDevice();
 * const folder = await openFolder("models/tiny"); // or an address, in a page
 * const tokenizer = await PreTrainedTokenizer.fromPretrained(folder);
 * const model = await GPT2LMHeadModel.fromPretrained(device, folder);
 * const decoder = new GPT2Decoder(model);
 * const inputIds = [tokenizer.encode("Once upon a time")];
 * const { generated } = await generate(decoder, { inputIds, maxNewTokens: 20, numBeams: 4 });
 * show(tokenizer.decode(generated[0]));
 * device.destroy(); // and with it all that was made on it
 */
export async function generate(
  decoder: Decoder,
  request: GenerateInputs & GenerationOptions,
  defaults: GenerationOptions = {},
): Promise<GenerateOutput> {
  const run = resolve(decoder, request, defaults);
  if (busy.has(decoder))
    throw new Error(
      "generate: cannot start: this decoder is generating already, wanted one that is free (wait for the first call)",
    );
  busy.add(decoder);
  try {
    prefill(run);
    return layOut(await search(run), run);
  } catch (error) {
    try {
      throw error instanceof NonFiniteLogits ? await error.explained(decoder) : error;
    } finally {
      decoder.dispose();
    }
  } finally {
    busy.delete(decoder);
  }
}

/** All that the loops need, checked. */
function resolve(decoder: Decoder, request: GenerateInputs & GenerationOptions, defaults: GenerationOptions): Run {
  const {
    inputIds,
    attentionMask,
    tokenTypeIds,
    negativePromptIds,
    prefixAllowedTokensFn,
    logitsProcessors = [],
    constraints = [],
    stoppingCriteria,
    tokenizer,
    streamer,
    observer,
    signal,
    ...options
  } = request;
  const config = resolveConfig(options, withoutForeignTokens(defaults, decoder.vocabSize));
  const prompts = preparePrompts(inputIds, attentionMask, config, decoder, tokenTypeIds);
  checkTogether(config, prompts, request);
  checkRows(prompts.length, config, decoder.vocabSize);
  checkOptionTokens(config, decoder.vocabSize);
  const required = [...constraints, ...forcedWords(config.forceWordsIds ?? [])];
  const constraintList = required.length > 0 ? new ConstraintList(required) : undefined;
  if (constraintList) checkConstraints(constraintList, config, prompts, decoder.vocabSize);
  const guided = usesGuidance(config)
    ? new GuidedDecoder(decoder, negativePrompts(negativePromptIds, prompts, decoder))
    : undefined;
  return {
    decoder: guided ?? decoder,
    config,
    seed: config.seed ?? Math.floor(Math.random() * 2 ** 32),
    prompts,
    processors: buildProcessors(config, {
      guidance: guided && new UnbatchedClassifierFreeGuidanceLogitsProcessor(config.guidanceScale!, guided),
      prefixAllowedTokensFn,
      logitsProcessors: checkedProcessors(logitsProcessors, decoder.vocabSize),
    }),
    stopping: buildStopping(config, {
      signal,
      decode: tokenizer && ((ids) => tokenizer.decode(ids)),
      stoppingCriteria,
    }),
    constraints: constraintList,
    recorder: new StepRecorder(config, guided ?? decoder, observer),
    streamer,
  };
}

/** The loop that the options ask for, fed with as little as they allow. */
function search(run: Run): Promise<Sequence[]> {
  const { numBeams, promptLookupNumTokens } = run.config;
  const back = readBackOf(run);
  if (numBeams > 1) return beamSearch(run, back);
  if (promptLookupNumTokens !== null) return lookupSequences(run, promptLookupNumTokens);
  return back.what === "tokens" ? sampleOnDevice(run, back.sampler, back.settings) : sampleOnHost(run, back);
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
