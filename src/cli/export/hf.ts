// src/export.ts --format hf: a clean folder in Hugging Face's layout of any model that is read here, with weights of
// the type and in files of the size that are wanted.
import { readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { UserError } from "../../errors.ts";
import type { FileData } from "../../files/folder.ts";
import { openFolder } from "../../files/open.ts";
import { openModelCheckpoint } from "../../gpt2/adapter-files.ts";
import { writeCheckpoint } from "../../gpt2/checkpoint-files.ts";
import { TEMPLATE_FILE } from "../../infill/template.ts";
import { RERANK_FILE } from "../../rerank/weights.ts";
import { formatBytes } from "../shared/format.ts";
import { openModel } from "../shared/load-model.ts";

export interface HfExport {
  /** The model's folder. */
  readonly path: string;
  readonly outputDir: string;
  readonly dtype: "F32" | "F16";
  readonly maxShardBytes: number;
  readonly overwrite: boolean;
  readonly signal: AbortSignal;
}

/** What goes along as it is; the rest is written anew. */
const COPIED = ["generation_config.json", TEMPLATE_FILE, RERANK_FILE, "README.md", "LICENSE"];

/** The weights' files, whatever their number. */
const WEIGHTS = /^model(-\d+-of-\d+)?\.safetensors(\.index\.json)?$/;

/** Writes the folder; returns what to tell. Throws UserError where it holds something, or cannot be written. */
export async function exportHf({
  path,
  outputDir,
  dtype,
  maxShardBytes,
  overwrite,
  signal,
}: HfExport): Promise<string> {
  if (resolve(path) === resolve(outputDir))
    throw new UserError(`${outputDir} is the model itself; choose another --output_dir.`);
  const there = await readdir(outputDir).catch(() => []);
  if (there.length > 0 && !overwrite)
    throw new UserError(`${outputDir} is not empty; choose another --output_dir, or pass --overwrite.`);
  const { folder, config, tokenizer } = await openModel(path, undefined);
  const checkpoint = await openModelCheckpoint(folder, config);
  const read = (parameter: string): Promise<Float32Array> => {
    signal.throwIfAborted();
    return checkpoint.tensor(parameter);
  };
  const files = new Map<string, FileData>([
    ...writeCheckpoint(config, read, { dtype, maxShardBytes }),
    ...tokenizer.save({ modelMaxLength: config.nPositions }),
  ]);
  for (const file of COPIED) if (await folder.has(file)) files.set(file, await folder.read(file));
  await (await openFolder(outputDir)).write(files);
  // Of two sets of weights every loader takes model.safetensors.
  for (const file of there) if (WEIGHTS.test(file) && !files.has(file)) await rm(join(outputDir, file));
  const written = [...files.keys()].filter((file) => WEIGHTS.test(file));
  const out = await openFolder(outputDir);
  let bytes = 0;
  for (const file of written) bytes += await out.size(file);
  const shards = written.length > 1 ? ` in ${written.length - 1} shards` : "";
  return `Saved    ${outputDir}, weights of ${formatBytes(bytes)}${shards}`;
}

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
};

/** "5GB" as Hugging Face writes it -> 5e9 bytes. Throws UserError on anything else. */
export function parseSize(text: string, flag: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([A-Z]*)$/.exec(text.trim().toUpperCase()) ?? [];
  const bytes = Math.floor(Number(number) * (UNITS[unit] ?? NaN));
  if (bytes >= 1) return bytes;
  throw new UserError(`${flag} is ${JSON.stringify(text)}, wanted a size such as 5GB, 500MB or 2GiB.`);
}
