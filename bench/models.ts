// The three models that benchmarks run: the shapes of the demo, of a small model that other engines are measured with,
// and of GPT-2 124M. Weights are random; positions are enough for a context of 1000 and the tokens that follow.
import { GPT2Config } from "../src/gpt2/config.ts";

export interface BenchModel {
  readonly name: string;
  readonly config: GPT2Config;
  /** Rows and length of a training batch. */
  readonly batch: number;
  readonly length: number;
}

const model = (
  name: string,
  batch: number,
  length: number,
  [nLayer, nEmbd, nHead, vocabSize]: readonly [number, number, number, number],
): BenchModel => ({
  name,
  batch,
  length,
  config: new GPT2Config({
    nLayer,
    nEmbd,
    nHead,
    vocabSize,
    nPositions: 1280,
    bosTokenId: null,
    eosTokenId: null,
    embdPdrop: 0,
    attnPdrop: 0,
    residPdrop: 0,
  }),
});

export const DEMO = model("demo", 8, 240, [4, 128, 4, 2062]);
export const SMALL = model("4x256", 8, 128, [4, 256, 4, 8192]);
export const GPT2 = model("124M", 1, 128, [12, 768, 12, 50257]);

/** Logits have rows of this many columns: the vocabulary up to a multiple of 64. */
export function logitsStride(vocabSize: number): number {
  return Math.ceil(vocabSize / 64) * 64;
}
