// What a run leaves behind: checkpoints that it can go on from, of which the oldest go, and at its end the model. A
// checkpoint that cannot be written (a full disk) costs nothing but itself: the run hears of it and goes on.
import type { FileData } from "../files/folder.ts";
import { readText } from "../files/folder.ts";
import { openAdapter } from "../gpt2/adapter-files.ts";
import { openCheckpoint } from "../gpt2/checkpoint-files.ts";
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import { load } from "../gpt2/parameters.ts";
import {
  checkpointName,
  listCheckpoints,
  modelFiles,
  optimizerFiles,
  rotateCheckpoints,
  STATE_FILE,
  stepOf,
  StoreLostError,
} from "./checkpoint.ts";
import type { CheckpointStore } from "./checkpoint.ts";
import type { AdamW } from "./optimizer.ts";
import { told } from "./ranks.ts";
import type { Ranks } from "./ranks.ts";

export interface SaverOptions {
  readonly store: CheckpointStore;
  /** Files saved beside the weights: tokenizer, template. */
  readonly extraFiles?: ReadonlyMap<string, string | Uint8Array>;
  /** Of the final model; checkpoints are F32. Default F32. */
  readonly saveDtype?: "F32" | "F16";
  /** Bytes after which the weights, or the optimizer's moments, go on in another file; default 5e9. */
  readonly maxShardBytes?: number;
  /** The sub-folder that was written, "" for the run's own. */
  readonly onSave?: (name: string) => void;
  /**
   * What could not be done, as a clause, and why: a checkpoint was not written, an older one not removed. The run goes
   * on and tries again with the next. Default: the run ends with that error.
   */
  readonly onSaveFailed?: (what: string, error: Error) => void;
}

/** What rank 0 wants of the others while it writes a checkpoint; the last wish says whether it was written. */
export type Wish = { readonly moment: string } | { readonly saved: boolean };

/** See Saver; what ranks other than 0 have in its place is follower.ts. */
export type CheckpointSaver = Pick<
  Saver,
  "newest" | "resumedFrom" | "saveCheckpoint" | "saveModel" | "hasModel" | "bestStep" | "load"
>;

interface Settings extends SaverOptions {
  readonly saveTotalLimit: number;
  readonly ranks?: Ranks;
  /** Of these names, the one that is to stay. */
  readonly best: (names: readonly string[]) => string | undefined;
}

export class Saver {
  private readonly model: GPT2LMHeadModel;
  private readonly optimizer: AdamW;
  private readonly options: Settings;
  private last: string | undefined;

  /** With `ranks` it is rank 0's. */
  constructor(model: GPT2LMHeadModel, optimizer: AdamW, options: Settings) {
    this.model = model;
    this.optimizer = optimizer;
    this.options = options;
  }

  /** The newest checkpoint that this run wrote or went on from. */
  get newest(): string | undefined {
    return this.last;
  }

  /** The run went on from the store's checkpoint of this step, which need not be written again. */
  resumedFrom(step: number): void {
    this.last = checkpointName(step);
  }

  /**
   * checkpoint-<step>/ with weights, moments and state, unless this run wrote it before. Returns false, having told
   * onSaveFailed, where it cannot be written. Throws what makes the next one of no use: NotFiniteError, the device's
   * failure, StoreLostError.
   */
  async saveCheckpoint(step: number, stateText: string): Promise<boolean> {
    const saved = await this.trySaving(step, stateText);
    const { ranks } = this.options;
    if (ranks) await told<Wish>(ranks, { saved });
    return saved;
  }

  private async trySaving(step: number, stateText: string): Promise<boolean> {
    const { store, extraFiles = new Map(), maxShardBytes, saveTotalLimit, onSaveFailed, ranks } = this.options;
    const name = checkpointName(step);
    if (this.last === name) return true;
    const files = modelFiles(this.model, extraFiles, { maxShardBytes });
    const read = async (moment: string): Promise<Float32Array> => {
      if (ranks) await told<Wish>(ranks, { moment });
      return this.optimizer.readMoment(moment);
    };
    for (const [file, data] of optimizerFiles(this.optimizer.momentShapes(), read, maxShardBytes))
      files.set(file, data);
    const source = new Source();
    try {
      await this.write(name, source.watch(files), stateText);
    } catch (error) {
      if (source.failed || error instanceof StoreLostError || !onSaveFailed) throw error;
      onSaveFailed(`${name} was not saved`, error as Error);
      return false;
    }
    this.last = name;
    await this.rotate(store, saveTotalLimit, step).catch((error: Error) => {
      if (!onSaveFailed) throw error;
      onSaveFailed("an older checkpoint was not removed", error);
    });
    return true;
  }

  private async rotate(store: CheckpointStore, limit: number, step: number): Promise<void> {
    await rotateCheckpoints(store, limit, step, this.options.best(await listCheckpoints(store)));
  }

  /** The step of the best whole checkpoint; undefined where none of them was evaluated. */
  async bestStep(): Promise<number | undefined> {
    const { ranks } = this.options;
    const step = await this.findBest();
    return ranks ? told(ranks, step) : step;
  }

  private async findBest(): Promise<number | undefined> {
    const { store, best } = this.options;
    let names = await listCheckpoints(store);
    for (;;) {
      const name = best(names);
      if (name === undefined || (await store.fault?.(name)) === undefined) return stepOf(name ?? "");
      names = names.filter((other) => other !== name);
    }
  }

  /** Puts the weights of this step's checkpoint into the model; with ranks into that of rank 0, which is saved. */
  async load(step: number): Promise<void> {
    const folder = await this.options.store.open(checkpointName(step));
    const { adapter, parameters, config } = this.model;
    if (adapter) await adapter.load(await openAdapter(folder, config));
    else await load(parameters, await openCheckpoint(folder, config));
  }

  /** The trained model, in the run's own folder. Throws UserError where it cannot be written. */
  async saveModel(stateText: string): Promise<void> {
    const { extraFiles = new Map(), saveDtype: dtype, maxShardBytes, ranks } = this.options;
    await this.write("", modelFiles(this.model, extraFiles, { dtype, maxShardBytes }), stateText);
    if (ranks) await told(ranks, true);
  }

  /** Whether the run's own folder holds the model as saveModel() leaves it. */
  async hasModel(stateText: string): Promise<boolean> {
    const has = await this.looksWhole(stateText);
    const { ranks } = this.options;
    return ranks ? told(ranks, has) : has;
  }

  private async looksWhole(stateText: string): Promise<boolean> {
    const { store } = this.options;
    if (!store.fault) return false; // nobody knows
    const folder = await store.open("");
    if (!(await folder.has(STATE_FILE)) || (await store.fault("")) !== undefined) return false;
    return (await readText(folder, STATE_FILE)) === stateText;
  }

  /** The state last: where it lies, all the others do. */
  private async write(name: string, files: Map<string, FileData>, stateText: string): Promise<void> {
    const { store, onSave } = this.options;
    files.set(STATE_FILE, stateText);
    if (store.write) await store.write(name, files);
    else await (await store.open(name)).write(files);
    onSave?.(name);
  }
}

/** Tells a failure of what is written from one of the place that it is written to. */
class Source {
  failed = false;

  watch(files: ReadonlyMap<string, FileData>): Map<string, FileData> {
    return new Map([...files].map(([name, data]) => [name, isStream(data) ? this.through(data) : data]));
  }

  private async *through(data: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* data;
    } catch (error) {
      this.failed = true;
      throw error;
    }
  }
}

function isStream(data: FileData): data is AsyncIterable<Uint8Array> {
  return typeof data !== "string" && !(data instanceof Uint8Array);
}
