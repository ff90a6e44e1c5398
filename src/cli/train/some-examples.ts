// What reading plain text and reading infilling examples have in common.
import type { EncodedExample } from "../../examples/encoded-example.ts";
import { Random } from "../../random.ts";
import { drawInOrder } from "../shared/draw.ts";
import type { ReadExamples } from "./data-choice.ts";

export type Encoded = Pick<ReadExamples, "examples" | "varied" | "gaps" | "summary">;

/** At most `limit` of them: the first, or drawn at random, in their order. */
export function limited<T>(all: readonly T[], limit: number | undefined, drawSeed: number | undefined): T[] {
  if (drawSeed === undefined || limit === undefined) return all.slice(0, limit);
  return drawInOrder(all, limit, new Random(drawSeed));
}

export function countTokens(examples: readonly EncodedExample[]): number {
  return examples.reduce((sum, { ids }) => sum + ids.length, 0);
}
