// What the length classes S, M and L mean. The template says it where the data came from src/prepare.ts; other data
// have their own meaning, which is read off their examples: the two bounds, in tokens or in words, that fit the most of
// them.
import type { InfillRequest } from "../infill/example.ts";
import { lengthClass } from "../infill/length-class.ts";
import type { LengthBounds, LengthClass } from "../infill/length-class.ts";
import type { InfillTemplate } from "../infill/template.ts";

export interface Length {
  readonly tokens: number;
  /** Runs without white space. */
  readonly words: number;
}

export interface LengthRule {
  readonly unit: keyof Length;
  /** S up to the first, M up to the second, L more. */
  readonly bounds: LengthBounds;
  readonly source: "template" | "examples";
}

/** The class that an example asks for; undefined where it names none. */
export function wantedClass({ meta }: InfillRequest): LengthClass | undefined {
  const wanted = typeof meta === "object" && Object.hasOwn(meta, "length") ? meta["length"] : undefined;
  return wanted === "S" || wanted === "M" || wanted === "L" ? wanted : undefined;
}

export function lengthOf(text: string, tokens: number): Length {
  return { tokens, words: text.trim() === "" ? 0 : text.trim().split(/\s+/u).length };
}

export function obeys(rule: LengthRule, wanted: LengthClass, length: Length): boolean {
  return lengthClass(length[rule.unit], rule.bounds) === wanted;
}

/**
 * From the template, else from real texts and the classes they were given; undefined without any. Words win over tokens
 * only where they fit better.
 */
export function lengthRule(
  template: Pick<InfillTemplate, "lengthBounds">,
  real: readonly { readonly wanted: LengthClass; readonly length: Length }[],
): LengthRule | undefined {
  if (template.lengthBounds) return { unit: "tokens", bounds: template.lengthBounds, source: "template" };
  if (real.length === 0) return undefined;
  const fits = (["tokens", "words"] as const).map((unit) => ({
    unit,
    ...fitBounds(real.map(({ wanted, length }) => ({ wanted, size: length[unit] }))),
  }));
  const { unit, bounds } = fits[1].errors < fits[0].errors ? fits[1] : fits[0];
  return { unit, bounds, source: "examples" };
}

/**
 * The bounds that put the fewest sizes into another class than theirs; each in the middle of the gap that it stands in.
 */
export function fitBounds(sizes: readonly { readonly wanted: LengthClass; readonly size: number }[]): {
  bounds: LengthBounds;
  errors: number;
} {
  const steps = [...new Set(sizes.map(({ size }) => size))].sort((a, b) => a - b);
  const cuts = [
    steps[0] - 1,
    ...steps.map((size, i) => (i + 1 < steps.length ? Math.floor((size + steps[i + 1]) / 2) : size)),
  ];
  /** Of each class, how many sizes are at most each cut. */
  const upTo = (wanted: LengthClass): number[] =>
    cuts.map((cut) => sizes.filter((each) => each.wanted === wanted && each.size <= cut).length);
  const [small, medium, large] = [upTo("S"), upTo("M"), upTo("L")];
  const last = cuts.length - 1;
  let best = { bounds: [cuts[0], cuts[last]] as LengthBounds, errors: Infinity };
  for (let i = 0; i <= last; i++) {
    for (let j = i; j <= last; j++) {
      const errors = small[last] - small[i] + medium[last] - medium[j] + medium[i] + large[j];
      if (errors < best.errors) best = { bounds: [cuts[i], cuts[j]], errors };
    }
  }
  return best;
}
