// The page's side of an engine in a worker: the same calls as in the page itself, with signals and callbacks.
import { proxy, releaseProxy, transfer, wrap } from "comlink";
import type { Endpoint, Remote } from "comlink";
import { UserError } from "../errors.ts";
import type { Explanation } from "../explain/explanation.ts";
import type { PretrainedOptions } from "../gpt2/pretrained.ts";
import type { EngineHost } from "./host.ts";
import { watchLife, watchTerminate } from "./life.ts";
import { transferables } from "./messages.ts";
import type { EngineEndpoint, EngineEvents, EngineInfo, ExplainRequest, FolderPlace } from "./messages.ts";
import type { Generated, GgufRequest } from "./messages.ts";
import type { GenerateRequest, ModelSource, Outcome, Trained, TrainingEstimate, TrainRequest } from "./messages.ts";
import type { Filled, FillRequest, GapRequest } from "../writing/infiller.ts";
import type { NextWord } from "../writing/next-words.ts";
import type { Ranked } from "../rerank/reranker.ts";

type Listeners = { readonly [K in keyof EngineEvents]?: (value: EngineEvents[K]) => void };

interface Watched {
  /** The call rejects with its reason, soon; train() ends after the update in work instead. */
  readonly signal?: AbortSignal;
}

export interface LoadOptions extends Watched {
  /** The bytes of a download, where the source is one whose files are kept. */
  readonly onProgress?: (progress: EngineEvents["progress"]) => void;
  /** A sentence for each thing that the user should know. */
  readonly onNote?: (note: string) => void;
  /** "f16": the model in half the memory, for writing; see GPT2LMHeadModel.fromPretrained. Default "f32". */
  readonly dtype?: PretrainedOptions["dtype"];
}

export interface GenerateOptions extends Watched {
  /** The text so far, as it grows; a search over beams tells its text at the end. */
  readonly onText?: (text: string) => void;
}

export interface TrainOptions extends Watched {
  readonly onStep?: (progress: EngineEvents["step"]) => void;
  readonly onLog?: (entry: EngineEvents["log"]) => void;
  readonly onEvaluation?: (evaluation: EngineEvents["evaluation"]) => void;
  readonly onSample?: (sample: EngineEvents["sample"]) => void;
  /** Name of the checkpoint that was written; "" for the model's folder at the end. */
  readonly onSave?: (name: string) => void;
  /** A sentence for a checkpoint that could not be written. */
  readonly onNote?: (note: string) => void;
}

/** A call that waits for the worker. */
interface Pending {
  readonly listeners: Listeners;
  readonly fail: (error: Error) => void;
}

export class Engine {
  private readonly host: Remote<EngineHost>;
  private readonly pending = new Map<number, Pending>();
  private readonly ready: Promise<void>;
  private calls = 0;
  private ended: Error | undefined;

  /** @internal */
  constructor(endpoint: EngineEndpoint) {
    this.host = wrap<EngineHost>(endpoint as unknown as Endpoint);
    (endpoint as unknown as EventTarget).addEventListener("error", (event) => this.end(diedOf(event)));
    const gone = (): void => this.end(new UserError("The engine's worker has ended: connect an engine to another."));
    watchTerminate(endpoint, gone);
    const listener = (id: number, event: keyof EngineEvents, value: never): void =>
      this.pending.get(id)?.listeners[event]?.(value);
    const life = `gpt2-webgpu engine ${crypto.randomUUID()}`;
    this.ready = Promise.resolve(this.host.listen(proxy(listener) as never, life));
    this.ready.then(
      () => watchLife(life, gone),
      () => {},
    );
  }

  /**
   * Loads a model in place of the one before; what it can do. The memory of `files` goes to the worker. Rejects with
   * UserError as Infiller.load() and the folders of /storage do, the engine having what it had.
   */
  load(source: ModelSource, { signal, onProgress, onNote, dtype }: LoadOptions = {}): Promise<EngineInfo> {
    const given = typeof source === "object" && "files" in source ? source.files : undefined;
    const sent = given ? transfer(source, transferables(given)) : source;
    return this.call((id) => this.host.load(id, sent as never, dtype), { progress: onProgress, note: onNote }, signal);
  }

  /** As Infiller.fill(). */
  fill({ signal, onText, onTexts, ...request }: FillRequest): Promise<Filled> {
    const all = onTexts !== undefined;
    return this.call((id) => this.host.fill(id, request as never, all), { text: onText, texts: onTexts }, signal);
  }

  /** As Infiller.rank(). */
  rank(gap: GapRequest, texts: readonly string[], { signal }: Watched = {}): Promise<Ranked[]> {
    return this.call((id) => this.host.rank(id, gap as never, [...texts]), {}, signal);
  }

  /** As Infiller.nextWords(). */
  nextWords(
    gap: GapRequest,
    before: string,
    { count, signal }: Watched & { readonly count?: number } = {},
  ): Promise<NextWord[]> {
    return this.call((id) => this.host.nextWords(id, gap as never, before, count), {}, signal);
  }

  /** Goes on from a prompt. Rejects with UserError as generate() throws it. */
  generate({ signal, onText, ...request }: GenerateRequest & GenerateOptions): Promise<Generated> {
    return this.call((id) => this.host.generate(id, request as never), { text: onText }, signal);
  }

  /**
   * Trains the model, which fill() and generate() use from then on as it has become. Rejects with UserError as Trainer
   * throws it, and where a model cannot learn from such data.
   */
  train(request: TrainRequest & TrainOptions): Promise<Trained> {
    const { signal, onStep, onLog, onEvaluation, onSample, onSave, onNote, ...wish } = request;
    const told = { step: onStep, log: onLog, evaluation: onEvaluation, sample: onSample, save: onSave };
    const listeners = { ...told, note: onNote };
    return this.call((id) => this.host.train(id, wish as never), listeners, signal, { rejects: false });
  }

  /** What train() would take of the device, the model staying as it is. Rejects with UserError as train(). */
  estimate(request: TrainRequest, { signal }: Watched = {}): Promise<TrainingEstimate> {
    return this.call((id) => this.host.estimate(id, request as never), {}, signal);
  }

  /** The model as it is now, in Hugging Face's layout: into a folder, or, without one, as files. */
  async save(place: FolderPlace): Promise<void>;
  async save(): Promise<Map<string, Uint8Array>>;
  async save(place?: FolderPlace): Promise<Map<string, Uint8Array> | void> {
    const files = await this.call<Map<string, Uint8Array>>((id) => this.host.save(id, place as never));
    return place === undefined ? files : undefined;
  }

  /** What a text in a gap was chosen from: one that stands already, or one that is written now. See ExplainRequest. */
  explain(request: ExplainRequest, { signal }: Watched = {}): Promise<Explanation> {
    return this.call((id) => this.host.explain(id, request as never) as Promise<unknown>, {}, signal);
  }

  /** The model as it is now as one file for llama.cpp. Rejects with UserError where that could not compute the same. */
  gguf(request: GgufRequest, { signal }: Watched = {}): Promise<Blob> {
    return this.call((id) => this.host.gguf(id, request as never) as Promise<unknown>, {}, signal);
  }

  /**
   * Frees the model and the device, after the calls before it; the worker stays the caller's, to terminate. (Where a
   * worker is terminated before, all that the engine held is freed, and calls that wait reject with UserError.)
   */
  async dispose(): Promise<void> {
    if (this.ended) return;
    // The worker gives its lock back with all else, and that may be heard before its answer.
    await this.call((id) => this.host.dispose(id)).catch((error: unknown) => {
      if (error !== this.ended) throw error;
    });
    this.ended = new UserError("This engine is disposed of: connect another.");
    this.end(this.ended);
    this.host[releaseProxy]();
  }

  private async call<R>(
    begin: (id: number) => Promise<unknown>,
    listeners: Listeners = {},
    signal?: AbortSignal,
    { rejects = true }: { readonly rejects?: boolean } = {},
  ): Promise<R> {
    if (rejects) signal?.throwIfAborted();
    if (this.ended) throw this.ended;
    const id = ++this.calls;
    const abort = (): void => void this.host.abort(id);
    try {
      const ended = new Promise<never>((_, fail) => this.pending.set(id, { listeners, fail }));
      const answered = this.ready.then(() => {
        const answer = begin(id);
        if (signal?.aborted) abort();
        signal?.addEventListener("abort", abort);
        return answer;
      });
      const outcome = (await Promise.race([answered, ended])) as Outcome<R>;
      if ("value" in outcome) return outcome.value;
      if (rejects) signal?.throwIfAborted();
      throw revived(outcome.error);
    } finally {
      signal?.removeEventListener("abort", abort);
      this.pending.delete(id);
    }
  }

  /** No call is answered any more. */
  private end(error: Error): void {
    this.ended ??= error;
    for (const { fail } of this.pending.values()) fail(error);
  }
}

/**
 * The engine in `worker`, whose script calls serveEngine(); several calls wait for each other there. An engine's page
 * stays free to draw while the engine works.
 *
 * @example
 * const worker = new Worker(new URL("./engine-worker.js", import.meta.url), { type: "module" });
 * const engine = connectEngine(worker);
 * await engine.load({ cached: "/models/tiny" }, { onProgress: ({ done, total }) => show(done, total) });
 * const { text } = await engine.fill({ p1: "She came.", p3: "They left.", onText: show });
 */
export function connectEngine(worker: EngineEndpoint): Engine {
  return new Engine(worker);
}

/** The error that was thrown there, as near as it can be. */
function revived({ name, message, stack }: { name: string; message: string; stack?: string }): Error {
  return name === "UserError" ? new UserError(message) : Object.assign(new Error(message), { name, stack });
}

/** A script that is not there, or that throws before it serves. */
function diedOf(event: Event): Error {
  const { message } = event as Event & { readonly message?: string };
  return new UserError(
    `The engine's worker has ended${message ? ` (${message})` : ""}; check its script's address and that it calls ` +
      "serveEngine().",
  );
}
