// What a call's inputs and options need of each other and of the model: checked before anything runs.
import { UserError } from "../../errors.ts";
import { asList, eosTokens, padToken, usesGuidance } from "./config.ts";
import type { GenerationConfig, GenerationOptions } from "./options.ts";
import { checkTokens } from "./prompts.ts";
import type { Prompt } from "./prompts.ts";

interface Inputs {
  readonly tokenizer?: unknown;
  readonly streamer?: unknown;
  readonly negativePromptIds?: unknown;
}

/** Throws UserError where one of them lacks another, or has no effect beside it. */
export function checkTogether(config: GenerationConfig, prompts: readonly Prompt[], inputs: Inputs): void {
  if (config.stopStrings !== null && !inputs.tokenizer)
    throw new UserError("stopStrings are given without a tokenizer to read the text with; give tokenizer too.");
  if (inputs.streamer && config.numBeams > 1)
    throw new UserError(
      `streamer is given with numBeams ${config.numBeams}: beam search knows its tokens only at the end; ` +
        "drop one of them.",
    );
  if (inputs.negativePromptIds && !usesGuidance(config))
    throw new UserError(
      "negativePromptIds have no effect without a guidanceScale other than 1; set that, or leave them out.",
    );
  if (config.promptLookupNumTokens !== null && prompts.length > 1)
    throw new UserError(
      `promptLookupNumTokens works on one prompt, and inputIds has ${prompts.length}; ` +
        "call once for each prompt, or drop it.",
    );
  if (config.forcedBosTokenId !== null && prompts.every((prompt) => prompt.ids.length > 1))
    throw new UserError(
      "forcedBosTokenId has no effect: it follows a prompt of one token, and every prompt is longer; leave it out.",
    );
}

/**
 * Configs of small models often carry the special tokens of a large one: an id outside the vocabulary never occurs, so
 * it goes.
 */
export function withoutForeignTokens(defaults: GenerationOptions, vocabSize: number): GenerationOptions {
  const inside = (token: number): boolean => token < vocabSize;
  const one = (token: number | null | undefined): number | null => (token != null && inside(token) ? token : null);
  const some = (tokens: readonly number[] | null | undefined): readonly number[] | null => {
    const known = tokens?.filter(inside) ?? [];
    return known.length > 0 ? known : null;
  };
  return {
    ...defaults,
    bosTokenId: one(defaults.bosTokenId),
    eosTokenId: some(asList(defaults.eosTokenId ?? [])),
    padTokenId: one(defaults.padTokenId),
    suppressTokens: some(defaults.suppressTokens),
    beginSuppressTokens: some(defaults.beginSuppressTokens),
  };
}

/** Throws UserError unless every token that an option names is one of the model's. */
export function checkOptionTokens(config: GenerationConfig, vocabSize: number): void {
  const lists: Partial<Record<keyof GenerationConfig, readonly number[]>> = {
    forceWordsIds: config.forceWordsIds?.flat(2),
    badWordsIds: config.badWordsIds?.flat(),
    sequenceBias: config.sequenceBias?.flatMap(([sequence]) => sequence),
    suppressTokens: config.suppressTokens ?? [],
    beginSuppressTokens: config.beginSuppressTokens ?? [],
    forcedBosTokenId: config.forcedBosTokenId === null ? [] : [config.forcedBosTokenId],
    forcedEosTokenId: config.forcedEosTokenId === null ? [] : asList(config.forcedEosTokenId),
    eosTokenId: eosTokens(config),
    padTokenId: [padToken(config)],
  };
  for (const [name, tokens] of Object.entries(lists)) checkTokens(name, tokens ?? [], vocabSize);
}

/** The negative prompt of each prompt: as given, or HF's default, the prompt's last token. Throws UserError. */
export function negativePrompts(
  given: readonly (readonly number[])[] | undefined,
  prompts: readonly Prompt[],
  { vocabSize, nPositions }: { readonly vocabSize: number; readonly nPositions: number },
): readonly (readonly number[])[] {
  const rows = given ?? prompts.map((prompt) => prompt.ids.slice(-1));
  if (rows.length !== prompts.length)
    throw new UserError(`negativePromptIds has ${rows.length} rows for ${prompts.length} prompts; give one for each.`);
  rows.forEach((row, r) => {
    checkTokens(`negativePromptIds row ${r}`, row, vocabSize);
    const total = row.length + prompts[r].maxLength - prompts[r].ids.length;
    if (row.length === 0 || total > nPositions)
      throw new UserError(
        `negativePromptIds row ${r} has ${row.length} tokens, which makes ${total} with those to come; ` +
          `wanted at least 1 and in all at most ${nPositions}, the model's positions.`,
      );
  });
  return rows;
}
