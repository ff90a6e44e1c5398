// Greedy search and sampling where the decoder chooses: tokens stay on the device and feed the next step, and the loop
// reads them a few steps behind, several at a time where the device is fast, to stream them and to stop. Steps that
// were taken past a row's end are forgotten, and so are those whose edits the text turned out to change. The tokens are
// those of sample-loop.ts.
import { NO_TOKEN } from "../../kernels/sample.ts";
import type { Sampling, TokenSampler } from "../device/decoder.ts";
import type { SamplerSettings } from "../scores/logits-processor.ts";
import { MultiStepSchedule } from "../device/multi-step.ts";
import { EditsAhead } from "./edits-ahead.ts";
import { NonFiniteLogits } from "./non-finite-logits.ts";
import type { Run, Sequence } from "./run.ts";
import { acceptToken, finished, startRows } from "./sample-loop.ts";
import type { GrowingRow } from "./sample-loop.ts";

/**
 * Steps that may be under way while the device works on an older one: enough to keep it busy, few to forget at an end.
 */
const AHEAD = 2;

/** A choice that is under way. */
interface Unread {
  readonly tokens: Promise<Uint32Array>;
  /** Its edits followed from a text that was not known. */
  readonly guessed: boolean;
}

/** numReturnSequences sequences for each prompt, in order. */
export async function sampleOnDevice(run: Run, sampler: TokenSampler, settings: SamplerSettings): Promise<Sequence[]> {
  const { decoder } = run;
  const all = startRows(run);
  let rows = all; // rows of the decoder, in its order
  let sampling = samplingOf(run, settings, rows);
  const edits = new EditsAhead(run.processors, decoder.truncate !== undefined);
  const schedule = new MultiStepSchedule();
  let step = 0; // choices that were recorded
  let unread: Unread[] = [];
  /** Takes in all choices but the last `left`. False where one was made with wrong edits: it is made again then. */
  const readUntil = async (left: number): Promise<boolean> => {
    const count = Math.max(0, unread.length - left);
    for (let i = 0; i < count; i++) {
      const { guessed, tokens } = unread[0];
      if (guessed && !edits.confirm(rows)) {
        takeBack();
        return false;
      }
      unread.shift();
      await acceptTokens(run, rows, await tokens);
    }
    schedule.record(count);
    return true;
  };
  /** To the text as it is known: its last token goes in once more, and the next choice is from its logits. */
  const takeBack = (): void => {
    step -= unread.length;
    unread = [];
    decoder.truncate!(run.prompts[0].padded.length + step - 1);
    decoder.step(rows.map((row) => row.ids.at(-1)!));
  };
  while (rows.some((row) => !row.reason)) {
    if (unread.length === 0) edits.confirm(rows);
    const ahead = edits.foreseeable ? AHEAD : 0;
    const open = rows.filter((row) => !row.reason);
    const left = Math.max(...open.map(({ prompt }) => prompt.maxLength - prompt.ids.length)) - step;
    const group = Math.min(left, ahead === 0 ? 1 : schedule.steps(step));
    for (let i = 0; i < group; i++, step++) {
      if (i > 0) sampler.stepSampled();
      const tokens = sampler.sample({ step, sampling, edits: edits.at(rows, step) });
      // whoever waits for it, sees it; nobody does after all rows ended, or an earlier one failed
      tokens.catch(() => {});
      unread.push({ tokens, guessed: unread.length > 0 });
    }
    sampler.submit();
    if (group === left) {
      await readUntil(0);
    } else if (open.length * 2 <= rows.length) {
      if (!(await readUntil(0))) continue;
      const kept = open.filter((row) => !row.reason); // whoever goes on has all its tokens now
      if (kept.length > 0)
        decoder.step(
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
