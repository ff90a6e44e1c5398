// A model's folder: everything but the weights, read and checked before a GPU is opened.
import { UserError } from "../errors.ts";
import type { Folder } from "../files/folder.ts";
import { isObject, readJson, readJsonObject } from "../files/json.ts";
import { printable } from "../files/quote.ts";
import { loadGenerationConfig } from "../generation/options/config-file.ts";
import { asList } from "../generation/options/config.ts";
import type { GenerationOptions } from "../generation/options/options.ts";
import { openBase, openModelCheckpoint, readModelConfig, withBase } from "../gpt2/adapter-files.ts";
import { ignoredTensors } from "../gpt2/checkpoint-files.ts";
import type { GPT2Config } from "../gpt2/config.ts";
import { InfillEncoder } from "../infill/encode.ts";
import { parseTemplate, TEMPLATE_FILE } from "../infill/template.ts";
import { PreTrainedTokenizer } from "../tokenizer/pretrained-tokenizer.ts";

export interface ModelFolder {
  readonly folder: Folder;
  readonly config: GPT2Config;
  readonly tokenizer: PreTrainedTokenizer;
  /** What generation_config.json says; empty without the file. */
  readonly defaults: GenerationOptions;
  /** Set when the folder has a template: the model was trained to fill gaps. */
  readonly encoder: InfillEncoder | undefined;
  /** ", trained for 300 steps, loss 2.31", as far as the folder knows. */
  readonly history: string;
}

export interface ModelFolderOptions {
  /** Default: the folder's own. */
  readonly tokenizer?: PreTrainedTokenizer;
  /** How messages name the tokenizer's origin. */
  readonly tokenizerName?: string;
  /** Told a sentence for each thing in the folder that is left unused. */
  readonly onNote?: (note: string) => void;
  /** Where an adapter's base is kept that is a name on the Hub. */
  readonly cacheDir?: string;
}

/** Throws UserError when a file is missing, damaged or of another model. */
export async function readModelFolder(
  from: Folder,
  { tokenizer: own, tokenizerName = from.name, onNote = () => {}, cacheDir }: ModelFolderOptions = {},
): Promise<ModelFolder> {
  const folder = await withBase(from, openBase({ cacheDir }));
  const config = await readModelConfig(folder);
  const tokenizer = own ?? (await PreTrainedTokenizer.fromPretrained(folder));
  const template = (await folder.has(TEMPLATE_FILE))
    ? parseTemplate(await readJson(folder, TEMPLATE_FILE), `${folder.name}/${TEMPLATE_FILE}`)
    : undefined;
  const encoder = template && new InfillEncoder(template, tokenizer);
  const lacking = tokensBeyond(tokenizer, config);
  const markers = encoder ? [...Object.values(encoder.ids), ...encoder.markers.values()] : [];
  const marker = markers.find((id) => id >= config.vocabSize);
  if (marker !== undefined)
    throw new UserError(
      `${folder.name}: the model has tokens 0 to ${config.vocabSize - 1}, and ${tokenizer.idToToken(marker)} of ` +
        `${TEMPLATE_FILE} is token ${marker}; use the tokenizer that was saved with the model.`,
    );
  const notes = [
    lacking && `the tokenizer of ${tokenizerName} has ${lacking} that the model lacks; a text with it is refused.`,
    ignoredTensors(folder, await openModelCheckpoint(folder, config)),
  ];
  for (const note of notes) if (note) onNote(note);
  return {
    folder,
    config,
    tokenizer,
    defaults: await loadGenerationConfig(folder, onNote),
    encoder,
    history: await historyOf(folder),
  };
}

/** What the tokenizer has more than the model has embeddings, in words; "" when that is nothing. */
function tokensBeyond(tokenizer: PreTrainedTokenizer, { vocabSize }: GPT2Config): string {
  const count = tokenizer.vocabSize - vocabSize;
  if (count <= 0) return "";
  const shown = Array.from({ length: Math.min(count, 3) }, (_, i) => printable(tokenizer.idToToken(vocabSize + i), 30));
  const more = count > shown.length ? ` and ${count - shown.length} more` : "";
  return `${count === 1 ? "a token" : `${count} tokens`} (${shown.join(", ")}${more})`;
}

/** Throws UserError for a model that was never shown a gap. */
export function needEncoder({ encoder, folder }: ModelFolder): InfillEncoder {
  if (encoder) return encoder;
  throw noTemplate(folder);
}

/** Throws UserError for a folder whose model was never shown a gap, before its weights are asked for. */
export async function needTemplate(folder: Folder): Promise<void> {
  if (!(await folder.has(TEMPLATE_FILE))) throw noTemplate(folder);
}

function noTemplate({ name }: Folder): UserError {
  return new UserError(
    `${name} has no ${TEMPLATE_FILE}: this model was not trained to fill gaps; train it on infilling examples first.`,
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
    asList(ids ?? []).filter((id) => id < config.vocabSize && id < tokenizer.vocabSize);
  return (
    [known(defaults.eosTokenId), known(tokenizerEnd(tokenizer)), known(config.eosTokenId)].find(
      (ids) => ids.length > 0,
    ) ?? []
  );
}

function tokenizerEnd(tokenizer: PreTrainedTokenizer): readonly number[] {
  try {
    return [tokenizer.eosTokenId];
  } catch (error) {
    if (error instanceof UserError) return []; // it has none
    throw error;
  }
}

async function historyOf(folder: Folder): Promise<string> {
  if (!(await folder.has("trainer_state.json"))) return "";
  const { global_step: step, log_history: log } = await readJsonObject(folder, "trainer_state.json");
  const last = (key: string): string | undefined => {
    const has = (each: unknown): boolean => isObject(each) && typeof each[key] === "number";
    const entry: unknown = Array.isArray(log) ? log.findLast(has) : undefined;
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
