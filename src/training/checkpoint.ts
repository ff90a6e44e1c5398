// Checkpoints as Hugging Face's Trainer lays them out: checkpoint-<step>/ holds the model folder and trainer_state.json
// in its schema; optimizer moments are safetensors, never pickle. Files are streamed: saving takes the memory of the
// largest tensor. A resumed run goes on as if it had not stopped.
import { UserError } from "../errors.ts";
import type { FileData, Folder } from "../files/folder.ts";
import { readText } from "../files/folder.ts";
import { parseJson } from "../files/json.ts";
import { safetensorsFiles } from "../files/safetensors-write.ts";
import { Safetensors } from "../files/safetensors.ts";
import { writeCheckpoint } from "../gpt2/checkpoint-files.ts";
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import { differences } from "./fingerprint.ts";
import type { Fingerprint } from "./fingerprint.ts";
import type { AdamW } from "./optimizer.ts";
import { parseFingerprint, parseState } from "./trainer-state.ts";
import type { RunShape, TrainerState } from "./trainer-state.ts";

/** Where a run's checkpoints live: in Node a folder on disk, elsewhere whatever implements it. */
export interface CheckpointStore {
  /** The sub-folder `name`, or the run's folder itself for "". */
  open(name: string): Promise<Folder>;
  list(): Promise<string[]>;
  remove(name: string): Promise<void>;
}

export const STATE_FILE = "trainer_state.json";
const OPTIMIZER_STEM = "optimizer";
const OPTIMIZER_FILE = `${OPTIMIZER_STEM}.safetensors`;
const OPTIMIZER_INDEX = `${OPTIMIZER_FILE}.index.json`;

/** The moments of a step are the weights' size twice: beyond this they go to several files, as in save_pretrained. */
export const MAX_SHARD_BYTES = 5e9;

/**
 * The files of a model folder: config, weights, and what goes beside them (`extra`: tokenizer, template). Weights are
 * read from the GPU while they are written.
 */
export function modelFiles(
  model: GPT2LMHeadModel,
  extra: ReadonlyMap<string, FileData>,
  dtype: "F32" | "F16" = "F32",
): Map<string, FileData> {
  const read = (name: string): Promise<Float32Array> => model.device.read(model.parameters.get(name).value);
  return new Map([...writeCheckpoint(model.config, read, { dtype }), ...extra]);
}

/** The optimizer's moments, in files of at most `maxShardBytes` where no tensor is larger. */
export function optimizerFiles(
  model: GPT2LMHeadModel,
  optimizer: AdamW,
  maxShardBytes: number = MAX_SHARD_BYTES,
): Map<string, FileData> {
  const { moments } = optimizer.state();
  const shapes = new Map([...moments].map(([name, tensor]) => [name, tensor.shape]));
  return safetensorsFiles(OPTIMIZER_STEM, shapes, (name) => model.device.read(moments.get(name)!), { maxShardBytes });
}

/**
 * Puts a checkpoint's optimizer moments into `optimizer` and returns where the run stood. The model itself is loaded
 * from the same folder by fromPretrained. Throws UserError when the folder is no checkpoint, holds a state that no run
 * of this shape was in, or belongs to a run of another fingerprint, naming what differs.
 */
export async function resume(
  folder: Folder,
  optimizer: AdamW,
  fingerprint: Fingerprint,
  run: RunShape,
): Promise<TrainerState> {
  const sharded = await folder.has(OPTIMIZER_INDEX);
  for (const file of [STATE_FILE, sharded ? OPTIMIZER_INDEX : OPTIMIZER_FILE]) {
    if (!(await folder.has(file)))
      throw new UserError(`${folder.name}: no ${file}; wanted a checkpoint-<step> folder that training saved.`);
  }
  const what = `${folder.name}/${STATE_FILE}`;
  const json = parseJson(await readText(folder, STATE_FILE), what);
  const differing = differences(parseFingerprint(json, what), fingerprint);
  if (differing.length > 0) {
    throw new UserError(
      `${folder.name} belongs to another run: ${differing.join("; ")}. Go on with what it was trained with, ` +
        `or start a new run from its weights with --model_name_or_path.`,
    );
  }
  const state = parseState(json, run, what);
  const moments = sharded
    ? await Safetensors.openSharded(folder, OPTIMIZER_INDEX)
    : await Safetensors.open(folder, OPTIMIZER_FILE);
  await optimizer.load({
    stepCount: state.optimizerStep,
    skippedInARow: state.skippedInARow,
    shapes: new Map([...moments.tensors].map(([name, { shape }]) => [name, shape])),
    read: (name) => moments.read(name),
  });
  return state;
}

/** Names of the checkpoints in a run's folder, the oldest first. */
export async function listCheckpoints(store: CheckpointStore): Promise<string[]> {
  const step = (name: string): number => Number(name.slice("checkpoint-".length));
  return (await store.list()).filter((name) => /^checkpoint-\d+$/.test(name)).sort((a, b) => step(a) - step(b));
}

/** Removes the oldest checkpoints until at most `limit` are left (0 keeps all). */
export async function rotateCheckpoints(store: CheckpointStore, limit: number): Promise<void> {
  if (limit <= 0) return;
  const names = await listCheckpoints(store);
  for (const name of names.slice(0, Math.max(0, names.length - limit))) await store.remove(name);
}
