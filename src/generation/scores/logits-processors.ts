// Processors change the scores of the next token for what a sequence already holds. Most touch a few tokens and say so
// as a list of edits, which a GPU can apply without reading the row back; the few that need the whole row change it in
// place. Formulas and order are those of Hugging Face's generation/logits_process.py (4.44).
import type { Edit } from "../../kernels/edit-logits.ts";
import { asList, eosTokens } from "../options/config.ts";
import type { GenerationConfig } from "../options/options.ts";
import { logSoftmax } from "./scores.ts";

/** The sequence whose next token is being scored. */
export interface RowContext {
  /**
   * Its tokens so far, prompt included (with the padding that the caller wrote, without padding that the engine added).
   */
  readonly ids: readonly number[];
  /** Their number. */
  readonly length: number;
  /** How many of them are the prompt. */
  readonly promptLength: number;
  /** Length at which the sequence ends in any case. */
  readonly maxLength: number;
  /** Number of its prompt in the batch. */
  readonly prompt: number;
  /** Row of the decoder it is in. */
  readonly row: number;
  /** Diverse beam search: the tokens that earlier groups of this prompt chose in this step. */
  readonly earlierGroups: readonly number[];
}

export type LogitEdit = Edit;

export interface SparseProcessor {
  readonly name: string;
  /** Its edits depend on lengths alone, not on `ids`: they are known before the tokens are. */
  readonly byLength?: boolean;
  edits(context: RowContext): readonly LogitEdit[];
}
/** Needs the whole row of scores [V], which it changes in place. */
export interface DenseProcessor {
  readonly name: string;
  apply(scores: Float64Array, context: RowContext): void;
}
export type LogitsProcessor = SparseProcessor | DenseProcessor;

export const isSparse = (processor: LogitsProcessor): processor is SparseProcessor => "edits" in processor;

/** Tokens a sequence may go on with. `ids` are the tokens of one sequence so far, prompt included. */
export type PrefixAllowedTokens = (prompt: number, ids: readonly number[]) => readonly number[];

/**
 * The processors that the options ask for, in their order of application, then `own`, those of the caller, before only
 * renormalizeLogits, as in HF. Guidance, which needs a second model run, is not one of them.
 */
export function buildProcessors(
  config: GenerationConfig,
  prefixAllowedTokensFn?: PrefixAllowedTokens,
  own: readonly LogitsProcessor[] = [],
): LogitsProcessor[] {
  const eos = eosTokens(config);
  const list: LogitsProcessor[] = [];
  if (config.sequenceBias) list.push(sequenceBias(config.sequenceBias));
  if (config.diversityPenalty > 0) list.push(hammingDiversity(config.diversityPenalty));
  if (config.repetitionPenalty !== 1) list.push(repetitionPenalty(config.repetitionPenalty));
  if (config.noRepeatNgramSize > 0) list.push(noRepeatNgram(config.noRepeatNgramSize));
  if (config.badWordsIds) list.push(badWords(config.badWordsIds, eos));
  if (config.minLength > 0 && eos.length) list.push(minLength(config.minLength, eos));
  if (config.minNewTokens && eos.length) list.push(minNewTokens(config.minNewTokens, eos));
  if (prefixAllowedTokensFn) list.push(prefixAllowedTokens(prefixAllowedTokensFn));
  if (config.forcedBosTokenId !== null) list.push(forcedBos(config.forcedBosTokenId));
  if (config.forcedEosTokenId !== null) list.push(forcedEos(asList(config.forcedEosTokenId)));
  if (config.removeInvalidValues) list.push(removeInvalidValues);
  if (config.exponentialDecayLengthPenalty && eos.length)
    list.push(exponentialDecay(...config.exponentialDecayLengthPenalty, eos));
  if (config.suppressTokens) list.push(suppressTokens(config.suppressTokens));
  if (config.beginSuppressTokens)
    list.push(beginSuppressTokens(config.beginSuppressTokens, config.forcedBosTokenId !== null));
  list.push(...own);
  if (config.renormalizeLogits) list.push({ name: "renormalizeLogits", apply: logSoftmax });
  return list;
}

/** Applies edits to a row of scores [V], in order. */
export function applyEdits(scores: Float64Array, edits: readonly LogitEdit[]): void {
  for (const { kind, token, value } of edits) {
    const score = scores[token];
    switch (kind) {
      case "set":
        scores[token] = value;
        break;
      case "add":
        scores[token] = score + value;
        break;
      case "penalize":
        scores[token] = score < 0 ? score * value : score / value;
        break;
      case "raise":
        if (score !== -Infinity) scores[token] = score + Math.abs(score) * value;
        break;
      case "clear":
        scores.fill(-Infinity);
        break;
      default:
        kind satisfies never;
    }
  }
}

export function sequenceBias(biases: readonly (readonly [readonly number[], number])[]): SparseProcessor {
  return {
    name: "sequenceBias",
    byLength: biases.every(([sequence]) => sequence.length === 1),
    edits: ({ ids }) =>
      biases
        .filter(([sequence]) => couldEnd(ids, sequence))
        .map(([sequence, value]) => ({ kind: "add", token: sequence.at(-1)!, value })),
  };
}

/**
 * Diverse beam search (Vijayakumar et al. 2016): a token loses `penalty` for each beam of an earlier group that took
 * it.
 */
export function hammingDiversity(penalty: number): SparseProcessor {
  return {
    name: "diversityPenalty",
    edits: ({ earlierGroups }) => earlierGroups.map((token) => ({ kind: "add", token, value: -penalty })),
  };
}

/** Keskar et al. 2019 (CTRL), over prompt and generated tokens alike. */
export function repetitionPenalty(value: number): SparseProcessor {
  return {
    name: "repetitionPenalty",
    edits: ({ ids }) => [...new Set(ids)].map((token) => ({ kind: "penalize", token, value })),
  };
}

export function noRepeatNgram(size: number): SparseProcessor {
  return {
    name: "noRepeatNgramSize",
    edits({ ids }) {
      const tail = ids.slice(ids.length - (size - 1));
      const banned = new Set<number>();
      for (let end = size - 1; end < ids.length; end++) {
        if (tail.every((token, i) => ids[end - tail.length + i] === token)) banned.add(ids[end]);
      }
      return [...banned].map(forbid);
    },
  };
}

/** Words that are just an end-of-sequence token are left out, as in HF. */
export function badWords(words: readonly (readonly number[])[], eos: readonly number[]): SparseProcessor {
  const wanted = words.filter((word) => word.length > 1 || !eos.includes(word[0]));
  return {
    name: "badWordsIds",
    byLength: wanted.every((word) => word.length === 1),
    edits: ({ ids }) => wanted.filter((word) => couldEnd(ids, word)).map((word) => forbid(word.at(-1)!)),
  };
}

export function minLength(length: number, eos: readonly number[]): SparseProcessor {
  return { name: "minLength", byLength: true, edits: (row) => (row.length < length ? eos.map(forbid) : []) };
}

export function minNewTokens(count: number, eos: readonly number[]): SparseProcessor {
  return {
    name: "minNewTokens",
    byLength: true,
    edits: ({ length, promptLength }) => (length - promptLength < count ? eos.map(forbid) : []),
  };
}

export function prefixAllowedTokens(allowed: PrefixAllowedTokens): DenseProcessor {
  return {
    name: "prefixAllowedTokensFn",
    apply(scores, { prompt, ids }) {
      const tokens = allowed(prompt, ids);
      if (tokens.length === 0)
        throw new Error(
          `prefixAllowedTokensFn: cannot go on with prompt ${prompt}: no token is allowed after ${ids.length} tokens, wanted at least one`,
        );
      const kept = tokens.map((token) => [token, scores[token]] as const);
      scores.fill(-Infinity);
      for (const [token, score] of kept) scores[token] = score;
    },
  };
}

export function forcedBos(token: number): SparseProcessor {
  return { name: "forcedBosTokenId", byLength: true, edits: ({ length }) => (length === 1 ? only([token]) : []) };
}

export function forcedEos(tokens: readonly number[]): SparseProcessor {
  return {
    name: "forcedEosTokenId",
    byLength: true,
    edits: ({ length, maxLength }) => (length === maxLength - 1 ? only(tokens) : []),
  };
}

const largest = 3.4028234663852886e38; // of float32, which the scores are in HF

export const removeInvalidValues: DenseProcessor = {
  name: "removeInvalidValues",
  apply(scores) {
    for (let i = 0; i < scores.length; i++)
      scores[i] = Number.isNaN(scores[i]) ? 0 : Math.min(largest, Math.max(-largest, scores[i]));
  },
};

export function exponentialDecay(start: number, factor: number, eos: readonly number[]): SparseProcessor {
  return {
    name: "exponentialDecayLengthPenalty",
    byLength: true,
    edits({ length, promptLength }) {
      const beyond = length - promptLength - start;
      return beyond > 0
        ? [...new Set(eos)].map((token) => ({ kind: "raise", token, value: factor ** beyond - 1 }))
        : [];
    },
  };
}

export function suppressTokens(tokens: readonly number[]): SparseProcessor {
  return { name: "suppressTokens", byLength: true, edits: () => tokens.map(forbid) };
}

/** At the first generated token, or at the second where a forced first token follows a prompt of one. */
export function beginSuppressTokens(tokens: readonly number[], afterForcedBos = false): SparseProcessor {
  return {
    name: "beginSuppressTokens",
    byLength: true,
    edits: ({ length, promptLength }) =>
      length === promptLength + (afterForcedBos && promptLength === 1 ? 1 : 0) ? tokens.map(forbid) : [],
  };
}

const forbid = (token: number): LogitEdit => ({ kind: "set", token, value: -Infinity });
const only = (tokens: readonly number[]): LogitEdit[] => [
  { kind: "clear", token: 0, value: 0 },
  ...tokens.map((token) => ({ kind: "set", token, value: 0 }) as const),
];

/** Whether the next token can complete `sequence`. As in HF, a sequence longer than the text never can. */
function couldEnd(ids: readonly number[], sequence: readonly number[]): boolean {
  const prefix = sequence.length - 1;
  if (prefix > 0 && sequence.length > ids.length) return false;
  for (let i = 0; i < prefix; i++) if (ids[ids.length - prefix + i] !== sequence[i]) return false;
  return true;
}
