// How many tokens a text may have: by its length class, by what the options or the model's folder say, and by what the
// context leaves.
import { UserError } from "../errors.ts";
import type { GenerationOptions } from "../generation/options/options.ts";
import type { InfillRequest } from "../infill/example.ts";
import { classBounds } from "../infill/room.ts";
import type { InfillTemplate } from "../infill/template.ts";
import type { ModelFolder } from "./model-folder.ts";

/** A text's greatest length in new tokens, where nothing else says so: a long paragraph. */
const MOST_NEW_TOKENS = 256;

export type Limits = Pick<GenerationOptions, "minNewTokens" | "maxNewTokens">;

/**
 * How long p2 is to be by its length class, where the template knows what the classes mean. The end token comes on top.
 */
export function classLimits(gap: InfillRequest, template: InfillTemplate, forced: number, most: number): Limits {
  const bounds = classBounds(gap, template);
  if (bounds === undefined) return {};
  const [least, greatest] = bounds;
  const maxNewTokens = Math.min(most, Math.max(1, greatest - forced) + 1);
  return { minNewTokens: Math.min(maxNewTokens, Math.max(0, least - forced)), maxNewTokens };
}

/** Throws UserError where a gap's class cannot be met with so many new tokens, one of which is the end. */
export function checkRoom(gap: InfillRequest, template: InfillTemplate, most: number): void {
  const [least] = classBounds(gap, template) ?? [0];
  if (least >= most)
    throw new UserError(
      `requireLength asks for at least ${least} tokens, and there is room for ${most - 1}; shorten the paragraphs ` +
        "around the gap, or ask for a shorter class.",
    );
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
export function lengths({ config, defaults }: ModelFolder, options: GenerationOptions, room = 0): Lengths {
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

/** New tokens after a prompt of so many: those asked for, else what the context leaves, at most a long paragraph. */
export function roomAfter(prompt: number, model: ModelFolder, options: GenerationOptions, asked: number): number {
  const { total, maxLength, given, wanted } = lengths(model, options, asked);
  const most = maxLength === undefined ? Math.max(MOST_NEW_TOKENS, wanted) : Infinity;
  return given ?? Math.min(total - prompt, most);
}
