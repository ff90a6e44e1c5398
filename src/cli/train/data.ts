// Reads what src/train.ts trains on: infilling examples or plain text, as encoded sequences.
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { UserError } from "../../errors.ts";
import { decodeUtf8 } from "../../files/folder.ts";
import { InfillEncoder } from "../../infill/encode.ts";
import { collate, countLabels } from "../../examples/collate.ts";
import type { EncodedExample } from "../../examples/encoded-example.ts";
import type { Examples } from "../../examples/example-set.ts";
import { parseJsonl } from "../../infill/example.ts";
import type { InfillExample } from "../../infill/example.ts";
import { fieldsLeftOut, withKnownFields } from "../../infill/known-fields.ts";
import { recordedTemplate, requireSameBounds } from "../../infill/recorded-template.ts";
import type { InfillTemplate } from "../../infill/template.ts";
import { varyExamples } from "../../infill/vary.ts";
import type { VariedExamples, Variation } from "../../infill/vary.ts";
import type { GPT2Tokenizer } from "../../tokenizer/tokenizer.ts";
import { digest } from "../../training/fingerprint.ts";
import { textBlocks, textLines, textWindows } from "../../training/text-dataset.ts";
import { Random } from "../../random.ts";
import { isRankZero } from "../mpi/rank-zero.ts";
import type { MpiJob } from "../mpi/with-ranks.ts";
import { drawInOrder } from "../shared/draw.ts";
import type { FlagValues } from "../shared/flags.ts";
import { readInputFile } from "../shared/input-file.ts";
import { cachedText } from "./data-cache/cached-text.ts";
import type { Caching } from "./data-cache/file-encoding.ts";
import { defaultCacheDir } from "./data-cache/token-cache.ts";
import type { TrainFlags } from "./flags.ts";

export interface DataChoice {
  readonly tokenizer: GPT2Tokenizer;
  readonly blockSize: number;
  /** Set in infilling mode. */
  readonly template: InfillTemplate | undefined;
  readonly lineByLine: boolean;
  /** Of plain text to evaluate on: windows of blockSize tokens that move on by so many. */
  readonly stride?: number;
}

export interface DataLimits {
  /** At most so many examples. */
  readonly limit: number | undefined;
  /** Drawn at random with this seed, where there are more; default: the first ones. */
  readonly drawSeed?: number;
  /** Leave out metadata fields of the default template that this one lacks, and say so; else they are refused. */
  readonly knownFieldsOnly?: boolean;
  /** What training changes in each epoch; needs a template. */
  readonly variation?: Variation;
}

export interface ReadExamples {
  readonly examples: EncodedExample[];
  /** Where there is a variation. */
  readonly varied?: VariedExamples;
  /** What the examples are of, in their order; infilling only. */
  readonly gaps?: readonly InfillExample[];
  readonly file: string;
  /** Of all examples. */
  readonly tokens: number;
  /** One line that says what was read. */
  readonly summary: string;
  /** The file's digest. */
  readonly source: string;
}

/** The same, not all of them in memory where they come out of the cache. */
export interface OpenedExamples extends Omit<ReadExamples, "examples"> {
  readonly examples: Examples;
}

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
 * The examples of a file as readExamples() reads them; plain text that is large, or always with `always`, through the
 * cache, so that only what a batch needs is in memory. Windows (`stride`) are read at once. Throws UserError naming
 * file, line and field at fault, and where the cache cannot be written.
 */
export async function openExamples(
  file: string,
  choice: DataChoice,
  limits: DataLimits,
  use: CacheUse,
): Promise<OpenedExamples> {
  const isText = !choice.template && choice.stride === undefined;
  if (!isText || !(await isCached(file, use))) return readExamples(file, choice, limits);
  const { examples, sequences, predicting, tokens, source } = await cachedText(file, { ...choice, ...limits }, use);
  if (predicting === 0) throw noPredictions(file, sequences);
  const left = sequences - predicting;
  const summary = `${textSummary(file, choice, { count: examples.length, tokens, left })}, from ${use.dir}`;
  return { examples, file, tokens, source, summary };
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

type Encoded = Pick<ReadExamples, "examples" | "varied" | "gaps" | "summary">;

function encodeText(
  text: string,
  file: string,
  { tokenizer, blockSize, lineByLine, stride }: DataChoice,
  { limit, drawSeed }: DataLimits,
): Encoded {
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

function encodeGaps(
  text: string,
  file: string,
  { tokenizer, blockSize, template }: DataChoice & { readonly template: InfillTemplate },
  { limit, drawSeed, knownFieldsOnly = false, variation }: DataLimits,
): Encoded {
  const recorded = recordedTemplate(text, file);
  if (recorded)
    requireSameBounds(recorded, { template, name: "the template of this run" }, "prepare all files in one run");
  const left = new Map<string, number>();
  const parsed = limited(parseJsonl(text, file), limit, drawSeed).map((example) =>
    knownFieldsOnly ? withKnownFields(template, example, left) : example,
  );
  const encoder = new InfillEncoder(template, tokenizer);
  const fitting = parsed.flatMap((example) => {
    const encoded = encoder.encodeExample(example, { blockSize });
    return encoded ? [{ example, encoded }] : [];
  });
  const examples = fitting.map(({ encoded }) => encoded);
  const trimmed = examples.filter((example) => example.trimmed).length;
  const dropped = parsed.length - examples.length;
  if (examples.length === 0) {
    throw new UserError(
      `${file}: p2 alone is longer than ${blockSize} tokens in all ${parsed.length} examples, ` +
        `and it is never cut; use a larger --block_size or shorter paragraphs.`,
    );
  }
  const notes = [
    trimmed > 0 ? `${trimmed} with their context trimmed to fit` : "",
    dropped > 0 ? `${dropped} left out because p2 does not fit` : "",
    ...fieldsLeftOut(left),
    variation && variation.orderMix > 0 ? `${percent(variation.orderMix)} in reading order` : "",
  ].filter(Boolean);
  const sources = fitting.map(({ example }) => example);
  return {
    examples,
    ...(variation && { varied: varyExamples(encoder, sources, examples, blockSize, variation) }),
    gaps: sources,
    summary:
      `${file}: ${examples.length} examples, ${countTokens(examples)} tokens` +
      `${notes.map((note) => `, ${note}`).join("")}`,
  };
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

/** At most `limit` of them: the first, or drawn at random, in their order. */
function limited<T>(all: readonly T[], limit: number | undefined, drawSeed: number | undefined): T[] {
  if (drawSeed === undefined || limit === undefined) return all.slice(0, limit);
  return drawInOrder(all, limit, new Random(drawSeed));
}

const percent = (share: number): string => `${(100 * share).toFixed(0)}%`;

/** Of windows, whose context counts in the ones before. */
const countPredicted = (windows: readonly EncodedExample[]): number =>
  windows.reduce((sum, window) => sum + countLabels(collate([window], { padId: 0, lossOn: "target" }).labels), 0);

function countTokens(examples: readonly EncodedExample[]): number {
  return examples.reduce((sum, { ids }) => sum + ids.length, 0);
}
