// Training through a worker's engine: runs that stop and go on with the same bits, fresh models and other people's that
// learn a template, what a run will take.
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DEFAULT_TEMPLATE } from "../src/infill/template.ts";
import { connectEngine } from "../src/worker/client.ts";
import { serveEngine } from "../src/worker/host.ts";
import type { EngineEndpoint, ModelSource, Trained, TrainRequest } from "../src/worker/messages.ts";
import { contentsOf, FakeDisk } from "./fake-handles.ts";

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
beforeEach(() => {
  disk = new FakeDisk();
  vi.stubGlobal("navigator", { storage: { getDirectory: async () => disk.root } });
});
afterEach(() => void vi.unstubAllGlobals());

// One device, whose shaders are compiled once.
const { port1, port2 } = new MessageChannel();
serveEngine(port2 as unknown as EngineEndpoint);
const engine = connectEngine(port1 as unknown as EngineEndpoint);
afterAll(async () => {
  await engine.dispose();
  for (const port of [port1, port2]) port.close();
});

const under = (place: string): Map<string, unknown> =>
  new Map(
    Object.entries(contentsOf(disk.root)).flatMap(([name, data]) =>
      name.startsWith(`${place}/`) ? [[name.slice(place.length + 1), data] as const] : [],
    ),
  );

/** Stopped at the third update, which ends there or one later: the news takes its time. Its last update. */
async function trainAndStop(): Promise<number> {
  const stop = new AbortController();
  let last = 0;
  const onStep = ({ step }: { step: number }): void => {
    last = step;
    if (step === 3) stop.abort();
  };
  const { finished } = await engine.train({ ...request, signal: stop.signal, onStep });
  expect([finished, [3, 4].includes(last)]).toEqual([false, true]);
  return last;
}

/** The updates that a run makes which goes on. */
async function goOn(): Promise<{ steps: number[]; logHistory: Trained["logHistory"] }> {
  const steps: number[] = [];
  const onStep = ({ step }: { step: number }): void => void steps.push(step);
  const { finished, logHistory } = await engine.train({ ...request, resume: true, onStep });
  expect(finished).toBe(true);
  return { steps, logHistory };
}

describe("training in a worker", () => {
  it("goes on from where it was stopped, with the same bits", async () => {
    await engine.load(fresh);
    const whole = await engine.train({ ...request, saveTo: { opfs: "whole" } });
    await engine.load(fresh);
    const last = await trainAndStop();
    await engine.load(fresh);
    const { steps, logHistory } = await goOn();
    expect([steps, logHistory]).toEqual([[4, 5].filter((step) => step > last), whole.logHistory]);
    const [there, here] = [under("whole"), under("run")];
    for (const file of ["model.safetensors", "checkpoint-5/optimizer.safetensors", "checkpoint-4/model.safetensors"])
      expect([file, here.get(file)]).toEqual([file, there.get(file)]);
    expect(there.get("model.safetensors")).toBeDefined();
  });

  it("passes over a checkpoint whose writing did not come to its end", async () => {
    await engine.load(fresh);
    const last = await trainAndStop();
    expect([...under("run").keys()]).toContain("checkpoint-2/sizes.json");
    const directory = await (await disk.root.getDirectoryHandle("run")).getDirectoryHandle(`checkpoint-${last}`);
    await directory.removeEntry("sizes.json");
    expect((await goOn()).steps).toEqual([3, 4, 5]);
  });

  it("begins where nothing was saved, and asks for a place", async () => {
    await engine.load(fresh);
    expect((await goOn()).steps).toEqual([1, 2, 3, 4, 5]);
    await expect(engine.train({ ...request, saveTo: undefined, resume: true })).rejects.toThrow(/give saveTo/);
  });

  it("tells what stands in each of the gaps", async () => {
    await engine.load(fresh);
    const told: [number, number | undefined][] = [];
    await engine.train({ ...request, onSample: ({ step, number }) => void told.push([step, number]) });
    expect(told).toEqual([2, 4, 5].flatMap((step) => [0, 1].map((number) => [step, number])));
  });

  it("makes a model of the vocabulary of what is learnt from", async () => {
    await engine.load(fresh);
    const { text } = await engine.fill({ p1: "A mole sat.", p3: "It slept.", options: { maxNewTokens: 4 } });
    expect(text).toEqual(expect.any(String));
    const files = await engine.save();
    const { vocab_size: size } = JSON.parse(new TextDecoder().decode(files.get("config.json")));
    expect(size).toBeGreaterThan(256 + 5);
    expect(size).toBeLessThan(256 + 120);
  });

  it("gives another model the template's tokens, or only the template where it has them", async () => {
    const template = { ...DEFAULT_TEMPLATE, specialTokens: { ...DEFAULT_TEMPLATE.specialTokens, p1: "[BEFORE]" } };
    await engine.load(fresh);
    const vocabulary = async (): Promise<number> =>
      JSON.parse(new TextDecoder().decode((await engine.save()).get("config.json"))).vocab_size;
    const before = await vocabulary();
    const files = await engine.save();
    const sizes: number[] = [];
    for (const each of [DEFAULT_TEMPLATE, template]) {
      const copies = new Map([...files].map(([name, bytes]) => [name, bytes.slice()]));
      await engine.load({ base: { files: copies }, template: each });
      sizes.push(await vocabulary());
    }
    expect(sizes).toEqual([before, before + 1]);
    const { finished } = await engine.train({ ...request, args: { ...request.args, maxSteps: 1 }, sample: undefined });
    expect(finished).toBe(true);
  });

  it("explains a text that stands already, and one that it writes", async () => {
    await engine.load(fresh);
    const gap = { p1: "A mole sat.", p3: "It slept." };
    const given = await engine.explain({ gap, text: "It sang to the fox." });
    const [{ ids, sequences }] = given.prompts;
    expect(sequences[0].text.join("")).toBe(" It sang to the fox.");
    expect(sequences[0].choices.every(({ own }) => own.probability > 0 && own.probability < 1)).toBe(true);
    expect(sequences[0].choices[0].alternatives.length).toBe(10);
    expect([ids.length > 3, sequences[0].attention !== undefined]).toEqual([true, true]);
    const written = await engine.explain({ gap, options: { numBeams: 2, numReturnSequences: 2, maxNewTokens: 3 } });
    expect([written.prompts[0].sequences.length, written.prompts[0].beams?.beams]).toEqual([2, 2]);
    await expect(engine.explain({ gap, text: "It sang. ".repeat(40) })).rejects.toThrow(/choose a part of it/);
  });

  it("says what a run takes, and leaves the model as it is", async () => {
    await engine.load(fresh);
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
