// Which files of a model are fetched: those that this engine reads, and no others (a repository on the Hub often holds
// the same weights in four more formats).
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { checkFileName } from "../files/file-name.ts";

export const CONFIG = "config.json";
export const WEIGHTS = "model.safetensors";
/** Names the files of weights that are stored in several. */
export const INDEX = "model.safetensors.index.json";
const TOKENIZERS = [["tokenizer.json"], ["vocab.json", "merges.txt"]];

/** All but the weights, in the order of fetching; a model has some of them. */
export const SMALL_FILES: readonly string[] = [
  CONFIG,
  "generation_config.json",
  ...TOKENIZERS.flat(),
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "infill_template.json",
];

/** Weights that this engine does not read: asked for by name only to say so. */
export const OTHER_WEIGHTS: readonly string[] = [
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
  "tf_model.h5",
  "flax_model.msgpack",
];

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
  let map: unknown;
  try {
    map = (JSON.parse(index) as { weight_map?: unknown } | null)?.weight_map;
  } catch {
    fail();
  }
  const files = typeof map === "object" && map !== null ? [...new Set(Object.values(map))] : [];
  if (files.length === 0) fail();
  return files.map((file) => {
    if (typeof file !== "string" || !file.endsWith(".safetensors")) return fail();
    checkFileName(where, file);
    return file;
  });
}

/**
 * What a folder lacks to be a whole model: config, weights and a tokenizer. (Python's library may have fetched only a
 * part.)
 */
export async function missingFiles(folder: string): Promise<string[]> {
  const has = (file: string): Promise<boolean> =>
    stat(join(folder, file)).then(
      (found) => found.isFile(),
      () => false,
    );
  const lacking = async (files: readonly string[]): Promise<string[]> =>
    (await Promise.all(files.map(async (file) => ((await has(file)) ? [] : [file])))).flat();
  const missing = await lacking([CONFIG]);
  if (!(await has(WEIGHTS))) {
    missing.push(
      ...((await has(INDEX))
        ? await lacking(shardsOf(await readFile(join(folder, INDEX), "utf8"), join(folder, INDEX)))
        : [WEIGHTS]),
    );
  }
  const tokenizers = await Promise.all(TOKENIZERS.map(lacking));
  if (tokenizers.every((each) => each.length > 0))
    missing.push(tokenizers.map((each) => each.join(" and ")).join(" or "));
  return missing;
}
