// src/export.ts --format gguf: one file for llama.cpp.
import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { UserError } from "../../errors.ts";
import { openFolder } from "../../files/open.ts";
import { gpt2Gguf } from "../../gguf/gpt2-gguf.ts";
import type { GgufTensorType } from "../../gguf/tensor-types.ts";
import { openModelCheckpoint } from "../../gpt2/adapter-files.ts";
import { writeNote } from "../shared/announce.ts";
import { formatBytes } from "../shared/format.ts";
import { endTokens, openModel } from "../shared/load-model.ts";

export interface GgufExport {
  /** The model's folder. */
  readonly path: string;
  readonly name: string;
  readonly outputFile: string;
  readonly outtype: GgufTensorType;
  readonly overwrite: boolean;
  readonly signal: AbortSignal;
}

/** Writes the file; returns what to tell. Throws UserError where it exists, cannot be written or cannot be computed. */
export async function exportGguf({ path, name, outputFile, outtype, overwrite, signal }: GgufExport): Promise<string> {
  if (!overwrite && (await stat(outputFile).catch(() => undefined)))
    throw new UserError(`${outputFile} exists already; choose another --output_file, or pass --overwrite.`);
  const model = await openModel(path, undefined);
  const { folder, config, tokenizer, encoder } = model;
  const checkpoint = await openModelCheckpoint(folder, config);
  const read = (parameter: string): Promise<Float32Array> => {
    signal.throwIfAborted();
    return checkpoint.tensor(parameter);
  };
  const eosTokenIds = endTokens(model, encoder !== undefined);
  const { file, size, notes } = gpt2Gguf({ config, tokenizer, encoder, eosTokenIds, name, read }, { outtype });
  for (const note of notes) writeNote(`${note}.`);
  await (await openFolder(dirname(outputFile))).write(new Map([[basename(outputFile), file]]));
  const saved = `Saved    ${outputFile}, ${formatBytes(size)}\n`;
  if (!encoder) return `${saved}Use      llama-cli -m ${outputFile} -no-cnv -p "Once upon a time"`;
  const { order } = encoder.template;
  const suffixFirst = order.indexOf("p3") < order.indexOf("p1");
  return (
    `${saved}Use      llama-server -m ${outputFile}${suffixFirst ? " --spm-infill" : ""}, then POST to /infill:\n` +
    `         {"input_prefix": " <p1>", "input_suffix": " <p3>"}, each after one space, as the model was trained`
  );
}
