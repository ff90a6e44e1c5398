// A model that a flag names, with what of its folder needs no GPU.
import { UserError } from "../../errors.ts";
import type { Folder } from "../../files/folder.ts";
import type { InfillEncoder } from "../../infill/encode.ts";
import { TEMPLATE_FILE } from "../../infill/template.ts";
import { readModelFolder } from "../../writing/model-folder.ts";
import type { ModelFolder } from "../../writing/model-folder.ts";
import { writeNote } from "./announce.ts";
import { openModelFolder, openTokenizer } from "./model-source.ts";
import type { SourceOptions } from "./model-source.ts";

export { endTokens } from "../../writing/model-folder.ts";
export type { ModelFolder } from "../../writing/model-folder.ts";

/**
 * `tokenizerName`: what --tokenizer_name says. `onNote` gets a sentence for each thing in the folder that is left
 * unused; default: a line on stderr. Throws UserError when a file is missing, damaged or of another model.
 */
export async function openModel(
  path: string | Folder,
  tokenizerName: string | undefined,
  options: SourceOptions = {},
): Promise<ModelFolder> {
  const { onNote = writeNote } = options;
  const folder = await openModelFolder(path, options);
  const tokenizer = tokenizerName === undefined ? undefined : await openTokenizer(tokenizerName, options);
  return readModelFolder(folder, { tokenizer, tokenizerName, onNote });
}

/** Throws UserError saying what to do with a model that was never shown a gap. */
export function needEncoder({ encoder, folder }: ModelFolder): InfillEncoder {
  if (encoder) return encoder;
  throw new UserError(
    `${folder.name} has no ${TEMPLATE_FILE}: this model was not trained to fill gaps; fine-tune it with ` +
      `src/train.ts --model_name_or_path ${folder.name} --train_file examples.jsonl, or give it a --prompt.`,
  );
}
