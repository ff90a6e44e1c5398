// A model folder as src/generate.ts uses it: everything but the weights, read and checked before a GPU is opened.
import { UserError } from "../../errors.ts";
import type { Folder } from "../../files/folder.ts";
import { readJson } from "../../files/json.ts";
import { loadGenerationConfig } from "../../generation/options/config-file.ts";
import { asList } from "../../generation/options/config.ts";
import type { GenerationOptions } from "../../generation/options/options.ts";
import { readConfig } from "../../gpt2/checkpoint-files.ts";
import type { GPT2Config } from "../../gpt2/config.ts";
import { openFolder } from "../../files/open.ts";
import { InfillEncoder } from "../../infill/encode.ts";
import { parseTemplate, TEMPLATE_FILE } from "../../infill/template.ts";
import { GPT2Tokenizer } from "../../tokenizer/tokenizer.ts";

export interface ModelFolder {
  readonly folder: Folder;
  readonly config: GPT2Config;
  readonly tokenizer: GPT2Tokenizer;
  /** What generation_config.json says; empty without the file. */
  readonly defaults: GenerationOptions;
  /** Set when the folder has a template: the model was trained to fill gaps. */
  readonly encoder: InfillEncoder | undefined;
  /** ", trained for 300 steps, loss 2.31", as far as the folder knows. */
  readonly history: string;
}

/** Throws UserError when a file is missing, damaged or of another model. */
export async function openModel(path: string, tokenizerPath: string | undefined): Promise<ModelFolder> {
  const folder = await openFolder(path);
  const config = await readConfig(folder);
  const tokenizer = await GPT2Tokenizer.fromPretrained(
    tokenizerPath === undefined ? folder : await openFolder(tokenizerPath),
  );
  if (tokenizer.vocabSize > config.vocabSize) {
    throw new UserError(
      `The tokenizer of ${tokenizerPath ?? path} has ${tokenizer.vocabSize} tokens, the model in ${path} has ` +
        `${config.vocabSize}; use the tokenizer that was saved with the model.`,
    );
  }
  const template = (await folder.has(TEMPLATE_FILE))
    ? parseTemplate(await readJson(folder, TEMPLATE_FILE), `${folder.name}/${TEMPLATE_FILE}`)
    : undefined;
  return {
    folder,
    config,
    tokenizer,
    defaults: await loadGenerationConfig(folder),
    encoder: template && new InfillEncoder(template, tokenizer),
    history: await historyOf(folder),
  };
}

/** Throws UserError saying what to do with a model that was never shown a gap. */
export function needEncoder({ encoder, folder }: ModelFolder): InfillEncoder {
  if (encoder) return encoder;
  throw new UserError(
    `${folder.name} has no ${TEMPLATE_FILE}: this model was not trained to fill gaps; fine-tune it with ` +
      `src/train.ts --model_name_or_path ${folder.name} --train_file examples.jsonl, or give it a --prompt.`,
  );
}

/**
 * What ends a text: in a gap the template's own end, else what generation_config.json, the tokenizer or config.json
 * says, in this order.
 */
export function endTokens({ config, defaults, tokenizer, encoder }: ModelFolder, inGap: boolean): readonly number[] {
  if (inGap && encoder) return [encoder.ids.eos];
  // Configs of small models often carry the ids of a large one.
  const known = (ids: GenerationOptions["eosTokenId"]): readonly number[] =>
    asList(ids ?? []).filter((id) => id < tokenizer.vocabSize);
  return (
    [known(defaults.eosTokenId), tokenizerEnd(tokenizer), known(config.eosTokenId)].find((ids) => ids.length > 0) ?? []
  );
}

function tokenizerEnd(tokenizer: GPT2Tokenizer): readonly number[] {
  try {
    return [tokenizer.eosTokenId];
  } catch (error) {
    if (error instanceof UserError) return []; // it has none
    throw error;
  }
}

async function historyOf(folder: Folder): Promise<string> {
  if (!(await folder.has("trainer_state.json"))) return "";
  const { global_step: step, log_history: log } = (await readJson(folder, "trainer_state.json")) as {
    global_step?: unknown;
    log_history?: unknown;
  };
  const last = (key: string): string | undefined => {
    const entry: unknown = Array.isArray(log) ? log.findLast((each) => typeof each?.[key] === "number") : undefined;
    return entry === undefined ? undefined : (entry as Record<string, number>)[key].toFixed(4);
  };
  const [loss, evalLoss] = [last("loss"), last("eval_loss")];
  return [
    typeof step === "number" ? `, trained for ${step} steps` : "",
    loss && `, loss ${loss}`,
    evalLoss && `, evaluation loss ${evalLoss}`,
  ]
    .filter(Boolean)
    .join("");
}
