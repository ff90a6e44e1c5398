// What is asked of a text: words that must or must not occur, so many words or sentences, its first and last sentence;
// and the search that can give it.
import { UserError } from "../errors.ts";
import { quote } from "../files/quote.ts";
import { asList } from "../generation/options/config.ts";
import type { GenerationOptions } from "../generation/options/options.ts";
import type { InfillRequest } from "../infill/example.ts";
import { classBounds } from "../infill/room.ts";
import { characterForms } from "../infill/constraints/character-forms.ts";
import { wordForms } from "../infill/constraints/word-forms.ts";
import { TextConstraints } from "../infill/constraints/text-constraints.ts";
import type { TextWishes } from "../infill/constraints/text-constraints.ts";
import { endTokens, needEncoder } from "./model-folder.ts";
import type { ModelFolder } from "./model-folder.ts";

export interface Wishes extends TextWishes {
  /** The names in a gap's "characters" must occur. */
  readonly requireCharacters: boolean;
  /** Texts end with a whole sentence within the length class of a gap. */
  readonly requireLength: boolean;
}

/** Beams where words must occur and nothing says how many. */
const BEAMS = 4;
/** Texts to choose among, for somebody who does. */
const TO_CHOOSE = 3;

/** Words are brought in by beam search: the options with beams, where they leave it open. Throws UserError. */
export function withBeams(
  options: GenerationOptions,
  { forceWords = [], requireCharacters }: Wishes,
  interactive: boolean,
): GenerationOptions {
  if (forceWords.length === 0 && !requireCharacters) return options;
  const wish = forceWords.length > 0 ? "forceWords" : "requireCharacters";
  if (options.doSample)
    throw new UserError(`${wish} works by beam search, which draws nothing; leave out doSample, or ${wish}.`);
  if ((options.numBeamGroups ?? 1) > 1)
    throw new UserError(`${wish} does not work with groups of beams; leave out numBeamGroups, or ${wish}.`);
  const numReturnSequences = options.numReturnSequences ?? (interactive ? TO_CHOOSE : undefined);
  const numBeams = options.numBeams ?? Math.max(BEAMS, numReturnSequences ?? 1);
  if (numBeams === 1) throw new UserError(`${wish} needs several beams, and numBeams is 1; set it to 2 or more.`);
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
        'requireCharacters is given, and the gap names no characters; add meta "characters=Jack, Kim".',
      );
    const ofClass = requireLength && gap !== undefined && classBounds(gap, model.encoder?.template ?? {}) !== undefined;
    if (requireLength && !ofClass && gaps.length === 1)
      throw new UserError(
        "requireLength is given, and " +
          (model.encoder?.template.lengthBounds
            ? "the gap has no length class; add meta length=M, or S or L."
            : "this model's template does not say what the length classes mean; use words instead."),
      );
    const wholeSentences = ofClass || ofText.wholeSentences === true;
    const forceWords = [...new Set([...(ofText.forceWords ?? []), ...names])];
    const key = JSON.stringify([forceWords, wholeSentences]);
    if (!made.has(key))
      made.set(key, make(model, { ...ofText, forceWords, wholeSentences }, gap !== undefined, eosTokenId));
    return made.get(key);
  });
}

/** New tokens to leave room for, where nothing gives a number. */
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
  const { forceWords = [], badWords = [], words, sentences, endsWith, wholeSentences, repeats } = wishes;
  const nothingElse =
    [words, sentences, endsWith].every((text) => text === undefined) && !wholeSentences && repeats !== false;
  if (forceWords.length + badWords.length === 0 && nothingElse) return undefined;
  return new TextConstraints(inGap ? wishes : { ...wishes, beginsWith: undefined }, {
    tokenizer: model.tokenizer,
    eosTokenId: asList(eosTokenId ?? endTokens(model, inGap)),
    p2: inGap ? needEncoder(model).ids.p2 : undefined,
  });
}

/** Throws UserError for what a gap's text can never have, because it is written as metadata is. */
export function checkSyntax(model: ModelFolder, { forceWords = [], anyCase, endsWith = "" }: TextWishes): void {
  const { noTemplateSyntax } = needEncoder(model);
  const never = [
    ...forceWords.filter((word) => wordForms(word, anyCase).forms.every((form) => noTemplateSyntax.holds(form))),
    ...(noTemplateSyntax.holds(endsWith) ? [endsWith] : []),
  ];
  if (never.length > 0)
    throw new UserError(
      `${quote(never[0])} is asked for, and has a marker or a metadata field's name with a colon, which are kept out ` +
        "of texts for a gap; write it without the colon, or give it as the words that the text begins with.",
    );
}
