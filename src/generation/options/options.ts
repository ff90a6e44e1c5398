// The options of generate(): one table with every name, default, range and meaning. The type GenerationConfig,
// validation, generation_config.json and the command line's help all come from it. Names and defaults are those of
// Hugging Face's GenerationConfig (4.44) in camelCase; the exceptions are `seed`, which HF takes from the framework,
// and `returnDictInGenerate`, which is true here.

interface Kind<T> {
  /** In words, for help and error messages. */
  readonly range: string;
  accepts(value: unknown): value is T;
}

export interface Option<T> extends Kind<T> {
  readonly default: T;
  readonly meaning: string;
  /** What null in a file means, where that is not the default. */
  readonly off?: T;
}

/** Logits added to the last token of each sequence when the tokens before it were just produced. */
export type SequenceBias = readonly (readonly [readonly number[], number])[];

const wholeNumber = (min: number): Kind<number> => ({
  range: `a whole number of at least ${min}`,
  accepts: (value): value is number => Number.isSafeInteger(value) && (value as number) >= min,
});
const count = wholeNumber(1);
const token: Kind<number> = { ...wholeNumber(0), range: "a token id" };
const real = (range: string, holds: (x: number) => boolean): Kind<number> => ({
  range,
  accepts: (value): value is number => typeof value === "number" && Number.isFinite(value) && holds(value),
});
const positive = real("a number above 0", (x) => x > 0);
const anyNumber = real("a number", () => true);
const flag: Kind<boolean> = {
  range: "true or false",
  accepts: (value): value is boolean => typeof value === "boolean",
};
const listOf = <T>(of: Kind<T>, range: string): Kind<readonly T[]> => ({
  range,
  accepts: (value): value is readonly T[] =>
    Array.isArray(value) && value.length > 0 && value.every((x) => of.accepts(x)),
});
const tokens = listOf(token, "a list of token ids");
const either = <A, B>(a: Kind<A>, b: Kind<B>): Kind<A | B> => ({
  range: `${a.range} or ${b.range}`,
  accepts: (value): value is A | B => a.accepts(value) || b.accepts(value),
});
const oneOrMore = either(token, tokens);
const text: Kind<string> = {
  range: "a text",
  accepts: (value): value is string => typeof value === "string" && value !== "",
};
const stopping: Kind<boolean | "never"> = {
  range: 'false, true or "never"',
  accepts: (value): value is boolean | "never" => typeof value === "boolean" || value === "never",
};
const pair = <A, B>(a: Kind<A>, b: Kind<B>, range: string): Kind<readonly [A, B]> => ({
  range,
  accepts: (value): value is readonly [A, B] =>
    Array.isArray(value) && value.length === 2 && a.accepts(value[0]) && b.accepts(value[1]),
});
const decay = pair(wholeNumber(0), positive, "[start, factor]: a whole number and a number above 0");
const biases = listOf(pair(tokens, anyNumber, ""), "a list of [token ids, number]");

const option = <T>(initial: T, kind: Kind<NoInfer<T>>, meaning: string, off?: T): Option<T> => ({
  ...kind,
  default: initial,
  meaning,
  off,
});
const optional = <T>(kind: Kind<T>, meaning: string): Option<T | null> => ({
  ...kind,
  accepts: (value): value is T | null => value === null || kind.accepts(value),
  default: null,
  meaning,
});

export const generationOptions = {
  // How long
  maxLength: option<number>(
    20,
    count,
    "Greatest length of a sequence in tokens, prompt included; not with maxNewTokens.",
  ),
  maxNewTokens: optional(count, "Greatest number of tokens after the prompt."),
  minLength: option<number>(
    0,
    wholeNumber(0),
    "End-of-sequence tokens are impossible in a sequence shorter than this, prompt included.",
  ),
  minNewTokens: optional(
    wholeNumber(0),
    "End-of-sequence tokens are impossible before this many tokens after the prompt.",
  ),
  maxTime: optional(positive, "Seconds after which no further token is started."),
  stopStrings: optional(
    either(text, listOf(text, "a list of texts")),
    "A sequence stops once its text has one of these, ending in its last token.",
  ),
  // How tokens are chosen
  doSample: option<boolean>(
    false,
    flag,
    "Draw tokens at random by their probabilities, instead of taking the most probable.",
  ),
  seed: optional(
    wholeNumber(0),
    "Makes sampling repeatable: same seed and prompt, same text, whatever the batch. null: a fresh one, " +
      "reported in the output.",
  ),
  numBeams: option<number>(1, count, "Beams of the beam search; 1 is no beam search."),
  numReturnSequences: option<number>(1, count, "Sequences returned for each prompt: samples, or the best beams."),
  earlyStopping: option<boolean | "never">(
    false,
    stopping,
    "When beam search stops: true, with numBeams finished; false, when a better one is unlikely; never, " +
      "when none can come.",
  ),
  lengthPenalty: option<number>(
    1,
    anyNumber,
    "A beam's score is its summed log-probability over length to this power: above 0 favours long ones.",
  ),
  numBeamGroups: option<number>(
    1,
    count,
    "Groups of beams that are kept different from each other (diverse beam search); divides numBeams.",
  ),
  diversityPenalty: option<number>(
    0,
    real("a number of at least 0", (x) => x >= 0),
    "Taken from a token's log-probability for each earlier group's beam that chose it in this step.",
  ),
  promptLookupNumTokens: optional(
    count,
    "Tokens guessed ahead from a repetition in the text and checked in one pass: same output, fewer passes.",
  ),
  // What is left of the distribution when sampling, in order of application
  temperature: option<number>(1, positive, "Logits are divided by this: below 1 is more certain, above 1 more random."),
  topK: option<number>(50, wholeNumber(0), "Keep this many most probable tokens; 0 keeps all.", 0),
  topP: option<number>(
    1,
    real("a number above 0 and up to 1", (x) => x > 0 && x <= 1),
    "Keep the most probable tokens that together reach this probability.",
  ),
  minP: optional(
    real("a number from 0 to 1", (x) => x >= 0 && x <= 1),
    "Keep tokens at least this many times as probable as the most probable one.",
  ),
  typicalP: option<number>(
    1,
    real("a number above 0 and up to 1", (x) => x > 0 && x <= 1),
    "Keep the most typical tokens (surprise near the entropy) that together reach this probability.",
  ),
  epsilonCutoff: option<number>(
    0,
    real("a number from 0 to below 1", (x) => x >= 0 && x < 1),
    "Keep tokens at least this probable.",
  ),
  etaCutoff: option<number>(
    0,
    real("a number from 0 to below 1", (x) => x >= 0 && x < 1),
    "As epsilonCutoff, with a threshold that falls where the distribution is flat.",
  ),
  // Changes to the scores, in order of application
  guidanceScale: optional(
    positive,
    "Classifier-free guidance: how far to move away from the scores after the negative prompt; 1 is off.",
  ),
  sequenceBias: optional(
    biases,
    "Added to the score of a sequence's last token when the tokens before it were just produced.",
  ),
  repetitionPenalty: option<number>(
    1,
    positive,
    "Scores of tokens already in the text are divided (if above 0) or multiplied by this.",
  ),
  noRepeatNgramSize: option<number>(0, wholeNumber(0), "No run of this many tokens occurs twice; 0 is off."),
  badWordsIds: optional(
    listOf(tokens, "a list of lists of token ids"),
    "Sequences of tokens that must not be produced.",
  ),
  forceWordsIds: optional(
    listOf(either(tokens, listOf(tokens, "")), "a list of lists of token ids, or of lists of such lists"),
    "Sequences of tokens that must be produced, each one sequence, or several of which one must be; with beam search.",
  ),
  forcedBosTokenId: optional(token, "The second token, where the prompt is one token."),
  forcedEosTokenId: optional(oneOrMore, "The token at the greatest length."),
  removeInvalidValues: option<boolean>(
    false,
    flag,
    "Replace NaN by 0 and infinities by the largest number, instead of stopping with an error.",
  ),
  exponentialDecayLengthPenalty: optional(
    decay,
    "From `start` generated tokens on, the end-of-sequence token gains |score|·(factor^n - 1).",
  ),
  suppressTokens: optional(tokens, "Tokens that are never produced."),
  beginSuppressTokens: optional(tokens, "Tokens that are not produced first."),
  renormalizeLogits: option<boolean>(
    false,
    flag,
    "Make the changed scores log-probabilities again, as beam scores assume.",
  ),
  // Special tokens
  bosTokenId: optional(token, "Starts a sequence whose prompt is empty."),
  eosTokenId: optional(oneOrMore, "Ends a sequence; a list: any of them does."),
  padTokenId: optional(token, "Fills rows up to the longest; null: the first eosTokenId, else 0."),
  // What is returned
  outputScores: option<boolean>(false, flag, "Return the scores of every step after all changes."),
  outputLogits: option<boolean>(false, flag, "Return the model's logits of every step."),
  outputAttentions: option<boolean>(false, flag, "Return the attention weights of every step."),
  outputHiddenStates: option<boolean>(false, flag, "Return the hidden states of every step."),
  returnDictInGenerate: option<boolean>(
    true,
    flag,
    "Return scores, beam indices and the seed too; false: the tokens alone.",
  ),
};

export type OptionName = keyof typeof generationOptions;
export type GenerationConfig = { readonly [K in OptionName]: (typeof generationOptions)[K]["default"] };
/** Options as someone gives them; undefined is the same as absent. */
export type GenerationOptions = Partial<GenerationConfig>;

export const optionNames = Object.keys(generationOptions) as OptionName[];

/** The table row of a name, typed loosely: for code that walks over all options. */
export const optionOf = (name: OptionName): Option<unknown> => generationOptions[name] as Option<unknown>;
