// The best model and early stopping: as Hugging Face's callback decides, whatever the evaluations; kept by rotation;
// and the same for a run that was stopped and went on.
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import type { EncodedExample } from "../src/examples/encoded-example.ts";
import { readText } from "../src/files/folder.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import type { TrainingArguments } from "../src/training/arguments.ts";
import { bestCheckpoint, standingOf, stopsEarly } from "../src/training/best-model.ts";
import { rotateCheckpoints } from "../src/training/checkpoint.ts";
import { Trainer } from "../src/training/trainer.ts";
import type { LogEntry } from "../src/training/trainer-state.ts";
import { openDevice } from "./check-kernel.ts";
import { example, MemoryStore, tinyArgs, tinyConfig } from "./training-runs.ts";

/** A log with evaluations every second step, and training losses between them. */
function historyOf(losses: readonly number[]): LogEntry[] {
  return losses.flatMap((loss, i): LogEntry[] => [
    { step: 2 * i + 1, epoch: i, loss: 99 },
    { step: 2 * i + 2, epoch: i, eval_loss: loss, eval_perplexity: Math.exp(loss) },
  ]);
}

/** EarlyStoppingCallback and Trainer._determine_best_metric, as state that changes with each evaluation. */
class Callback {
  best: number | undefined;
  bestStep: number | undefined;
  counter = 0;
  private readonly args: TrainingArguments;
  constructor(args: TrainingArguments) {
    this.args = args;
  }
  onEvaluate(step: number, metric: number): void {
    const { best } = this;
    const better = best !== undefined && (this.args.greaterIsBetter ? metric > best : metric < best);
    const enough = best !== undefined && Math.abs(metric - best) > this.args.earlyStoppingThreshold;
    if (best === undefined || (better && enough)) this.counter = 0;
    else this.counter++;
    if (best === undefined || better) [this.best, this.bestStep] = [metric, step];
  }
}

const settings = fc.record({
  metricForBestModel: fc.constantFrom("loss", "perplexity", "eval_loss", "eval_perplexity"),
  greaterIsBetter: fc.boolean(),
  earlyStoppingThreshold: fc.constantFrom(0, 0.25, 1),
  earlyStoppingPatience: fc.integer({ min: 1, max: 4 }),
}) as fc.Arbitrary<Partial<TrainingArguments>>;
/** Few values, so that equal ones and steps of exactly the threshold come up. */
const losses = fc.array(
  fc.integer({ min: 0, max: 12 }).map((n) => n / 4),
  { maxLength: 14 },
);

describe("from the log", () => {
  it("follow the best evaluation and the patience of Hugging Face's callback", () => {
    fc.assert(
      fc.property(settings, losses, (some, values) => {
        const args = { ...tinyArgs, ...some };
        const callback = new Callback(args);
        const history = historyOf(values);
        for (let end = 0; end < values.length; end++) {
          const value = args.metricForBestModel.endsWith("loss") ? values[end] : Math.exp(values[end]);
          callback.onEvaluate(2 * end + 2, value);
          const until = history.slice(0, 2 * end + 2);
          const { best, withoutImprovement } = standingOf(until, args);
          expect(best?.step).toBe(callback.bestStep);
          expect(withoutImprovement).toBe(callback.counter);
          expect(stopsEarly(until, args)).toBe(callback.counter >= args.earlyStoppingPatience);
        }
      }),
    );
  });

  it("no patience never stops", () => {
    expect(stopsEarly(historyOf([1, 2, 3, 4]), tinyArgs)).toBe(false);
    expect(stopsEarly(historyOf([1, 2, 3, 4]), { ...tinyArgs, earlyStoppingPatience: 3 })).toBe(true);
    expect(stopsEarly(historyOf([1, 2, 3, 4]), { ...tinyArgs, earlyStoppingPatience: 4 })).toBe(false);
  });
});

describe("rotation", () => {
  it("keeps the newest, the best, and as many more as there is room for", async () => {
    await fc.assert(
      fc.asyncProperty(losses, fc.integer({ min: 1, max: 5 }), async (values, limit) => {
        const store = new MemoryStore();
        const steps = values.map((_, i) => 2 * i + 2);
        for (const step of steps) await store.open(`checkpoint-${step}`);
        const best = bestCheckpoint(await store.list(), historyOf(values), tinyArgs);
        await rotateCheckpoints(store, limit, 99, best);
        const least = values.indexOf(Math.min(...values));
        const kept = new Set([steps[least], steps.at(-1)]);
        for (const step of steps.toReversed()) if (kept.size < limit) kept.add(step);
        const wanted = steps.filter((step) => kept.has(step)).map((step) => `checkpoint-${step}`);
        expect(await store.list()).toEqual(wanted);
      }),
    );
  });

  it("of checkpoints that were not evaluated knows no best", () => {
    expect(bestCheckpoint(["checkpoint-1", "checkpoint-3"], historyOf([1, 2]), tinyArgs)).toBeUndefined();
  });
});

describe("a run", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device.destroy());

  const train = Array.from({ length: 6 }, (_, i) => example(8, i));
  /** Of another pattern: what is learned of the others makes these less likely. */
  const evaluation: EncodedExample[] = train.map(({ ids, types }) => ({ ids: ids.toReversed(), types }));
  const args: TrainingArguments = {
    ...tinyArgs,
    maxSteps: 60,
    learningRate: 1e-2,
    evalSteps: 2,
    saveSteps: 2,
    saveTotalLimit: 1,
    loadBestModelAtEnd: true,
    earlyStoppingPatience: 3,
  };
  const open = (store: MemoryStore, changed: Partial<TrainingArguments> = {}): Trainer =>
    new Trainer({
      model: GPT2LMHeadModel.fromConfig(device, tinyConfig, { seed: 2, gradients: true }),
      args: { ...args, ...changed },
      train,
      evaluation,
      padId: 0,
      store,
    });
  const stateOf = async (store: MemoryStore, name: string): Promise<Record<string, unknown>> =>
    JSON.parse(await readText(store.folders.get(name)!, "trainer_state.json")) as Record<string, unknown>;

  test("ends early, keeps its best checkpoint and saves that model; so does one that was stopped", async () => {
    const whole = new MemoryStore();
    const { finished, logHistory, finalStep } = await open(whole).train();
    expect(finished).toBe(true);
    const losses = logHistory.filter((entry) => "eval_loss" in entry).map((entry) => entry.eval_loss);
    const best = losses.indexOf(Math.min(...losses));
    const last = logHistory.at(-1)!.step;
    expect(finalStep).toBe(2 * best + 2);
    expect(finalStep).toBeGreaterThan(2); // it learned something first
    expect(last).toBe(finalStep + 2 * args.earlyStoppingPatience);
    expect(await whole.list()).toEqual([`checkpoint-${finalStep}`, `checkpoint-${last}`]);
    expect(await whole.weights("")).toEqual(await whole.weights(`checkpoint-${finalStep}`));
    expect(await whole.weights("")).not.toEqual(await whole.weights(`checkpoint-${last}`));
    expect(await stateOf(whole, `checkpoint-${last}`)).toMatchObject({
      best_metric: losses[best],
      best_global_step: finalStep,
      best_model_checkpoint: `checkpoint-${finalStep}`,
      stateful_callbacks: {
        EarlyStoppingCallback: {
          args: { early_stopping_patience: 3, early_stopping_threshold: 0 },
          attributes: { early_stopping_patience_counter: 3 },
        },
      },
    });

    // Stopped after the best evaluation, and again with the counter at 1 and between two evaluations.
    const store = new MemoryStore();
    for (const step of [finalStep, finalStep + 3]) {
      const stop = new AbortController();
      const trainer = await goOn(store, { onStep: (at) => at.step === step && stop.abort() });
      expect((await trainer.train(stop.signal)).finished).toBe(false);
    }
    expect(await (await goOn(store)).train()).toEqual({ finished: true, logHistory, finalStep });
    expect(await store.weights("")).toEqual(await whole.weights(""));
    expect(await stateOf(store, "")).toEqual(await stateOf(whole, ""));

    // With all updates made, whoever goes on finds nothing left to do but the model.
    expect(await (await goOn(store)).train()).toEqual({ finished: true, logHistory, finalStep });
  });

  async function goOn(store: MemoryStore, callbacks: { onStep?: (at: { step: number }) => void } = {}) {
    const newest = (await store.list()).filter((name) => name.startsWith("checkpoint-")).at(-1);
    const model = newest
      ? await GPT2LMHeadModel.fromPretrained(device, store.folders.get(newest)!, { gradients: true })
      : GPT2LMHeadModel.fromConfig(device, tinyConfig, { seed: 2, gradients: true });
    const trainer = new Trainer({ model, args, train, evaluation, padId: 0, store, ...callbacks });
    if (newest) await trainer.resume(store.folders.get(newest)!, { own: true });
    return trainer;
  }

  test("that stopped early is gone on with where it has more patience", async () => {
    const store = new MemoryStore();
    const first = await open(store, { earlyStoppingPatience: 1 }).train();
    const [newest] = (await store.list()).slice(-1);
    const model = await GPT2LMHeadModel.fromPretrained(device, store.folders.get(newest)!, { gradients: true });
    const more = { ...args, earlyStoppingPatience: 2 };
    const trainer = new Trainer({ model, args: more, train, evaluation, padId: 0, store });
    await trainer.resume(store.folders.get(newest)!, { own: true });
    const { logHistory } = await trainer.train();
    const whole = await open(new MemoryStore(), { earlyStoppingPatience: 2 }).train();
    expect(logHistory).toEqual(whole.logHistory);
    expect(logHistory.length).toBeGreaterThan(first.logHistory.length);
  });

  test("falls back on the next best checkpoint where the best is not whole", async () => {
    const store = new MemoryStore();
    const { finalStep } = await open(store, { saveTotalLimit: 0 }).train();
    const broken = Object.assign(new MemoryStore(), {
      fault: async (name: string) => (name === `checkpoint-${finalStep}` ? "a file is missing" : undefined),
    });
    const again = await open(broken, { saveTotalLimit: 0 }).train();
    const evaluations = again.logHistory.filter((entry) => "eval_loss" in entry && entry.step !== finalStep);
    const next = evaluations.reduce((a, b) => (b.eval_loss < a.eval_loss ? b : a));
    expect(again.finalStep).toBe(next.step);
    expect(await broken.weights("")).toEqual(await broken.weights(`checkpoint-${next.step}`));
  });

  test("of an adapter ends with the best adapter", async () => {
    const store = new MemoryStore();
    const model = GPT2LMHeadModel.fromConfig(device, tinyConfig, { seed: 2, gradients: false });
    model.addAdapter({ r: 4 });
    const options = { ...args, learningRate: 5e-2 };
    const { finalStep } = await new Trainer({ model, args: options, train, evaluation, padId: 0, store }).train();
    const weights = async (name: string): Promise<Uint8Array> =>
      await store.folders.get(name)!.read("adapter_model.safetensors");
    const [best, last] = await store.list();
    expect(best).toBe(`checkpoint-${finalStep}`);
    expect(await weights("")).toEqual(await weights(best));
    expect(await weights("")).not.toEqual(await weights(last));
  });

  test.each([
    [{ evalSteps: 0 }, "--load_best_model_at_end goes by evaluations, and the only one is at the end"],
    [{ evalSteps: 4, saveSteps: 6 }, "must be a multiple of --eval_steps: they are 6 and 4; give --save_steps 4."],
    [{ saveSteps: 0 }, "must be a multiple of --eval_steps: they are 0 and 2"],
    [{ loadBestModelAtEnd: false, evalSteps: 0 }, "--early_stopping_patience goes by evaluations"],
  ])("of %o is refused", (changed, message) => {
    const before = device.pool.liveBytes;
    const model = GPT2LMHeadModel.fromConfig(device, tinyConfig, { seed: 2, gradients: true });
    const options = { model, args: { ...args, ...changed }, train, padId: 0, store: new MemoryStore() };
    expect(() => new Trainer({ ...options, evaluation })).toThrow(message);
    expect(() => new Trainer(options)).toThrow("there is nothing to evaluate on");
    expect(() => new Trainer({ ...options, args, evaluation, store: undefined })).toThrow("give the Trainer a store");
    model.destroy();
    expect(device.pool.liveBytes).toBe(before);
  });
});
