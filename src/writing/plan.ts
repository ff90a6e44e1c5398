// Prompts and complete options for generate(), from texts, wishes and a model's folder: how many tokens there is room
// for, which tokens end a text, which are never chosen. Everything is checked here, before a GPU is opened.
import { UserError } from "../errors.ts";
import { asList, resolveConfig } from "../generation/options/config.ts";
import { checkRows, checkTokens } from "../generation/options/prompts.ts";
import type { GenerationConfig, GenerationOptions } from "../generation/options/options.ts";
import type { GenerateInputs } from "../generation/generate.ts";
import type { LogitsProcessor } from "../generation/scores/logits-processor.ts";
import type { InfillRequest } from "../infill/example.ts";
import { normalizeText } from "../text/normalize.ts";
import { withAliases } from "../infill/constraints/character-forms.ts";
import type { TextConstraints } from "../infill/constraints/text-constraints.ts";
import { classBounds, constraintsOf, tokensFor } from "./wishes.ts";
import type { Wishes } from "./wishes.ts";
import { endTokens, needEncoder } from "./model-folder.ts";
import type { ModelFolder } from "./model-folder.ts";

/** A text's greatest length in new tokens, where nothing else says so: a long paragraph. */
const MOST_NEW_TOKENS = 256;

/** More characters than any token has; GPT-2's longest are 128 spaces. */
const LONGEST_TOKEN = 1024;

export interface PlannedPrompt {
  readonly ids: readonly number[];
  /** Of each token, where the template has section types. */
  readonly tokenTypeIds?: readonly number[];
  /** What the shown text begins with: the words that p2 must begin with, or the whole plain prompt. */
  readonly opening: string;
  /** What is asked of its text; prompts in one batch must have the same. */
  readonly constraints?: TextConstraints;
  /** Its own, where the length class of its metadata says so; prompts in one batch must have the same. */
  readonly limits: Limits;
}

/** What generate() is to go on from. */
export function promptInputs(prompts: readonly PlannedPrompt[]): Pick<GenerateInputs, "inputIds" | "tokenTypeIds"> {
  return {
    inputIds: prompts.map(({ ids }) => ids),
    ...(prompts[0]?.tokenTypeIds && { tokenTypeIds: prompts.map(({ tokenTypeIds }) => tokenTypeIds!) }),
  };
}

export type Limits = Pick<GenerationOptions, "minNewTokens" | "maxNewTokens">;

export interface Plan {
  readonly prompts: readonly PlannedPrompt[];
  /** The gap that each of them asks to fill; absent for plain text. */
  readonly gaps?: readonly InfillRequest[];
  /** For generate(), whose `defaults` are below. */
  readonly options: GenerationOptions;
  readonly defaults: GenerationOptions;
  /** What keeps the template's syntax out of p2; none for plain text. */
  readonly logitsProcessors: readonly LogitsProcessor[];
  /** Both, resolved. */
  readonly config: GenerationConfig;
  readonly inGap: boolean;
  /** Gaps whose context had to be cut, and the tokens that were left for it. */
  readonly cut: { readonly gaps: number; readonly room: number };
}

export interface PlanSettings {
  /** As asked for; what they leave open is decided here. */
  readonly options: GenerationOptions;
  readonly allowSpecialTokens: boolean;
  readonly wishes?: Wishes;
}

/**
 * For gaps, all with the same `prefix`. Throws UserError for what the model, its template or the context does not
 * allow.
 */
export function planGaps(
  model: ModelFolder,
  requests: readonly InfillRequest[],
  prefix: string,
  settings: PlanSettings,
): Plan {
  const gaps = requests.map(withAliases);
  const encoder = needEncoder(model);
  const constraints = constraintsOf(
    model,
    settings.wishes && { ...settings.wishes, beginsWith: prefix },
    gaps,
    settings.options.eosTokenId,
  );
  const { minLength, minNewTokens, maxNewTokens, maxLength } = settings.options;
  const byClass = [minLength, minNewTokens, maxNewTokens, maxLength].every((given) => given == null);
  const room = Math.max(
    0,
    ...constraints.map((each) => tokensFor(each, model.config.nPositions)),
    ...(byClass ? gaps.map((gap) => classRoom(gap, model)) : []),
  );
  const { total, given, wanted } = lengths(model, settings.options, room);
  // Without a wish, p2 is sure of a quarter of the context, and gets what the paragraphs around it leave.
  const reserve = given ?? Math.max(Math.floor(total / 4), wanted, 1);
  if (total - reserve < 3)
    throw new UserError(
      `Of the ${total} positions of the context 3 are needed for markers, and ${reserve} for new tokens; ` +
        "ask for at most " +
        `${Math.max(0, total - 3)}${total < model.config.nPositions ? ", or for a greater maxLength" : ""}.`,
    );
  const fitted = gaps.map((gap) => encoder.encodePrompt(gap, { maxLength: total - reserve, prefix }));
  const cut = { gaps: fitted.filter(({ trimmed }) => trimmed).length, room: total - reserve };
  const planned = plan(
    model,
    fitted.map(({ ids, tokenTypeIds }, i) => ({
      ids,
      tokenTypeIds,
      constraints: constraints[i],
      opening: normalizeText(prefix),
      limits: {},
    })),
    cut,
    true,
    settings,
    room,
  );
  if (!byClass && settings.wishes?.requireLength)
    throw new UserError(
      "requireLength takes the numbers of tokens from the length class; leave out the flags that say others.",
    );
  if (!byClass) return { ...planned, gaps };
  if (settings.wishes?.requireLength) checkRoom(gaps, model, planned.config.maxNewTokens ?? MOST_NEW_TOKENS);
  // The words that p2 begins with are part of its length.
  const opening = normalizeText(prefix);
  const forced = opening === "" ? 0 : model.tokenizer.encode(` ${opening}`).length;
  const most = planned.options.maxNewTokens ?? MOST_NEW_TOKENS;
  return {
    ...planned,
    gaps,
    prompts: planned.prompts.map((prompt, i) => ({
      ...prompt,
      // Bounds in words or sentences say how long it is, instead of the class.
      limits: constraints[i]?.leastTokens ? {} : classLimits(gaps[i], model, forced, most),
    })),
  };
}

/** For plain text. Throws UserError when it leaves no room, or no token to start from. */
export function planPrompt(model: ModelFolder, text: string, settings: PlanSettings): Plan {
  const { total, given = 1 } = lengths(model, settings.options);
  const left = total - given;
  // Not worth the minute that counting its tokens takes.
  const endless = text.length > LONGEST_TOKEN * total;
  const ids = endless ? [] : model.tokenizer.encode(text);
  if (endless || ids.length > left) {
    const shorter = `shorten the prompt to at most ${left}${endless ? " tokens" : ""}`;
    throw new UserError(
      `The prompt has ${endless ? `${text.length} characters` : `${ids.length} tokens`} and ` +
        `${given === 1 ? "at least 1 is" : `${given} are`} to follow, and the context has ${total} positions; ` +
        `${left > 0 ? shorter : `ask for fewer than ${total}`}.`,
    );
  }
  const [constraints] = constraintsOf(model, settings.wishes, [undefined], settings.options.eosTokenId);
  const room = tokensFor(constraints, model.config.nPositions);
  const prompts = [{ ids, opening: text, constraints, limits: {} }];
  return plan(model, prompts, { gaps: 0, room: total }, false, settings, room);
}

/**
 * How long p2 is to be by its length class, where the template knows what the classes mean. The end token comes on top.
 */
function classLimits(gap: InfillRequest, model: ModelFolder, forced: number, most: number): Limits {
  const bounds = classBounds(gap, model);
  if (bounds === undefined) return {};
  const [least, greatest] = bounds;
  const maxNewTokens = Math.min(most, Math.max(1, greatest - forced) + 1);
  return { minNewTokens: Math.min(maxNewTokens, Math.max(0, least - forced)), maxNewTokens };
}

/** Throws UserError where a gap's class cannot be met with so many new tokens, one of which is the end. */
function checkRoom(gaps: readonly InfillRequest[], model: ModelFolder, most: number): void {
  const least = Math.max(0, ...gaps.map((gap) => classBounds(gap, model)?.[0] ?? 0));
  if (least >= most)
    throw new UserError(
      `requireLength asks for at least ${least} tokens, and there is room for ${most - 1}; shorten the paragraphs ` +
        "around the gap, or ask for a shorter class.",
    );
}

/** New tokens to leave room for so that a text of the class fits, its end included; at most half of the context. */
function classRoom(gap: InfillRequest, model: ModelFolder): number {
  const [least, most] = classBounds(gap, model) ?? [0, 0];
  // Of the long class: a quarter more than it must have.
  const tokens = most === Infinity ? Math.ceil(1.25 * least) : most;
  return tokens === 0 ? 0 : Math.min(tokens + 1, Math.floor(model.config.nPositions / 2));
}

interface Lengths {
  /** Positions that prompt and text may fill together. */
  readonly total: number;
  /** If that is what the options or the model's folder give. */
  readonly maxLength: number | undefined;
  /** New tokens asked for, if they are. */
  readonly given: number | undefined;
  /** New tokens there must be. */
  readonly wanted: number;
}

/** `room`: new tokens that what is asked of a text may take. */
function lengths({ config, defaults }: ModelFolder, options: GenerationOptions, room = 0): Lengths {
  if (options.maxNewTokens != null && options.maxLength !== undefined)
    throw new UserError(
      `maxLength ${options.maxLength} and maxNewTokens ${options.maxNewTokens} say the same thing twice; ` +
        "give one of them.",
    );
  const given =
    options.maxNewTokens ?? (options.maxLength === undefined ? defaults.maxNewTokens : undefined) ?? undefined;
  const maxLength = given === undefined ? (options.maxLength ?? defaults.maxLength) : undefined;
  return {
    total: Math.min(config.nPositions, maxLength ?? Infinity),
    maxLength,
    given,
    wanted: Math.max(options.minNewTokens ?? defaults.minNewTokens ?? 0, room),
  };
}

function plan(
  model: ModelFolder,
  prompts: readonly PlannedPrompt[],
  cut: Plan["cut"],
  inGap: boolean,
  { options: asked, allowSpecialTokens }: PlanSettings,
  room: number,
): Plan {
  const { vocabSize } = model.config;
  for (const { ids } of prompts) checkTokens("The prompt", ids, vocabSize);
  const { total, maxLength, given, wanted } = lengths(model, asked, room);
  const eosTokenId = asked.eosTokenId ?? endTokens(model, inGap);
  const defaults: GenerationOptions = {
    ...model.defaults,
    eosTokenId: asList(eosTokenId).length > 0 ? eosTokenId : null,
    padTokenId: model.tokenizer.padTokenId ?? model.defaults.padTokenId,
  };
  // One limit for all, by the longest prompt: what is written for a gap must not depend on who shares its batch.
  const longest = prompts.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  const maxNewTokens = given ?? Math.min(total - longest, Math.max(MOST_NEW_TOKENS, wanted));
  const never = [
    ...(asked.suppressTokens ?? model.defaults.suppressTokens?.filter((id) => id < vocabSize) ?? []),
    ...unwanted(model, asList(eosTokenId), allowSpecialTokens),
  ];
  const options: GenerationOptions = {
    ...asked,
    ...(maxLength === undefined ? { maxNewTokens } : {}),
    suppressTokens: never.length > 0 ? [...new Set(never)] : null,
  };
  const logitsProcessors = inGap && !allowSpecialTokens ? [needEncoder(model).noTemplateSyntax] : [];
  const config = resolveConfig(options, defaults);
  const least = Math.max(0, ...prompts.map(({ constraints }) => constraints?.leastTokens ?? 0));
  const most = maxLength === undefined ? maxNewTokens : total - longest;
  if (least > most)
    throw new UserError(
      `A text as asked for needs at least ${least} new tokens, and there is room for ${most}; allow more with ` +
        "maxNewTokens, shorten the prompt, or ask for less.",
    );
  checkRows(1, config, model.config.vocabSize); // before a GPU is opened
  return { prompts, options, defaults, logitsProcessors, config, inGap, cut };
}

/**
 * Special tokens other than the end, and rows of the embedding that no token has (some models pad their vocabulary).
 */
function unwanted({ tokenizer, config }: ModelFolder, end: readonly number[], allowSpecialTokens: boolean): number[] {
  const isUnwanted = (id: number): boolean => id < config.vocabSize && !end.includes(id);
  const special = allowSpecialTokens ? [] : tokenizer.specialTokenIds.filter(isUnwanted);
  const nameless = Math.max(0, config.vocabSize - tokenizer.vocabSize);
  return [...special, ...Array.from({ length: nameless }, (_, i) => tokenizer.vocabSize + i)];
}
