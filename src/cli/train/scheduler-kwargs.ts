// --lr_scheduler_kwargs: JSON, as Hugging Face's scripts take it, or num_cycles=2,power=1.5.
import { UserError } from "../../errors.ts";
import { isObject, parseJson } from "../../files/json.ts";
import { quote } from "../../files/quote.ts";
import { snakeCase } from "../../snake-case.ts";
import { KWARG_FIELDS } from "../../training/lr-schedule.ts";
import type { LrSchedulerKwargs } from "../../training/lr-schedule.ts";
import { parseNumber } from "../shared/flag-table.ts";

const FLAG = "--lr_scheduler_kwargs";
const NAMES = new Map(Object.keys(KWARG_FIELDS).map((name) => [snakeCase(name), name as keyof LrSchedulerKwargs]));

/** Throws UserError for names that no schedule has and for what is no number; checkSchedule() does the rest. */
export function parseSchedulerKwargs(text: string): LrSchedulerKwargs {
  const kwargs: Partial<Record<keyof LrSchedulerKwargs, number>> = {};
  for (const [key, value] of pairsOf(text)) {
    const name = NAMES.get(key);
    if (name === undefined)
      throw new UserError(`${FLAG} gives ${quote(key)}, wanted ${[...NAMES.keys()].join(", ")}; mend its name.`);
    if (kwargs[name] !== undefined) throw new UserError(`${FLAG} gives ${key} twice; give it once.`);
    if (typeof value !== "number") throw new UserError(`${FLAG} gives ${key} as ${quote(value)}, wanted a number.`);
    kwargs[name] = value;
  }
  return kwargs;
}

function pairsOf(text: string): readonly (readonly [string, unknown])[] {
  if (text.trim() === "") return [];
  if (text.trimStart().startsWith("{")) {
    const json = parseJson(text, FLAG, 'wanted {"name": number}');
    return isObject(json) ? Object.entries(json) : [];
  }
  return text.split(",").map((pair) => {
    const [key, ...rest] = pair.split("=");
    const value = rest.join("=").trim();
    if (rest.length === 0)
      throw new UserError(`${FLAG} has ${quote(pair)}, wanted name=number, with commas between, or JSON.`);
    return [key.trim(), parseNumber(value, false) ?? value];
  });
}
