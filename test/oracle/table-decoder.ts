// A Decoder whose logits are a hash of the text: quick, of any vocabulary, and with as many ties as wanted. Its sampler
// brings back candidates by the contract in src/generation/device/decoder.ts, in float64, so what is made of them can
// be compared exactly.
import type { Candidates, Decoder, TokenSampler } from "../../src/generation/device/decoder.ts";
import { logSumExp, topIndices } from "../../src/generation/scores/scores.ts";

export class TableDecoder implements Decoder {
  readonly vocabSize: number;
  readonly nPositions = 4096;
  readonly sampler: TokenSampler;
  /** Steps whose logits were read, and steps that gave candidates. */
  readonly read = { logits: 0, candidates: 0 };
  private readonly levels: number;
  private texts: number[][] = [];
  private last = new Float32Array();

  /** Logits are from -4 to 4 in `levels` different values, but for every 13th token, which is equal to no other. */
  constructor(vocabSize: number, levels: number) {
    this.vocabSize = vocabSize;
    this.levels = levels;
    const never = (): never => {
      throw new Error("TableDecoder: chooses no tokens");
    };
    this.sampler = {
      candidates: (count, excluded) => this.candidates(count, excluded),
      sample: never,
      stepSampled: never,
      submit: never,
    };
  }

  prefill(
    inputIds: readonly (readonly number[])[],
    attentionMask: readonly (readonly number[])[],
    expand: number,
  ): void {
    this.texts = inputIds.flatMap((row, b) =>
      Array.from({ length: expand }, () => row.filter((_, i) => attentionMask[b][i] === 1)),
    );
    this.run();
  }

  step(tokens: readonly number[], parents: readonly number[] = tokens.map((_, r) => r)): void {
    this.texts = tokens.map((token, r) => [...this.texts[parents[r]], token]);
    this.run();
  }

  async logits(): Promise<Float32Array> {
    this.read.logits++;
    return this.last.slice();
  }

  async candidates(count: number, excluded: readonly (readonly number[])[] = []): Promise<Candidates> {
    this.read.candidates++;
    const rows = this.texts.map((_, r) => this.last.subarray(r * this.vocabSize, (r + 1) * this.vocabSize));
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

function mix(x: number): number {
  let z = (x + 0x9e3779b9) | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return z ^ (z >>> 15);
}
