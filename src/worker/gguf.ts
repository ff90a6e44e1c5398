// A worker's model as one file for llama.cpp.
import { gpt2Gguf } from "../gguf/gpt2-gguf.ts";
import { endTokens } from "../writing/model-folder.ts";
import type { LoadedModel } from "./loaded-model.ts";
import type { GgufRequest } from "./messages.ts";

/** A browser keeps large blobs on the disk. Throws UserError as gpt2Gguf(), and the signal's reason. */
export async function ggufOf(
  { folder, model }: LoadedModel,
  { name, outtype }: GgufRequest,
  signal: AbortSignal,
): Promise<Blob> {
  const { tokenizer, encoder } = folder;
  const read = (parameter: string): Promise<Float32Array> => {
    signal.throwIfAborted();
    return model.parameters.read(parameter);
  };
  const eosTokenIds = endTokens(folder, encoder !== undefined);
  const { file } = gpt2Gguf({ config: model.config, tokenizer, encoder, eosTokenIds, name, read }, { outtype });
  const pieces: Blob[] = [];
  for await (const piece of file) pieces.push(new Blob([piece as Uint8Array<ArrayBuffer>]));
  return new Blob(pieces, { type: "application/octet-stream" });
}
