// From a plan to texts: runs generate() on some of its prompts, turns tokens into text, cuts unfinished sentences off
// and says how probable each text is to the model itself.
import { eosTokens } from "../generation/options/config.ts";
import { generate } from "../generation/generate.ts";
import type { GenerateOutput } from "../generation/generate.ts";
import type { GenerationObserver } from "../generation/loops/observer.ts";
import { UnmetConstraints } from "../generation/loops/constraint.ts";
import { argmax } from "../generation/scores/scores.ts";
import type { FinishReason } from "../generation/loops/stopping-criteria.ts";
import type { InfillRequest } from "../infill/example.ts";
import { trimToSentence } from "../infill/sentences.ts";
import type { PreTrainedTokenizer } from "../tokenizer/pretrained-tokenizer.ts";
import type { Ranked, Reranker } from "../rerank/reranker.ts";
import { meanLogProbs } from "./log-probs.ts";
import type { ScoringDecoder } from "./log-probs.ts";
import { ownLimits, promptInputs } from "./plan.ts";
import type { Plan, PlannedPrompt } from "./plan.ts";
import { textsStreamer } from "./text-streamer.ts";

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

export interface Writer {
  readonly decoder: ScoringDecoder;
  readonly tokenizer: PreTrainedTokenizer;
  readonly plan: Plan;
  readonly trim: boolean;
  readonly observer?: GenerationObserver;
  /** Orders the candidates of each gap. */
  readonly reranker?: Reranker;
}

export interface WriteOptions {
  /** Numbers of the plan's prompts, which have the same limits; default all. */
  readonly which?: readonly number[];
  readonly signal?: AbortSignal;
  /**
   * Told the text so far at each token; for one prompt and one sequence, without beams. The log-probability is then
   * left out.
   */
  readonly onText?: (text: string) => void;
  /** Told the texts so far of all sequences at each token; for one prompt, without beams. */
  readonly onTexts?: (texts: readonly string[]) => void;
  /** Instead of the plan's. */
  readonly seed?: number;
}

export interface Written {
  /**
   * For each prompt its candidates, best first: by the reranker where there is one; else samples by log-probability,
   * beams in the order that the search gives them. Those that are short of their length class come after those that
   * are not.
   */
  readonly candidates: readonly (readonly Candidate[])[];
  /** For each of them its (best) row of the output. */
  readonly rows: readonly (readonly number[])[];
  readonly output: GenerateOutput;
}

/** Writes for the chosen prompts, all in one batch. Throws UserError for options that do not go together. */
export async function write(
  writer: Writer,
  { which, signal, onText, onTexts, seed }: WriteOptions = {},
): Promise<Written> {
  const { decoder, tokenizer, plan, observer } = writer;
  const numbers = which ?? plan.prompts.map((_, number) => number);
  const prompts = numbers.map((number) => plan.prompts[number]);
  const { constraints } = prompts[0];
  const request = {
    ...plan.options,
    ...ownLimits(plan, prompts[0]),
    ...(seed !== undefined && { seed }),
    ...promptInputs(prompts),
    signal,
    tokenizer,
  };
  const output = await generate(
    decoder,
    {
      ...request,
      constraints: constraints?.constraints,
      logitsProcessors: [...plan.logitsProcessors, ...(constraints?.logitsProcessors ?? [])],
      ...(observer && { observer, returnDictInGenerate: true }),
      streamer:
        (onText || onTexts) &&
        textsStreamer(
          tokenizer,
          (texts) => {
            const shown = texts.map((text) => joined(prompts[0].opening, text, plan.inGap));
            onText?.(shown[0]);
            onTexts?.(shown);
          },
          { end: eosTokens(plan.config), sequences: plan.config.numReturnSequences },
        ),
    },
    plan.defaults,
  );
  const free =
    constraints && !onText && !signal?.aborted
      ? await generate(decoder, { ...request, logitsProcessors: plan.logitsProcessors }, plan.defaults)
      : undefined;
  const each = plan.config.numReturnSequences;
  const candidates: Candidate[][] = [];
  const places: number[][] = [];
  for (const [p, prompt] of prompts.entries()) {
    const rows = output.generated
      .slice(p * each, (p + 1) * each)
      .map((ids, i) => toText(writer, prompt, ids, output.finishReasons[p * each + i]));
    const unmet = signal?.aborted ? [] : rows.map(({ candidate }) => violationsOf(prompt, candidate.text, plan.inGap));
    if (unmet.length > 0 && unmet.every((wrong) => wrong.length > 0))
      throw new UnmetConstraints(
        `No text was found that is as asked for: ${unmet[0].join(", and ")}; try more beams, more new tokens or less.`,
      );
    if (!onText) {
      const logProbs = await meanLogProbs(
        decoder,
        prompt.ids,
        rows.map(({ ids }) => ids),
        prompt.tokenTypeIds,
      );
      rows.forEach(({ candidate }, i) => void (candidate.logProb = logProbs[i]));
      if (free) {
        const others = free.generated.slice(p * each, (p + 1) * each);
        const costOf = costAgainst(others, await meanLogProbs(decoder, prompt.ids, others, prompt.tokenTypeIds));
        rows.forEach(({ candidate, ids }, i) => void (candidate.cost = costOf(logProbs[i], ids.length)));
      }
    }
    const found = rows
      .map(({ candidate }, sequence) => ({ candidate, sequence }))
      .filter((_, i) => (unmet[i]?.length ?? 0) === 0);
    if (plan.config.numBeams === 1) found.sort((a, b) => (b.candidate.logProb ?? 0) - (a.candidate.logProb ?? 0));
    const order = await ranked(writer, plan.gaps?.[numbers[p]], withoutEqual(found), signal);
    const different = order.toSorted((a, b) => Number(isShort(a)) - Number(isShort(b)));
    candidates.push(different.map(({ candidate }) => candidate));
    places.push(different.map(({ sequence }) => p * each + sequence));
  }
  return { candidates, rows: places, output };
}

/** What a text with constraints costs against the most probable of those without. */
function costAgainst(
  others: readonly (readonly number[])[],
  means: readonly number[],
): (mean: number, tokens: number) => ConstraintCost {
  const best = argmax(means);
  return (mean, tokens) => ({
    logProb: means[best] * others[best].length - mean * tokens,
    logProbPerToken: means[best] - mean,
  });
}

/** What is asked of the prompt's text and does not hold for it. */
function violationsOf({ constraints, opening }: PlannedPrompt, text: string, inGap: boolean): string[] {
  return constraints?.violations(inGap ? text : text.slice(opening.length).trim()) ?? [];
}

/** The candidates in the reranker's order; as they are without one, or when the run is to stop. */
async function ranked(
  { reranker }: Writer,
  gap: InfillRequest | undefined,
  found: readonly Found[],
  signal: AbortSignal | undefined,
): Promise<readonly Found[]> {
  if (!reranker || !gap || signal?.aborted) return found;
  const order = await reranker.rank(
    gap,
    found.map(({ candidate }) => candidate.text),
  );
  return order.map(({ index, score, terms }) => {
    found[index].candidate.ranked = { score, terms };
    return found[index];
  });
}

const isShort = ({ candidate }: Found): boolean => candidate.shortOfClass === true;

interface Found {
  readonly candidate: Candidate;
  /** Its number among the sequences of its prompt. */
  readonly sequence: number;
}

/**
 * Sequences that only their cut-off ends told apart, as one candidate where the first of them stands; it names them
 * all.
 */
function withoutEqual(found: readonly Found[]): Found[] {
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
function toText(
  { tokenizer, plan, trim }: Writer,
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
function joined(opening: string, text: string, inGap: boolean): string {
  return inGap ? (opening + text).trim() : opening + text;
}

/** How many of the first `ids` make `enough` text. */
function tokensFor(tokenizer: PreTrainedTokenizer, ids: readonly number[], enough: (text: string) => boolean): number {
  const stream = tokenizer.createDecodeStream();
  let text = "";
  return ids.findIndex((id) => enough((text += stream.push(id)))) + 1 || ids.length;
}
