// Which files of a model are fetched: those that this engine reads, and no others (a repository on the Hub often holds
// the same weights in four more formats).
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { checkFileName } from "../files/file-name.ts";
import { isObject, parseJson } from "../files/json.ts";

export const CONFIG = "config.json";
export const WEIGHTS = "model.safetensors";
/** Names the files of weights that are stored in several. */
export const INDEX = "model.safetensors.index.json";
/** An adapter's (PEFT), which has these in the place of a config and weights; its base is another repository. */
export const ADAPTER_CONFIG = "adapter_config.json";
export const ADAPTER_WEIGHTS = "adapter_model.safetensors";
const TOKENIZERS = [["tokenizer.json"], ["vocab.json", "merges.txt"]];

const TOKENIZER_FILES: readonly string[] = [
  ...TOKENIZERS.flat(),
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
];

/** What a name on the Hub is asked for: all of the model, or one part of it. */
export type Part = "model" | "tokenizer" | "config";

/** All but the weights, in the order of fetching; a model has some of them. */
export const SMALL_FILES: Readonly<Record<Part, readonly string[]>> = {
  model: [
    CONFIG,
    ADAPTER_CONFIG,
    "generation_config.json",
    ...TOKENIZER_FILES,
    "infill_template.json",
    "infill_rerank.json",
  ],
  tokenizer: TOKENIZER_FILES,
  config: [CONFIG],
};

/** A small file beyond this is none; the readers of these files would refuse it too. */
export const MAX_SMALL_FILE_BYTES = 64e6;

/** Weights that this engine does not read: asked for by name only to say so. */
export const OTHER_WEIGHTS: readonly string[] = [
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
  "tf_model.h5",
  "flax_model.msgpack",
];
export const OTHER_ADAPTER_WEIGHTS = "adapter_model.bin";

/** Whether these files are an adapter's, and no model's. */
export const isAdapterAmong = (has: (file: string) => boolean): boolean =>
  has(ADAPTER_CONFIG) && !has(WEIGHTS) && !has(INDEX);

/**
 * The weight files that an index names, each once. Throws UserError when it is no index, or names a file outside the
 * model's folder.
 */
export function shardsOf(index: string, where: string): string[] {
  const fail = (): never => {
    throw new UserError(
      `${where}: not an index of weights, wanted {"weight_map": {tensor: file}}; the model is damaged on the ` +
        "Hub, choose another --revision.",
    );
  };
  const json = parseJson(index, where, "the model is damaged on the Hub, choose another --revision");
  const map = isObject(json) ? json.weight_map : undefined;
  const files = isObject(map) ? [...new Set(Object.values(map))] : [];
  if (files.length === 0) fail();
  return files.map((file) => {
    if (typeof file !== "string" || !file.endsWith(".safetensors")) return fail();
    checkFileName(where, file);
    return file;
  });
}

/**
 * What a folder lacks of the part; a whole model is config, weights and a tokenizer, an adapter its config and weights.
 * (Python's library may have fetched only some of it.)
 */
export async function missingFiles(folder: string, part: Part): Promise<string[]> {
  const has = (file: string): Promise<boolean> => isFile(join(folder, file));
  const lacking = async (files: readonly string[]): Promise<string[]> =>
    (await Promise.all(files.map(async (file) => ((await has(file)) ? [] : [file])))).flat();
  if (part === "model" && (await isAdapter(folder))) return lacking([ADAPTER_WEIGHTS]);
  const missing = part === "tokenizer" ? [] : await lacking([CONFIG]);
  if (part === "model" && !(await has(WEIGHTS)))
    missing.push(...((await has(INDEX)) ? await lacking(await shardsIn(folder)) : [WEIGHTS]));
  if (part !== "config") missing.push(...lackOfTokenizer(await Promise.all(TOKENIZERS.map(lacking))));
  return missing;
}

/** Those files of the part that the folder has. */
export async function presentFiles(folder: string, part: Part): Promise<string[]> {
  const small = [...SMALL_FILES[part]];
  const adapter = part === "model" && (await isAdapter(folder));
  const single = (await isFile(join(folder, WEIGHTS))) || !(await isFile(join(folder, INDEX)));
  if (adapter) small.push(ADAPTER_WEIGHTS);
  else if (part === "model") small.push(...(single ? [WEIGHTS] : [INDEX, ...(await shardsIn(folder))]));
  const there = await Promise.all(small.map((file) => isFile(join(folder, file))));
  return small.filter((_, i) => there[i]);
}

async function isAdapter(folder: string): Promise<boolean> {
  const files = [ADAPTER_CONFIG, WEIGHTS, INDEX];
  const there = await Promise.all(files.map((file) => isFile(join(folder, file))));
  return isAdapterAmong((file) => there[files.indexOf(file)]);
}

function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** Of the files that a repository has; empty when they make a tokenizer. */
export function missingTokenizer(has: (file: string) => boolean): string[] {
  return lackOfTokenizer(TOKENIZERS.map((files) => files.filter((file) => !has(file))));
}

function lackOfTokenizer(lacks: readonly (readonly string[])[]): string[] {
  return lacks.some((each) => each.length === 0) ? [] : [lacks.map((each) => each.join(" and ")).join(" or ")];
}

/** The weight files that the index in `folder` names. Throws UserError as `shardsOf` does. */
export async function shardsIn(folder: string): Promise<string[]> {
  return shardsOf(await readFile(join(folder, INDEX), "utf8"), join(folder, INDEX));
}
