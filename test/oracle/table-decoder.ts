// A Decoder whose logits are a hash of the text: quick, of any vocabulary, and with as many ties as wanted. Its sampler
// samples and brings back candidates by the contract in src/generation/device/decoder.ts, in float64, so what is made
// of them can be compared exactly.
import type { Candidates, Decoder, SampleRequest, TokenSampler } from "../../src/generation/device/decoder.ts";
import { applyEdits, applyProcessors } from "../../src/generation/scores/logits-processor.ts";
import type { RowContext } from "../../src/generation/scores/logits-processor.ts";
import {
  MinPLogitsWarper,
  TemperatureLogitsWarper,
  TopKLogitsWarper,
  TopPLogitsWarper,
} from "../../src/generation/scores/logits-warpers.ts";
import { drawToken, uniform } from "../../src/generation/scores/sampling.ts";
import { argmax, logSumExp, topIndices } from "../../src/generation/scores/scores.ts";

export class TableDecoder implements Decoder {
  readonly vocabSize: number;
  readonly nPositions = 4096;
  readonly sampler: TokenSampler;
  /** Steps whose logits were read, steps that gave candidates, and steps that were sampled here. */
  readonly read = { logits: 0, candidates: 0, tokens: 0 };
  private readonly levels: number;
  private texts: number[][] = [];
  private last = new Float32Array();
  private sampled: number[] = [];
  /** Columns of the cache, padding included. */
  private columns = 0;

  /** Logits are from -4 to 4 in `levels` different values, but for every 13th token, which is equal to no other. */
  constructor(vocabSize: number, levels: number) {
    this.vocabSize = vocabSize;
    this.levels = levels;
    this.sampler = {
      candidates: (count, excluded) => this.candidates(count, excluded),
      sample: async (request) => Uint32Array.from((this.sampled = this.sample(request))),
      stepSampled: () => this.step(this.sampled),
      submit: () => {},
    };
  }

  prefill(
    inputIds: readonly (readonly number[])[],
    attentionMask: readonly (readonly number[])[],
    expand: number,
  ): void {
    this.columns = inputIds[0].length;
    this.texts = inputIds.flatMap((row, b) =>
      Array.from({ length: expand }, () => row.filter((_, i) => attentionMask[b][i] === 1)),
    );
    this.run();
  }

  step(tokens: readonly number[], parents: readonly number[] = tokens.map((_, r) => r)): void {
    this.columns++;
    this.texts = tokens.map((token, r) => [...this.texts[parents[r]], token]);
    this.run();
  }

  truncate(columns: number): void {
    const over = this.columns - columns;
    if (over < 0 || this.texts.some((text) => text.length <= over))
      throw new Error(`TableDecoder.truncate: to ${columns} columns of ${this.columns}`);
    if (over > 0) this.texts = this.texts.map((text) => text.slice(0, -over));
    this.columns = columns;
  }

  async logits(): Promise<Float32Array> {
    this.read.logits++;
    return this.last.slice();
  }

  async candidates(count: number, excluded: readonly (readonly number[])[] = []): Promise<Candidates> {
    this.read.candidates++;
    const rows = this.rows();
    const lse = Float64Array.from(rows, logSumExp);
    const set = rows.map((row, r) => Float32Array.from(excluded[r] ?? [], (token) => row[token]));
    rows.forEach((row, r) =>
      excluded[r]?.forEach((token) => {
        row[token] = -Infinity;
      }),
    );
    const best = rows.map((row) => topIndices(row, count));
    return {
      count,
      excludedLogits: set,
      lse,
      restLse: Float64Array.from(rows, logSumExp),
      tokens: Uint32Array.from(best.flat()),
      logits: Float32Array.from(best.flatMap((tokens, r) => tokens.map((token) => rows[r][token]))),
    };
  }

  dispose(): void {
    this.texts = [];
  }

  private sample({ edits, sampling, step }: SampleRequest): number[] {
    this.read.tokens++;
    return this.rows().map((row, r) => {
      const scores = Float64Array.from(row);
      applyEdits(scores, edits?.[r] ?? []);
      if (!sampling) return argmax(scores);
      const { temperature, topK, topP, minP } = sampling;
      const warpers = [
        new TemperatureLogitsWarper(temperature),
        ...(topK > 0 ? [new TopKLogitsWarper(topK)] : []),
        ...(topP < 1 ? [new TopPLogitsWarper(topP)] : []),
        new MinPLogitsWarper(minP),
      ];
      applyProcessors(scores, warpers, {} as RowContext); // which warpers do not look at
      return drawToken(scores, uniform(sampling.streams[r], step));
    });
  }

  private rows(): Float32Array[] {
    return this.texts.map((_, r) => this.last.subarray(r * this.vocabSize, (r + 1) * this.vocabSize));
  }

  private run(): void {
    this.last = Float32Array.from(
      this.texts.flatMap((text) => {
        const seed = text.reduce((hash, token) => mix(hash ^ token), 17);
        return Array.from({ length: this.vocabSize }, (_, token) => {
          const uniform = (mix(seed + Math.imul(token, 0x9e3779b9)) >>> 0) / 2 ** 32;
          return 8 * (token % 13 === 0 ? uniform : Math.floor(uniform * this.levels) / this.levels) - 4;
        });
      }),
    );
  }
}

/** The general path: the same decoder without its sampler. */
export function general(inner: Decoder): Decoder {
  return {
    vocabSize: inner.vocabSize,
    nPositions: inner.nPositions,
    dispose: () => inner.dispose(),
    prefill: (...args) => inner.prefill(...args),
    step: (...args) => inner.step(...args),
    logits: () => inner.logits(),
  };
}

function mix(x: number): number {
  let z = (x + 0x9e3779b9) | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return z ^ (z >>> 15);
}
