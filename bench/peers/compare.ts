// Are two systems' results the same? A figure of a wrong result is not printed.
import { decodeFloats } from "./protocol.ts";
import type { Result } from "./protocol.ts";

/**
 * Largest difference of a logit, as a share of the largest logit, and of a loss, as a share of it: float32 sums in any
 * order stay well below, a mask or a layer left out does not.
 */
export const TOLERANCE = 1e-3;

/** What differs, in words; undefined where nothing does. */
export function difference(got: Result, want: Result): string | undefined {
  return logitsDiffer(got.logits, want.logits) ?? idsDiffer(got.ids, want.ids) ?? lossesDiffer(got.losses, want.losses);
}

function logitsDiffer(got: string | undefined, want: string | undefined): string | undefined {
  if (want === undefined) return undefined;
  if (got === undefined) return "it gave no logits";
  const [a, b] = [decodeFloats(got), decodeFloats(want)];
  if (a.length !== b.length) return `it gave ${a.length} logits instead of ${b.length}`;
  const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const most = a.reduce((so, value, i) => Math.max(so, Math.abs(value - b[i])), 0);
  return most <= TOLERANCE * largest // what is not a number is not less
    ? undefined
    : `its logits differ by ${most.toPrecision(2)}, the largest being ${largest.toPrecision(2)}`;
}

function idsDiffer(got: Result["ids"], want: Result["ids"]): string | undefined {
  if (want === undefined) return undefined;
  if (got === undefined) return "it gave no tokens";
  const at = want.findIndex((id, i) => got[i] !== id);
  if (at < 0 && got.length === want.length) return undefined;
  return at < 0 ? `it gave ${got.length} tokens instead of ${want.length}` : `its token ${at + 1} is another`;
}

function lossesDiffer(got: Result["losses"], want: Result["losses"]): string | undefined {
  if (want === undefined) return undefined;
  if (got === undefined) return "it gave no losses";
  const at = want.findIndex((loss, i) => !(Math.abs((got[i] ?? NaN) - loss) <= TOLERANCE * Math.abs(loss)));
  return at < 0 ? undefined : `its loss of step ${at + 1} is ${got[at]} instead of ${want[at]}`;
}
