// A part of many examples, drawn at random: the first ones of a file are all of one book.
import type { Random } from "../../random.ts";

/** At most `limit` of them, drawn without replacement, in their order. */
export function drawInOrder<T>(all: readonly T[], limit: number, random: Random): T[] {
  if (limit >= all.length) return [...all];
  return Array.from(drawNumbers(all.length, limit, random), (index) => all[index]);
}

/** At most `limit` of the numbers below `count`, drawn without replacement, ascending. */
export function drawNumbers(count: number, limit: number, random: Random): Uint32Array {
  const numbers = new Uint32Array(count);
  for (let number = 0; number < count; number++) numbers[number] = number;
  return limit >= count ? numbers : random.shuffle(numbers).slice(0, limit).sort();
}
