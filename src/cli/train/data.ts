// Reads what src/train.ts trains on: infilling examples or plain text, as encoded sequences.
import { open, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { UserError } from "../../errors.ts";
import { decodeUtf8 } from "../../files/folder.ts";
import { collate, countLabels } from "../../examples/collate.ts";
import type { EncodedExample } from "../../examples/encoded-example.ts";
import { digest } from "../../training/fingerprint.ts";
import { textBlocks, textLines, textWindows } from "../../training/text-dataset.ts";
import { isRankZero } from "../mpi/rank-zero.ts";
import type { MpiJob } from "../mpi/with-ranks.ts";
import type { FlagValues } from "../shared/flags.ts";
import { readInputFile } from "../shared/input-file.ts";
import { cachedText } from "./data-cache/cached-text.ts";
import type { Caching } from "./data-cache/file-encoding.ts";
import { defaultCacheDir } from "./data-cache/token-cache.ts";
import type { DataChoice, DataLimits, OpenedExamples, ReadExamples } from "./data-choice.ts";
import type { TrainFlags } from "./flags.ts";
import { encodeGaps, openGaps } from "./gap-data.ts";
import { refuseGaps } from "./gaps-as-text.ts";
import { countTokens, limited } from "./some-examples.ts";
import type { Encoded } from "./some-examples.ts";

export type { DataChoice, DataLimits, OpenedExamples, ReadExamples } from "./data-choice.ts";

/** How a run uses the cache: for every file, or for those that are no pleasure to read anew. */
export interface CacheUse extends Caching {
  readonly always: boolean;
}

interface CachingProgram {
  readonly flags: FlagValues<TrainFlags>;
  readonly signal: AbortSignal;
  readonly mpi: MpiJob | undefined;
}

/** A folder that is named is used for every file; of ranks that share one, the first renews it. */
export function cacheUse({ flags, signal, mpi }: CachingProgram): CacheUse {
  const { dataCacheDir, overwriteCache, preprocessingNumWorkers: threads } = flags;
  const dir = dataCacheDir ?? defaultCacheDir();
  return { dir, always: dataCacheDir !== undefined, overwrite: overwriteCache && isRankZero(mpi), threads, signal };
}

/** Bytes of a file that is encoded in seconds, and held in memory with what it becomes. */
const READ_AT_ONCE = 16e6;

/**
 * The examples of a file as readExamples() reads them; of a file that is large, or always with `always`, through the
 * cache, so that only what a batch needs is in memory. Windows (`stride`) are read at once. Throws UserError naming
 * file, line and field at fault, and where the cache cannot be written.
 */
export async function openExamples(
  file: string,
  choice: DataChoice,
  limits: DataLimits,
  use: CacheUse,
): Promise<OpenedExamples> {
  const { template, stride } = choice;
  if (stride !== undefined || !(await isCached(file, use))) return readExamples(file, choice, limits);
  if (template) return openGaps(file, { ...choice, template }, limits, use);
  refuseGaps(await beginningOf(file), file);
  const { examples, sequences, predicting, tokens, source } = await cachedText(file, { ...choice, ...limits }, use);
  if (predicting === 0) throw noPredictions(file, sequences);
  const left = sequences - predicting;
  const summary = `${textSummary(file, choice, { count: examples.length, tokens, left })}, from ${use.dir}`;
  return { examples, file, tokens, source, summary };
}

/** Its first megabyte; nothing of what cannot be opened, which is refused where it is read. */
async function beginningOf(file: string): Promise<string> {
  const handle = await open(resolve(file)).catch(() => undefined);
  if (!handle) return "";
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(1 << 20), 0, 1 << 20, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** What is no plain file (a pipe) can be read only once, and has no size. */
async function isCached(file: string, { always }: CacheUse): Promise<boolean> {
  const found = await stat(resolve(file)).catch(() => undefined); // readInputFile() says what is wrong
  return found?.isFile() === true && (always || found.size > READ_AT_ONCE);
}

/**
 * The examples of a file and one line that says what was read. Throws UserError naming the file, line and field at
 * fault.
 */
export async function readExamples(file: string, choice: DataChoice, limits: DataLimits): Promise<ReadExamples> {
  const bytes = await readInputFile(resolve(file));
  const source = await digest(bytes);
  const text = decodeUtf8(bytes, file);
  const { template } = choice;
  const read = template
    ? encodeGaps(text, file, { ...choice, template }, limits)
    : encodeText(text, file, choice, limits);
  return { ...read, file, tokens: countTokens(read.examples), source };
}

function encodeText(
  text: string,
  file: string,
  { tokenizer, blockSize, lineByLine, stride }: DataChoice,
  { limit, drawSeed }: DataLimits,
): Encoded {
  refuseGaps(text, file);
  const cut = (): EncodedExample[] => {
    if (stride !== undefined) return textWindows(text, tokenizer, { length: blockSize, stride }, file);
    return (lineByLine ? textLines : textBlocks)(text, tokenizer, blockSize, file);
  };
  const all = cut();
  const predicting = withPredictions(all, file);
  const examples = limited(predicting, limit, drawSeed);
  const left = all.length - predicting.length;
  const tokens = stride === undefined ? countTokens(examples) : countPredicted(examples);
  const summary = textSummary(file, { blockSize, lineByLine, stride }, { count: examples.length, tokens, left });
  return { examples, summary };
}

interface Counted {
  readonly count: number;
  /** Of windows, those that are predicted. */
  readonly tokens: number;
  /** Sequences of a single token. */
  readonly left: number;
}

function textSummary(
  file: string,
  { blockSize, lineByLine, stride }: Pick<DataChoice, "blockSize" | "lineByLine" | "stride">,
  { count, tokens, left }: Counted,
): string {
  const kind =
    stride !== undefined
      ? `windows of ${blockSize} tokens that move on by ${stride}`
      : lineByLine
        ? "lines"
        : `blocks of ${blockSize} tokens`;
  return (
    `${file}: ${count} ${kind}, ${tokens} tokens${stride === undefined ? "" : " predicted"}` +
    (left > 0 ? `, ${left} of a single token left out, in which nothing is predicted` : "")
  );
}

/** Those in which a token is predicted from another. Throws UserError where there is none. */
function withPredictions(all: readonly EncodedExample[], file: string): EncodedExample[] {
  const predicting = all.filter(({ ids }) => ids.length > 1);
  if (predicting.length > 0) return predicting;
  throw noPredictions(file, all.length);
}

const noPredictions = (file: string, sequences: number): UserError =>
  new UserError(
    `${file}: each of its ${sequences} sequences has a single token, in which nothing is predicted; ` +
      `use a text with longer lines, or a larger --block_size.`,
  );

/** Of windows, whose context counts in the ones before. */
const countPredicted = (windows: readonly EncodedExample[]): number =>
  windows.reduce((sum, window) => sum + countLabels(collate([window], { padId: 0, lossOn: "target" }).labels), 0);
