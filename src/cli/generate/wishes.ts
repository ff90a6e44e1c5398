// What the flags ask of a text: words that must or must not occur, so many words or sentences, its first and last
// sentence; and the search that can give it.
import { UserError } from "../../errors.ts";
import { asList } from "../../generation/options/config.ts";
import type { GenerationOptions } from "../../generation/options/options.ts";
import type { InfillRequest } from "../../infill/example.ts";
import { characterForms } from "../../infill/constraints/character-forms.ts";
import { TextConstraints } from "../../infill/constraints/text-constraints.ts";
import type { TextWishes } from "../../infill/constraints/text-constraints.ts";
import { endTokens, needEncoder } from "../shared/load-model.ts";
import type { ModelFolder } from "../shared/load-model.ts";
import type { FlagValues } from "../shared/flag-table.ts";
import type { WISH_FLAGS } from "./wish-flags.ts";

export interface Wishes extends TextWishes {
  /** The names in a gap's "characters" must occur. */
  readonly requireCharacters: boolean;
  /** Texts end with a whole sentence within the length class of a gap. */
  readonly requireLength: boolean;
}

/** Beams where words must occur and the flags do not say how many. */
const BEAMS = 4;
/** Texts to choose among, with --interactive. */
const TO_CHOOSE = 3;

/** `values`: of WISH_FLAGS, and of --prefix where a program has it. */
export function wishesOf(values: FlagValues<typeof WISH_FLAGS> & { readonly prefix?: string }): Wishes {
  const { forceWords, badWords, anyCase, words, sentences, prefix, endsWith, requireCharacters, requireLength } =
    values;
  if (anyCase && forceWords.length + badWords.length === 0 && !requireCharacters)
    throw new UserError("--any_case is about --force_words and --bad_words, and there are none; leave it out.");
  const empty = [...forceWords, ...badWords, words, sentences, endsWith].find((text) => text?.trim() === "");
  if (empty !== undefined)
    throw new UserError("One of --force_words, --bad_words, --words, --sentences, --ends_with is empty; fill it in.");
  if (requireLength && (words ?? sentences) !== undefined)
    throw new UserError("--require_length and --words or --sentences all say how long the text is; keep one of them.");
  const required = { requireCharacters, requireLength };
  return { forceWords, badWords, anyCase, words, sentences, beginsWith: prefix, endsWith, ...required };
}

/** Words are brought in by beam search: the options with beams, where the flags leave it open. Throws UserError. */
export function withBeams(
  options: GenerationOptions,
  { forceWords = [], requireCharacters }: Wishes,
  interactive: boolean,
): GenerationOptions {
  if (forceWords.length === 0 && !requireCharacters) return options;
  const flag = forceWords.length > 0 ? "--force_words" : "--require_characters";
  if (options.doSample)
    throw new UserError(`${flag} works by beam search, which draws nothing; leave out --do_sample, or ${flag}.`);
  if ((options.numBeamGroups ?? 1) > 1)
    throw new UserError(`${flag} does not work with groups of beams; leave out --num_beam_groups, or ${flag}.`);
  const numReturnSequences = options.numReturnSequences ?? (interactive ? TO_CHOOSE : undefined);
  const numBeams = options.numBeams ?? Math.max(BEAMS, numReturnSequences ?? 1);
  if (numBeams === 1) throw new UserError(`${flag} needs several beams, and --num_beams is 1; set it to 2 or more.`);
  return {
    ...options,
    doSample: false,
    numBeams,
    numBeamGroups: 1,
    ...(numReturnSequences !== undefined && { numReturnSequences }),
  };
}

/**
 * Makes the constraints of gaps (of a plain prompt without `gap`), one for all that ask for the same. Throws UserError
 * for wishes that no text can meet, and where characters are required of a single gap that names none.
 */
export function constraintsOf(
  model: ModelFolder,
  wishes: Wishes | undefined,
  gaps: readonly (InfillRequest | undefined)[],
  eosTokenId: GenerationOptions["eosTokenId"],
): readonly (TextConstraints | undefined)[] {
  const made = new Map<string, TextConstraints | undefined>();
  return gaps.map((gap) => {
    if (wishes === undefined) return undefined;
    const { requireCharacters, requireLength, ...ofText } = wishes;
    const names = requireCharacters && gap ? characterForms(gap) : [];
    if (requireCharacters && names.length === 0 && gaps.length === 1)
      throw new UserError(
        '--require_characters is given, and the gap names no characters; add --meta "characters=Jack, Kim".',
      );
    const wholeSentences = requireLength && gap !== undefined && classBounds(gap, model) !== undefined;
    if (requireLength && !wholeSentences && gaps.length === 1)
      throw new UserError(
        "--require_length is given, and " +
          (model.encoder?.template.lengthBounds
            ? "the gap has no length class; add --meta length=M, or S or L."
            : "this model's template does not say what the length classes mean; use --words instead."),
      );
    const forceWords = [...new Set([...(ofText.forceWords ?? []), ...names])];
    const key = JSON.stringify([forceWords, wholeSentences]);
    if (!made.has(key))
      made.set(key, make(model, { ...ofText, forceWords, wholeSentences }, gap !== undefined, eosTokenId));
    return made.get(key);
  });
}

/** The fewest and the most tokens of a gap's length class, where it has one and the template says what it means. */
export function classBounds(
  { meta }: InfillRequest,
  { encoder }: Pick<ModelFolder, "encoder">,
): [least: number, most: number] | undefined {
  const wanted = typeof meta === "object" && Object.hasOwn(meta, "length") ? meta["length"] : undefined;
  const bounds = encoder?.template.lengthBounds;
  if (bounds === undefined || (wanted !== "S" && wanted !== "M" && wanted !== "L")) return undefined;
  const [small, medium] = bounds;
  return { S: [1, small], M: [small + 1, medium], L: [medium + 1, Infinity] }[wanted] as [number, number];
}

/** New tokens to leave room for, where the flags give no number. */
export function tokensFor(constraints: TextConstraints | undefined, positions: number): number {
  if (constraints === undefined || constraints.leastTokens === 0) return 0;
  // Of small vocabularies a word has about one and a half tokens.
  const usual = Number.isFinite(constraints.mostWords) ? 2 * constraints.mostWords : 2 * constraints.leastTokens;
  return Math.max(constraints.leastTokens, Math.min(usual + 8, Math.floor((positions * 3) / 4)));
}

function make(
  model: ModelFolder,
  wishes: TextWishes,
  inGap: boolean,
  eosTokenId: GenerationOptions["eosTokenId"],
): TextConstraints | undefined {
  const { forceWords = [], badWords = [], words, sentences, endsWith, wholeSentences } = wishes;
  const nothingElse = [words, sentences, endsWith].every((text) => text === undefined) && !wholeSentences;
  if (forceWords.length + badWords.length === 0 && nothingElse) return undefined;
  return new TextConstraints(inGap ? wishes : { ...wishes, beginsWith: undefined }, {
    tokenizer: model.tokenizer,
    eosTokenId: asList(eosTokenId ?? endTokens(model, inGap)),
    p2: inGap ? needEncoder(model).ids.p2 : undefined,
  });
}
