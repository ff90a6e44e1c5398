// From a plan to texts: runs generate() on some of its prompts, turns tokens into text, cuts unfinished sentences off
// and says how probable each text is to the model itself.
import { eosTokens } from "../generation/options/config.ts";
import { generate } from "../generation/generate.ts";
import type { GenerateOutput } from "../generation/generate.ts";
import type { GenerationObserver } from "../generation/loops/observer.ts";
import { UnmetConstraints } from "../generation/loops/constraint.ts";
import type { LogitsProcessor } from "../generation/scores/logits-processor.ts";
import { argmax } from "../generation/scores/scores.ts";
import type { InfillRequest } from "../infill/example.ts";
import type { Reranker } from "../rerank/reranker.ts";
import { isShort, joined, toText, violationsOf, withoutEqual } from "./candidate-text.ts";
import type { Candidate, ConstraintCost, Found, TextWriter } from "./candidate-text.ts";
import { meanLogProbs } from "./log-probs.ts";
import type { ScoringDecoder } from "./log-probs.ts";
import { ownLimits, promptInputs } from "./plan.ts";
import { textsStreamer } from "./text-streamer.ts";

export type { Candidate, ConstraintCost } from "./candidate-text.ts";

export interface Writer extends TextWriter {
  readonly decoder: ScoringDecoder;
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

/**
 * Writes for the chosen prompts, all in one batch; where words must occur, texts that say nothing twice if there are
 * such. Throws UserError for options that do not go together.
 */
export async function write(writer: Writer, options: WriteOptions = {}): Promise<Written> {
  const { constraints } = writer.plan.prompts[options.which?.[0] ?? 0];
  const processors = constraints?.logitsProcessors ?? [];
  const { preferred } = constraints ?? {};
  try {
    return await writeWith(writer, options, processors);
  } catch (error) {
    if (!(error instanceof UnmetConstraints) || preferred === undefined) throw error;
    return writeWith(
      writer,
      options,
      processors.filter((processor) => processor !== preferred),
    );
  }
}

/** `processors`: of the constraints, which are those of all chosen prompts. */
async function writeWith(
  writer: Writer,
  { which, signal, onText, onTexts, seed }: WriteOptions,
  processors: readonly LogitsProcessor[],
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
      logitsProcessors: [...plan.logitsProcessors, ...processors],
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
