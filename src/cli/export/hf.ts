// src/export.ts --format hf: a clean folder in Hugging Face's layout of any model that is read here, with weights of
// the type and in files of the size that are wanted.
import { readdir, rm } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { UserError } from "../../errors.ts";
import { readText } from "../../files/folder.ts";
import type { FileData } from "../../files/folder.ts";
import { openFolder } from "../../files/open.ts";
import { AdapterFolder, openModelCheckpoint, readLoraConfig } from "../../gpt2/adapter-files.ts";
import { writeCheckpoint } from "../../gpt2/checkpoint-files.ts";
import { TEMPLATE_FILE } from "../../infill/template.ts";
import { RERANK_FILE } from "../../rerank/weights.ts";
import { frontMatterTexts } from "../../training/card-front-matter.ts";
import { hasOthersReadme, modelCard, MODEL_CARD_FILE, trainingPart } from "../../training/model-card.ts";
import { writeNote } from "../shared/announce.ts";
import { describeConfig } from "../shared/describe-model.ts";
import { formatBytes } from "../shared/format.ts";
import { openModel } from "../shared/load-model.ts";
import type { ModelFolder } from "../shared/load-model.ts";
import { baseOf, cardFile, cardUsage } from "../shared/model-card.ts";

export interface HfExport {
  /** The model's folder. */
  readonly path: string;
  /** What the user calls it; default: its path. */
  readonly model?: string;
  readonly outputDir: string;
  readonly dtype: "F32" | "F16";
  readonly maxShardBytes: number;
  readonly overwrite: boolean;
  readonly signal: AbortSignal;
}

/** What goes along as it is; the rest is written anew. */
const COPIED = ["generation_config.json", TEMPLATE_FILE, RERANK_FILE, "LICENSE"];

/** The weights' files, whatever their number. */
const WEIGHTS = /^model(-\d+-of-\d+)?\.safetensors(\.index\.json)?$/;

/** Writes the folder; returns what to tell. Throws UserError where it holds something, or cannot be written. */
export async function exportHf({
  path,
  model = path,
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
  const opened = await openModel(path, undefined);
  const { folder, config, tokenizer } = opened;
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
  const out = await openFolder(outputDir);
  const card = await cardOf(opened, { model, outputDir });
  for (const [name, text] of await cardFile(out, outputDir, card)) files.set(name, text);
  await out.write(files);
  // Of two sets of weights every loader takes model.safetensors.
  for (const file of there) if (WEIGHTS.test(file) && !files.has(file)) await rm(join(outputDir, file));
  const written = [...files.keys()].filter((file) => WEIGHTS.test(file));
  let bytes = 0;
  for (const file of written) bytes += await out.size(file);
  const shards = written.length > 1 ? ` in ${written.length - 1} shards` : "";
  return `Saved    ${outputDir}, weights of ${formatBytes(bytes)}${shards}`;
}

/**
 * The card of the exported model: its own, where it has one; of an adapter that is merged (whose card says how an
 * adapter is loaded), and of a model without a card, a new one, with what is known of its training.
 */
async function cardOf(
  { folder, config, tokenizer, encoder }: ModelFolder,
  { model, outputDir }: { readonly model: string; readonly outputDir: string },
): Promise<string> {
  const own = (await folder.has(MODEL_CARD_FILE)) ? await readText(folder, MODEL_CARD_FILE) : undefined;
  const isMerged = folder instanceof AdapterFolder;
  if (own !== undefined && !isMerged) return own;
  if (await hasOthersReadme(folder))
    writeNote(
      `${folder.name}/${MODEL_CARD_FILE} is of the adapter, and not of this program: the merged model has a card of ` +
        "its own; copy what of yours is to be in it.",
    );
  const template = encoder?.template;
  const baseName = isMerged ? (await readLoraConfig(folder)).baseModelNameOrPath : null;
  const { origin: _, ...base } = baseName === null ? { origin: "" } : await baseOf(baseName);
  const card = modelCard({
    about: {
      name: basename(resolve(outputDir)),
      ...base,
      ...(await baseOf(model)),
      languages: own === undefined ? [] : frontMatterTexts(own, "language"),
      fillsGaps: template !== undefined,
    },
    size: describeConfig(config),
    usage: cardUsage(config, tokenizer, template),
  });
  const training = own === undefined ? undefined : trainingPart(own);
  return training === undefined ? card : `${card}${training}`;
}
