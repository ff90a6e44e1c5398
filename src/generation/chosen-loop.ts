// Greedy search and sampling where the decoder chooses: tokens stay on the device and feed the next step, and the loop reads
// them a few steps behind, to stream them and to stop. Steps that were taken past a row's end are forgotten. The tokens are
// those of sample-loop.ts.
import { NO_TOKEN } from "./decoder.ts";
import type { RowEdits, Sampling, TokenChooser } from "./decoder.ts";
import { editsByLength, editsOf, editsSuffice, NonFiniteLogits, prefill } from "./run.ts";
import type { Run, Sequence } from "./run.ts";
import { acceptToken, contextOf, finished, startRows } from "./sample-loop.ts";
import type { GrowingRow } from "./sample-loop.ts";

/** Steps that may be under way while the device works on an older one: enough to keep it busy, few to forget at an end. */
const AHEAD = 2;
const WARPERS = ["temperature", "topK", "topP", "minP", "renormalizeLogits"];

/** The decoder's chooser, where it can do all that the options ask for. */
export function chooserFor(run: Run): TokenChooser | undefined {
  const able = !run.recorder.active && editsSuffice(run) && run.warpers.every(({ name }) => WARPERS.includes(name));
  return able ? run.decoder.chooser : undefined;
}

/** numReturnSequences sequences for each prompt, in order. */
export async function chosenSequences(run: Run, chooser: TokenChooser): Promise<Sequence[]> {
  const all = startRows(run);
  let rows = all; // rows of the decoder, in its order
  let sampling = samplingOf(run, rows);
  // Edits that depend on the text need the last token: then only the model's run overlaps with reading it.
  const ahead = editsByLength(run) ? AHEAD : 0;
  const unread: Promise<Uint32Array>[] = [];
  const readUntil = async (left: number): Promise<void> => {
    while (unread.length > left) await acceptTokens(run, rows, await unread.shift()!);
  };
  prefill(run, run.config.numReturnSequences);
  for (let step = 0; rows.some((row) => !row.reason); step++) {
    const tokens = chooser.choose({ step, sampling, edits: editsAt(run, rows, step) });
    tokens.catch(() => {}); // whoever waits for it, sees it; nobody does after all rows ended, or an earlier one failed
    unread.push(tokens);
    const open = rows.filter((row) => !row.reason);
    if (open.every(({ prompt }) => step + 1 >= prompt.maxLength - prompt.ids.length)) {
      await readUntil(0);
    } else if (open.length * 2 <= rows.length) {
      await readUntil(0); // whoever goes on has all its tokens now
      const kept = open.filter((row) => !row.reason);
      if (kept.length > 0) run.decoder.step(kept.map((row) => row.ids.at(-1)!), kept.map((row) => rows.indexOf(row)));
      rows = kept;
      sampling = samplingOf(run, rows);
    } else {
      chooser.follow();
      if (ahead === 0) chooser.start();
      await readUntil(ahead);
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

function samplingOf({ config }: Run, rows: readonly GrowingRow[]): Sampling | undefined {
  const { doSample, temperature, topK, topP, minP } = config;
  return doSample ? { temperature, topK, topP, minP: minP ?? 0, streams: rows.map((row) => row.stream) } : undefined;
}

/** The edits of choice number `step`. Rows that are over need none: what they choose is not looked at. */
function editsAt(run: Run, rows: readonly GrowingRow[], step: number): RowEdits | undefined {
  if (run.processors.length === 0) return undefined;
  return editsOf(run, rows.map((row, r) => (row.reason ? undefined : contextOf(row, row.prompt.ids.length + step, r))));
}
