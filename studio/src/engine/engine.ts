// The one engine of the page: a worker with one model at a time. Whoever needs it calls useEngine(), which starts and
// loads what is chosen; a worker that died or lost its device is started afresh, and the model comes again.
import { signal } from "@preact/signals";
import type { Engine, EngineInfo } from "../../../src/entries/worker.ts";
import { EngineHost } from "./host.ts";
import type { StudioModel } from "./model.ts";

export type ModelState =
  | { readonly is: "none" }
  /** `share`: of the files that are being fetched, from 0 to 1. */
  | { readonly is: "loading"; readonly model: StudioModel; readonly share?: number }
  | { readonly is: "failed"; readonly model: StudioModel; readonly reason: string }
  | { readonly is: "ready"; readonly model: StudioModel; readonly info: EngineInfo; readonly notes: readonly string[] };

export const modelState = signal<ModelState>({ is: "none" });

const host = new EngineHost(
  () => new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "engine" }),
);
/** Ends the loading under way. */
let loading: AbortController | undefined;

/** Loads `model` in place of the one before; modelState says how it goes. Never rejects. */
export async function loadModel(model: StudioModel): Promise<void> {
  loading?.abort();
  const { signal } = (loading = new AbortController());
  const files = new Map<string, { done: number; total: number }>();
  const notes: string[] = [];
  modelState.value = { is: "loading", model };
  try {
    const info = await host.start().load(model.source, {
      signal,
      onProgress: ({ file, done, total = done }) => {
        files.set(file, { done, total });
        const all = [...files.values()].reduce((sum, each) => ({
          done: sum.done + each.done,
          total: sum.total + each.total,
        }));
        const share = all.done / Math.max(1, all.total);
        // When all is there the weights are still to be read: nobody knows how long.
        if (!signal.aborted) modelState.value = { is: "loading", model, ...(share < 1 && { share }) };
      },
      onNote: (note) => void notes.push(note),
    });
    if (!signal.aborted) modelState.value = { is: "ready", model, info, notes };
  } catch (error) {
    if (signal.aborted) return;
    if (isFatal(error)) host.stop();
    modelState.value = { is: "failed", model, reason: (error as Error).message };
  }
}

/** The model's memory is given back, and the worker with it. */
export function unloadModel(): void {
  loading?.abort();
  host.stop();
  modelState.value = { is: "none" };
}

/**
 * `act` with the engine and its model. Where the worker died or the device was lost, that is told by the error, and
 * another worker loads the model meanwhile, so that the next call finds it. Throws Error without a model.
 */
export async function useEngine<R>(act: (engine: Engine, info: EngineInfo) => Promise<R>): Promise<R> {
  const state = await settled();
  const { current } = host;
  if (state.is !== "ready" || !current) throw new Error(state.is === "failed" ? state.reason : NO_MODEL);
  try {
    return await act(current, state.info);
  } catch (error) {
    if (isFatal(error) && host.current === current) {
      host.stop();
      void loadModel(state.model);
    }
    throw error;
  }
}

/** As the engine says it. */
const NO_MODEL = "The engine has no model: call load() first.";

/** The state when no loading is under way. */
function settled(): Promise<ModelState> {
  return new Promise((resolve) => {
    const unsubscribe = modelState.subscribe((state) => {
      if (state.is === "loading") return;
      resolve(state);
      queueMicrotask(() => unsubscribe());
    });
  });
}

/** What no later call of the same worker can mend. */
function isFatal(error: unknown): boolean {
  return /^The GPU device was lost|^The engine's worker has ended/.test((error as Error).message);
}
