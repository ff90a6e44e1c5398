// The flags about what a text must be, as wishes.
import { UserError } from "../../errors.ts";
import * as writing from "../../writing/wishes.ts";
import type { Wishes } from "../../writing/wishes.ts";
import type { FlagValues } from "../shared/flag-table.ts";
import { inFlags } from "./options.ts";
import type { WISH_FLAGS } from "./wish-flags.ts";

export type { Wishes } from "../../writing/wishes.ts";

/** As writing/wishes.ts. */
export const withBeams = inFlags(writing.withBeams);

/**
 * `values`: of WISH_FLAGS, and of --prefix where a program has it. Throws UserError for an empty one, and for one about
 * others that are not given.
 */
export function wishesOf(values: FlagValues<typeof WISH_FLAGS> & { readonly prefix?: string }): Wishes {
  const { forceWords, badWords, anyCase, words, sentences, prefix, endsWith, requireCharacters, requireLength } =
    values;
  if (values.allowRepeats && forceWords.length === 0 && !requireCharacters)
    throw new UserError(
      "--allow_repeats is about texts in which words must occur, and none must; give --force_words or " +
        "--require_characters too, or leave it out.",
    );
  if (anyCase && forceWords.length + badWords.length === 0 && !requireCharacters)
    throw new UserError("--any_case is about --force_words and --bad_words, and there are none; leave it out.");
  const empty = [...forceWords, ...badWords, words, sentences, endsWith].find((text) => text?.trim() === "");
  if (empty !== undefined)
    throw new UserError("One of --force_words, --bad_words, --words, --sentences, --ends_with is empty; fill it in.");
  if (requireLength && (words ?? sentences) !== undefined)
    throw new UserError("--require_length and --words or --sentences all say how long the text is; keep one of them.");
  const required = { requireCharacters, requireLength, ...(values.allowRepeats && { repeats: true }) };
  return { forceWords, badWords, anyCase, words, sentences, beginsWith: prefix, endsWith, ...required };
}
