// What goes between a page and the engine in its worker: plain data, which a browser copies or hands over.
import type { GenerationOptions } from "../generation/options/options.ts";
import type { GPT2ConfigFields } from "../gpt2/config.ts";
import type { GgufTensorType } from "../gguf/tensor-types.ts";
import type { InfillExample, InfillRequest } from "../infill/example.ts";
import type { InfillTemplate } from "../infill/template.ts";
import type { DirectoryHandle } from "../storage/handles.ts";
import type { DownloadProgress } from "../storage/watcher.ts";
import type { TrainingArguments } from "../training/arguments.ts";
import type { Evaluation } from "../training/evaluate.ts";
import type { MemoryNeeds } from "../training/memory-needs.ts";
import type { LogEntry } from "../training/trainer-state.ts";
import type { Progress } from "../training/trainer-options.ts";
import type { FillRequest } from "../writing/infiller.ts";

/**
 * Where a model lies: an address (relative to the worker's script in a browser; a path in Node); an address or a name
 * on the Hub whose files are kept in the browser (see /storage); a folder in OPFS; or one that the user picked.
 */
export type StoredModel =
  | string
  | { readonly cached: string }
  | { readonly hub: string; readonly revision?: string; readonly token?: string; readonly endpoint?: string }
  | FolderPlace;

/** Its files, whose memory goes to the worker. */
export interface GivenModel {
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/**
 * A model that lies somewhere or is given; or, to be trained, a fresh one, or another that is to fill gaps by a
 * template and whose embedding grows by the tokens that it lacks.
 */
export type ModelSource =
  | StoredModel
  | GivenModel
  | { readonly fresh: FreshModel }
  | { readonly base: StoredModel | GivenModel; readonly template: InfillTemplate };

/** Weights that are drawn, to be trained on gaps. */
export interface FreshModel {
  /** Sizes; what they leave open is GPT-2 124M's. */
  readonly config: Partial<Omit<GPT2ConfigFields, "vocabSize">>;
  readonly template: InfillTemplate;
  /** What will be learnt from: its tokens are the vocabulary, and what they are made of. */
  readonly examples: readonly InfillExample[];
  /** Of the weights; default 42. */
  readonly seed?: number;
}

/** A folder that can be written, too. */
export type FolderPlace = { readonly opfs: string } | { readonly directory: DirectoryHandle };

export interface EngineInfo {
  /** How the device describes itself. */
  readonly adapter: string;
  /** Whether it was trained to fill gaps: fill() works. */
  readonly fillsGaps: boolean;
  /** Names of its template's metadata fields. */
  readonly metadata: readonly string[];
  readonly nPositions: number;
  /** By which it fills gaps. */
  readonly template?: InfillTemplate;
  /** Weights and biases, the head's being the embedding's. */
  readonly parameters: number;
}

export interface GenerateRequest {
  readonly prompt: string;
  /** generate()'s; what they leave open is the model's generation_config.json's. */
  readonly options?: GenerationOptions;
}

export interface Generated {
  /** One for each of numReturnSequences: what follows the prompt, special tokens left out. */
  readonly texts: readonly string[];
  /** The generated ids of each text, an end token included. */
  readonly ids: readonly Int32Array[];
}

export interface TrainRequest {
  /** Gaps to learn from, for a model with a template; or `text`. */
  readonly examples?: readonly InfillExample[];
  /** Plain text to learn from, in blocks. */
  readonly text?: string;
  /** To evaluate on: as what is learnt from. */
  readonly evaluation?: readonly InfillExample[] | string;
  /** Most tokens of an example; default the model's positions. */
  readonly blockSize?: number;
  /** What they leave open is DEFAULT_ARGUMENTS'. */
  readonly args?: Partial<TrainingArguments>;
  /** Where checkpoints and at last the model are saved; default nowhere. */
  readonly saveTo?: FolderPlace;
  /** What onSample is told, every so many updates. */
  readonly sample?: (
    GenerateRequest | { readonly gap: WorkerFillRequest } | { readonly gaps: readonly WorkerFillRequest[] }
  ) & { readonly everySteps: number };
  /**
   * Go on from the newest whole checkpoint in `saveTo`, as if the run had not been stopped; from the beginning where
   * there is none. Default false. The model that was loaded must be the one that the run began with.
   */
  readonly resume?: boolean;
}

/** What a run takes of this device. */
export interface TrainingEstimate {
  readonly adapter: string;
  /** Updates of the whole run. */
  readonly totalSteps: number;
  /** Measured; undefined where the device has not the memory. */
  readonly secondsPerUpdate: number | undefined;
  /** That are learnt from, and those left out because they do not fit into a block. */
  readonly examples: number;
  readonly leftOut: number;
  readonly memory: Omit<MemoryNeeds, "buffers">;
  /** Bytes that the device gave when asked for all that; undefined on a software adapter, which is not asked. */
  readonly available: number | undefined;
}

export interface Trained {
  /** False where the signal ended it before its last update. */
  readonly finished: boolean;
  readonly logHistory: readonly LogEntry[];
}

export interface ExplainRequest {
  readonly gap: Pick<InfillRequest, "p1" | "p3" | "meta">;
  /** What stands in it; without one a text is written, by `options`. */
  readonly text?: string;
  /** generate()'s; what they leave open is the model's generation_config.json's. */
  readonly options?: GenerationOptions;
  /** Headings of the three parts. */
  readonly labels?: { readonly before: string; readonly after: string; readonly written: string };
}

export interface GgufRequest {
  /** What people call the model. */
  readonly name: string;
  /** Of its matrices; Q8_0 is about a quarter of F32. */
  readonly outtype: GgufTensorType;
}

/** fill()'s, without what is not data. */
export type WorkerFillRequest = Omit<FillRequest, "signal" | "onText" | "onTexts">;

/** What a call tells while it runs. */
export interface EngineEvents {
  readonly progress: DownloadProgress;
  readonly note: string;
  readonly text: string;
  readonly texts: readonly string[];
  readonly step: Progress;
  readonly log: LogEntry;
  readonly evaluation: { readonly evaluation: Evaluation; readonly progress: Progress };
  /** `number`: of the gap among several. */
  readonly sample: { readonly text: string; readonly step: number; readonly number?: number };
  /** The sub-folder that was written, "" for the model's own. */
  readonly save: string;
}

/** Told by its name; the client knows which call `id` is. */
export type Listener = <K extends keyof EngineEvents>(id: number, event: K, value: EngineEvents[K]) => void;

/** How a call ended: an error's class does not survive the way. */
export type Outcome<R> =
  | { readonly value: R }
  | { readonly error: { readonly name: string; readonly message: string; readonly stack?: string } };

/** A Worker, a worker's own global scope, or a MessagePort. */
export interface EngineEndpoint {
  postMessage(message: unknown, transfer: never[]): void;
  addEventListener(type: "message", listener: (event: object) => void): void;
  removeEventListener(type: "message", listener: (event: object) => void): void;
}

/**
 * The memory in a value that is handed over instead of copied: of arrays that have theirs to themselves. (A small
 * file's bytes may share theirs with others, as Node's do.)
 */
export function transferables(value: unknown): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteLength } = value;
    return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [];
  }
  if (value instanceof Map) return [...new Set([...value.values()].flatMap(transferables))];
  if (Array.isArray(value)) return [...new Set(value.flatMap(transferables))];
  return [];
}
