// Every gap of a file that has no answer yet: in batches of like length, each answer the one that the gap would get
// alone, kept as soon as it is there.
import { OutOfMemoryError } from "../../errors.ts";
import type { UserError } from "../../errors.ts";
import { printableText } from "../../files/quote.ts";
import { UnmetConstraints } from "../../generation/loops/constraint.ts";
import type { Device } from "../../gpu/device.ts";
import type { GPT2Config } from "../../gpt2/config.ts";
import type { Stored } from "../../gpt2/pretrained.ts";
import { formatDuration, formatRate } from "../shared/format.ts";
import { ProgressBar } from "../shared/progress.ts";
import { answerLine } from "./batch.ts";
import type { AnswerSink } from "./batch.ts";
import { Batches } from "./batches.ts";
import { write } from "./candidates.ts";
import type { Candidate, Writer, Written } from "./candidates.ts";
import type { Input } from "./input.ts";
import { limitNote } from "./print.ts";
import { rowsThatFit } from "./rows-that-fit.ts";

export interface FillOptions {
  readonly device: Device;
  readonly config: GPT2Config;
  /** What the model is kept as; default f32. */
  readonly dtype?: Stored;
  /** Of gaps; undefined: as many as fit. */
  readonly batchSize: number | undefined;
  readonly signal: AbortSignal;
  /** Told of what a person should know, with a label. */
  readonly note: (label: string, text: string | undefined) => void;
}

export async function fillAll(
  writer: Writer,
  { file, lines, part = "" }: Extract<Input, { kind: "gaps" }>,
  answers: AnswerSink,
  { device, config, dtype, batchSize, signal, note }: FillOptions,
): Promise<void> {
  const total = lines.length;
  if (answers.answered > 0) note("Resume", `${answers.answered} of ${total} lines are answered already`);
  const rows =
    batchSize === undefined ? await rowsThatFit(device, config, writer.plan, dtype) : { most: () => batchSize };
  const open = lines.flatMap((_, line) => (answers.has(line) ? [] : [line]));
  const batches = new Batches(writer.plan, open, { rows, inOrder: !answers.keepsAll });
  const progress = new ProgressBar({ label: "fill", unit: "gaps", total, start: answers.answered });
  const all: Candidate[] = [];
  const started = performance.now();
  try {
    progress.update(answers.answered);
    for (let batch = batches.next(); batch.length > 0; batch = batches.next()) {
      const found = await writeEach(writer, batch, signal, (number, error) =>
        note("Note", `${whereOf(writer, number)} gets no candidate: ${error.message}`),
      ).catch((error: unknown) => {
        if (!(error instanceof OutOfMemoryError) || batch.length === 1 || batchSize !== undefined) throw error;
        return undefined;
      });
      if (signal.aborted) break; // half a batch is not an answer
      if (!found) {
        batches.tooMany(batch);
        continue;
      }
      await answers.add(new Map(batch.map((line, i) => [line, answerLine(lines[line], found[i])])));
      const candidates = found.flat();
      all.push(...candidates);
      progress.update(answers.answered, "", { amount: tokensOf(candidates), unit: "tokens" });
    }
  } finally {
    progress.stop();
  }
  note("Note", limitNote(all, undefined));
  const done = answers.answered;
  if (all.length > 0)
    note("Wrote", throughput(open.length - (total - done), tokensOf(all), performance.now() - started));
  note(
    done === total ? "Done" : "Stopped",
    `${done} of ${total} lines of ${part}${file} are ` +
      `answered${done < total ? "; the same command with --output_file goes on from there" : ""}`,
  );
}

const tokensOf = (candidates: readonly Candidate[]): number => candidates.reduce((sum, { tokens }) => sum + tokens, 0);

/** "12 gaps, 740 tokens in 31 s (23.9 tokens/s, 0.39 gaps/s)" */
function throughput(gaps: number, tokens: number, milliseconds: number): string {
  const seconds = milliseconds / 1000;
  const rates = `${formatRate(tokens / seconds)} tokens/s, ${formatRate(gaps / seconds)} gaps/s`;
  return `${gaps} gap${gaps === 1 ? "" : "s"}, ${tokens} tokens in ${formatDuration(seconds)} (${rates})`;
}

const whereOf = ({ plan }: Writer, number: number): string =>
  printableText(plan.gaps?.[number].where ?? `Line ${number + 1} of the gaps`);

/**
 * Candidates for each of the prompts, which are written together; where one of them can have no text that is as asked
 * for, one by one, and that one gets none.
 */
async function writeEach(
  writer: Writer,
  which: readonly number[],
  signal: AbortSignal,
  onUnmet: (number: number, error: UserError) => void,
): Promise<Written["candidates"]> {
  try {
    return (await write(writer, { which, signal })).candidates;
  } catch (error) {
    if (!(error instanceof UnmetConstraints)) throw error;
    if (which.length === 1) {
      onUnmet(which[0], error);
      return [[]];
    }
    const all: Candidate[][] = [];
    for (const number of which) all.push(...(await writeEach(writer, [number], signal, onUnmet)).map((c) => [...c]));
    return all;
  }
}
