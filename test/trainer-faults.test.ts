// What goes wrong while a run trains, and what is left then: saves that fail, weights that are no numbers, a final
// model that was not finished, devices that are lost.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RunFolder } from "../src/cli/train/run-folder.ts";
import { trainThroughLosses, wasLost } from "../src/cli/train/session.ts";
import type { LosableSession } from "../src/cli/train/session.ts";
import type { Saved } from "../src/cli/train/saved.ts";
import { UserError } from "../src/errors.ts";
import type { FileData } from "../src/files/folder.ts";
import { openFolder } from "../src/files/open.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import { listCheckpoints } from "../src/training/checkpoint.ts";
import { Trainer } from "../src/training/trainer.ts";
import type { TrainerOptions } from "../src/training/trainer-options.ts";
import { openDevice } from "./check-kernel.ts";
import { example, MemoryStore, tinyArgs, tinyConfig } from "./training-runs.ts";
import { longPattern } from "./long-pattern.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
const made: { destroy(): void }[] = [];
afterAll(() => {
  for (const each of made) each.destroy();
  device.destroy();
});

const examples = [4, 5, 6, 7, 5].map(example);
const args = { ...tinyArgs, maxSteps: 6, saveSteps: 2 };

/** A trainer of a fresh model, or from what a store holds. */
async function begin(options: Partial<TrainerOptions>, checkpoint?: string): Promise<Trainer> {
  const on = options.model?.device ?? device;
  const model =
    options.model ??
    (checkpoint === undefined
      ? GPT2LMHeadModel.fromConfig(on, tinyConfig, { seed: 1 })
      : await GPT2LMHeadModel.fromPretrained(on, await options.store!.open(checkpoint), { gradients: true }));
  const trainer = new Trainer({ args, train: examples, padId: 0, ...options, model });
  made.push(trainer, model);
  if (checkpoint !== undefined) await trainer.resume(await options.store!.open(checkpoint), { own: true });
  return trainer;
}

/** A disk that is full while it writes what `full` names. */
class FullStore extends MemoryStore {
  readonly full = new Set<string>();
  readonly written: string[] = [];
  async write(name: string, files: ReadonlyMap<string, FileData>): Promise<void> {
    if (this.full.has(name)) throw new UserError(`Cannot write ${name}: the disk is full.`);
    await (await this.open(name)).write(files);
    this.written.push(name);
  }
  async fault(name: string): Promise<string | undefined> {
    return this.written.includes(name) ? undefined : "it is not whole";
  }
}

test("a checkpoint that cannot be written is told of, costs nothing else, and the next one is", async () => {
  const store = new FullStore();
  store.full.add("checkpoint-2");
  const failed: string[] = [];
  const trainer = await begin({ store, onSaveFailed: (what, { message }) => failed.push(`${what}: ${message}`) });
  expect((await trainer.train()).finished).toBe(true);
  expect(failed).toEqual(["checkpoint-2 was not saved: Cannot write checkpoint-2: the disk is full."]);
  expect(store.written).toEqual(["checkpoint-4", "checkpoint-6", ""]);

  const whole = new MemoryStore();
  await (await begin({ store: whole })).train();
  expect(await store.weights("")).toEqual(await whole.weights(""));
});

test("a stop that cannot be saved, and a model that cannot, end with what is left", async () => {
  const store = new FullStore();
  store.full.add("checkpoint-3").add("");
  const stop = new AbortController();
  const options = { store, onSaveFailed: () => {} };
  const stopped = await begin({ ...options, onStep: ({ step }) => step === 3 && stop.abort() });
  await expect(stopped.train(stop.signal)).rejects.toThrow(
    /stopped at step 3, which could not be saved; checkpoint-2 is/,
  );
  const other = await begin(options);
  await expect(other.train()).rejects.toThrow(/model could not be saved: .*disk is full\. Of the run checkpoint-6 is/);
});

test("a run killed while it wrote the final model completes it, and nothing else", async () => {
  const store = new FullStore();
  store.full.add("");
  await expect((await begin({ store })).train()).rejects.toThrow(/could not be saved/);
  store.full.clear();
  store.written.length = 0;
  const again = await begin({ store }, "checkpoint-6");
  expect(await again.isComplete()).toBe(false);
  expect((await again.train()).finished).toBe(true);
  expect(store.written).toEqual([""]);
  expect(await again.isComplete()).toBe(true);
  expect(await store.weights("")).toEqual(await store.weights("checkpoint-6"));
});

test("weights that are no numbers are not saved, and the last good checkpoint stays", async () => {
  const store = new FullStore();
  const name = "transformer.h.1.mlp.c_fc.bias";
  const model = GPT2LMHeadModel.fromConfig(device, tinyConfig, { seed: 1 });
  const trainer = await begin({
    store,
    model,
    args: { ...args, maxSkippedUpdates: 0, saveTotalLimit: 1 },
    onStep: ({ step }) => {
      if (step === 3) device.batch.write(model.parameters.get(name).value, Float32Array.of(NaN));
    },
  });
  await expect(trainer.train()).rejects.toThrow(
    longPattern(
      /^After step 4 transformer\.h\.1\.mlp\.c_fc\.bias holds NaN: the run has diverged, /,
      /nothing was saved since checkpoint-2/,
    ),
  );
  expect(store.written).toEqual(["checkpoint-2"]);
  expect(await (await store.open("checkpoint-4")).list()).toEqual([]);
});

test("a run with skipped updates is gone on with to the same bytes", async () => {
  const settings = { ...args, saveSteps: 3 };
  /** The gradients of updates 1 and 2 are not finite. */
  const poisoned = (from: number): TrainerOptions["exchange"] => {
    let step = from;
    return ([first], counts) => {
      if (++step < 3) device.batch.write(first, Float32Array.of(NaN));
      return counts;
    };
  };
  const [whole, parts] = [new MemoryStore(), new MemoryStore()];
  const skipped: number[] = [];
  const onSkip = (step: number): void => void skipped.push(step);
  await (await begin({ store: whole, args: settings, exchange: poisoned(0), onSkip })).train();
  expect(skipped).toEqual([1, 2]);
  parts.folders.set("checkpoint-3", whole.folders.get("checkpoint-3")!);
  const resumed = await begin({ store: parts, args: settings, exchange: poisoned(3) }, "checkpoint-3");
  await resumed.train();
  for (const file of ["model.safetensors", "optimizer.safetensors", "trainer_state.json"])
    expect(await (await parts.open("checkpoint-6")).read(file), file).toEqual(
      await (await whole.open("checkpoint-6")).read(file),
    );
});

test("a run goes on through lost devices to the same bytes, and ends where they do not stop", async () => {
  const root = mkdtempSync(join(tmpdir(), "losses-"));
  const whole = new MemoryStore();
  await (await begin({ store: whole })).train();
  const devices: Device[] = [];
  /** A session on a device of its own, which is lost after that many steps of it; 0: never. */
  const session = async (store: RunFolder, lostAfter: number, saved?: Saved): Promise<LosableSession> => {
    const own = await openDevice();
    devices.push(own);
    let steps = 0;
    const model = saved
      ? await GPT2LMHeadModel.fromPretrained(own, saved.path, { gradients: true })
      : GPT2LMHeadModel.fromConfig(own, tinyConfig, { seed: 1 });
    const onStep = (): void => void (++steps === lostAfter && own.gpu.destroy());
    const trainer = new Trainer({ args, train: examples, padId: 0, model, store, onStep });
    const state = saved && (await trainer.resume(await openFolder(saved.path), { own: true }));
    return {
      state,
      train: (signal: AbortSignal) => trainer.train(signal),
      isLost: () => wasLost(own),
      lastSaved: (run: RunFolder) =>
        trainer.newestCheckpoint === undefined ? saved : { path: join(run.path, trainer.newestCheckpoint), own: true },
      destroy: () => own.destroy(),
    };
  };
  const train = async (name: string, losses: number[]): Promise<RunFolder> => {
    mkdirSync(join(root, name));
    const run = new RunFolder(join(root, name));
    const next = (saved?: Saved) => session(run, losses.shift() ?? 0, saved);
    await trainThroughLosses(await next(), { run, signal: new AbortController().signal, reopen: next, firstWait: 1 });
    return run;
  };
  try {
    const run = await train("some", [1, 3, 1, 2]);
    expect(await (await run.open("")).read("model.safetensors")).toEqual(
      await (await whole.open("")).read("model.safetensors"),
    );
    expect(await listCheckpoints(run)).toEqual(["checkpoint-2", "checkpoint-4", "checkpoint-6"]);
    const many = [3, 1, 1, 1, 7];
    await expect(train("many", many)).rejects.toThrow(/device was lost/);
    expect(many).toEqual([7]); // no fifth device is asked for
    expect(await listCheckpoints(new RunFolder(join(root, "many")))).toEqual(["checkpoint-2"]);
  } finally {
    for (const each of devices) each.destroy();
    rmSync(root, { recursive: true });
  }
});
