// What a run leaves behind: checkpoints that it can go on from, of which the oldest go, and at its end the model.
import type { FileData } from "../files/folder.ts";
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import { modelFiles, optimizerFiles, rotateCheckpoints, STATE_FILE } from "./checkpoint.ts";
import type { CheckpointStore } from "./checkpoint.ts";
import type { AdamW } from "./optimizer.ts";

export interface SaverOptions {
  readonly store: CheckpointStore;
  /** Files saved beside the weights: tokenizer, template. */
  readonly extraFiles?: ReadonlyMap<string, string | Uint8Array>;
  /** Of the final model; checkpoints are F32. Default F32. */
  readonly saveDtype?: "F32" | "F16";
  /** Bytes after which the optimizer's moments go on in another file; default 5e9. */
  readonly maxShardBytes?: number;
  /** The sub-folder that was written, "" for the run's own. */
  readonly onSave?: (name: string) => void;
}

export class Saver {
  private readonly model: GPT2LMHeadModel;
  private readonly optimizer: AdamW;
  private readonly options: SaverOptions & { readonly saveTotalLimit: number };

  constructor(model: GPT2LMHeadModel, optimizer: AdamW, options: SaverOptions & { readonly saveTotalLimit: number }) {
    this.model = model;
    this.optimizer = optimizer;
    this.options = options;
  }

  /** checkpoint-<step>/ with weights, moments and state. Throws UserError where it cannot be written. */
  async saveCheckpoint(step: number, stateText: string): Promise<void> {
    const { store, extraFiles = new Map(), maxShardBytes, saveTotalLimit } = this.options;
    const files = modelFiles(this.model, extraFiles);
    for (const [name, data] of optimizerFiles(this.model, this.optimizer, maxShardBytes)) files.set(name, data);
    await this.write(`checkpoint-${step}`, files, stateText);
    await rotateCheckpoints(store, saveTotalLimit);
  }

  /** The trained model, in the run's own folder. Throws UserError where it cannot be written. */
  async saveModel(stateText: string): Promise<void> {
    const { extraFiles = new Map(), saveDtype } = this.options;
    await this.write("", modelFiles(this.model, extraFiles, saveDtype), stateText);
  }

  /** The state last: where it lies, all the others do. */
  private async write(name: string, files: Map<string, FileData>, stateText: string): Promise<void> {
    files.set(STATE_FILE, stateText);
    await (await this.options.store.open(name)).write(files);
    this.options.onSave?.(name);
  }
}
