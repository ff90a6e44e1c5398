// Plain text larger than memory as training sequences: tokenised once into the cache, by worker threads, and read from
// there by number. The sequences are those that textBlocks() and textLines() make of the whole.
import { resolve } from "node:path";
import type { ExampleSet } from "../../../examples/example-set.ts";
import { Random } from "../../../random.ts";
import type { PreTrainedTokenizer } from "../../../tokenizer/pretrained-tokenizer.ts";
import { digest } from "../../../training/fingerprint.ts";
import { isBlank, noText, tooShort } from "../../../training/text-dataset.ts";
import { drawNumbers } from "../../shared/draw.ts";
import { CachedExamples } from "./cached-examples.ts";
import type { Spans } from "./cached-examples.ts";
import { lineCutter } from "./cutters.ts";
import { encodedFile } from "./file-encoding.ts";
import type { Caching, Encoding } from "./file-encoding.ts";
import { idBytes } from "./piece.ts";
import { fileDigest } from "./text-pieces.ts";
import type { CacheEntry, EntryKey } from "./token-cache.ts";

export interface CachedTextOptions {
  readonly tokenizer: PreTrainedTokenizer;
  readonly blockSize: number;
  readonly lineByLine: boolean;
  /** At most so many sequences in which a token is predicted: the first, or drawn with `drawSeed`. */
  readonly limit: number | undefined;
  readonly drawSeed?: number;
}

export interface CachedText {
  readonly examples: ExampleSet & { close(): void };
  /** Sequences before a limit, those of a single token included. */
  readonly sequences: number;
  /** Of them, those in which a token is predicted. */
  readonly predicting: number;
  /** Of the examples. */
  readonly tokens: number;
  /** The file's digest. */
  readonly source: string;
}

/** Throws UserError as textBlocks() and textLines() do, and where the cache cannot be written. */
export async function cachedText(file: string, options: CachedTextOptions, caching: Caching): Promise<CachedText> {
  const { tokenizer, blockSize, lineByLine } = options;
  const source = await fileDigest(resolve(file), caching.signal);
  const kind = lineByLine ? "lines" : "text";
  const key: EntryKey = { tokenizer: await tokenizerDigest(tokenizer), kind };
  const entry = await encodedFile(file, source, key, async () => textEncoding(file, tokenizer, kind), caching);
  const all = lineByLine ? lineSpans(entry, blockSize) : blockSpans(entry, blockSize, file);
  const predicting = numbersWhere(all.lengths, (length) => length > 1);
  const chosen = someSpans(all, limited(predicting, options));
  return {
    examples: new CachedExamples(entry.records, idBytes(tokenizer.vocabSize), chosen),
    sequences: all.lengths.length,
    predicting: predicting.length,
    tokens: chosen.lengths.reduce((sum, length) => sum + length, 0),
    source,
  };
}

function textEncoding(file: string, tokenizer: PreTrainedTokenizer, kind: "text" | "lines"): Encoding {
  let isEmpty = true;
  return {
    setup: { parts: tokenizer.currentParts(), kind },
    cutter: kind === "lines" ? lineCutter : tokenizer.textCutter(),
    onPiece: ({ text }) => {
      isEmpty &&= isBlank(text);
    },
    onEnd: () => {
      if (isEmpty) throw noText(file);
    },
  };
}

/** What decides how a text is encoded. The longest input is no part of that. */
export const tokenizerDigest = (tokenizer: PreTrainedTokenizer): Promise<string> =>
  digest(JSON.stringify([...tokenizer.save({ modelMaxLength: 1024 })]));

function blockSpans({ notes: { tokens } }: CacheEntry, blockSize: number, file: string): Spans {
  const count = Math.floor(tokens / blockSize);
  if (count === 0) throw tooShort(file, tokens, blockSize);
  const lengths = new Uint32Array(count).fill(blockSize);
  return { lengths, offsets: offsetsOf(lengths) };
}

function lineSpans({ index }: CacheEntry, blockSize: number): Spans {
  return { offsets: offsetsOf(index), lengths: index.map((length) => Math.min(length, blockSize)) };
}

/** Where each begins, one after the other. */
function offsetsOf(lengths: Uint32Array): Uint32Array | Float64Array {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const offsets = total < 2 ** 32 ? new Uint32Array(lengths.length) : new Float64Array(lengths.length);
  let at = 0;
  for (let index = 0; index < lengths.length; index++) {
    offsets[index] = at;
    at += lengths[index];
  }
  return offsets;
}

function numbersWhere(values: Uint32Array, fulfils: (value: number) => boolean): Uint32Array {
  const numbers = new Uint32Array(values.length);
  let count = 0;
  for (let index = 0; index < values.length; index++) if (fulfils(values[index])) numbers[count++] = index;
  return numbers.subarray(0, count);
}

function limited(numbers: Uint32Array, { limit, drawSeed }: CachedTextOptions): Uint32Array {
  if (limit === undefined || limit >= numbers.length) return numbers;
  if (drawSeed === undefined) return numbers.subarray(0, limit);
  return drawNumbers(numbers.length, limit, new Random(drawSeed)).map((place) => numbers[place]);
}

function someSpans(all: Spans, numbers: Uint32Array): Spans {
  if (numbers.length === all.lengths.length) return all;
  const offsets = Float64Array.from(numbers, (number) => all.offsets[number]);
  return { offsets, lengths: numbers.map((number) => all.lengths[number]) };
}
