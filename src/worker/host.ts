// The engine's side in a worker: holds a device and a model, does one thing after the other, tells what happens.
import { expose, transfer } from "comlink";
import type { Endpoint } from "comlink";
import { UserError } from "../errors.ts";
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import { MemoryFolder } from "../files/folder.ts";
import type { Explanation } from "../explain/explanation.ts";
import { GPT2Decoder } from "../generation/device/gpt2-decoder.ts";
import { generate } from "../generation/generate.ts";
import type { PretrainedOptions } from "../gpt2/pretrained.ts";
import type { Device } from "../gpu/device.ts";
import { endTokens } from "../writing/model-folder.ts";
import { textStreamer } from "../writing/text-streamer.ts";
import { openDevice } from "./device.ts";
import { holdLife } from "./life.ts";
import { LoadedModel, openPlace, openSource } from "./loaded-model.ts";
import { transferables } from "./messages.ts";
import type { EngineEndpoint, EngineEvents, EngineInfo, FolderPlace, Generated } from "./messages.ts";
import type { GenerateRequest, Listener, ModelSource, Outcome, TrainRequest, Trained } from "./messages.ts";
import type { ExplainRequest, GgufRequest, TrainingEstimate, WorkerFillRequest } from "./messages.ts";
import { estimateTraining } from "./estimate.ts";
import { checkpointOf, trainModel } from "./train.ts";
import type { SampleWish } from "./train.ts";
import type { Filled, GapRequest, Infiller } from "../writing/infiller.ts";
import type { NextWord } from "../writing/next-words.ts";
import type { Ranked } from "../rerank/reranker.ts";

/** Tells of one call, in order. */
export type Tell = <K extends keyof EngineEvents>(event: K, value: EngineEvents[K]) => void;

interface Call {
  readonly signal: AbortSignal;
  readonly tell: Tell;
}

const GENERATE_FIELDS: FieldsOf<GenerateRequest> = { prompt: true, options: true };

/** What the client calls, each with a number of its own; an Outcome each. */
export class EngineHost {
  private device: Device | undefined;
  private loaded: LoadedModel | undefined;
  private listener: Listener = () => {};
  private endLife = (): void => {};
  private readonly aborts = new Map<number, AbortController>();
  /** The call before, for which the next waits. */
  private busy: Promise<unknown> = Promise.resolve();

  /** `life`: the lock that this worker is to hold as long as it serves. */
  async listen(listener: Listener, life: string): Promise<void> {
    this.listener = listener;
    this.endLife = await holdLife(life);
  }

  abort(id: number): void {
    this.aborts.get(id)?.abort();
  }

  load(id: number, source: ModelSource, dtype?: PretrainedOptions["dtype"]): Promise<Outcome<EngineInfo>> {
    return this.call(id, async ({ signal, tell }) => {
      const watcher = {
        signal,
        onProgress: (progress: EngineEvents["progress"]): void => tell("progress", progress),
        onNote: (note: string): void => tell("note", note),
      };
      const device = (this.device ??= await openDevice((line) => tell("note", line)));
      const folder = await openSource(source, watcher, device);
      const loaded = await LoadedModel.open(device, folder, { ...watcher, gradients: false, dtype });
      this.loaded?.dispose();
      this.loaded = loaded;
      return loaded.info;
    });
  }

  /** `all`: somebody listens to the texts of all candidates. */
  fill(id: number, request: WorkerFillRequest, all: boolean): Promise<Outcome<Filled>> {
    return this.call(id, ({ signal, tell }) => {
      const onTexts = all ? (texts: readonly string[]): void => tell("texts", texts) : undefined;
      return this.needInfiller().fill({ ...request, signal, onText: (text) => tell("text", text), onTexts });
    });
  }

  rank(id: number, gap: GapRequest, texts: readonly string[]): Promise<Outcome<Ranked[]>> {
    return this.call(id, ({ signal }) => this.needInfiller().rank(gap, texts, { signal }));
  }

  nextWords(id: number, gap: GapRequest, before: string, count?: number): Promise<Outcome<NextWord[]>> {
    return this.call(id, ({ signal }) => this.needInfiller().nextWords(gap, before, { signal, count }));
  }

  generate(id: number, request: GenerateRequest): Promise<Outcome<Generated>> {
    return this.call(id, ({ signal, tell }) => this.write(request, signal, (text) => tell("text", text)));
  }

  train(id: number, request: TrainRequest): Promise<Outcome<Trained>> {
    return this.call(id, async ({ signal, tell }) => {
      const { isTrainable, folder } = this.needForTraining();
      const from = await checkpointOf(request);
      if (!isTrainable || from) {
        const options = { signal, gradients: true, weights: from };
        const trainable = await LoadedModel.open(this.device!, folder.folder, options);
        this.loaded!.dispose();
        this.loaded = trainable;
      }
      const loaded = this.loaded!;
      const sample = async (wish: SampleWish): Promise<string> =>
        "gap" in wish
          ? (await loaded.infiller!.fill(wish.gap)).text
          : (await this.write({ prompt: wish.prompt, options: wish.options }, signal)).texts[0];
      return trainModel(loaded, request, { signal, tell, sample, from });
    });
  }

  estimate(id: number, request: TrainRequest): Promise<Outcome<TrainingEstimate>> {
    return this.call(id, async ({ signal }) => {
      const loaded = this.needForTraining();
      const open = (): Promise<LoadedModel> =>
        LoadedModel.open(this.device!, loaded.folder.folder, { signal, gradients: true });
      return estimateTraining(this.device!, loaded, request, { signal, open });
    });
  }

  /** The model's files where there is no `place` to write them to. */
  save(id: number, place: FolderPlace | undefined): Promise<Outcome<Map<string, Uint8Array>>> {
    return this.call(id, async () => {
      const loaded = this.need();
      const memory = new MemoryFolder("the model");
      await loaded.save(place === undefined ? memory : await openPlace(place));
      const files = new Map<string, Uint8Array>();
      for (const file of await memory.list()) files.set(file, await memory.read(file));
      return files;
    });
  }

  explain(id: number, request: ExplainRequest): Promise<Outcome<Explanation>> {
    return this.call(id, async ({ signal }) => {
      const { explainText } = await import("./explain.ts"); // not every page looks inside
      return explainText(this.need(), request, signal);
    });
  }

  gguf(id: number, request: GgufRequest): Promise<Outcome<Blob>> {
    return this.call(id, async ({ signal }) => {
      const { ggufOf } = await import("./gguf.ts");
      return ggufOf(this.need(), request, signal);
    });
  }

  dispose(id: number): Promise<Outcome<undefined>> {
    return this.call(id, async () => {
      this.loaded?.dispose();
      this.device?.destroy();
      this.loaded = this.device = undefined;
      this.endLife();
      return undefined;
    });
  }

  private need(): LoadedModel {
    if (this.loaded) return this.loaded;
    throw new UserError("The engine has no model: call load() first.");
  }

  private needForTraining(): LoadedModel {
    const loaded = this.need();
    if (loaded.model.dtype === "f32") return loaded;
    throw new UserError("This model was loaded with dtype f16, for writing: load() it without, to train it.");
  }

  private needInfiller(): Infiller {
    const { infiller } = this.need();
    if (infiller) return infiller;
    throw new UserError("This model was not trained to fill gaps: use generate(), or train() it.");
  }

  private async write(
    request: GenerateRequest,
    signal: AbortSignal,
    onText: (text: string) => void = () => {},
  ): Promise<Generated> {
    expectFields("generate()", request, GENERATE_FIELDS);
    const { model, folder } = this.need();
    const { tokenizer, defaults } = folder;
    const { prompt, options = {} } = request;
    if (typeof prompt !== "string") throw new UserError(`prompt is ${typeof prompt}, wanted a text.`);
    const eosTokenId = endTokens(folder, false);
    const ends = eosTokenId.length > 0 && options.eosTokenId === undefined ? { eosTokenId } : {};
    const { numBeams = defaults.numBeams ?? 1, numReturnSequences = defaults.numReturnSequences ?? 1 } = options;
    const grows = numBeams === 1 && numReturnSequences === 1;
    const streamer = grows ? textStreamer(tokenizer, onText, { end: eosTokenId }) : undefined;
    const inputs = { ...ends, ...options, inputIds: [tokenizer.encode(prompt)], tokenizer, signal, streamer };
    const decoder = new GPT2Decoder(model);
    let generated: number[][];
    try {
      ({ generated } = await generate(decoder, inputs, defaults));
      await model.device.finish(); // a step that was begun ahead may still need the cache
    } finally {
      decoder.dispose();
    }
    signal.throwIfAborted();
    const texts = generated.map((ids) => tokenizer.decode(ids, { skipSpecialTokens: true }));
    onText(texts[0]);
    return { texts, ids: generated.map((ids) => Int32Array.from(ids)) };
  }

  /** After the call before; its result goes out when all that it told has arrived. */
  private call<R>(id: number, act: (call: Call) => Promise<R>): Promise<Outcome<R>> {
    const controller = new AbortController();
    this.aborts.set(id, controller);
    const { signal } = controller;
    let told: Promise<unknown> = Promise.resolve();
    const tell: Tell = (event, value) => void (told = Promise.resolve(this.listener(id, event, value)));
    const outcome = this.busy.then(async (): Promise<Outcome<R>> => {
      try {
        signal.throwIfAborted();
        const value = await act({ signal, tell });
        return transfer({ value }, transferables(value));
      } catch (error) {
        const { name, message, stack } = error as Error;
        return { error: { name: error instanceof UserError ? "UserError" : name, message, stack } };
      } finally {
        this.aborts.delete(id);
        await told;
      }
    });
    this.busy = outcome;
    return outcome;
  }
}

/**
 * Makes this worker an engine that connectEngine() talks to. Call it once, in the worker's own script.
 *
 * @example
 * // engine-worker.js
 * import { serveEngine } from "gpt2-webgpu/worker";
 * serveEngine();
 */
export function serveEngine(endpoint: EngineEndpoint = globalThis as unknown as EngineEndpoint): void {
  expose(new EngineHost(), endpoint as unknown as Endpoint);
}
