// Rows that hold several sequences: where each of them begins and ends, in the form in which attention reads it, and
// which positions their tokens have. Hugging Face's name for such rows is packing, Flax's for the numbers segment ids.
import { UserError } from "../errors.ts";
import { MAX_PACKED } from "../kernels/attention-blocks.ts";

/** [B][T] */
type Rows = readonly (readonly number[])[];

export interface Segments {
  /** [B*T]: of a token the first place of its sequence, and times 2^16 the place behind the last; 0: padding. */
  readonly mask: Uint32Array;
  /** [B][T]: 0 where a sequence begins, then 1, 2, ...; 0 for padding. */
  readonly positions: Rows;
}

/** Of segmentIds [B][T], whole numbers. Throws UserError where a row is too long for it. */
export function segmentsOf(ids: Rows): Segments {
  const length = ids[0].length;
  if (length > MAX_PACKED)
    throw new UserError(
      `A row of ${length} tokens has segmentIds, wanted at most ${MAX_PACKED} tokens in one; use more rows.`,
    );
  const mask = new Uint32Array(ids.length * length);
  const positions = ids.map((row, b) => {
    const places = new Array<number>(length).fill(0);
    for (let start = 0, end = 1; start < length; start = end++) {
      while (end < length && row[end] === row[start]) end++;
      if (row[start] === 0) continue;
      mask.fill(end * 2 ** 16 + start, b * length + start, b * length + end);
      for (let t = start; t < end; t++) places[t] = t - start;
    }
    return places;
  });
  return { mask, positions };
}
