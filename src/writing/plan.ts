// Prompts and complete options for generate(), from texts, wishes and a model's folder: how many tokens there is room
// for, which tokens end a text, which are never chosen. Everything is checked here, before a GPU is opened.
import { UserError } from "../errors.ts";
import { asList, resolveConfig } from "../generation/options/config.ts";
import { checkRows, checkTokens } from "../generation/options/prompts.ts";
import type { GenerationConfig, GenerationOptions } from "../generation/options/options.ts";
import type { GenerateInputs } from "../generation/generate.ts";
import type { LogitsProcessor } from "../generation/scores/logits-processor.ts";
import type { InfillRequest } from "../infill/example.ts";
import { roomForP2 } from "../infill/room.ts";
import { normalizeText } from "../text/normalize.ts";
import { withAliases } from "../infill/constraints/character-forms.ts";
import type { TextConstraints } from "../infill/constraints/text-constraints.ts";
import { checkRoom, classLimits, lengths, roomAfter } from "./lengths.ts";
import type { Limits } from "./lengths.ts";
import { checkSyntax, constraintsOf, tokensFor } from "./wishes.ts";
import type { Wishes } from "./wishes.ts";
import { endTokens, needEncoder } from "./model-folder.ts";
import type { ModelFolder } from "./model-folder.ts";

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
  /** Its own, where the length class of its metadata says so. */
  readonly limits: Limits;
  /** New tokens that there are positions for, or that are asked for. */
  readonly room: number;
}

/** What a prompt's text is limited to; prompts in one batch must have the same. */
export function ownLimits({ options }: Pick<Plan, "options">, { limits, room }: PlannedPrompt): Limits {
  return { ...(options.maxNewTokens != null && { maxNewTokens: room }), ...limits };
}

/** What generate() is to go on from. */
export function promptInputs(prompts: readonly PlannedPrompt[]): Pick<GenerateInputs, "inputIds" | "tokenTypeIds"> {
  return {
    inputIds: prompts.map(({ ids }) => ids),
    ...(prompts[0]?.tokenTypeIds && { tokenTypeIds: prompts.map(({ tokenTypeIds }) => tokenTypeIds!) }),
  };
}

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
  /** Gaps whose context had to be cut, and the tokens that were left for it, at the least and at the most. */
  readonly cut: { readonly gaps: number; readonly room: readonly [least: number, most: number] };
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
  if (!settings.allowSpecialTokens && settings.wishes) checkSyntax(model, settings.wishes);
  const constraints = constraintsOf(
    model,
    settings.wishes && { ...settings.wishes, beginsWith: prefix },
    gaps,
    settings.options.eosTokenId,
  );
  const { options } = settings;
  const byClass = [options.minLength, options.minNewTokens, options.maxNewTokens, options.maxLength].every(
    (given) => given == null,
  );
  if (!byClass && settings.wishes?.requireLength)
    throw new UserError(
      "requireLength takes the numbers of tokens from the length class; leave out the flags that say others.",
    );
  // The words that p2 begins with are part of its length.
  const opening = normalizeText(prefix);
  const forced = opening === "" ? 0 : model.tokenizer.encode(` ${opening}`).length;
  const cutTo: number[] = [];
  const prompts = gaps.map((gap, i): PlannedPrompt => {
    const asked = tokensFor(constraints[i], model.config.nPositions);
    const { total, given, wanted } = lengths(model, options, asked);
    // The room that training left it; where nothing says how much that was, p2 is sure of a quarter of the context. It
    // gets what the paragraphs around it leave.
    const ofClass = byClass ? roomForP2(gap, encoder.template, total) : 0;
    const reserve = given ?? Math.max(ofClass > 0 ? ofClass - forced : Math.floor(total / 4), wanted, 1);
    if (total - reserve < 3)
      throw new UserError(
        `Of the ${total} positions of the context 3 are needed for markers, and ${reserve} for new tokens; ` +
          "ask for at most " +
          `${Math.max(0, total - 3)}${total < model.config.nPositions ? ", or for a greater maxLength" : ""}.`,
      );
    const fitted = encoder.encodePrompt(gap, { maxLength: total - reserve, prefix });
    if (fitted.trimmed) cutTo.push(total - reserve);
    const { ids, tokenTypeIds } = fitted;
    const room = roomAfter(ids.length, model, options, Math.max(ofClass - forced, asked));
    // Bounds in words or sentences say how long it is, instead of the class.
    const limits = byClass && !constraints[i]?.leastTokens ? classLimits(gap, encoder.template, forced, room) : {};
    if (settings.wishes?.requireLength) checkRoom(gap, encoder.template, room);
    return { ids, tokenTypeIds, constraints: constraints[i], opening, limits, room };
  });
  const cut = { gaps: cutTo.length, room: [Math.min(...cutTo), Math.max(...cutTo)] as const };
  return { ...plan(model, prompts, cut, true, settings), gaps };
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
  const room = roomAfter(ids.length, model, settings.options, tokensFor(constraints, model.config.nPositions));
  const prompts = [{ ids, opening: text, constraints, limits: {}, room }];
  return plan(model, prompts, { gaps: 0, room: [total, total] }, false, settings);
}

function plan(
  model: ModelFolder,
  prompts: readonly PlannedPrompt[],
  cut: Plan["cut"],
  inGap: boolean,
  { options: asked, allowSpecialTokens }: PlanSettings,
): Plan {
  const { vocabSize } = model.config;
  for (const { ids } of prompts) checkTokens("The prompt", ids, vocabSize);
  const { maxLength } = lengths(model, asked);
  const eosTokenId = asked.eosTokenId ?? endTokens(model, inGap);
  const defaults: GenerationOptions = {
    ...model.defaults,
    eosTokenId: asList(eosTokenId).length > 0 ? eosTokenId : null,
    padTokenId: model.tokenizer.padTokenId ?? model.defaults.padTokenId,
  };
  const maxNewTokens = Math.min(...prompts.map(({ room }) => room));
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
  for (const { constraints, room } of prompts)
    if (constraints && constraints.leastTokens > room)
      throw new UserError(
        `A text as asked for needs at least ${constraints.leastTokens} new tokens, and there is room for ${room}; ` +
          "allow more with maxNewTokens, shorten the prompt, or ask for less.",
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
