// Greedy search and sampling: each row takes one token a step until a criterion ends it.
import { padToken } from "./config.ts";
import type { RowContext } from "./logits-processors.ts";
import { prefill, scoreRow } from "./run.ts";
import type { Run, Sequence } from "./run.ts";
import { drawToken, randomStream, uniform } from "./sampler.ts";
import type { RandomStream } from "./sampler.ts";
import { argmax } from "./scores.ts";
import { finishReason } from "./stopping-criteria.ts";
import type { FinishReason } from "./stopping-criteria.ts";
import type { Prompt } from "./prompts.ts";

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
export async function sampleSequences(run: Run): Promise<Sequence[]> {
  const { decoder, config, recorder } = run;
  const all = startRows(run);
  let rows = all; // rows of the decoder, in its order
  prefill(run, config.numReturnSequences);
  for (;;) {
    const logits = await decoder.logits();
    await recorder.step(logits);
    for (const [r, row] of rows.entries()) if (!row.reason) await appendToken(run, row, logits, r);

    const open = rows.filter((row) => !row.reason);
    if (open.length === 0) return all.map(finished);
    const kept = open.length * 2 <= rows.length && !recorder.active ? open : rows;
    decoder.step(kept.map((row) => (row.reason ? padToken(config) : row.ids.at(-1)!)), kept.map((row) => rows.indexOf(row)));
    rows = kept;
  }
}

export function startRows({ config, prompts, seed }: Run): GrowingRow[] {
  return prompts.flatMap((prompt, promptIndex) => Array.from({ length: config.numReturnSequences }, (_, j) => ({
    sequence: promptIndex * config.numReturnSequences + j,
    promptIndex,
    prompt,
    ids: [...prompt.ids],
    stream: randomStream(seed, prompt.tokens, j),
    reason: null,
  })));
}

/** Chooses the row's next token from row `r` of `logits` and tells whether that ends it. */
export async function appendToken(run: Run, row: GrowingRow, logits: Float32Array, r: number): Promise<number> {
  const scores = scoreRow(run, logits, contextOf(row, row.ids.length, r));
  run.recorder.row(r, scores);
  const token = run.config.doSample ? drawToken(scores, uniform(row.stream, row.ids.length - row.prompt.ids.length)) : argmax(scores);
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
  return { ids, length, promptLength: prompt.ids.length, maxLength: prompt.maxLength, prompt: promptIndex, row: r, earlierGroups: [] };
}

export function finished({ prompt, ids, reason }: GrowingRow): Sequence {
  return { prompt, generated: ids.slice(prompt.ids.length), reason: reason! };
}
