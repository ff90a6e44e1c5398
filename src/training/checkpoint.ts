// Checkpoints as Hugging Face's Trainer lays them out: checkpoint-<step>/ holds the model folder and trainer_state.json
// in its schema; optimizer moments are safetensors, never pickle. A resumed run goes on as if it had not stopped.
import { UserError } from "../errors.ts";
import type { FileData, Folder } from "../files/folder.ts";
import { readJson } from "../files/json.ts";
import { encodeSafetensors } from "../files/safetensors-write.ts";
import { Safetensors } from "../files/safetensors.ts";
import { writeCheckpoint } from "../gpt2/checkpoint-files.ts";
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import type { TrainingArguments } from "./arguments.ts";
import type { Position } from "../examples/data-loader.ts";
import type { AdamW } from "./optimizer.ts";

/** One line of the log, as in Hugging Face's log_history. */
export type LogEntry = Readonly<Record<string, number>> & { readonly step: number; readonly epoch: number };

export interface TrainerState {
  readonly step: number;
  /** Where the data loader goes on, and how many forwards drew dropout. */
  readonly position: Position;
  readonly dropoutStep: number;
  /** Sum of the losses since the last log entry. */
  readonly pendingLoss: number;
  readonly logHistory: readonly LogEntry[];
}

/** Where a run's checkpoints live: in Node a folder on disk, elsewhere whatever implements it. */
export interface CheckpointStore {
  /** The sub-folder `name`, or the run's folder itself for "". */
  open(name: string): Promise<Folder>;
  list(): Promise<string[]>;
  remove(name: string): Promise<void>;
}

export const STATE_FILE = "trainer_state.json";
const OPTIMIZER_FILE = "optimizer.safetensors";

/**
 * The files of a checkpoint: the model, what goes beside it (`extra`: tokenizer, template), the optimizer and the
 * state.
 */
export function checkpointFiles(
  model: GPT2LMHeadModel,
  extra: ReadonlyMap<string, string | Uint8Array>,
  optimizer: AdamW,
  state: TrainerState,
  args: TrainingArguments,
  total: number,
): Map<string, FileData> {
  const files = modelFiles(model, extra);
  const { moments, stepCount } = optimizer.state();
  const shapes = new Map([...moments].map(([name, tensor]) => [name, tensor.shape]));
  files.set(
    OPTIMIZER_FILE,
    encodeSafetensors(shapes, (name) => model.device.read(moments.get(name)!)),
  );
  files.set(STATE_FILE, stateText(state, args, total, stepCount));
  return files;
}

/**
 * trainer_state.json: what Hugging Face's Trainer writes there, and what its rng_state.pth and optimizer hold in
 * numbers.
 */
export function stateText(state: TrainerState, args: TrainingArguments, total: number, optimizerStep: number): string {
  return `${JSON.stringify(
    {
      best_metric: null,
      best_model_checkpoint: null,
      epoch: state.logHistory.at(-1)?.epoch ?? 0,
      eval_steps: args.evalSteps,
      global_step: state.step,
      is_hyper_param_search: false,
      is_local_process_zero: true,
      is_world_process_zero: true,
      log_history: state.logHistory,
      logging_steps: args.loggingSteps,
      max_steps: total,
      num_train_epochs: args.numTrainEpochs,
      save_steps: args.saveSteps,
      train_batch_size: args.perDeviceTrainBatchSize,
      trial_name: null,
      trial_params: null,
      // What Hugging Face keeps in rng_state.pth: here these numbers are all there is to restore.
      data_position: state.position,
      dropout_step: state.dropoutStep,
      pending_loss: state.pendingLoss,
      optimizer_step: optimizerStep,
      seed: args.seed,
    },
    null,
    2,
  )}\n`;
}

/** The model folder alone: config, weights and what goes beside them. */
export function modelFiles(
  model: GPT2LMHeadModel,
  extra: ReadonlyMap<string, string | Uint8Array>,
  dtype: "F32" | "F16" = "F32",
): Map<string, FileData> {
  const files = writeCheckpoint(model.config, (name) => model.device.read(model.parameters.get(name).value), { dtype });
  for (const [name, data] of extra) files.set(name, data);
  return files;
}

/**
 * Puts a checkpoint's optimizer moments into `optimizer` and returns where the run stood. The model itself is loaded
 * from the same folder by fromPretrained. Throws UserError when the folder is not a checkpoint of this model, or of
 * another seed or batch size.
 */
export async function resume(folder: Folder, optimizer: AdamW, args: TrainingArguments): Promise<TrainerState> {
  for (const file of [STATE_FILE, OPTIMIZER_FILE]) {
    if (!(await folder.has(file)))
      throw new UserError(`${folder.name}: no ${file}; wanted a checkpoint-<step> folder that training saved.`);
  }
  const json = (await readJson(folder, STATE_FILE)) as Record<string, unknown>;
  const {
    global_step: step,
    data_position: position,
    dropout_step: dropoutStep,
    pending_loss: pendingLoss,
    optimizer_step: optimizerStep,
    log_history: logHistory,
    seed,
    train_batch_size: batchSize,
  } = json;
  if (
    typeof step !== "number" ||
    typeof optimizerStep !== "number" ||
    typeof dropoutStep !== "number" ||
    typeof pendingLoss !== "number" ||
    !position ||
    !Array.isArray(logHistory)
  ) {
    throw new UserError(
      `${folder.name}/${STATE_FILE}: lacks global_step, optimizer_step, dropout_step, pending_loss, data_position or log_history; wanted a checkpoint of this program.`,
    );
  }
  if (seed !== args.seed)
    throw new UserError(
      `${folder.name}: was trained with --seed ${seed}, this run has ${args.seed}; the data order would differ: use --seed ${seed}.`,
    );
  if (batchSize !== args.perDeviceTrainBatchSize) {
    throw new UserError(
      `${folder.name}: was trained with --per_device_train_batch_size ${String(batchSize)}, this run has ${args.perDeviceTrainBatchSize}; the data order would differ: use --per_device_train_batch_size ${String(batchSize)}.`,
    );
  }
  const moments = await Safetensors.open(folder, OPTIMIZER_FILE);
  const tensors = new Map<string, { shape: readonly number[]; values: Float32Array }>();
  for (const [name, { shape }] of moments.tensors) tensors.set(name, { shape, values: await moments.read(name) });
  optimizer.load({ stepCount: optimizerStep, moments: tensors });
  return { step, position: position as Position, dropoutStep, pendingLoss, logHistory: logHistory as LogEntry[] };
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
