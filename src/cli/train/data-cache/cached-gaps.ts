// Infilling examples larger than memory: encoded once into the cache, by worker threads, and read from there by number.
// They are those that InfillEncoder makes of the whole file's lines, and what an epoch changes is encoded anew from
// what the example was made of, which the cache keeps too.
import { resolve } from "node:path";
import type { ExampleSet } from "../../../examples/example-set.ts";
import type { FittedExample } from "../../../infill/encode.ts";
import { isRow, noExamples } from "../../../infill/example.ts";
import type { InfillExample } from "../../../infill/example.ts";
import { RecordedTemplates, requireSameBounds } from "../../../infill/recorded-template.ts";
import type { InfillTemplate } from "../../../infill/template.ts";
import { Random } from "../../../random.ts";
import type { PreTrainedTokenizer } from "../../../tokenizer/pretrained-tokenizer.ts";
import { drawNumbers } from "../../shared/draw.ts";
import { digestOf } from "./cached-examples.ts";
import { tokenizerDigest } from "./cached-text.ts";
import { jsonLineCutter } from "./cutters.ts";
import { encodedFile } from "./file-encoding.ts";
import type { Caching, Encoding } from "./file-encoding.ts";
import { recordLayout } from "./gap-encoder.ts";
import { decodeTexts, decodeTokens, INDEX_WORDS, tokenBytes } from "./gap-record.ts";
import type { RecordLayout } from "./gap-record.ts";
import type { Piece } from "./piece.ts";
import { fileDigest, textPieces } from "./text-pieces.ts";
import type { TextPiece } from "./text-pieces.ts";
import { RandomAccessFile } from "./token-cache.ts";
import type { CacheEntry, EntryKey } from "./token-cache.ts";

export interface CachedGapsOptions {
  readonly tokenizer: PreTrainedTokenizer;
  readonly blockSize: number;
  readonly template: InfillTemplate;
  /** Metadata fields of the default template that this one lacks are left out, not refused. */
  readonly knownFieldsOnly: boolean;
  /** At most so many examples: the first, or drawn with `drawSeed`. */
  readonly limit: number | undefined;
  readonly drawSeed?: number;
}

export interface CachedGaps {
  readonly examples: GapExamples;
  /** Examples that were wanted, those that do not fit included. */
  readonly taken: number;
  /** Fields that the template lacks, and how many examples had them. */
  readonly left: ReadonlyMap<string, number>;
  /** Of the examples. */
  readonly tokens: number;
  /** The file's digest. */
  readonly source: string;
}

/** Throws UserError as parseJsonl() and InfillEncoder do, and where the cache cannot be written. */
export async function cachedGaps(file: string, options: CachedGapsOptions, caching: Caching): Promise<CachedGaps> {
  const { tokenizer, template, blockSize, knownFieldsOnly, limit, drawSeed } = options;
  const source = await fileDigest(resolve(file), caching.signal);
  const key: EntryKey = {
    tokenizer: await tokenizerDigest(tokenizer),
    kind: "gaps",
    template: JSON.stringify(template),
    block_size: blockSize,
    known_fields_only: knownFieldsOnly,
    limit: limit ?? null,
    draw_seed: limit === undefined ? null : (drawSeed ?? null),
  };
  const entry = await encodedFile(file, source, key, () => gapEncoding(file, options, caching), caching);
  const { tokens, taken = 0, left = [] } = entry.notes;
  const examples = new GapExamples(entry, recordLayout(tokenizer.vocabSize, template), file);
  return { examples, taken, left: new Map(left), tokens, source };
}

async function gapEncoding(file: string, options: CachedGapsOptions, caching: Caching): Promise<Encoding> {
  const { tokenizer, template, blockSize, knownFieldsOnly } = options;
  const wanted = await wantedLines(file, options, caching);
  const recorded = new RecordedTemplates();
  const left = new Map<string, number>();
  let [lines, taken] = [0, 0];
  return {
    setup: { kind: "gaps", parts: tokenizer.currentParts(), template, blockSize, knownFieldsOnly, name: file },
    cutter: jsonLineCutter,
    numbered: (pieces) => numbered(pieces, wanted),
    onPiece: (_, { found }) => {
      for (const record of found!.recorded) recorded.add(record);
      const { first } = recorded;
      const ours = { template, name: "the template of this run" };
      if (first) requireSameBounds({ ...first, name: file }, ours, "prepare all files in one run");
      for (const [field, count] of found!.left) left.set(field, (left.get(field) ?? 0) + count);
      lines += found!.lines;
      taken += found!.taken;
    },
    onEnd: () => {
      if (lines === 0) throw noExamples(file);
    },
    notes: () => ({ taken, left: [...left] }),
  };
}

/** Of `count` lines from number `first` on those that are wanted, by their number among them. */
type Wanted = (first: number, count: number) => number[];

/** undefined: all of them. */
async function wantedLines(
  file: string,
  { limit, drawSeed }: CachedGapsOptions,
  caching: Caching,
): Promise<Wanted | undefined> {
  if (limit === undefined) return undefined;
  if (drawSeed === undefined)
    return (first, count) => Array.from({ length: Math.max(0, Math.min(limit - first, count)) }, (_, i) => i);
  let lines = 0;
  for await (const { text } of jsonPieces(file, caching)) lines += countRows(text);
  const drawn = drawNumbers(lines, limit, new Random(drawSeed));
  let next = 0;
  return (first, count) => {
    const start = next;
    while (next < drawn.length && drawn[next] < first + count) next++;
    return Array.from(drawn.subarray(start, next), (number) => number - first);
  };
}

/** A file of JSON lines in pieces of whole lines. */
export const jsonPieces = (file: string, { readBytes, signal }: Partial<Caching> = {}): AsyncGenerator<TextPiece> =>
  textPieces(resolve(file), { cutter: jsonLineCutter, name: file, readBytes, signal });

async function* numbered(
  pieces: AsyncIterable<TextPiece>,
  wanted: Wanted | undefined,
): AsyncGenerator<TextPiece & Piece> {
  let firstLine = 1;
  let rows = 0;
  for await (const piece of pieces) {
    const count = wanted ? countRows(piece.text) : 0;
    yield { ...piece, firstLine, wanted: wanted?.(rows, count) };
    rows += count;
    firstLine += countLineEnds(piece.text);
  }
}

const countRows = (text: string): number => text.split("\n").filter(isRow).length;

export function countLineEnds(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count++;
  return count;
}

/** Examples by number, out of the cache: 16 bytes of each are in memory, and where it begins. */
export class GapExamples implements ExampleSet {
  readonly lengths: Uint32Array;
  /** How many have their context cut. */
  readonly trimmed: number;
  private readonly index: Uint32Array;
  private readonly offsets: Float64Array;
  private readonly records: RandomAccessFile;
  private readonly layout: RecordLayout;
  private readonly name: string;

  /** `name`: what messages call the file that the examples are of. */
  constructor({ records, index }: CacheEntry, layout: RecordLayout, name: string) {
    this.records = new RandomAccessFile(records);
    this.index = index;
    this.layout = layout;
    this.name = name;
    const count = index.length / INDEX_WORDS;
    this.lengths = new Uint32Array(count);
    this.offsets = new Float64Array(count);
    let [offset, trimmed] = [0, 0];
    for (let number = 0; number < count; number++) {
      const { tokens, textBytes, isTrimmed } = this.entry(number);
      this.lengths[number] = tokens;
      this.offsets[number] = offset;
      offset += tokenBytes(layout, tokens) + textBytes;
      trimmed += Number(isTrimmed);
    }
    this.trimmed = trimmed;
  }

  get length(): number {
    return this.lengths.length;
  }

  at(number: number): FittedExample {
    const { tokens, isTrimmed } = this.entry(number);
    const bytes = this.records.read(this.offsets[number], tokenBytes(this.layout, tokens));
    return decodeTokens(bytes, tokens, isTrimmed, this.layout);
  }

  /** What the example was made of. */
  textsAt(number: number): InfillExample {
    const { tokens, textBytes, line } = this.entry(number);
    const bytes = this.records.read(this.offsets[number] + tokenBytes(this.layout, tokens), textBytes);
    return decodeTexts(bytes, `${this.name}, line ${line}`);
  }

  digest(): Promise<string> {
    return digestOf(this);
  }

  close(): void {
    this.records.close();
  }

  private entry(number: number): { tokens: number; textBytes: number; line: number; isTrimmed: boolean } {
    const [tokens, textBytes, line, trimmed] = this.index.subarray(number * INDEX_WORDS);
    return { tokens, textBytes, line, isTrimmed: trimmed !== 0 };
  }
}
