// Reference cases as files give them: numbers of Hugging Face transformers on small random GPT-2s (see README.md in
// test/fixtures/reference, section 3, for every field). REFERENCE_DIR points to another folder of such cases; nothing
// here knows their sizes or names.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MemoryFolder } from "../../src/files/folder.ts";
import { Safetensors } from "../../src/files/safetensors.ts";
import { readCheckpoint, readConfig } from "../../src/gpt2/checkpoint-files.ts";
import type { GPT2Config } from "../../src/gpt2/config.ts";

export type Rows = number[][];

export interface GradGroup {
  prefix: string;
  params: Record<string, { tensor: string; stride: number; l2: number; sum: number; absmax: number }>;
}
export interface ForwardEntry {
  name: string;
  input_ids: Rows;
  positions: number[] | null;
  logits: string;
}
export interface LossEntry {
  name: string;
  input_ids: Rows;
  labels: Rows;
  attention_mask: Rows | null;
  position_ids: Rows | null;
  loss: number;
  n_label_tokens: number;
  grad_norm: number;
  grads: GradGroup;
}
export interface TrainingRun {
  name: string;
  steps: number;
  schedule: "linear" | "cosine";
  warmup_steps: number;
  learning_rate: number;
  betas: [number, number];
  eps: number;
  weight_decay: number;
  max_grad_norm: number | null;
  gradient_accumulation_steps: number;
  optimizer: "adamw_torch" | "hf_adamw_2020";
  grouping: "trainer" | "2020_script";
  micro_batches: Rows[];
  loss: number[];
  grad_norm: number[];
  lr: number[];
  decay_params: string[];
  final_params: GradGroup;
}
export interface GenerateEntry {
  name: string;
  kwargs: Record<string, unknown>;
  input_ids: Rows;
  attention_mask: Rows;
  sequences: Rows;
  sequences_scores: number[] | null;
  agrees_vectorized_beam: boolean | null;
  sequences_vectorized?: Rows;
  sequences_scores_vectorized?: number[] | null;
}
export interface Reference {
  meta: { n_params: number; model_tensors: Record<string, number[]>; [key: string]: unknown };
  forward: ForwardEntry[];
  hidden_states: { input_ids: Rows; tensors: string[]; logits: string };
  padded_forward: { input_ids: Rows; attention_mask: Rows; position_ids: Rows; logits: string };
  loss: LossEntry[];
  training: TrainingRun[];
  warpers: {
    logits: string;
    cases: { name: string; options: Record<string, unknown>; order: string[]; probs: string; kept: number[] }[];
  };
  processors: {
    logits: string;
    input_ids: Rows;
    cases: { name: string; options: Record<string, unknown>; scores: string }[];
  };
  perplexity: {
    input_ids: number[];
    max_length: number;
    stride: number;
    total_nll: number;
    n_tokens: number;
    mean_nll_exact: number;
    ppl_exact: number;
    windows: { begin: number; end: number; trg_len: number; loss: number; n_counted: number; nll_sum: number }[];
    [key: string]: unknown;
  };
  generate: GenerateEntry[];
}

export interface ScriptRun {
  argv: string[];
  perplexity: number;
  final_params: string;
  update_after_n_train_forwards: number[];
  lr_used: number[];
  grad_norms_preclip: number[];
  train_forward: { input_ids: Rows; loss: number; loss_f64: number }[];
  eval_forward: { input_ids: Rows; loss: number; loss_f64: number }[];
}
export interface ScriptReference {
  train_ids: number[];
  eval_ids: number[];
  tokenizer_samples: { text: string; ids: number[]; ids_pure_bpe: number[] }[];
  runs: Record<string, ScriptRun>;
}

interface Case<R> {
  readonly name: string;
  /** All files, for `fromPretrained` and other loaders. */
  readonly folder: MemoryFolder;
  readonly config: GPT2Config;
  /** The checkpoint's weights by Hugging Face name. */
  readonly weights: ReadonlyMap<string, Float32Array>;
  readonly reference: R;
}
/** A case with logits, gradients, training runs and generation (tiny, odd, head64). */
export interface ModelCase extends Case<Reference> {
  /** Tensors of reference.safetensors by key; throws when there is none. */
  tensor(key: string): Float32Array;
}
/** A replay of the 2020 training script (e2e_2020); `finalParams` of run.final_params by Hugging Face name. */
export interface ScriptCase extends Case<ScriptReference> {
  finalParams(file: string): Promise<ReadonlyMap<string, Float32Array>>;
}

export function referenceDir(): string {
  return process.env.REFERENCE_DIR ?? fileURLToPath(new URL("../fixtures/reference", import.meta.url));
}

/** Names of the case folders, sorted: "model" ones hold reference.safetensors, "script" ones do not. */
export function listCases(kind: "model" | "script", dir: string = referenceDir()): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(dir, entry.name, "reference.json")))
    .filter((entry) => existsSync(join(dir, entry.name, "reference.safetensors")) === (kind === "model"))
    .map((entry) => entry.name)
    .sort();
}

export async function loadModelCase(name: string, dir: string = referenceDir()): Promise<ModelCase> {
  const shared = await loadCase<Reference>(name, dir);
  const tensors = await readAll(await Safetensors.open(shared.folder, "reference.safetensors"));
  const tensor = (key: string): Float32Array => {
    const values = tensors.get(key);
    if (!values) throw new Error(`${name}: no tensor ${key} in reference.safetensors`);
    return values;
  };
  return { ...shared, tensor };
}

export async function loadScriptCase(name: string, dir: string = referenceDir()): Promise<ScriptCase> {
  const shared = await loadCase<ScriptReference>(name, dir);
  return { ...shared, finalParams: async (file) => readAll(await Safetensors.open(shared.folder, file)) };
}

/** A numeric flag of a script run's command line. */
export function scriptFlag(run: ScriptRun, flag: string, absent: number): number {
  const at = run.argv.indexOf(flag);
  return at < 0 ? absent : Number(run.argv[at + 1]);
}

async function loadCase<R>(name: string, dir: string): Promise<Case<R>> {
  const path = join(dir, name);
  const folder = new MemoryFolder(
    path,
    new Map(readdirSync(path).map((file) => [file, new Uint8Array(readFileSync(join(path, file)))])),
  );
  const config = await readConfig(folder);
  const weights = new Map<string, Float32Array>();
  await readCheckpoint(folder, config, (parameter, values) => void weights.set(parameter, values));
  return {
    name,
    folder,
    config,
    weights,
    reference: JSON.parse(readFileSync(join(path, "reference.json"), "utf8")) as R,
  };
}

async function readAll(file: Safetensors): Promise<Map<string, Float32Array>> {
  const tensors = new Map<string, Float32Array>();
  for (const name of file.tensors.keys()) tensors.set(name, await file.read(name));
  return tensors;
}
