// The scores that a row's next token is chosen by, after all processors: made of its logits, or of the few
// tokens that the choice can fall on. The formulas are the same; only how much of the row they see differs.
import type { Candidates } from "../device/decoder.ts";
import { applyEdits, applyProcessors, editsOf, isEditing } from "../scores/logits-processor.ts";
import type { LogitEdit, LogitsProcessor, RowContext } from "../scores/logits-processor.ts";
import { logSoftmax, logSumExp } from "../scores/scores.ts";
import { NonFiniteLogits } from "./non-finite-logits.ts";
import type { ReadBack } from "./read-back.ts";
import type { Run } from "./run.ts";

export interface ScoreRow {
  readonly scores: Float64Array;
  /** The tokens that have these scores, ascending; absent where all have. The choice falls on none of the others. */
  readonly tokens?: Uint32Array;
}

/** The token of score number `i`. */
export const tokenAt = ({ tokens }: ScoreRow, i: number): number => (tokens ? tokens[i] : i);

/** The scores of the row that a context names. Throws NonFiniteLogits where the model's own output is not a number. */
export type ScoresOf = (context: RowContext) => ScoreRow;

/** Reads what the last prefill or step left of the rows whose contexts are given; the others (undefined) are over. */
export async function readScores(
  run: Run,
  back: ReadBack,
  contexts: readonly (RowContext | undefined)[],
): Promise<ScoresOf> {
  const { decoder, processors } = run;
  if (back.what !== "candidates") return wholeRows(run, await decoder.logits());
  const edits = contexts.map((context) => (context ? editsOf(processors, context) : []));
  const excluded = edits.map((row) => [...new Set(row.map(({ token }) => token))]);
  const found = await back.sampler.candidates(
    back.count,
    excluded.some((tokens) => tokens.length > 0) ? excluded : undefined,
  );
  const rows = contexts.map((context, r) => context && knownRow(run, found, excluded[r], edits[r], context));
  if (contexts.every((context, r) => !context || rows[r])) {
    // What earlier groups took was not known above.
    return (context) =>
      (context.earlierGroups.length > 0
        ? knownRow(run, found, excluded[context.row], editsOf(processors, context), context)
        : rows[context.row])!;
  }
  const logits = await decoder.logits();
  excluded.forEach((tokens, r) =>
    tokens.forEach((token, i) => {
      logits[r * decoder.vocabSize + token] = found.excludedLogits[r][i];
    }),
  );
  return wholeRows(run, logits);
}

/** Scores from logits [rows, V], which are kept if they are to be returned. */
export async function wholeRows(run: Run, logits: Float32Array): Promise<ScoresOf> {
  const {
    decoder: { vocabSize },
    recorder,
  } = run;
  await recorder.step(logits);
  return (context) => {
    const scores = wholeRow(
      run,
      Float64Array.from(logits.subarray(context.row * vocabSize, (context.row + 1) * vocabSize)),
      context,
    );
    recorder.row(context.row, scores);
    return { scores };
  };
}

/**
 * Logits [V] become scores in place. They start as they are, or as their log-softmax where scores are summed over
 * tokens (beam search).
 */
function wholeRow({ config, processors }: Run, scores: Float64Array, context: RowContext): Float64Array {
  if (!config.removeInvalidValues) {
    const bad = scores.findIndex((score) => !Number.isFinite(score));
    if (bad >= 0) throw new NonFiniteLogits(context.prompt, context.ids, `the logit of token ${bad} is ${scores[bad]}`);
  }
  if (config.numBeams > 1) logSoftmax(scores);
  applyProcessors(scores, processors, context);
  return scores;
}

/**
 * The scores of a row of which the best tokens and those that `edits` change are known (`excluded`, with their logits
 * in `found`). Undefined where they are not enough: the last of the best survived topK, so a token that is not known
 * may too.
 */
function knownRow(
  run: Run,
  found: Candidates,
  excluded: readonly number[],
  edits: readonly LogitEdit[],
  context: RowContext,
): ScoreRow | undefined {
  const { vocabSize } = run.decoder;
  const { row } = context;
  const logitOf = knownLogits(found, excluded, context);
  if (logitOf.size === vocabSize || edits.some(({ kind }) => kind === "clear")) {
    // All is known: of a row that is cleared, whatever its logits were.
    const logits = Float64Array.from({ length: vocabSize }, (_, token) => logitOf.get(token) ?? 0);
    return { scores: wholeRow(run, logits, context) };
  }
  const tokens = Uint32Array.from(logitOf.keys()).sort();
  const indexOf = new Map(Array.from(tokens, (token, i) => [token, i]));
  const base = run.config.numBeams > 1 ? found.lse[row] : 0;
  const scores = Float64Array.from(tokens, (token) => logitOf.get(token)! - base);
  // A token that is edited and not known is one that an earlier beam group lowers: it was none of the best before.
  const known = edits.flatMap((edit) =>
    indexOf.has(edit.token) ? [{ ...edit, token: indexOf.get(edit.token)! }] : [],
  );
  applyEdits(scores, known);
  const lseOfAll = (): number =>
    logSumExp([found.restLse[row] - base, ...excluded.map((token) => scores[indexOf.get(token)!])]);
  const last = indexOf.get(found.tokens[(row + 1) * found.count - 1])!;
  return processKnown(run.processors, scores, { last, lseOfAll, context }) ? { scores, tokens } : undefined;
}

/**
 * What processors do to the known scores of a row after the edits; false where a topK leaves the last candidate, with
 * index `last`: so it may leave others too. `lseOfAll`: of the whole row, edited.
 */
function processKnown(
  processors: readonly LogitsProcessor[],
  scores: Float64Array,
  { last, lseOfAll, context }: { readonly last: number; readonly lseOfAll: () => number; readonly context: RowContext },
): boolean {
  let whole = true; // before a topK the row goes on beyond what is known
  let normalised = false; // nothing that may come between changes the sum again: see topKOf()
  for (const processor of processors) {
    if (isEditing(processor)) continue;
    if (processor.needs === "sum" && whole) {
      const lse = normalised ? 0 : lseOfAll();
      normalised = true;
      for (let i = 0; i < scores.length; i++) scores[i] -= lse;
      continue;
    }
    processor.apply(scores, context);
    if (processor.needs === "sampler" && processor.setting === "topK") {
      if (scores[last] > -Infinity) return false;
      whole = false;
    }
  }
  return true;
}

/**
 * The logits that are known of a row, by token. Throws NonFiniteLogits where one is not a number, or the sum over all
 * shows it.
 */
function knownLogits(
  { count, tokens, logits, lse, excludedLogits }: Candidates,
  excluded: readonly number[],
  { row, prompt, ids }: RowContext,
): Map<number, number> {
  const best = logits.subarray(row * count, (row + 1) * count);
  if (![lse[row], ...best].every((value) => value < Infinity) || !excludedLogits[row].every(Number.isFinite)) {
    throw new NonFiniteLogits(prompt, ids, "some logit is NaN or infinite");
  }
  const known = new Map(excluded.map((token, i) => [token, excludedLogits[row][i]]));
  best.forEach((logit, i) => {
    if (logit > -Infinity) known.set(tokens[row * count + i], logit);
  });
  return known;
}
