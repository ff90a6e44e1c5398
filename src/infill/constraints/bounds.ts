// Bounds on a text, "60-80" words or "2-4" sentences, as people write them, and how words are counted.
import { UserError } from "../../errors.ts";
import { quote } from "../../files/quote.ts";

export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** No bound. */
export const ANY: Bounds = { min: 0, max: Infinity };

/** "60-80", "3" (exactly), "40-" or "-80". `what` names it in messages. Throws UserError for anything else. */
export function parseBounds(text: string, what: string): Bounds {
  const [, low, dash, high] = /^\s*(\d{1,6})?\s*([-–]?)\s*(\d{1,6})?\s*$/.exec(text) ?? [];
  const min = low === undefined ? 1 : Number(low);
  const max = high !== undefined ? Number(high) : dash === "" ? min : Infinity;
  if (
    (low === undefined && (high === undefined || dash === "")) ||
    min < 1 ||
    (low !== undefined && dash === "" && high)
  )
    throw new UserError(`${what} is ${quote(text)}; wanted bounds as 60-80, 40-, -80, or one number of at least 1.`);
  if (max < min) throw new UserError(`${what} is ${quote(text)}, whose bounds leave nothing between them; swap them.`);
  return { min, max };
}

/** Words as word processors count them: runs of characters without white space. */
export const countWords = (text: string): number => text.match(/\S+/gu)?.length ?? 0;

/** "60 to 80 words", "3 sentences", "at least 40 words". */
export function boundsText({ min, max }: Bounds, what: string): string {
  const amount = max === Infinity ? `at least ${min}` : min === max ? `${min}` : `${min} to ${max}`;
  return `${amount} ${max === 1 ? what.replace(/s$/, "") : what}`;
}
