// Checkpoints as Hugging Face's Trainer lays them out: checkpoint-<step>/ holds the model folder and trainer_state.json
// in its schema; optimizer moments are safetensors, never pickle. Files are streamed: saving takes the memory of the
// largest tensor. A resumed run goes on as if it had not stopped.
import { UserError } from "../errors.ts";
import type { FileData, Folder } from "../files/folder.ts";
import { readText } from "../files/folder.ts";
import { parseJson } from "../files/json.ts";
import { safetensorsFiles } from "../files/safetensors-write.ts";
import { Safetensors } from "../files/safetensors.ts";
import { writeAdapter } from "../gpt2/adapter-files.ts";
import { writeCheckpoint } from "../gpt2/checkpoint-files.ts";
import type { SavedCheckpointOptions } from "../gpt2/checkpoint-files.ts";
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import type { Shape } from "../gpu/tensor.ts";
import { stepOf } from "./checkpoint-names.ts";
import { differences } from "./fingerprint.ts";
import type { Fingerprint } from "./fingerprint.ts";
import type { AdamW } from "./optimizer.ts";
import { parseFingerprint, parseState } from "./trainer-state.ts";
import type { RunShape, TrainerState } from "./trainer-state.ts";

export { checkpointName, stepOf } from "./checkpoint-names.ts";

/** Where a run's checkpoints live: in Node a folder on disk, elsewhere whatever implements it. */
export interface CheckpointStore {
  /** The sub-folder `name`, or the run's folder itself for "". */
  open(name: string): Promise<Folder>;
  list(): Promise<string[]>;
  remove(name: string): Promise<void>;
  /**
   * Puts the files there so that they are never taken for whole before all of them are: a sub-folder in one act, in the
   * place of one of that name. Throws StoreLostError where to try again later is of no use, and whatever a stream
   * throws. Default: open(name) and write.
   */
  write?(name: string, files: ReadonlyMap<string, FileData>): Promise<void>;
  /** Why a sub-folder (or "", the final model) is not as write() left it, as a clause; undefined when it is. */
  fault?(name: string): Promise<string | undefined>;
}

/** The place that a run saves to is no longer its own. */
export class StoreLostError extends UserError {}

/** A checkpoint of a run with another fingerprint. */
export class OtherRunError extends UserError {}

export const STATE_FILE = "trainer_state.json";
const OPTIMIZER_STEM = "optimizer";
const OPTIMIZER_FILE = `${OPTIMIZER_STEM}.safetensors`;
const OPTIMIZER_INDEX = `${OPTIMIZER_FILE}.index.json`;

/**
 * The files of a model folder (of an adapter alone where the model has one): config, weights, and what goes beside
 * them (`extra`: tokenizer, template). Weights are read from the GPU while they are written; the stream throws
 * NotFiniteError where one is NaN or infinite.
 */
export function modelFiles(
  model: GPT2LMHeadModel,
  extra: ReadonlyMap<string, FileData>,
  options: Pick<SavedCheckpointOptions, "dtype" | "maxShardBytes"> = {},
): Map<string, FileData> {
  const read = async (name: string): Promise<Float32Array> =>
    finite(name, await model.device.read(model.trained.get(name).value));
  const { adapter, config } = model;
  const weights = adapter
    ? writeAdapter(adapter.config, config, read, options.dtype)
    : writeCheckpoint(config, read, options);
  return new Map([...weights, ...extra]);
}

/** The optimizer's moments, as modelFiles(), in files of at most `maxShardBytes` where no tensor is larger. */
export function optimizerFiles(
  shapes: ReadonlyMap<string, Shape>,
  readMoment: (name: string) => Promise<Float32Array>,
  maxShardBytes?: number,
): Map<string, FileData> {
  const read = async (name: string): Promise<Float32Array> => finite(name, await readMoment(name));
  return safetensorsFiles(OPTIMIZER_STEM, shapes, read, { maxShardBytes });
}

/** The values, if they are such as a run can go on from. Throws NotFiniteError naming the tensor. */
function finite(name: string, values: Float32Array): Float32Array {
  const wrong = values.find((value) => !Number.isFinite(value));
  if (wrong === undefined) return values;
  throw new NotFiniteError(`${name} holds ${wrong}`);
}

/** What was to be saved is not finite; the message is a clause that says what. */
export class NotFiniteError extends Error {}

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
    throw new OtherRunError(
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
    skipped: state.skippedUpdates,
    skippedInARow: state.skippedInARow,
    lossScale: state.lossScale,
    shapes: new Map([...moments.tensors].map(([name, { shape }]) => [name, shape])),
    read: (name) => moments.read(name),
  });
  return state;
}

/** Names of the checkpoints in a run's folder, the oldest first. */
export async function listCheckpoints(store: Pick<CheckpointStore, "list">): Promise<string[]> {
  return (await store.list()).filter((name) => stepOf(name) !== undefined).sort((a, b) => stepOf(a)! - stepOf(b)!);
}

/** Names of the whole checkpoints, the newest first, each looked at when it is asked for; `onSkip` hears of others. */
export async function* wholeCheckpoints(
  store: CheckpointStore,
  onSkip: (name: string, fault: string) => void,
): AsyncGenerator<string, undefined> {
  for (const name of (await listCheckpoints(store)).reverse()) {
    const fault = await store.fault?.(name);
    if (fault === undefined) yield name;
    else onSkip(name, fault);
  }
}

/**
 * Removes the oldest checkpoints until at most `limit` are left (0 keeps all). Those of later steps than `step`, where
 * the run stands, are of another run or of one that was gone back from: they do not count and stay. `best` stays, too,
 * instead of the oldest, or beside the only one.
 */
export async function rotateCheckpoints(
  store: CheckpointStore,
  limit: number,
  step: number,
  best?: string,
): Promise<void> {
  if (limit <= 0) return;
  const names = (await listCheckpoints(store)).filter((name) => stepOf(name)! <= step);
  const last = names.at(-1);
  const others = names.filter((name) => name !== best && name !== last);
  const room = Math.max(0, limit - (names.length - others.length));
  for (const name of others.slice(0, Math.max(0, others.length - room))) await store.remove(name);
}
