// A part of many examples, drawn at random: the first ones of a file are all of one book.
import type { Random } from "../../random.ts";

/** At most `limit` of them, drawn without replacement, in their order. */
export function drawInOrder<T>(all: readonly T[], limit: number, random: Random): T[] {
  if (limit >= all.length) return [...all];
  const drawn = random.shuffle(all.map((_, i) => i)).slice(0, limit);
  return drawn.sort((a, b) => a - b).map((i) => all[i]);
}
