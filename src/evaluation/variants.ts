// The same example with something withheld or exchanged, p2 unchanged: what p2's probability loses by it is what the
// model takes from it.
import type { InfillExample } from "../infill/example.ts";
import { metadataFields } from "../infill/template.ts";
import type { InfillTemplate } from "../infill/template.ts";
import { Random } from "../random.ts";

export const WITHHELD = ["p1", "p3", "metadata"] as const;
export type Withheld = (typeof WITHHELD)[number];

/** The example without that part; undefined where it has none. */
export function without(part: Withheld, example: InfillExample, template: InfillTemplate): InfillExample | undefined {
  if (part === "metadata") {
    const fields = metadataFields(template, example.meta, example.where ?? "The example");
    return fields.length > 0 ? { ...example, meta: undefined } : undefined;
  }
  return example[part].trim() === "" ? undefined : { ...example, [part]: "" };
}

/**
 * For each example up to `count` different paragraphs that are the p3 of others, drawn at random; none for an example
 * without p3. Examples that follow each other in a book overlap, so what is the example's own p1, p2 or p3 is left out:
 * with its own p2 as p3 a model would only have to copy.
 */
export function foreignParagraphs(examples: readonly InfillExample[], count: number, seed: number): string[][] {
  const all = [...new Set(examples.map(({ p3 }) => p3.trim()).filter((text) => text !== ""))];
  return examples.map((example, index) => {
    if (example.p3.trim() === "") return [];
    const own = new Set([example.p1, example.p2, example.p3].map((text) => text.trim()));
    const others = all.filter((text) => !own.has(text));
    const random = new Random(seed, index);
    return Array.from({ length: Math.min(count, others.length) }, (_, i) => {
      const j = i + random.below(others.length - i);
      [others[i], others[j]] = [others[j], others[i]];
      return others[i];
    });
  });
}
