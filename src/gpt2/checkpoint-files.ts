// The Hugging Face folder of a GPT-2 model: config.json and model.safetensors (or its shards), read tensor by tensor
// and checked against the config before the first one is handed over; and the files of such a folder, to be written.
import { UserError } from "../errors.ts";
import type { FileData, Folder } from "../files/folder.ts";
import { readJsonObject } from "../files/json.ts";
import { printable, quote } from "../files/quote.ts";
import { safetensorsFiles } from "../files/safetensors-write.ts";
import { FLOAT_DTYPES, Safetensors } from "../files/safetensors.ts";
import { GPT2Config } from "./config.ts";

const WEIGHTS_STEM = "model";
export const WEIGHTS_FILE = `${WEIGHTS_STEM}.safetensors`;
const INDEX_FILE = `${WEIGHTS_FILE}.index.json`;
const OTHER_FORMATS = ["pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack"];
const HEAD = "lm_head.weight";
const TOKEN_EMBEDDING = "transformer.wte.weight";

/**
 * Shape of every parameter under its Hugging Face name, in the order wte, wpe, h.0 ... h.L-1, ln_f. Conv1D weights are
 * [in, out].
 */
export function parameterShapes(config: GPT2Config): ReadonlyMap<string, readonly number[]> {
  const { nEmbd: C, innerSize } = config;
  const shapes = new Map<string, readonly number[]>();
  const norm = (name: string): void => void shapes.set(`${name}.weight`, [C]).set(`${name}.bias`, [C]);
  const conv1d = (name: string, inputs: number, outputs: number): void =>
    void shapes.set(`${name}.weight`, [inputs, outputs]).set(`${name}.bias`, [outputs]);
  shapes.set(TOKEN_EMBEDDING, [config.vocabSize, C]);
  shapes.set("transformer.wpe.weight", [config.nPositions, C]);
  for (let layer = 0; layer < config.nLayer; layer++) {
    const block = `transformer.h.${layer}`;
    norm(`${block}.ln_1`);
    conv1d(`${block}.attn.c_attn`, C, 3 * C);
    conv1d(`${block}.attn.c_proj`, C, C);
    norm(`${block}.ln_2`);
    conv1d(`${block}.mlp.c_fc`, C, innerSize);
    conv1d(`${block}.mlp.c_proj`, innerSize, C);
  }
  norm("transformer.ln_f");
  return shapes;
}

/**
 * The folder's config.json, or the config in another file of it. Throws UserError when it is missing, not JSON, or of a
 * model this engine does not compute.
 */
export async function readConfig(folder: Folder, file = "config.json"): Promise<GPT2Config> {
  if (!(await folder.has(file))) {
    throw new UserError(
      `${folder.name}: no ${file}; wanted the folder of a GPT-2 model in Hugging Face's layout ` +
        `(config.json and ${WEIGHTS_FILE}).`,
    );
  }
  return GPT2Config.fromJson(await readJsonObject(folder, file), `${folder.name}/${file}`);
}

/** The weights of a folder, known to fit the config before the first value is read. */
export interface Checkpoint {
  /** Tensors in the files that are no part of the language model (other heads, say), as the files name them. */
  readonly ignored: readonly string[];
  /**
   * Hands every parameter to `onTensor` once, in the order of `parameterShapes`, one in memory at a time; the array is
   * only to be read. Throws UserError when an lm_head.weight differs from wte, or a value is too large for float32.
   */
  read(onTensor: OnTensor): Promise<void>;
  /** One parameter by its Hugging Face name, in the shape of `parameterShapes`; throws as `read`. */
  tensor(name: string): Promise<Float32Array>;
}

type OnTensor = (name: string, values: Float32Array) => void | Promise<void>;

/**
 * Opens the weights and compares them with `config`, reading headers only. Names with and without "transformer." are
 * the same; a tied head may be stored under its own name alone, as safetensors' save_model does; what Hugging Face's
 * GPT2LMHeadModel would leave unused is listed in `ignored`. Throws UserError for missing and misshapen tensors.
 */
export async function openCheckpoint(folder: Folder, config: GPT2Config): Promise<Checkpoint> {
  const weights = await openWeights(folder);
  const shapes = parameterShapes(config);
  const stored = new Map<string, string>(); // Hugging Face name -> name in the file
  const faults: string[] = [];
  const ignored: string[] = [];
  for (const [name, { dtype, shape }] of weights.tensors) {
    const known = name === HEAD || name.startsWith("transformer.") ? name : `transformer.${name}`;
    const wanted = shapes.get(known === HEAD ? TOKEN_EMBEDDING : known);
    if (!wanted) {
      if (isFurtherLayer(known, config)) faults.push(`unexpected ${printable(name)}`);
      else if (!isMaskBuffer(known)) ignored.push(name);
      continue;
    }
    if (stored.has(known)) faults.push(`${name} and ${stored.get(known)} are the same parameter`);
    else if (shape.join() !== wanted.join()) faults.push(`${name} is ${quote(shape)}, wanted ${quote(wanted)}`);
    else if (!FLOAT_DTYPES.includes(dtype)) faults.push(`${name} is ${dtype}, wanted ${FLOAT_DTYPES.join(", ")}`);
    stored.set(known, name);
  }
  const tied = stored.get(HEAD);
  if (tied !== undefined && !stored.has(TOKEN_EMBEDDING)) stored.set(TOKEN_EMBEDDING, tied);
  for (const name of shapes.keys()) {
    if (stored.has(name)) continue;
    const file = weights.absent.get(name) ?? weights.absent.get(name.replace("transformer.", ""));
    faults.push(
      file === undefined
        ? `missing ${name}`
        : `missing ${name}: ${printable(file)} does not hold the tensor, though the index places it there`,
    );
  }
  if (faults.length > 0) {
    const more = faults.length > 6 ? `; and ${faults.length - 6} more` : "";
    throw new UserError(
      `${folder.name}: the weights are not those of the model that config.json describes: ` +
        `${faults.slice(0, 6).join("; ")}${more}; use the config.json and the weights of one GPT-2 language model.`,
    );
  }
  const embedding = stored.get(TOKEN_EMBEDDING)!;
  const tensor = async (name: string): Promise<Float32Array> => {
    // The embedding is the first that is read.
    if (name === TOKEN_EMBEDDING && tied !== undefined && tied !== embedding)
      await checkTiedHead(folder, weights, embedding);
    return weights.read(stored.get(name)!);
  };
  return {
    ignored,
    tensor,
    async read(onTensor) {
      for (const name of shapes.keys()) await onTensor(name, await tensor(name));
    },
  };
}

/** What `openCheckpoint` left aside, as one sentence; undefined when that is nothing. */
export function ignoredTensors(folder: Folder, { ignored }: Checkpoint): string | undefined {
  if (ignored.length === 0) return undefined;
  const shown = ignored.slice(0, 4).map((name) => printable(name));
  const more = ignored.length > shown.length ? ` and ${ignored.length - shown.length} more` : "";
  return (
    `${folder.name}: ${shown.join(", ")}${more} in the weights ${ignored.length === 1 ? "is" : "are"} ` +
    "no part of the language model and left unused."
  );
}

/** `openCheckpoint` and all of its parameters: nothing is handed over before all is checked. */
export async function readCheckpoint(folder: Folder, config: GPT2Config, onTensor: OnTensor): Promise<void> {
  await (await openCheckpoint(folder, config)).read(onTensor);
}

export interface SavedCheckpointOptions {
  readonly dtype?: "F32" | "F16";
  /** Bytes of tensors after which the weights go on in another file; default 5e9, as in save_pretrained. */
  readonly maxShardBytes?: number;
  readonly generationConfig?: Readonly<Record<string, unknown>>;
}

/**
 * The files of a model folder, for `saveCheckpoint`: config.json, model.safetensors, or its shards with their index
 * where they are larger than `maxShardBytes` (no lm_head.weight: it is wte) and, when given, generation_config.json.
 * `read` is asked for each parameter once, in the order of `parameterShapes`, while the weights are written; the stream
 * throws UserError naming the tensor when a value does not fit F16.
 */
export function writeCheckpoint(
  config: GPT2Config,
  read: (name: string) => Float32Array | Promise<Float32Array>,
  { dtype = "F32", maxShardBytes, generationConfig }: SavedCheckpointOptions = {},
): Map<string, FileData> {
  const files = new Map<string, FileData>();
  // transformers 5 writes "dtype", every version reads "torch_dtype"; always in this place, so that a config that was
  // read is written as it was
  const { dtype: _, torch_dtype: __, ...json } = config.toJson();
  files.set("config.json", jsonText({ ...json, torch_dtype: dtype === "F32" ? "float32" : "float16" }));
  if (generationConfig) files.set("generation_config.json", jsonText(generationConfig));
  const weights = safetensorsFiles(WEIGHTS_STEM, parameterShapes(config), read, { dtype, maxShardBytes });
  return new Map([...files, ...weights]);
}

/**
 * Writes these files of a model. Throws UserError where the folder holds a model.safetensors and these are shards:
 * every loader would go on taking the first.
 */
export async function saveCheckpoint(folder: Folder, files: ReadonlyMap<string, FileData>): Promise<void> {
  if (!files.has(WEIGHTS_FILE) && (await folder.has(WEIGHTS_FILE)))
    throw new UserError(
      `${folder.name}: holds ${WEIGHTS_FILE}, which would be loaded instead of the shards to be written; remove it, ` +
        "or choose another folder.",
    );
  await folder.write(files);
}

async function openWeights(folder: Folder): Promise<Safetensors> {
  if (await folder.has(WEIGHTS_FILE)) return Safetensors.open(folder, WEIGHTS_FILE);
  if (await folder.has(INDEX_FILE)) return Safetensors.openSharded(folder, INDEX_FILE, { allowAbsent: true });
  for (const file of OTHER_FORMATS) {
    if (await folder.has(file))
      throw new UserError(
        `${folder.name}: has ${file} but no ${WEIGHTS_FILE}, the only weight format read here; convert it once ` +
          "in Python: GPT2LMHeadModel.from_pretrained(folder).save_pretrained(folder).",
      );
  }
  throw new UserError(
    `${folder.name}: no ${WEIGHTS_FILE}; wanted the folder of a GPT-2 model in Hugging Face's layout ` +
      `(config.json and ${WEIGHTS_FILE}).`,
  );
}

/** The causal masks that old checkpoints stored beside the weights. */
function isMaskBuffer(name: string): boolean {
  return /^transformer\.h\.\d+\.attn\.(bias|masked_bias)$/.test(name);
}

/** A block that the config does not count: these are the weights of a deeper model. */
function isFurtherLayer(name: string, { nLayer }: GPT2Config): boolean {
  const [, layer] = /^transformer\.h\.(\d+)\.ln_1\.weight$/.exec(name) ?? [];
  return layer !== undefined && Number(layer) >= nLayer;
}

async function checkTiedHead(folder: Folder, weights: Safetensors, embedding: string): Promise<void> {
  const [head, wte] = [await weights.read(HEAD), await weights.read(embedding)];
  const differs = head.findIndex((value, i) => !Object.is(value, wte[i]) && value !== wte[i]);
  if (differs >= 0) {
    throw new UserError(
      `${folder.name}: ${HEAD} differs from ${embedding} (${head[differs]} and ${wte[differs]} at element ` +
        `${differs}); this engine computes GPT-2 with a tied head only.`,
    );
  }
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
