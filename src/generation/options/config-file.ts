// generation_config.json as Hugging Face writes and reads it: the same options in snake_case, those at their default
// left out.
import { UserError } from "../../errors.ts";
import type { Folder } from "../../files/folder.ts";
import { isObject, readJson } from "../../files/json.ts";
import { printable, quote } from "../../files/quote.ts";
import { snakeCase } from "../../snake-case.ts";
import { checkOptions, conditions, isOptionName, tableDefaults } from "./config.ts";
import { optionNames, optionOf } from "./options.ts";
import type { GenerationConfig, GenerationOptions, OptionName } from "./options.ts";

export const generationConfigFile = "generation_config.json";

/**
 * The folder's generation options; none when it has no generation_config.json. `onNote` gets one sentence about what is
 * ignored, if anything is. Throws UserError naming the file.
 */
export async function loadGenerationConfig(
  folder: Folder,
  onNote?: (note: string) => void,
): Promise<GenerationOptions> {
  if (!(await folder.has(generationConfigFile))) return {};
  const source = `${folder.name}/${generationConfigFile}`;
  return parseGenerationConfig(await readJson(folder, generationConfigFile), source, onNote);
}

/**
 * Options from the parsed JSON: any that Hugging Face's generate() accepts. What can have no effect there (keys it does
 * not know, a temperature of 0 beside do_sample false) has none here, and is named to `onNote`; what would have one
 * that this engine cannot give throws a UserError. `source` names the file in messages.
 */
export function parseGenerationConfig(
  json: unknown,
  source: string,
  onNote: (note: string) => void = () => {},
): GenerationOptions {
  if (!isObject(json)) throw new UserError(`${source}: not a JSON object; write the options as {"name": value}.`);
  const options: Record<string, unknown> = {};
  const unknown: string[] = [];
  for (const [key, value] of Object.entries(json)) {
    const name = camelCase(key);
    if (isOptionName(name) && key === snakeCase(name)) options[name] = meaningOf(name, value);
    else if (!withoutEffect.has(key) && !isMethod(key)) unknown.push(key);
  }
  if (options.topP === 0) {
    delete options.topP; // allowed there: the most probable token alone is left, as with top_k 1
    options.topK = 1;
  }
  try {
    const unused = takeUnused(options);
    const complete: GenerationConfig = { ...tableDefaults, ...checkOptions(options) };
    for (const [key, isActive] of Object.entries(otherMethods)) {
      const value = Object.hasOwn(json, key) ? json[key] : null;
      if (value !== null && isActive(value, complete))
        throw new UserError(`${key} is ${quote(value)}, which this engine does not do; remove it.`);
    }
    if (unknown.length > 0) onNote(`${source}: ignored ${listed(unknown)}: no option of generate().`);
    for (const note of unused) onNote(`${source}: ignored ${note}.`);
    return options;
  } catch (error) {
    throw error instanceof UserError ? new UserError(`${source}: ${error.message}`) : error;
  }
}

/** The file's text for these options: those that differ from their default. */
export function generationConfigJson(options: GenerationOptions): string {
  const json: Record<string, unknown> = {};
  for (const name of optionNames) {
    const value = checkOptions(options)[name];
    if (value !== undefined && value !== optionOf(name).default) json[snakeCase(name)] = value;
  }
  return `${JSON.stringify(json, null, 2)}\n`;
}

const camelCase = (key: string): string => key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** Names of keys for a message, the first few of them. */
function listed(keys: readonly string[]): string {
  const shown = keys.slice(0, 6).map((key) => printable(key, 40));
  return `${shown.join(", ")}${keys.length > shown.length ? ` and ${keys.length - shown.length} more` : ""}`;
}

/** A file's value as our table takes it: null, and what Hugging Face reads as "off" by its range, becomes that. */
function meaningOf(name: OptionName, value: unknown): unknown {
  const option = optionOf(name);
  const off = option.off ?? option.default;
  if (value === null || (typeof value === "number" && offBeyond[name]?.(value))) return off;
  if (off === null && (Array.isArray(value) || isObject(value)) && Object.keys(value).length === 0) return off;
  // Python takes 0 and 1 for false and true.
  return (value === 0 || value === 1) && typeof option.default === "boolean" ? value === 1 : value;
}

/** Numbers outside the range in which Hugging Face applies an option, and so without effect. */
const offBeyond: Readonly<Partial<Record<OptionName, (value: number) => boolean>>> = {
  topP: (value) => value > 1,
  typicalP: (value) => value > 1,
  epsilonCutoff: (value) => value <= 0 || value >= 1,
  etaCutoff: (value) => value <= 0 || value >= 1,
  noRepeatNgramSize: (value) => value <= 0,
  diversityPenalty: (value) => value <= 0,
  minLength: (value) => value <= 0,
  minNewTokens: (value) => value <= 0,
};

/**
 * Removes options whose value is out of range where they have no effect anyway, such as those of sampling without
 * do_sample; returns what to say about each.
 */
function takeUnused(options: Record<string, unknown>): string[] {
  const notes: string[] = [];
  const wrong = (name: string): boolean =>
    Object.hasOwn(options, name) && !optionOf(name as OptionName).accepts(options[name]);
  const right = Object.fromEntries(Object.entries(options).filter(([name]) => !wrong(name)));
  // Where the file names no end-of-sequence token, the tokenizer may.
  for (const [holds, wanted, names] of conditions({ ...tableDefaults, eosTokenId: 0, ...right })) {
    for (const name of holds ? [] : names.filter(wrong)) {
      notes.push(`${snakeCase(name)} ${quote(options[name])}, which has no effect without ${snakeCase(wanted)}`);
      delete options[name];
    }
  }
  return notes;
}

/** About the file itself, for models with an encoder, for an assistant model, or for speed alone. */
const withoutEffect: ReadonlySet<string> = new Set([
  "transformers_version",
  "_from_model_config",
  "_commit_hash",
  "decoder_start_token_id",
  "use_cache",
  "cache_implementation",
  "cache_config",
  "return_legacy_cache",
  "low_memory",
  "prefill_chunk_size",
  "compile_config",
  "disable_compile",
  "generation_kwargs",
  "use_model_defaults",
  "is_assistant",
  "num_assistant_tokens",
  "num_assistant_tokens_schedule",
  "assistant_confidence_threshold",
  "assistant_early_exit",
  "assistant_lookbehind",
  "target_lookbehind",
  "max_matching_ngram_size",
]);

const isAtMost0 = (value: unknown): boolean => typeof value === "number" && value <= 0;

/** Methods outside this engine, with when a value other than null turns them on. */
const otherMethods: Readonly<Record<string, (value: unknown, config: GenerationConfig) => boolean>> = {
  encoder_repetition_penalty: (value) => value !== 1,
  encoder_no_repeat_ngram_size: (value) => !isAtMost0(value),
  // Contrastive search is greedy search that looks at the top_k best.
  penalty_alpha: (value, c) => !isAtMost0(value) && !c.doSample && c.numBeams === 1 && c.topK > 1,
  dola_layers: () => true,
  constraints: () => true,
  forced_decoder_ids: (value) => !Array.isArray(value) || value.length > 0,
  token_healing: (value) => value !== false && value !== 0,
  watermarking_config: () => true,
  top_h: (_, { doSample }) => doSample,
};
const isMethod = (key: string): boolean => Object.hasOwn(otherMethods, key);
