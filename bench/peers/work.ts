// What every system is given to do, and how it is told: sizes, ids, and the folder of the weights. The ids are drawn
// here once, so that no system needs this engine's generator of random numbers.
import { GPT2, SMALL } from "../models.ts";
import type { BenchModel } from "../models.ts";
import { Random } from "../../src/random.ts";

/**
 * forward: logits of every position, read back. train: forward, backward and AdamW without decay and clipping, the loss
 * read back. prefill: a cache filled with the prompt, the logits of its last position read back. decode: greedy tokens
 * one by one after a prompt. start: a fresh process up to its first token.
 */
export const KINDS = ["forward", "train", "prefill", "decode", "start"] as const;
export type Kind = (typeof KINDS)[number];

/** As it goes to a system: everything that it needs. */
export interface Task {
  readonly kind: Kind;
  /** Of config.json, model.safetensors and the two .onnx files. */
  readonly folder: string;
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly vocabulary: number;
  readonly positions: number;
  /** [B][T] */
  readonly inputIds: readonly (readonly number[])[];
  /** decode: tokens to choose, the first of which is not timed; else 0. */
  readonly tokens: number;
  readonly learningRate: number;
}

export interface Work {
  /** As --only has it. */
  readonly name: string;
  readonly kind: Kind;
  readonly model: BenchModel;
  readonly batch: number;
  readonly length: number;
  /** Chosen tokens; where the clock is the machine's, fewer do. */
  readonly tokens: number;
  /** Fewer of them under --quick. */
  readonly quickTokens: number;
}

const work = (
  name: string,
  kind: Kind,
  model: BenchModel,
  [batch, length]: readonly [number, number],
  tokens: readonly [number, number] = [0, 0],
): Work => ({ name, kind, model, batch, length, tokens: tokens[0], quickTokens: tokens[1] });

export const WORKS: readonly Work[] = [
  work("forward", "forward", SMALL, [1, 128]),
  work("train", "train", SMALL, [4, 128]),
  work("prefill", "prefill", SMALL, [1, 64]),
  work("decode", "decode", SMALL, [1, 64], [65, 17]),
  work("start", "start", SMALL, [1, 64]),
  work("prefill-124M", "prefill", GPT2, [1, 64]),
  work("decode-124M", "decode", GPT2, [1, 64], [33, 9]),
];

/** What --quick measures: the small model, and not the starts, which compile everything several times. */
export const isQuick = ({ kind, model }: Work): boolean => kind !== "start" && model === SMALL;

/** "forward 1 x 128 (4x256)" */
export function workTitle({ kind, model, batch, length }: Work): string {
  const title = {
    forward: `forward ${batch} x ${length}`,
    train: `training step ${batch} x ${length}`,
    prefill: `prefill ${length}`,
    decode: `token at ${length}`,
    start: `start to first token, prompt ${length}`,
  }[kind];
  return `${title} (${model.name})`;
}

/** `folder` holds the model's files, see weights.ts. */
export function taskOf(
  { kind, model: { config }, batch, length, ...work }: Work,
  folder: string,
  quick: boolean,
): Task {
  const random = new Random(7);
  return {
    kind,
    folder,
    layers: config.nLayer,
    width: config.nEmbd,
    heads: config.nHead,
    vocabulary: config.vocabSize,
    positions: config.nPositions,
    inputIds: Array.from({ length: batch }, () => Array.from({ length }, () => random.below(config.vocabSize))),
    tokens: quick ? work.quickTokens : work.tokens,
    learningRate: 1e-4,
  };
}
