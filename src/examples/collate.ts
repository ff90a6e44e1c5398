// A batch of encoded sequences as rectangular rows: padded on the right to the longest of the batch, with the mask,
// labels and token types that training and evaluation need. Pads never reach the loss, whatever id they have.
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import { TOKEN_TYPE } from "./encoded-example.ts";
import type { EncodedExample } from "./encoded-example.ts";

/** Positions with this label are left out of the loss. */
export const IGNORED_LABEL = -100;

export const LOSS_ON = ["all", "target"] as const;
/** all: every token but pads is a label; target: only p2 and its end. */
export type LossOn = (typeof LOSS_ON)[number];

/** Rows of equal length, each [B][T]. Labels are the ids themselves: the model shifts them. */
export interface Batch {
  readonly inputIds: number[][];
  /** 1 for a token, 0 for a pad. */
  readonly attentionMask: number[][];
  readonly labels: number[][];
  /** A TOKEN_TYPE each. */
  readonly types: number[][];
  /** Where rows hold several examples: their numbers in the row, from 1; 0 for a pad. */
  readonly segmentIds?: number[][];
  /** What the model adds the rows of, where the examples have that. */
  readonly tokenTypeIds?: number[][];
}

export interface CollateOptions {
  readonly padId: number;
  readonly lossOn: LossOn;
  readonly padToMultipleOf?: number;
  readonly maxLength?: number;
}
const OPTIONS: FieldsOf<CollateOptions> = { padId: true, lossOn: true, padToMultipleOf: true, maxLength: true };

/**
 * `padToMultipleOf`: rows are as long as the longest example, up to the next multiple of this but not past `maxLength`.
 * Fewer different lengths let the engine reuse what it prepared for each. Throws on an empty batch.
 */
export function collate(examples: readonly EncodedExample[], options: CollateOptions): Batch {
  expectFields("collate()", options, OPTIONS);
  const { padId, lossOn, padToMultipleOf = 1, maxLength = Infinity } = options;
  if (examples.length === 0) throw new Error("collate: cannot make a batch: 0 examples, wanted at least 1");
  const length = paddedLength(Math.max(...examples.map((example) => example.ids.length)), padToMultipleOf, maxLength);
  const rows = (at: (example: EncodedExample, position: number) => number, pad: number): number[][] =>
    examples.map((example) => {
      const row = new Array<number>(length).fill(pad);
      for (let t = 0; t < example.ids.length; t++) row[t] = at(example, t);
      return row;
    });
  return {
    inputIds: rows(({ ids }, t) => ids[t]!, padId),
    attentionMask: rows(() => 1, 0),
    labels: rows(({ ids, types }, t) => (isLabel(types[t]!, lossOn) ? ids[t]! : IGNORED_LABEL), IGNORED_LABEL),
    types: rows(({ types }, t) => types[t]!, TOKEN_TYPE.pad),
    ...(examples[0]!.tokenTypeIds && { tokenTypeIds: rows(({ tokenTypeIds }, t) => tokenTypeIds![t]!, padId) }),
  };
}

/** Whether a token of this type is learned. */
export function isLabel(type: number, lossOn: LossOn): boolean {
  return lossOn === "all" ? type !== TOKEN_TYPE.pad : type === TOKEN_TYPE.target || type === TOKEN_TYPE.end;
}

/** The next multiple, unless that is past `maxLength`. */
export function paddedLength(longest: number, padToMultipleOf: number, maxLength: number): number {
  return Math.max(longest, Math.min(Math.ceil(longest / padToMultipleOf) * padToMultipleOf, maxLength));
}

/** Labels [B][T] that a shifted loss counts: the first of a row has nothing before it to be predicted from. */
export function countLabels(labels: readonly (readonly number[])[]): number {
  let count = 0;
  for (const row of labels) for (let t = 1; t < row.length; t++) if (row[t] !== IGNORED_LABEL) count++;
  return count;
}
