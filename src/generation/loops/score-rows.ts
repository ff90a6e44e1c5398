// The scores that a row's next token is chosen by, after all processors and warpers: made of its logits, or of the few
// tokens that the choice can fall on. The formulas are the same; only how much of the row they see differs.
import type { Candidates } from "../device/decoder.ts";
import { applyEdits, isSparse } from "../scores/logits-processors.ts";
import type { LogitEdit, RowContext } from "../scores/logits-processors.ts";
import type { ReadBack } from "./read-back.ts";
import { editsOf, NonFiniteLogits } from "./run.ts";
import type { Run } from "./run.ts";
import { logSoftmax, logSumExp } from "../scores/scores.ts";

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
  const { decoder } = run;
  if (back.what !== "candidates") return wholeRows(run, await decoder.logits());
  const edits = contexts.map((context) => (context ? editsOf(run, context) : []));
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
        ? knownRow(run, found, excluded[context.row], editsOf(run, context), context)
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
function wholeRow({ config, processors, warpers }: Run, scores: Float64Array, context: RowContext): Float64Array {
  if (!config.removeInvalidValues) {
    const bad = scores.findIndex((score) => !Number.isFinite(score));
    if (bad >= 0) throw new NonFiniteLogits(context.prompt, context.ids, `the logit of token ${bad} is ${scores[bad]}`);
  }
  if (config.numBeams > 1) logSoftmax(scores);
  for (const processor of processors) {
    if (isSparse(processor)) applyEdits(scores, processor.edits(context));
    else processor.apply(scores, context);
  }
  for (const warper of warpers) warper.warp(scores);
  return scores;
}

/**
 * The scores of a row of which the best tokens and those that `edits` change are known (`excluded`, with their logits in
 * `found`). Undefined where they are not enough: the last of the best survived topK, so a token that is not known may
 * too.
 */
function knownRow(
  run: Run,
  found: Candidates,
  excluded: readonly number[],
  edits: readonly LogitEdit[],
  context: RowContext,
): ScoreRow | undefined {
  const {
    config,
    decoder: { vocabSize },
    processors,
    warpers,
  } = run;
  const { row } = context;
  const logitOf = knownLogits(found, excluded, context);
  if (logitOf.size === vocabSize || edits.some(({ kind }) => kind === "clear")) {
    // All is known: of a row that is cleared, whatever its logits were.
    return {
      scores: wholeRow(
        run,
        Float64Array.from({ length: vocabSize }, (_, token) => logitOf.get(token) ?? 0),
        context,
      ),
    };
  }
  const tokens = Uint32Array.from(logitOf.keys()).sort();
  const placeOf = new Map(Array.from(tokens, (token, i) => [token, i]));
  const base = config.numBeams > 1 ? found.lse[row] : 0;
  const scores = Float64Array.from(tokens, (token) => logitOf.get(token)! - base);
  // A token that is changed and not known is one that diversityPenalty lowers: it was none of the best before.
  applyEdits(
    scores,
    edits.flatMap((edit) => (placeOf.has(edit.token) ? [{ ...edit, token: placeOf.get(edit.token)! }] : [])),
  );
  if (processors.some(({ name }) => name === "renormalizeLogits")) {
    const total = logSumExp([found.restLse[row] - base, ...excluded.map((token) => scores[placeOf.get(token)!])]);
    for (let i = 0; i < scores.length; i++) scores[i] -= total;
  }
  const last = placeOf.get(found.tokens[(row + 1) * found.count - 1])!;
  for (const warper of warpers) {
    warper.warp(scores);
    if (warper.name === "topK" && scores[last] > -Infinity) return undefined;
  }
  return { scores, tokens };
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
