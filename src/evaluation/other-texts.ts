// The texts of other gaps, as a control of what is said of a text in its own: as long, by the same system, and about
// something else.
import type { InfillExample } from "../infill/example.ts";

/** A text in the gap of `example`. */
export interface TextInGap {
  readonly example: InfillExample;
  readonly text: string;
}

/** So many a text. */
const OTHERS = 3;

/** The texts nearest in length to text `index` that differ from it; none stands in the same gap. */
export function otherTexts(texts: readonly TextInGap[], index: number): string[] {
  const { text, example } = texts[index];
  const apart = (other: TextInGap): number => Math.abs(other.text.length - text.length);
  return texts
    .filter((other) => other.example !== example && other.text !== text && other.text !== "")
    .map((other, place) => ({ other, place }))
    .sort((a, b) => apart(a.other) - apart(b.other) || a.place - b.place)
    .slice(0, OTHERS)
    .map(({ other }) => other.text);
}
