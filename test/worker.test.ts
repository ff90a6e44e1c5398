// The engine behind a message channel, as in a worker: what a page calls, is told and gets back, and how calls end.
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { UserError } from "../src/errors.ts";
import { connectEngine } from "../src/worker/client.ts";
import type { Engine } from "../src/worker/client.ts";
import { serveEngine } from "../src/worker/host.ts";
import type { EngineEndpoint, EngineInfo } from "../src/worker/messages.ts";
import { Infiller } from "../src/writing/infiller.ts";
import { contentsOf, FakeDisk } from "./fake-handles.ts";
import { requestDevice } from "../src/gpu/device.ts";

const demo = fileURLToPath(new URL("../weights/demo", import.meta.url));
const gap = { p1: "Kim sat by the brook.", p3: "Then it rained." };
const SHORT = { maxNewTokens: 6 };
const examples = [
  { p1: "A mole sat.", p2: "It sang.", p3: "It slept." },
  { p1: "A fox ran.", p2: "It fell.", p3: "It rose." },
];
const ARGS = { maxSteps: 4, learningRate: 1e-3, loggingSteps: 2, evalSteps: 2, perDeviceTrainBatchSize: 2 };

const ports: { close(): void }[] = [];
function connect(): Engine {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  serveEngine(port2 as unknown as EngineEndpoint);
  return connectEngine(port1 as unknown as EngineEndpoint);
}
async function demoFiles(): Promise<Map<string, Uint8Array>> {
  const names = await readdir(demo);
  // Copies: a small file's bytes share the memory of others.
  return new Map(
    await Promise.all(names.map(async (name) => [name, Uint8Array.from(await readFile(`${demo}/${name}`))] as const)),
  );
}

describe("an engine in a worker", () => {
  let engine: Engine;
  let info: EngineInfo;
  beforeAll(async () => {
    engine = connect();
    info = await engine.load(demo);
  });
  afterAll(async () => {
    await engine.dispose();
    for (const port of ports) port.close();
  });

  it("says what was loaded", () => {
    expect(info).toMatchObject({ fillsGaps: true, metadata: expect.arrayContaining(["length"]) });
    expect([info.nPositions, info.adapter]).toEqual([expect.any(Number), expect.stringMatching(/./)]);
  });

  it("fills as the page itself does, telling the text as it grows, all of it before the result", async () => {
    const device = await requestDevice();
    const infiller = await Infiller.load(demo, { device });
    const here: string[] = [];
    const there: string[] = [];
    const wanted = await infiller.fill({ ...gap, options: SHORT, onText: (text) => void here.push(text) });
    const found = await engine.fill({ ...gap, options: SHORT, onText: (text) => void there.push(text) });
    expect([found, there]).toEqual([wanted, here]);
    expect(there.length).toBeGreaterThan(3);
    infiller.dispose();
    device.destroy();
  });

  it("fills side by side, ranks and names words as the page itself does", async () => {
    const device = await requestDevice();
    const infiller = await Infiller.load(demo, { device });
    const ask = async (asked: Engine | Infiller) => {
      const told: (readonly string[])[] = [];
      const onTexts = (texts: readonly string[]): void => void told.push(texts);
      const { candidates } = await asked.fill({ ...gap, candidates: 2, options: { ...SHORT, seed: 1 }, onTexts });
      const texts = candidates.map(({ text }) => text);
      return [texts, told, await asked.rank(gap, texts), await asked.nextWords(gap, "Kim", { count: 3 })] as const;
    };
    const found = await ask(engine);
    expect(found).toEqual(await ask(infiller));
    expect(found[1].length).toBeGreaterThan(3);
    expect(found[2]).toHaveLength(2);
    infiller.dispose();
    device.destroy();
  });

  it("generates from a prompt", async () => {
    const told: string[] = [];
    const request = { prompt: "Once upon a time", options: { ...SHORT, doSample: true, seed: 3 } };
    const { texts, ids } = await engine.generate({ ...request, onText: (text) => void told.push(text) });
    expect(texts.length).toBe(1);
    expect(ids[0].length).toBeLessThanOrEqual(6);
    expect(told.at(-1)).toBe(texts[0]);
    expect(told.length).toBeGreaterThan(3);
    const several = await engine.generate({ ...request, options: { ...request.options, numReturnSequences: 2 } });
    expect(several.texts.length).toBe(2);
  });

  it("ends a call with the signal's reason, before, while it waits and in its midst, and then goes on", async () => {
    const reason = new Error("enough");
    const early = AbortSignal.abort(reason);
    await expect(engine.fill({ ...gap, signal: early })).rejects.toBe(reason);
    const midst = new AbortController();
    const onText = () => midst.abort(reason);
    const long = { minNewTokens: 60, maxNewTokens: 60 };
    const first = engine.fill({ ...gap, options: long, signal: midst.signal, onText });
    const waiting = new AbortController();
    const second = engine.fill({ ...gap, signal: waiting.signal });
    waiting.abort(reason);
    await expect(first).rejects.toBe(reason);
    await expect(second).rejects.toBe(reason);
    expect((await engine.fill({ ...gap, options: SHORT })).text).not.toBe("");
  });

  it.each([
    ["a fill that contradicts itself", (e: Engine) => e.fill({ p1: "", p3: "" }), /both empty/],
    ["an unknown field", (e: Engine) => e.fill({ ...gap, wish: 1 } as never), /unknown field "wish"/],
    ["an unknown option", (e: Engine) => e.generate({ prompt: "a", options: { numBeam: 2 } as never }), /numBeams/],
    ["a prompt that is none", (e: Engine) => e.generate({ prompt: 1 as never }), /^prompt is number/],
    ["a folder that is not there", (e: Engine) => e.load("/nowhere/model"), /nowhere.model: no config\.json/],
    ["training on nothing", (e: Engine) => e.train({}), /either `examples` or `text`/],
    ["training on both", (e: Engine) => e.train({ examples, text: "a" }), /either `examples` or `text`/],
    ["blocks that no model has", (e: Engine) => e.train({ examples, blockSize: 1e9 }), /^blockSize is 1000000000/],
  ])("%s is a UserError in the page, too", async (_name, act, message) => {
    const call = act(engine);
    await expect(call).rejects.toThrow(message);
    await expect(call).rejects.toBeInstanceOf(UserError);
  });

  it("takes files over and gives the model's back, without copies", async () => {
    const files = await demoFiles();
    const other = connect();
    await other.load({ files });
    expect([...files.values()].every(({ byteLength }) => byteLength === 0)).toBe(true); // they went to the worker
    await other.save();
    const saved = await other.save();
    expect([...saved.keys()]).toEqual(expect.arrayContaining(["infill_template.json", "model.safetensors"]));
    const { text } = await other.fill({ ...gap, options: SHORT });
    await other.load({ files: saved });
    expect((await other.fill({ ...gap, options: SHORT })).text).toBe(text);
    await other.dispose();
    await expect(other.fill(gap)).rejects.toThrow(/engine is disposed of/);
    await other.dispose();
  });

  it("trains, tells of it, saves where it is told, and fills as it has learnt", async () => {
    const disk = new FakeDisk();
    vi.stubGlobal("navigator", { storage: { getDirectory: async () => disk.root } });
    try {
      const before = (await engine.fill({ ...gap, options: SHORT })).text;
      const told: Record<string, unknown[]> = { step: [], log: [], evaluation: [], sample: [], save: [] };
      const { finished, logHistory } = await engine.train({
        examples,
        evaluation: examples,
        blockSize: 64,
        args: { ...ARGS, learningRate: 3e-2 },
        saveTo: { opfs: "runs/mine" },
        sample: { gap: { ...gap, options: SHORT }, everySteps: 2 },
        onStep: (progress) => void told.step.push(progress.step),
        onLog: (entry) => void told.log.push(entry),
        onEvaluation: ({ evaluation, progress }) => void told.evaluation.push([progress.step, evaluation.tokens > 0]),
        onSample: (sample) => void told.sample.push(sample),
        onSave: (name) => void told.save.push(name),
      });
      expect([finished, told.step, told.log]).toEqual([true, [1, 2, 3, 4], logHistory]);
      expect(told.evaluation).toEqual([
        [2, true],
        [4, true],
      ]);
      expect(told.sample).toEqual([
        { step: 2, text: expect.any(String) },
        { step: 4, text: expect.any(String) },
      ]);
      expect(told.save).toEqual(["checkpoint-4", ""]);
      const names = Object.keys(contentsOf(disk.root));
      for (const file of ["model.safetensors", "infill_template.json", "checkpoint-4/optimizer.safetensors"])
        expect(names).toContain(`runs/mine/${file}`);
      const after = (await engine.fill({ ...gap, options: SHORT })).text;
      expect(after).not.toBe(before);
      expect((told.sample[1] as { text: string }).text).toBe(after);
      const other = connect();
      await other.load({ opfs: "runs/mine" });
      expect((await other.fill({ ...gap, options: SHORT })).text).toBe(after);
      await other.dispose();
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it("ends training with its signal after the update in work", async () => {
    const controller = new AbortController();
    const stopping = { ...ARGS, maxSteps: 50, evalSteps: 0 };
    const onStep = ({ step }: { step: number }) => void (step === 2 && controller.abort());
    const run = await engine.train({
      text: "A mole sat. ".repeat(60),
      blockSize: 16,
      args: stopping,
      signal: controller.signal,
      onStep,
    });
    expect(run.finished).toBe(false);
    expect((await engine.generate({ prompt: "A mole", options: SHORT })).texts[0]).not.toBe("");
  });

  it("rejects what waits, and what is asked later, when the page terminates the worker", async () => {
    let terminated = 0;
    const worker = Object.assign(new EventTarget(), {
      postMessage() {},
      terminate() {
        terminated++;
      },
    }) as unknown as EngineEndpoint & { terminate(): void };
    const gone = connectEngine(worker);
    const calls = [gone.load(demo), gone.fill(gap), gone.train({ examples }), gone.save()];
    worker.terminate();
    for (const call of [...calls, gone.generate({ prompt: "a" })]) {
      await expect(call).rejects.toThrow(/^The engine's worker has ended: connect an engine to another\.$/);
      await expect(call).rejects.toBeInstanceOf(UserError);
    }
    await gone.dispose(); // there is nothing left to free
    expect(terminated).toBe(1);
  });

  it("rejects what waits when the worker is gone in any other way: its lock is given to the page", async () => {
    const waiting: { name: string; held: () => unknown }[] = [];
    const locks = { request: (name: string, held: () => unknown) => Promise.resolve(waiting.push({ name, held })) };
    vi.stubGlobal("navigator", { locks });
    try {
      const other = connect();
      const call = other.load(demo);
      await vi.waitFor(() => expect(waiting.length).toBe(1)); // the worker's: granted at once
      const released = Promise.resolve(waiting[0].held());
      await vi.waitFor(() => expect(waiting.length).toBe(2)); // the page's
      expect(waiting[1].name).toBe(waiting[0].name);
      waiting[1].held();
      await expect(call).rejects.toThrow(UserError);
      const disposed = connect();
      await vi.waitFor(() => expect(waiting.length).toBe(3));
      expect(waiting[2].name).not.toBe(waiting[0].name);
      const releasedByDispose = Promise.resolve(waiting[2].held());
      await vi.waitFor(() => expect(waiting.length).toBe(4)); // the page's, to which the lock comes before the answer
      const heard = releasedByDispose.then(() => waiting[3].held());
      await disposed.dispose();
      await heard;
      await expect(disposed.fill(gap)).rejects.toThrow(/^This engine is disposed of/);
      const first = await Promise.race([released.then(() => "released"), Promise.resolve("held")]);
      expect(first).toBe("held");
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it("rejects what waits when the worker dies", async () => {
    const worker = new EventTarget() as EventTarget & EngineEndpoint;
    worker.postMessage = () => {};
    const dead = connectEngine(worker);
    const call = dead.load(demo);
    worker.dispatchEvent(Object.assign(new Event("error"), { message: "404" }));
    await expect(call).rejects.toThrow(/^The engine's worker has ended \(404\); check its script's address/);
    await expect(dead.fill(gap)).rejects.toBeInstanceOf(UserError);
    await expect(connect().fill(gap)).rejects.toThrow(/has no model: call load\(\) first/);
  });
});
