// Classifier-free guidance (Sanchez et al. 2023, Stay on topic): the model runs twice, after the prompt and after a
// negative prompt, and scores move away from the second: s = scale·(log p - log q) + log q. Both runs are rows of one
// decoder: the conditional rows first, then as many rows after the negative prompt, with the same tokens appended and
// the same reordering.
import type { Decoder } from "./decoder.ts";
import type { RowContext, RowProcessor } from "../scores/logits-processor.ts";
import { logSoftmax } from "../scores/scores.ts";
import { leftPad, repeat } from "../options/prompts.ts";

/** A decoder of the conditional rows, which keeps the other rows in step. */
export class GuidedDecoder implements Decoder {
  readonly vocabSize: number;
  readonly nPositions: number;
  private readonly inner: Decoder;
  private readonly negative: readonly (readonly number[])[];
  private rows = 0;
  private unconditional = new Float32Array();

  /** `negative`: one prompt [n] for each prompt of the batch; HF's default is the prompt's last token. */
  constructor(inner: Decoder, negative: readonly (readonly number[])[]) {
    this.inner = inner;
    this.negative = negative;
    this.vocabSize = inner.vocabSize;
    this.nPositions = inner.nPositions;
  }

  prefill(
    inputIds: readonly (readonly number[])[],
    attentionMask: readonly (readonly number[])[],
    expand: number,
    capacity: number,
    tokenTypeIds?: readonly (readonly number[])[],
  ): void {
    const width = Math.max(inputIds[0].length, ...this.negative.map((row) => row.length));
    const ids = leftPad(inputIds, width, 0);
    const mask = leftPad(attentionMask, width, 0);
    const negativeMask = leftPad(
      this.negative.map((row) => row.map(() => 1)),
      width,
      0,
    );
    this.rows = inputIds.length * expand;
    this.inner.prefill(
      [...ids, ...leftPad(this.negative, width, 0)],
      [...mask, ...negativeMask],
      expand,
      capacity + width - inputIds[0].length,
      tokenTypeIds && [
        ...leftPad(tokenTypeIds, width, 0),
        ...tokenTypeIds.map((row) => repeat(row.at(-1)!, width)), // negative prompts: all of the type to be written
      ],
    );
  }

  step(tokens: readonly number[], parents: readonly number[] = tokens.map((_, r) => r)): void {
    this.inner.step([...tokens, ...tokens], [...parents, ...parents.map((r) => r + this.rows)]);
    this.rows = tokens.length;
  }

  async logits(): Promise<Float32Array> {
    const both = await this.inner.logits();
    const split = this.rows * this.vocabSize;
    this.unconditional = both.slice(split);
    return both.subarray(0, split);
  }

  /** What logits() left: of row `row`, after the negative prompt, [V]. */
  unconditionalLogits(row: number): Float32Array {
    return this.unconditional.subarray(row * this.vocabSize, (row + 1) * this.vocabSize);
  }

  dispose(): void {
    this.inner.dispose();
  }
}

/** Mixes both runs of a GuidedDecoder; it comes before all other processors. */
export class UnbatchedClassifierFreeGuidanceLogitsProcessor implements RowProcessor {
  readonly name = "UnbatchedClassifierFreeGuidanceLogitsProcessor";
  readonly needs = "logits";
  private readonly scale: number;
  private readonly decoder: GuidedDecoder;

  constructor(scale: number, decoder: GuidedDecoder) {
    this.scale = scale;
    this.decoder = decoder;
  }

  apply(scores: Float64Array, { row }: RowContext): void {
    const other = Float64Array.from(this.decoder.unconditionalLogits(row));
    logSoftmax(scores);
    logSoftmax(other);
    for (let i = 0; i < scores.length; i++) scores[i] = this.scale * (scores[i] - other[i]) + other[i];
  }
}
