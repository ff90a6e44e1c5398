// generation_config.json as Hugging Face writes and reads it: the same options in snake_case, those at their default
// left out.
import { UserError } from "../../errors.ts";
import type { Folder } from "../../files/folder.ts";
import { readJson } from "../../files/json.ts";
import { snakeCase } from "../../snake-case.ts";
import { checkOptions, isOptionName, unknownOption } from "./config.ts";
import { optionNames, optionOf } from "./options.ts";
import type { GenerationOptions } from "./options.ts";

export const generationConfigFile = "generation_config.json";

/** The folder's generation options; none when it has no generation_config.json. Throws UserError naming the file. */
export async function loadGenerationConfig(folder: Folder): Promise<GenerationOptions> {
  if (!(await folder.has(generationConfigFile))) return {};
  return parseGenerationConfig(await readJson(folder, generationConfigFile), `${folder.name}/${generationConfigFile}`);
}

/** Options from the parsed JSON. `source` names it in messages. Throws UserError for what this engine cannot honour. */
export function parseGenerationConfig(json: unknown, source: string): GenerationOptions {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new UserError(`${source}: not a JSON object; write the options as {"name": value}.`);
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(json)) {
    if (aboutTheFile.has(key)) continue;
    if (Object.hasOwn(notForThisModel, key)) {
      if (value === null || value === notForThisModel[key as keyof typeof notForThisModel]) continue;
      throw new UserError(`${source}: ${key} is ${JSON.stringify(value)}, which this engine does not do; remove it.`);
    }
    const name = camelCase(key);
    if (!isOptionName(name) || key !== snakeCase(name))
      throw new UserError(`${source}: ${unknownOption(key, optionNames.map(snakeCase))}`);
    const option = optionOf(name);
    options[name] = value === null ? (option.off ?? option.default) : value;
  }
  try {
    return checkOptions(options);
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

const aboutTheFile = new Set(["transformers_version", "_from_model_config"]);

/** Options for encoder-decoder models or for methods outside this engine, with the value at which they do nothing. */
const notForThisModel = {
  use_cache: true,
  encoder_repetition_penalty: 1,
  encoder_no_repeat_ngram_size: 0,
  decoder_start_token_id: null,
  penalty_alpha: null,
  low_memory: null,
  constraints: null,
  force_words_ids: null,
  forced_decoder_ids: null,
  token_healing: false,
  watermarking_config: null,
  dola_layers: null,
  cache_implementation: null,
  cache_config: null,
  return_legacy_cache: null,
  is_assistant: false,
  assistant_early_exit: null,
  max_matching_ngram_size: null,
};
