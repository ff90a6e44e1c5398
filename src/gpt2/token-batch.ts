// Token ids as they come in, [B][T] lists, checked once and laid flat for the GPU. Everything wrong with an input is
// said here, in words, before anything runs.
import { shiftLabels } from "../autograd/cross-entropy.ts";
import type { Targets } from "../autograd/cross-entropy.ts";
import { UserError } from "../errors.ts";
import type { GPT2Config } from "./config.ts";
import { segmentsOf } from "./segments.ts";
import type { Segments } from "./segments.ts";

/** [B][T] */
export type TokenRows = readonly (readonly number[])[];

export interface TokenBatch {
  readonly batch: number;
  readonly length: number;
  /** [B*T] */
  readonly ids: Uint32Array;
  /** [B*T], each below nPositions. */
  readonly positions: Uint32Array;
  /** [B*T], rows of wte that are added besides; undefined where there are none. */
  readonly types: Uint32Array | undefined;
  /** [B*T], 1 = visible; undefined when everything is. Of packed rows as Segments has it. */
  readonly mask: Uint32Array | undefined;
  /** Whether rows hold several sequences. */
  readonly packed: boolean;
  /** Of the labels, where there are any. */
  readonly targets: Targets | undefined;
}

/**
 * Checks and flattens one forward's input. Positions default to past, past + 1, ... as in Hugging Face's forward().
 * Throws UserError: no rows, rows of unequal length, a mask, types or labels of another shape, an id outside the
 * vocabulary, more tokens than the model has positions.
 */
export function tokenBatch(
  config: GPT2Config,
  past: number,
  {
    inputIds,
    attentionMask,
    segmentIds,
    positionIds,
    tokenTypeIds,
    labels,
  }: {
    inputIds: TokenRows;
    attentionMask?: TokenRows;
    segmentIds?: TokenRows;
    positionIds?: TokenRows;
    tokenTypeIds?: TokenRows;
    labels?: TokenRows;
  },
): TokenBatch {
  const batch = inputIds.length;
  const length = inputIds[0]?.length ?? 0;
  if (batch === 0 || length === 0)
    throw new UserError(`inputIds is empty ([${batch}, ${length}]), wanted at least one row of at least one token id.`);
  if (!positionIds && !segmentIds && past + length > config.nPositions) {
    throw new UserError(
      `The input is ${past + length} tokens long, the model has ${config.nPositions} positions (n_positions): ` +
        "shorten it, or cut it into blocks.",
    );
  }
  const expectShape = (name: string, rows: TokenRows): void => {
    if (rows.length !== batch)
      throw new UserError(`${name} has ${rows.length} rows, inputIds has ${batch}; give one for each.`);
    const b = rows.findIndex((row) => row.length !== length);
    if (b >= 0)
      throw new UserError(
        `${name}[${b}] has ${rows[b].length} entries, wanted ${length} as inputIds[0]; pad the rows to one length.`,
      );
  };
  const flatten = (name: string, rows: TokenRows, check: (value: number) => boolean, wanted: string): Int32Array => {
    expectShape(name, rows);
    const flat = new Int32Array(batch * length);
    rows.forEach((row, b) => {
      for (let t = 0; t < length; t++) {
        if (!Number.isInteger(row[t]) || !check(row[t]))
          throw new UserError(`${name}[${b}][${t}] is ${row[t]}, wanted ${wanted}.`);
      }
      flat.set(row, b * length);
    });
    return flat;
  };
  const below =
    (limit: number) =>
    (value: number): boolean =>
      value >= 0 && value < limit;
  const vocabulary =
    `a token id from 0 to ${config.vocabSize - 1} (vocab_size ${config.vocabSize}); ` +
    "a tokenizer with added tokens needs resizeTokenEmbeddings";
  const ids = flatten("inputIds", inputIds, below(config.vocabSize), vocabulary);
  const mask = attentionMask && flatten("attentionMask", attentionMask, below(2), "0 or 1");
  const segments = segmentIds && packedRows(segmentIds, attentionMask, flatten);
  const places = positionIds ?? segments?.positions;
  const positions = places
    ? flatten(
        positionIds ? "positionIds" : "The position in its segment of inputIds",
        places,
        below(config.nPositions),
        `a position from 0 to ${config.nPositions - 1} (n_positions ${config.nPositions})`,
      )
    : Int32Array.from({ length: batch * length }, (_, i) => past + (i % length));
  const types =
    tokenTypeIds && flatten("tokenTypeIds", tokenTypeIds, below(config.vocabSize), `as a type ${vocabulary}`);
  if (labels) expectShape("labels", labels);
  return {
    batch,
    length,
    ids: unsigned(ids),
    positions: unsigned(positions),
    types: types && unsigned(types),
    mask: segments?.mask ?? (mask && mask.includes(0) ? unsigned(mask) : undefined),
    packed: segments !== undefined,
    targets: labels && shiftLabels(labels, config.vocabSize, segmentIds),
  };
}

/** Throws UserError where the mask does not hide what segmentIds say is padding, and that alone. */
function packedRows(
  segmentIds: TokenRows,
  attentionMask: TokenRows | undefined,
  flatten: (name: string, rows: TokenRows, check: (value: number) => boolean, wanted: string) => Int32Array,
): Segments {
  flatten("segmentIds", segmentIds, (value) => value >= 0, "a sequence's number from 1 on, or 0 for padding");
  attentionMask?.forEach((row, b) => {
    const t = row.findIndex((visible, at) => (visible === 0) !== (segmentIds[b][at] === 0));
    if (t >= 0)
      throw new UserError(
        `attentionMask[${b}][${t}] is ${row[t]} and segmentIds[${b}][${t}] is ${segmentIds[b][t]}, wanted 0 in both ` +
          "or in neither: padding has no segment.",
      );
  });
  return segmentsOf(segmentIds);
}

function unsigned(values: Int32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}
