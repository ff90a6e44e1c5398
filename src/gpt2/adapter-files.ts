// A LoRA adapter's folder in PEFT's layout: adapter_config.json and adapter_model.safetensors, read and checked against
// the base, written, and with its base seen as one model: the weights of W + alpha / r (B A)^T, summed in float64.
import { UserError } from "../errors.ts";
import type { FileData, Folder } from "../files/folder.ts";
import { readJsonObject } from "../files/json.ts";
import { openModelFolder } from "../files/open.ts";
import type { HubSourceOptions } from "../files/open.ts";
import { printable, quote } from "../files/quote.ts";
import { safetensorsFiles } from "../files/safetensors-write.ts";
import { FLOAT_DTYPES, Safetensors } from "../files/safetensors.ts";
import { openCheckpoint, parameterShapes, readConfig, WEIGHTS_FILE } from "./checkpoint-files.ts";
import type { Checkpoint } from "./checkpoint-files.ts";
import type { GPT2Config } from "./config.ts";
import { resizeEmbedding } from "./resize-embeddings.ts";
import { savedTable } from "./adapter-table.ts";
import type { SavedTable } from "./adapter-table.ts";
import { adapterShapes, LoraConfig, TOKEN_ROWS_NAME } from "./lora-config.ts";

export const ADAPTER_CONFIG = "adapter_config.json";
const ADAPTER_STEM = "adapter_model";
export const ADAPTER_WEIGHTS = `${ADAPTER_STEM}.safetensors`;
const WTE = "transformer.wte.weight";

/** Whether the folder holds an adapter, and no whole model. */
export async function isAdapter(folder: Folder): Promise<boolean> {
  if (folder instanceof AdapterFolder) return true;
  if (!(await folder.has(ADAPTER_CONFIG))) return false;
  const whole = await Promise.all([WEIGHTS_FILE, `${WEIGHTS_FILE}.index.json`].map((file) => folder.has(file)));
  return !whole.includes(true);
}

/** What an adapter's folder may leave to its base, all of it or nothing: PEFT itself writes no tokenizer. */
const FROM_BASE = [
  "tokenizer.json",
  "vocab.json",
  "merges.txt",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "generation_config.json",
  "infill_template.json",
];

/** An adapter's folder whose base is known; it has the base's tokenizer where it has none. */
export class AdapterFolder implements Folder {
  readonly name: string;
  readonly base: Folder;
  private readonly own: Folder;
  private readonly fromBase: readonly string[];

  private constructor(own: Folder, base: Folder, fromBase: readonly string[]) {
    this.name = own.name;
    this.own = own;
    this.base = base;
    this.fromBase = fromBase;
  }

  static async open(own: Folder, base: Folder): Promise<AdapterFolder> {
    const hasTokenizer = (await own.has("tokenizer.json")) || (await own.has("vocab.json"));
    return new AdapterFolder(own, base, hasTokenizer ? [] : FROM_BASE);
  }

  private folderOf(file: string): Folder {
    return this.fromBase.includes(file) ? this.base : this.own;
  }
  list: Folder["list"] = () => this.own.list();
  has: Folder["has"] = (file) => this.folderOf(file).has(file);
  size: Folder["size"] = (file) => this.folderOf(file).size(file);
  read: Folder["read"] = (file, range) => this.folderOf(file).read(file, range);
  write: Folder["write"] = (files) => this.own.write(files);
}

/** How a base is found that an adapter calls a folder, an address or a name on the Hub. */
export function openBase({ cacheDir }: Pick<HubSourceOptions, "cacheDir"> = {}): (name: string) => Promise<Folder> {
  return (name) => openModelFolder(name, { part: "model", cacheDir });
}

/**
 * The folder as it is, or, where it is an adapter's, with its base: that which `open` gives for what
 * adapter_config.json calls it. Throws UserError where that names none.
 */
export async function withBase(folder: Folder, open = openBase()): Promise<Folder> {
  if (folder instanceof AdapterFolder || !(await isAdapter(folder))) return folder;
  const { baseModelNameOrPath: name } = await readLoraConfig(folder);
  const advice = `set base_model_name_or_path in ${folder.name}/${ADAPTER_CONFIG} to its folder`;
  if (typeof name !== "string" || name === "")
    throw new UserError(`${folder.name} is an adapter that does not say of which model; ${advice}.`);
  let base: Folder;
  try {
    base = await open(name);
    if (!(await base.has("config.json"))) throw new UserError("it has no config.json.");
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(
      `${folder.name} is an adapter of ${quote(name)}, which cannot be opened: ${error.message} Or ${advice}.`,
      { cause: error },
    );
  }
  if (await isAdapter(base))
    throw new UserError(`${folder.name} is an adapter of ${quote(name)}, itself an adapter; merge that one first.`);
  return AdapterFolder.open(folder, base);
}

export async function readLoraConfig(folder: Folder): Promise<LoraConfig> {
  return LoraConfig.fromJson(await readJsonObject(folder, ADAPTER_CONFIG), `${folder.name}/${ADAPTER_CONFIG}`);
}

/** readConfig(), of an adapter's folder too: its base's, with the rows that the adapter adds. */
export async function readModelConfig(folder: Folder): Promise<GPT2Config> {
  const model = await withBase(folder);
  if (!(model instanceof AdapterFolder)) return readConfig(folder);
  const base = await readConfig(model.base);
  const { trainableTokenIndices } = await readLoraConfig(folder);
  const table = savedTable(await openWeights(folder), folder.name);
  const rows = table?.vocabSize ?? base.vocabSize;
  return base.with({ vocabSize: Math.max(rows, ...trainableTokenIndices.map((id) => id + 1)) });
}

/** openCheckpoint(), of an adapter's folder too: the adapter is merged into what is read. */
export async function openModelCheckpoint(folder: Folder, config: GPT2Config): Promise<Checkpoint> {
  const model = await withBase(folder);
  if (!(model instanceof AdapterFolder)) return openCheckpoint(folder, config);
  const base = await openCheckpoint(model.base, await readConfig(model.base));
  const adapter = await openAdapter(folder, config);
  const tensor = async (name: string): Promise<Float32Array> => merged(name, await base.tensor(name), adapter, config);
  return {
    ignored: base.ignored,
    tensor,
    async read(onTensor) {
      for (const name of parameterShapes(config).keys()) await onTensor(name, await tensor(name));
    },
  };
}

/** An adapter's weights, known to fit. */
export interface AdapterWeights {
  readonly config: LoraConfig;
  /** The whole of wte, where the vocabulary was resized by PEFT's user. */
  readonly table: SavedTable | undefined;
  has(name: string): boolean;
  /** By PEFT's name. */
  tensor(name: string): Promise<Float32Array>;
}

/**
 * Opens the weights and compares them with `config`, the base's with the rows that the adapter adds. Layers may lack an
 * adapter (PEFT's layers_to_transform). Throws UserError for others, misshapen ones and halves of pairs.
 */
export async function openAdapter(folder: Folder, config: GPT2Config): Promise<AdapterWeights> {
  const lora = await readLoraConfig(folder);
  const weights = await openWeights(folder);
  const table = savedTable(weights, folder.name);
  const shapes = adapterShapes(lora, config);
  for (const name of table?.names ?? []) shapes.set(name, [config.vocabSize, config.nEmbd]);
  const faults: string[] = [];
  for (const [name, { dtype, shape }] of weights.tensors) {
    const wanted = shapes.get(name);
    if (!wanted) faults.push(`unexpected ${printable(name)}`);
    else if (shape.join() !== wanted.join()) faults.push(`${name} is ${quote(shape)}, wanted ${quote(wanted)}`);
    else if (!FLOAT_DTYPES.includes(dtype)) faults.push(`${name} is ${dtype}, wanted ${FLOAT_DTYPES.join(", ")}`);
  }
  const has = (name: string): boolean => weights.tensors.has(name);
  for (const name of shapes.keys()) {
    const partner = name.includes(".lora_A.")
      ? name.replace(".lora_A.", ".lora_B.")
      : name.replace(".lora_B.", ".lora_A.");
    if (!has(name) && (partner === name || has(partner))) faults.push(`missing ${name}`);
  }
  if (weights.tensors.size === 0) faults.push("no tensor at all");
  if (faults.length > 0)
    throw new UserError(
      `${folder.name}: the adapter does not fit what ${ADAPTER_CONFIG} and its base say: ` +
        `${faults.slice(0, 6).join("; ")}${faults.length > 6 ? `; and ${faults.length - 6} more` : ""}; use an ` +
        "adapter of this base.",
    );
  return { config: lora, table, has, tensor: (name) => weights.read(name) };
}

async function openWeights(folder: Folder): Promise<Safetensors> {
  if (await folder.has(ADAPTER_WEIGHTS)) return Safetensors.open(folder, ADAPTER_WEIGHTS);
  throw new UserError(
    `${folder.name}: no ${ADAPTER_WEIGHTS} beside ${ADAPTER_CONFIG}; save the adapter with safe_serialization=True.`,
  );
}

/** The files of an adapter's folder; `read` is asked for each tensor by PEFT's name. */
export function writeAdapter(
  lora: LoraConfig,
  config: GPT2Config,
  read: (name: string) => Float32Array | Promise<Float32Array>,
  dtype: "F32" | "F16" = "F32",
): Map<string, FileData> {
  const weights = safetensorsFiles(ADAPTER_STEM, adapterShapes(lora, config), read, { dtype });
  return new Map<string, FileData>([[ADAPTER_CONFIG, `${JSON.stringify(lora.toJson(), null, 2)}\n`], ...weights]);
}

/** A parameter of the base with the adapter's change, in the shape that `config` gives it. */
async function merged(
  name: string,
  values: Float32Array,
  { config: lora, table, has, tensor }: AdapterWeights,
  { nEmbd: C, vocabSize }: GPT2Config,
): Promise<Float32Array> {
  if (name === WTE) {
    const { trainableTokenIndices: indices } = lora;
    if (table) values = await table.read();
    if (indices.length === 0) return values;
    const rows = await tensor(TOKEN_ROWS_NAME);
    const added = vocabSize - values.length / C;
    const known = indices.filter((id) => id >= values.length / C).length === added;
    // New rows that the adapter does not hold are as Hugging Face's resize draws them: around the mean of the old.
    const resized = known ? new Float32Array(vocabSize * C) : resizeEmbedding(values, C, vocabSize, 42);
    resized.set(values);
    indices.forEach((id, row) => resized.set(rows.subarray(row * C, (row + 1) * C), id * C));
    return resized;
  }
  const [, layer] = /^(.*)\.weight$/.exec(name) ?? [];
  const names = { a: `base_model.model.${layer}.lora_A.weight`, b: `base_model.model.${layer}.lora_B.weight` };
  if (layer === undefined || !has(names.a)) return values;
  return addLowRank(values, await tensor(names.a), await tensor(names.b), lora);
}

/** W [in, out] + scaling (B A)^T, with A [r, in] and B [out, r]: summed in float64, rounded once. */
export function addLowRank(
  weight: Float32Array,
  a: Float32Array,
  b: Float32Array,
  { r, scaling }: Pick<LoraConfig, "r" | "scaling">,
): Float32Array {
  const inputs = a.length / r,
    outputs = b.length / r;
  const sum = new Float32Array(weight.length);
  const row = new Float64Array(outputs);
  // B^T, so that the inner loop runs along memory
  const bt = new Float64Array(b.length);
  for (let o = 0; o < outputs; o++) for (let k = 0; k < r; k++) bt[k * outputs + o] = b[o * r + k];
  for (let i = 0; i < inputs; i++) {
    row.fill(0);
    for (let k = 0; k < r; k++) {
      const factor = scaling * a[k * inputs + i];
      for (let o = 0, at = k * outputs; o < outputs; o++, at++) row[o] += factor * bt[at];
    }
    for (let o = 0, at = i * outputs; o < outputs; o++, at++) sum[at] = weight[at] + row[o];
  }
  return sum;
}
