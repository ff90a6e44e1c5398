// Greedy search and sampling where the decoder chooses: tokens stay on the device and feed the next step, and the loop
// reads them a few steps behind, several at a time where the device is fast, to stream them and to stop. Steps that
// were taken past a row's end are forgotten. The tokens are those of sample-loop.ts.
import { NO_TOKEN } from "../../kernels/choose.ts";
import type { RowEdits, Sampling, TokenSampler } from "../device/decoder.ts";
import { editsOf, isEditing } from "../scores/logits-processor.ts";
import type { SamplerSettings } from "../scores/logits-processor.ts";
import { MultiStepSchedule } from "../device/multi-step.ts";
import { NonFiniteLogits } from "./non-finite-logits.ts";
import type { Run, Sequence } from "./run.ts";
import { acceptToken, contextOf, finished, startRows } from "./sample-loop.ts";
import type { GrowingRow } from "./sample-loop.ts";

/**
 * Steps that may be under way while the device works on an older one: enough to keep it busy, few to forget at an end.
 */
const AHEAD = 2;

/** numReturnSequences sequences for each prompt, in order. */
export async function sampleOnDevice(run: Run, sampler: TokenSampler, settings: SamplerSettings): Promise<Sequence[]> {
  const all = startRows(run);
  let rows = all; // rows of the decoder, in its order
  let sampling = samplingOf(run, settings, rows);
  // Edits that depend on the text need the last token: then only the model's run overlaps with reading it.
  const known = run.processors.every((processor) => !isEditing(processor) || processor.needs === "lengths");
  const ahead = known ? AHEAD : 0;
  const schedule = new MultiStepSchedule();
  const unread: Promise<Uint32Array>[] = [];
  const readUntil = async (left: number): Promise<void> => {
    const count = Math.max(0, unread.length - left);
    for (let i = 0; i < count; i++) await acceptTokens(run, rows, await unread.shift()!);
    schedule.record(count);
  };
  for (let step = 0; rows.some((row) => !row.reason);) {
    const open = rows.filter((row) => !row.reason);
    const left = Math.max(...open.map(({ prompt }) => prompt.maxLength - prompt.ids.length)) - step;
    const group = Math.min(left, ahead === 0 ? 1 : schedule.steps(step));
    for (let i = 0; i < group; i++, step++) {
      if (i > 0) sampler.stepSampled();
      const tokens = sampler.sample({ step, sampling, edits: editsAt(run, rows, step) });
      // whoever waits for it, sees it; nobody does after all rows ended, or an earlier one failed
      tokens.catch(() => {});
      unread.push(tokens);
    }
    sampler.submit();
    if (group === left) {
      await readUntil(0);
    } else if (open.length * 2 <= rows.length) {
      await readUntil(0); // whoever goes on has all its tokens now
      const kept = open.filter((row) => !row.reason);
      if (kept.length > 0)
        run.decoder.step(
          kept.map((row) => row.ids.at(-1)!),
          kept.map((row) => rows.indexOf(row)),
        );
      rows = kept;
      sampling = samplingOf(run, settings, rows);
    } else {
      sampler.stepSampled();
      if (ahead === 0) sampler.submit();
      // while the last group is under way, the one before it is read
      await readUntil(ahead === 0 ? 0 : Math.max(ahead, group));
    }
  }
  return all.map(finished);
}

async function acceptTokens(run: Run, rows: readonly GrowingRow[], tokens: Uint32Array): Promise<void> {
  for (const [r, row] of rows.entries()) {
    if (row.reason) continue;
    if (tokens[r] === NO_TOKEN) throw new NonFiniteLogits(row.promptIndex, row.ids, "some logit is NaN or infinite");
    await acceptToken(run, row, tokens[r]);
  }
}

function samplingOf({ config }: Run, settings: SamplerSettings, rows: readonly GrowingRow[]): Sampling | undefined {
  return config.doSample ? { ...settings, streams: rows.map((row) => row.stream) } : undefined;
}

/** The edits of choice number `step`. Rows that are over need none: what they choose is not looked at. */
function editsAt(run: Run, rows: readonly GrowingRow[], step: number): RowEdits | undefined {
  const edits = rows.map((row, r) =>
    row.reason ? [] : editsOf(run.processors, contextOf(row, row.prompt.ids.length + step, r)),
  );
  return edits.some((row) => row.length > 0) ? edits : undefined;
}
