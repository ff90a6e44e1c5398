// Greedy search and sampling: each row takes one token a step until a criterion ends it.
import { padToken } from "../options/config.ts";
import type { RowContext } from "../scores/logits-processor.ts";
import type { ReadBack } from "./read-back.ts";
import type { Run, Sequence } from "./run.ts";
import { drawToken, randomStream, uniform } from "../scores/sampling.ts";
import type { RandomStream } from "../scores/sampling.ts";
import { readScores, tokenAt } from "./score-rows.ts";
import type { ScoreRow } from "./score-rows.ts";
import { argmax } from "../scores/scores.ts";
import { finishReason } from "./stopping-criteria.ts";
import type { FinishReason } from "./stopping-criteria.ts";
import type { Prompt } from "../options/prompts.ts";

/** A sequence in the making. */
export interface GrowingRow {
  /** Its number in the output. */
  readonly sequence: number;
  readonly promptIndex: number;
  readonly prompt: Prompt;
  readonly ids: number[];
  readonly stream: RandomStream;
  reason: FinishReason | null;
}

/** numReturnSequences sequences for each prompt, in order. */
export async function sampleOnHost(run: Run, back: ReadBack): Promise<Sequence[]> {
  const { decoder, config, recorder } = run;
  const all = startRows(run);
  let rows = all; // rows of the decoder, in its order
  for (;;) {
    const contexts = rows.map((row, r) => (row.reason ? undefined : contextOf(row, row.ids.length, r)));
    const scoresOf = await readScores(run, back, contexts);
    for (const [r, row] of rows.entries()) if (!row.reason) await appendToken(run, row, scoresOf(contexts[r]!), r);

    const open = rows.filter((row) => !row.reason);
    if (open.length === 0) return all.map(finished);
    const kept = open.length * 2 <= rows.length && !recorder.active ? open : rows;
    decoder.step(
      kept.map((row) => (row.reason ? padToken(config) : row.ids.at(-1)!)),
      kept.map((row) => rows.indexOf(row)),
    );
    rows = kept;
  }
}

export function startRows({ config, prompts, seed }: Run): GrowingRow[] {
  return prompts.flatMap((prompt, promptIndex) =>
    Array.from({ length: config.numReturnSequences }, (_, j) => ({
      sequence: promptIndex * config.numReturnSequences + j,
      promptIndex,
      prompt,
      ids: [...prompt.ids],
      stream: randomStream(seed, prompt.tokens, j),
      reason: null,
    })),
  );
}

/** Chooses the row's next token by its scores, those of row `r` of the decoder, and notes whether that ends it. */
export async function appendToken(run: Run, row: GrowingRow, scored: ScoreRow, r: number): Promise<number> {
  const { scores } = scored;
  const token = tokenAt(
    scored,
    run.config.doSample
      ? drawToken(scores, uniform(row.stream, row.ids.length - row.prompt.ids.length))
      : argmax(scores),
  );
  run.recorder.observer?.token?.({ sequence: row.sequence, token, ...run.recorder.observed(r) });
  await acceptToken(run, row, token);
  return token;
}

/** Appends the token that was chosen for a row, notes whether that ends it, and streams it. */
export async function acceptToken({ stopping, streamer }: Run, row: GrowingRow, token: number): Promise<void> {
  row.ids.push(token);
  row.reason = finishReason(stopping, row.ids, row.prompt.maxLength);
  await streamer?.(row.sequence, token);
}

/** What processors see of a row that has `length` tokens, in row `r` of the decoder. */
export function contextOf({ ids, prompt, promptIndex }: GrowingRow, length: number, r: number): RowContext {
  return {
    ids,
    length,
    promptLength: prompt.ids.length,
    maxLength: prompt.maxLength,
    prompt: promptIndex,
    row: r,
    earlierGroups: [],
  };
}

export function finished({ prompt, ids, reason }: GrowingRow): Sequence {
  return { prompt, generated: ids.slice(prompt.ids.length), reason: reason! };
}
