// What a text that was written comes to: tokens as text, an unfinished sentence cut off, what is asked of it, and which
// sequences differ only in what was cut off.
import type { FinishReason } from "../generation/loops/stopping-criteria.ts";
import { trimToSentence } from "../infill/sentences.ts";
import type { Ranked } from "../rerank/reranker.ts";
import type { PreTrainedTokenizer } from "../tokenizer/pretrained-tokenizer.ts";
import type { Plan, PlannedPrompt } from "./plan.ts";

export interface Candidate {
  /** p2 with its forced beginning; or the plain prompt and what follows it. */
  readonly text: string;
  /** Tokens of the text that the model wrote, its end token not counted. */
  readonly tokens: number;
  readonly reason: FinishReason;
  /** The limit came in the middle of a sentence. */
  readonly unfinished: boolean;
  /** The unfinished sentence was cut off. */
  readonly trimmed: boolean;
  /** What was cut off leaves fewer tokens than its length class begins with. */
  readonly shortOfClass?: true;
  /**
   * Where several of its prompt's sequences came to this text, because they differed only in what was cut off: which,
   * in generate()'s numbering.
   */
  sequences?: readonly number[];
  /**
   * Mean natural log-probability of those tokens (and of the end, if it came), before any option changes the scores.
   */
  logProb?: number;
  /** With constraints: what they cost in natural log-probability, against the best text of a search without them. */
  cost?: ConstraintCost;
  /** Where candidates are ranked: what its place among them follows from. */
  ranked?: Pick<Ranked, "score" | "terms">;
}

export interface ConstraintCost {
  readonly logProb: number;
  readonly logProbPerToken: number;
}

export interface TextWriter {
  readonly tokenizer: PreTrainedTokenizer;
  readonly plan: Plan;
  /** Cut off a sentence that the limit leaves unfinished. */
  readonly trim: boolean;
}

export interface Found {
  readonly candidate: Candidate;
  /** Its number among the sequences of its prompt. */
  readonly sequence: number;
}

export const isShort = ({ candidate }: Found): boolean => candidate.shortOfClass === true;

/** What is asked of the prompt's text and does not hold for it. */
export function violationsOf({ constraints, opening }: PlannedPrompt, text: string, inGap: boolean): string[] {
  return constraints?.violations(inGap ? text : text.slice(opening.length).trim()) ?? [];
}

/**
 * Sequences that only their cut-off ends told apart, as one candidate where the first of them stands; it names them
 * all.
 */
export function withoutEqual(found: readonly Found[]): Found[] {
  const cut = new Set(found.flatMap(({ candidate }) => (candidate.trimmed ? [candidate.text] : [])));
  const shown = new Map<string, Found>();
  return found.filter((each) => {
    const { candidate, sequence } = each;
    const first = shown.get(candidate.text);
    if (!first || !cut.has(candidate.text)) {
      shown.set(candidate.text, each);
      return true;
    }
    first.candidate.sequences = [...(first.candidate.sequences ?? [first.sequence]), sequence];
    return false;
  });
}

/** A generated row as a candidate, and the tokens that it keeps, the end token with them if it came. */
export function toText(
  { tokenizer, plan, trim }: TextWriter,
  prompt: PlannedPrompt,
  generated: readonly number[],
  reason: FinishReason,
): { candidate: Candidate; ids: readonly number[] } {
  const { opening } = prompt;
  const body = reason === "eos" ? generated.slice(0, -1) : generated;
  let text = joined(opening, tokenizer.decode(body), plan.inGap);
  if (reason !== "eos") text = text.replace(/\uFFFD+$/, ""); // a character cut in its middle
  const cut = reason === "length" || reason === "time" ? trimToSentence(text, opening.length) : undefined;
  // What was cut off may be what had to be there.
  if (!trim || !cut?.trimmed || violationsOf(prompt, cut.text, plan.inGap).length > 0) {
    const unfinished = cut?.unfinished ?? false;
    return { candidate: { text, tokens: body.length, reason, unfinished, trimmed: false }, ids: generated };
  }
  const tokens = tokensFor(tokenizer, body, (part) => joined(opening, part, plan.inGap).length >= cut.text.length);
  const shortOfClass = tokens < (prompt.limits.minNewTokens ?? 0) && ({ shortOfClass: true } as const);
  const candidate = { text: cut.text, tokens, reason, unfinished: true, trimmed: true, ...shortOfClass };
  return { candidate, ids: body.slice(0, tokens) };
}

/** Prompts and their opening words, as one text. p2 stands alone, so outer spaces are no part of it. */
export function joined(opening: string, text: string, inGap: boolean): string {
  return inGap ? (opening + text).trim() : opening + text;
}

/** How many of the first `ids` make `enough` text. */
function tokensFor(tokenizer: PreTrainedTokenizer, ids: readonly number[], enough: (text: string) => boolean): number {
  const stream = tokenizer.createDecodeStream();
  let text = "";
  return ids.findIndex((id) => enough((text += stream.push(id)))) + 1 || ids.length;
}
