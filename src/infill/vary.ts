// What training changes about its examples, anew in each epoch: metadata is left out, field by field and all at once,
// so that a model works with any subset of it; some examples stand in reading order, so that it can say how likely p3
// is; and contexts that must be cut are sometimes cut short. A pure function of (seed, epoch, example): a run that is
// resumed goes on as if it had not stopped.
import { Random } from "../random.ts";
import type { EncodedExample } from "../examples/encoded-example.ts";
import type { FittedExample, InfillEncoder } from "./encode.ts";
import { dropMetadata } from "./example.ts";
import type { InfillExample } from "./example.ts";

export interface Variation {
  /** The probability of leaving out each metadata field, and that of leaving out all of them at once. */
  readonly metadataDropout: number;
  readonly metadataDropoutAll: number;
  /** The share of examples in reading order; see InfillEncoder.encodeReadingOrder. */
  readonly orderMix: number;
  /**
   * The share of the examples whose context must be cut to fit that have it cut further, to a length drawn at random:
   * with long paragraphs around every gap, p2 would begin at one and the same position, and a model that is given short
   * ones would not know where it is.
   */
  readonly contextDropout: number;
  readonly seed: number;
}

/** A seed word, so that these draws have nothing in common with those of the examples' order. */
const DRAWS = 0x76617279;

/** Example `index` as epoch `epoch` has it. */
export type VariedExamples = (index: number, epoch: number) => EncodedExample;

/** A list, or what reads of one when it is asked. */
export interface ByNumber<T> {
  at(number: number): T | undefined;
}

/**
 * Of `examples`, `encoded` (one by one, in at most `blockSize` tokens). What an epoch leaves as it is, is not encoded
 * again.
 */
export function varyExamples(
  encoder: InfillEncoder,
  examples: ByNumber<InfillExample>,
  encoded: ByNumber<FittedExample>,
  blockSize: number,
  { metadataDropout, metadataDropoutAll, orderMix, contextDropout, seed }: Variation,
): VariedExamples {
  return (index, epoch) => {
    const example = examples.at(index)!;
    const random = new Random(seed, DRAWS, epoch, index);
    const readingOrder = random.float() < orderMix;
    const allDropped = random.float() < metadataDropoutAll;
    if (readingOrder) return encoder.encodeReadingOrder(example, { blockSize }) ?? encoded.at(index)!;
    const dropped = dropMetadata(example, allDropped ? 1 : metadataDropout, () => random.float());
    const contextShare = random.float() < contextDropout ? random.float() : 1;
    const asItIs = countFields(dropped) === countFields(example) && (contextShare === 1 || !encoded.at(index)!.trimmed);
    if (asItIs) return encoded.at(index)!;
    return encoder.encodeExample(dropped, { blockSize, contextShare }) ?? encoded.at(index)!;
  };
}

function countFields({ meta }: InfillExample): number {
  return typeof meta === "object" ? Object.keys(meta).length : meta === undefined ? 0 : 1;
}
