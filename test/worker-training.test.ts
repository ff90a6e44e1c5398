// Training through a worker's engine: runs that stop and go on with the same bits, fresh models and other people's that
// learn a template, what a run will take.
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DEFAULT_TEMPLATE } from "../src/infill/template.ts";
import { connectEngine } from "../src/worker/client.ts";
import type { Engine } from "../src/worker/client.ts";
import { serveEngine } from "../src/worker/host.ts";
import type { EngineEndpoint, ModelSource, TrainRequest } from "../src/worker/messages.ts";
import { contentsOf, FakeDisk } from "./fake-handles.ts";

const demo = fileURLToPath(new URL("../weights/demo", import.meta.url));
const examples = ["mole", "fox", "hare", "toad"].map((animal) => ({
  p1: `A ${animal} sat.`,
  p2: `It sang to the ${animal}.`,
  p3: "It slept.",
}));
const gaps = [
  { p1: "Kim sat.", p3: "It rained.", options: { maxNewTokens: 3 } },
  { p1: "A fox ran.", p3: "It fell.", options: { maxNewTokens: 3 } },
];
const request: TrainRequest = {
  examples,
  evaluation: examples.slice(0, 2),
  blockSize: 32,
  args: { maxSteps: 5, learningRate: 1e-3, loggingSteps: 1, evalSteps: 2, saveSteps: 2, perDeviceTrainBatchSize: 2 },
  saveTo: { opfs: "run" },
  sample: { gaps, everySteps: 2 },
};
/** GPT-2's shape, and of its sizes next to nothing. */
const fresh: ModelSource = {
  fresh: { config: { nEmbd: 16, nLayer: 1, nHead: 2, nPositions: 32 }, template: DEFAULT_TEMPLATE, examples },
};

let disk: FakeDisk;
const engines: Engine[] = [];
beforeEach(() => {
  disk = new FakeDisk();
  vi.stubGlobal("navigator", { storage: { getDirectory: async () => disk.root } });
});
afterEach(async () => {
  vi.unstubAllGlobals();
  for (const engine of engines.splice(0)) await engine.dispose();
});

async function loaded(source: ModelSource): Promise<Engine> {
  const { port1, port2 } = new MessageChannel();
  serveEngine(port2 as unknown as EngineEndpoint);
  const engine = connectEngine(port1 as unknown as EngineEndpoint);
  engines.push(engine);
  await engine.load(source);
  return engine;
}

/** All that lies there but what is not the run's own: a time. */
const filesOf = (place: string): [string, unknown][] =>
  Object.entries(contentsOf(disk.root)).filter(([name]) => name.startsWith(`${place}/`));
const under = (place: string): Map<string, unknown> =>
  new Map(filesOf(place).map(([name, data]) => [name.slice(place.length + 1), data]));

describe("training in a worker", () => {
  it("goes on, in another worker, from where it was stopped, with the same bits", async () => {
    const whole = await (await loaded(fresh)).train({ ...request, saveTo: { opfs: "whole" } });
    const first = await loaded(fresh);
    const stop = new AbortController();
    const onStep = ({ step }: { step: number }) => void (step === 3 && stop.abort());
    const begun = await first.train({ ...request, signal: stop.signal, onStep });
    expect(begun.finished).toBe(false);
    const steps: number[] = [];
    const second = await loaded(fresh);
    const ended = await second.train({ ...request, resume: true, onStep: ({ step }) => void steps.push(step) });
    expect([ended.finished, steps]).toEqual([true, [4, 5]]);
    expect(ended.logHistory).toEqual(whole.logHistory);
    const [there, here] = [under("whole"), under("run")];
    for (const file of ["model.safetensors", "checkpoint-5/optimizer.safetensors", "checkpoint-4/model.safetensors"])
      expect([file, here.get(file)]).toEqual([file, there.get(file)]);
    expect(there.get("model.safetensors")).toBeDefined();
  });

  it("passes over a checkpoint whose writing did not come to its end", async () => {
    const stop = new AbortController();
    const first = await loaded(fresh);
    await first.train({ ...request, signal: stop.signal, onStep: ({ step }) => void (step === 3 && stop.abort()) });
    const names = [...under("run").keys()];
    expect(names).toEqual(expect.arrayContaining(["checkpoint-2/sizes.json", "checkpoint-3/sizes.json"]));
    const directory = await (await disk.root.getDirectoryHandle("run")).getDirectoryHandle("checkpoint-3");
    await directory.removeEntry("sizes.json");
    const steps: number[] = [];
    await first.train({ ...request, resume: true, onStep: ({ step }) => void steps.push(step) });
    expect(steps).toEqual([3, 4, 5]);
  });

  it("begins where nothing was saved, and asks for a place", async () => {
    const engine = await loaded(fresh);
    const steps: number[] = [];
    await engine.train({ ...request, resume: true, onStep: ({ step }) => void steps.push(step) });
    expect(steps).toEqual([1, 2, 3, 4, 5]);
    await expect(engine.train({ ...request, saveTo: undefined, resume: true })).rejects.toThrow(/give saveTo/);
  });

  it("tells what stands in each of the gaps", async () => {
    const engine = await loaded(fresh);
    const told: [number, number | undefined][] = [];
    await engine.train({ ...request, onSample: ({ step, number }) => void told.push([step, number]) });
    expect(told).toEqual([2, 4, 5].flatMap((step) => [0, 1].map((number) => [step, number])));
  });

  it("makes a model of the vocabulary of what is learnt from", async () => {
    const engine = await loaded(fresh);
    const { text } = await engine.fill({ p1: "A mole sat.", p3: "It slept.", options: { maxNewTokens: 4 } });
    expect(text).toEqual(expect.any(String));
    const files = await engine.save();
    const { vocab_size: size } = JSON.parse(new TextDecoder().decode(files.get("config.json")));
    expect(size).toBeGreaterThan(256 + 5);
    expect(size).toBeLessThan(256 + 120);
  });

  it("gives another model the template's tokens, or only the template where it has them", async () => {
    const template = { ...DEFAULT_TEMPLATE, specialTokens: { ...DEFAULT_TEMPLATE.specialTokens, p1: "[BEFORE]" } };
    const grown = await loaded({ base: demo, template });
    const same = await loaded({ base: demo, template: DEFAULT_TEMPLATE });
    const sizes = await Promise.all(
      [grown, same].map(async (engine) => {
        const config = (await engine.save()).get("config.json");
        return JSON.parse(new TextDecoder().decode(config)).vocab_size;
      }),
    );
    expect(sizes).toEqual([2147, 2146]);
    const { finished } = await grown.train({ ...request, args: { ...request.args, maxSteps: 1 }, sample: undefined });
    expect(finished).toBe(true);
  });

  it("says what a run takes, and leaves the model as it is", async () => {
    const engine = await loaded(fresh);
    const before = (await engine.save()).get("model.safetensors");
    const long = { p1: "A.", p2: "It sang. ".repeat(40), p3: "B." };
    const estimate = await engine.estimate({ ...request, examples: [...examples, long] });
    expect(estimate).toMatchObject({ totalSteps: 5, examples: 4, leftOut: 1 });
    expect(estimate.secondsPerUpdate).toBeGreaterThan(0);
    const { parameters, gradients, moments, activations, logits, staging, peak } = estimate.memory;
    expect(parameters + gradients + moments + activations + logits + staging).toBe(peak);
    expect((await engine.save()).get("model.safetensors")).toEqual(before);
    await expect(engine.estimate({ ...request, examples: [long] })).rejects.toThrow();
  });
});
