// What fill() is asked for, checked, and as a plan of prompts and options.
import { UserError } from "../errors.ts";
import type { FieldsOf } from "../fields.ts";
import type { GenerationOptions } from "../generation/options/options.ts";
import { TEXT_WISHES } from "../infill/constraints/text-constraints.ts";
import type { TextWishes } from "../infill/constraints/text-constraints.ts";
import type { InfillRequest } from "../infill/example.ts";
import type { ModelFolder } from "./model-folder.ts";
import { planGaps } from "./plan.ts";
import type { Plan } from "./plan.ts";
import { severalCandidates } from "./several.ts";
import { withBeams } from "./wishes.ts";

export interface FillRequest extends Pick<InfillRequest, "p1" | "p3" | "meta" | "aliases">, TextWishes {
  /** Texts wanted, each another; fewer come where they turn out the same. Default: what `options` say, else 1. */
  readonly candidates?: number;
  /** The names in the metadata field "characters" must occur. Default false. */
  readonly requireCharacters?: boolean;
  /** End with a whole sentence within the length class of the metadata. Default false. */
  readonly requireLength?: boolean;
  /**
   * Order the candidates by how well each leads from p1 to p3, by the model's own weights (see Reranker); default
   * false. Without `candidates` there are five.
   */
  readonly rerank?: boolean;
  /** Cut off a sentence that the limit of new tokens leaves unfinished. Default true. */
  readonly trim?: boolean;
  /** Let p2 hold special tokens and the template's syntax. Default false. */
  readonly allowSpecialTokens?: boolean;
  /** generate()'s; what they leave open follows from the model's generation_config.json, the wishes and the context. */
  readonly options?: GenerationOptions;
  /** fill() rejects with its reason, within a token or so. */
  readonly signal?: AbortSignal;
  /**
   * Told the text so far as it grows, whole characters only. A search that compares texts (beams, several candidates,
   * words that must occur) tells none before it has chosen. The last call has the first candidate's text as it is
   * returned, which may be shorter: an unfinished sentence is cut off.
   */
  readonly onText?: (text: string) => void;
  /**
   * Told the texts so far of all candidates while they are drawn side by side, whole characters only; "" before a
   * text's first token. Which candidate became of which text `Filled.sequences` says. A search that compares texts
   * tells none.
   */
  readonly onTexts?: (texts: readonly string[]) => void;
}

/** A gap, and what the text between is to be. */
export type GapRequest = Pick<FillRequest, "p1" | "p3" | "meta" | "aliases">;
export interface Signalled {
  /** The call rejects with its reason. */
  readonly signal?: AbortSignal;
}

export const FILL_FIELDS: FieldsOf<FillRequest> = {
  p1: true,
  p3: true,
  meta: true,
  aliases: true,
  ...TEXT_WISHES,
  candidates: true,
  requireCharacters: true,
  requireLength: true,
  rerank: true,
  trim: true,
  allowSpecialTokens: true,
  options: true,
  signal: true,
  onText: true,
  onTexts: true,
};

/** Beams or samples beside each other: a device's memory ends somewhere, and so does a reader's patience. */
export const MOST_CANDIDATES = 64;

/** Throws UserError for a request that contradicts itself or the model. */
export function planOf(folder: ModelFolder, request: FillRequest): Plan {
  const { p1, p3, meta, aliases, candidates, rerank = false, allowSpecialTokens = false } = request;
  const { requireCharacters = false, requireLength = false } = request;
  for (const [name, text] of Object.entries({ p1, p3 }))
    if (typeof text !== "string") throw new UserError(`${name} is ${typeof text}, wanted a text, which may be empty.`);
  if (p1.trim() === "" && p3.trim() === "")
    throw new UserError("The paragraphs before and after the gap are both empty; give p1 or p3 some text.");
  if (candidates !== undefined && !(Number.isInteger(candidates) && candidates >= 1 && candidates <= MOST_CANDIDATES))
    throw new UserError(`candidates is ${candidates}, wanted a whole number from 1 to ${MOST_CANDIDATES}.`);
  const { options = {}, forceWords, badWords, anyCase, words, sentences, beginsWith = "", endsWith } = request;
  const { wholeSentences, repeats } = request;
  if (candidates !== undefined && options.numReturnSequences !== undefined)
    throw new UserError("candidates and options.numReturnSequences say the same thing twice; give one of them.");
  const required = { requireCharacters, requireLength };
  const ofText = { forceWords, badWords, anyCase, words, sentences, beginsWith, endsWith, wholeSentences, repeats };
  const wishes = { ...ofText, ...required };
  const asked = candidates === undefined ? options : { ...options, numReturnSequences: candidates };
  const several = (candidates ?? 1) > 1;
  const search = severalCandidates(withBeams(asked, wishes, several), folder.defaults, {
    interactive: several,
    rerank,
  });
  const gap = { p1, p3, meta, aliases, where: "The gap" };
  return planGaps(folder, [gap], beginsWith, { options: search, allowSpecialTokens, wishes });
}
