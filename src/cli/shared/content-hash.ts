// Whether a model is the one that work was begun with: by what its files hold, wherever they lie now.
import { createHash } from "node:crypto";
import type { Folder } from "../../files/folder.ts";

/** What of a folder decides what its model writes: weights, vocabulary, template, defaults. */
const FILES = new RegExp(
  "^((generation_)?config|tokenizer(_config)?|vocab|added_tokens|special_tokens_map|infill_template)\\.json$|" +
    "^merges\\.txt$|\\.safetensors$",
);
const PIECE = 1 << 24;

/** SHA-256, in hex, over those files of the folder. */
export async function modelHash(folder: Folder): Promise<string> {
  const hash = createHash("sha256");
  for (const file of (await folder.list()).filter((name) => FILES.test(name)).sort()) {
    const size = await folder.size(file);
    hash.update(`${file} ${size}\n`);
    for (let offset = 0; offset < size; offset += PIECE)
      hash.update(await folder.read(file, { offset, length: Math.min(PIECE, size - offset) }));
  }
  return hash.digest("hex");
}
