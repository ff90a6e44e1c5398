// What tests of training share: a tiny model, examples of unequal lengths, a store in memory.
import { MemoryFolder } from "../src/files/folder.ts";
import type { Folder } from "../src/files/folder.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { TOKEN_TYPE } from "../src/examples/encoded-example.ts";
import type { EncodedExample } from "../src/examples/encoded-example.ts";
import { Safetensors } from "../src/files/safetensors.ts";
import { DEFAULT_ARGUMENTS } from "../src/training/arguments.ts";
import type { TrainingArguments } from "../src/training/arguments.ts";
import type { CheckpointStore } from "../src/training/checkpoint.ts";

export const VOCAB = 37;

export const tinyConfig = new GPT2Config({
  vocabSize: VOCAB,
  nPositions: 12,
  nEmbd: 16,
  nLayer: 2,
  nHead: 2,
  embdPdrop: 0,
  attnPdrop: 0,
  residPdrop: 0,
  initializerRange: 0.1,
});

/** All tokens are targets. */
export function example(length: number, seed: number): EncodedExample {
  const ids = Array.from({ length }, (_, t) => (seed * 7 + t * 3) % VOCAB);
  return { ids, types: new Uint8Array(length).fill(TOKEN_TYPE.target) };
}

export const tinyArgs: TrainingArguments = {
  ...DEFAULT_ARGUMENTS,
  perDeviceTrainBatchSize: 2,
  learningRate: 1e-2,
  maxSteps: 3,
  loggingSteps: 1,
  seed: 3,
};

export class MemoryStore implements CheckpointStore {
  readonly folders = new Map<string, MemoryFolder>();
  async open(name: string): Promise<Folder> {
    const folder = this.folders.get(name) ?? new MemoryFolder(name || "run");
    this.folders.set(name, folder);
    return folder;
  }
  async list(): Promise<string[]> {
    return [...this.folders.keys()].filter((name) => name !== "");
  }
  async remove(name: string): Promise<void> {
    this.folders.delete(name);
  }

  /** The weights of a saved folder, by name. */
  async weights(name: string): Promise<Map<string, Float32Array>> {
    const file = await Safetensors.open(this.folders.get(name)!, "model.safetensors");
    const values = new Map<string, Float32Array>();
    for (const tensor of file.tensors.keys()) values.set(tensor, (await file.read(tensor)).slice());
    return values;
  }
}
