// The examples in the docstrings of the package's entry points run as they stand, with what a page has around them: a
// disk of its own, a worker, an address with a model.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import * as books from "../src/entries/books.ts";
import * as evaluate from "../src/entries/evaluate.ts";
import * as explain from "../src/entries/explain.ts";
import * as infill from "../src/entries/infill.ts";
import * as storage from "../src/entries/storage.ts";
import * as train from "../src/entries/train.ts";
import * as worker from "../src/entries/worker.ts";
import type { Folder } from "../src/files/folder.ts";
import { openFolder } from "../src/files/open.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { requestDevice } from "../src/gpu/device.ts";
import type { Device } from "../src/gpu/device.ts";
import * as index from "../src/index.ts";
import { InfillEncoder } from "../src/infill/encode.ts";
import { PreTrainedTokenizer } from "../src/tokenizer/pretrained-tokenizer.ts";
import { serveEngine } from "../src/worker/host.ts";
import type { EngineEndpoint } from "../src/worker/messages.ts";
import { documentedFiles, examplesIn } from "./docstrings.ts";
import { contentsOf, FakeDisk } from "./fake-handles.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const demo = join(root, "weights", "demo");
const entries: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  index,
  books,
  evaluate,
  explain,
  infill,
  storage,
  train,
  worker,
};

/**
 * Runs an example: every name that it does not define is one of the entry points' or of `around`. Imports are looked up
 * in the entry points. Returns what it defined.
 */
async function run(example: string, around: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
  for (const [, names, entry] of example.matchAll(/^import \{ (.*?) \} from "gpt2-webgpu\/(\w+)";$/gm))
    for (const name of names.split(", ")) expect(entries[entry], entry).toHaveProperty(name);
  const body = example.replaceAll(/^import .*$/gm, "").replaceAll("import.meta.url", '"http://localhost/page.js"');
  const given = { ...Object.assign({}, ...Object.values(entries)), ...around } as Record<string, unknown>;
  const defined = [...body.matchAll(/^const (?:\{ (.*?) \}|(\w+)) =/gm)].flatMap(
    ([, several, one]) => several?.split(", ") ?? [one],
  );
  const names = Object.keys(given).filter((name) => !defined.includes(name));
  const make = new Function(...names, `return (async () => {\n${body}\nreturn { ${defined.join(", ")} };\n})();`) as (
    ...values: unknown[]
  ) => Promise<Record<string, unknown>>;
  return make(...names.map((name) => given[name]));
}

describe("the example of", () => {
  let device: Device;
  let model: GPT2LMHeadModel;
  let tokenizer: PreTrainedTokenizer;
  let encoder: InfillEncoder;
  const disk = new FakeDisk();
  const shown: unknown[][] = [];
  const show = (...values: unknown[]): void => void shown.push(values);
  const ports: { close(): void }[] = [];
  const started: unknown[] = [];
  /** In the place of the class: a worker whose script serves an engine. */
  function FakeWorker(address: URL, { type }: { readonly type: string }): object {
    started.push([address.pathname, type]);
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    serveEngine(port2 as unknown as EngineEndpoint);
    return port1;
  }
  const server = createServer((request, response) => {
    const name = request.url!.replace("/models/tiny/", "");
    try {
      response.end(readFileSync(join(demo, name)));
    } catch {
      response.writeHead(404).end();
    }
  });

  beforeAll(async () => {
    device = await requestDevice();
    const folder = await openFolder(demo);
    model = await GPT2LMHeadModel.fromPretrained(device, folder);
    tokenizer = await PreTrainedTokenizer.fromPretrained(folder);
    encoder = await InfillEncoder.fromPretrained(folder, tokenizer);
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    vi.stubGlobal("navigator", { storage: { getDirectory: async () => disk.root } });
    vi.stubGlobal("location", new URL(address));
    vi.stubGlobal("document", { baseURI: address });
  });
  afterAll(() => {
    vi.unstubAllGlobals();
    for (const port of ports) port.close();
    server.closeAllConnections();
    server.close();
    device.destroy();
  });

  const story = (i: number): string =>
    `Emma sat by the brook number ${i} and looked at the water for a long, long time.`;
  const chapter = (c: number): string =>
    [`CHAPTER ${c + 1}`, ...Array.from({ length: 40 }, (_, i) => story(40 * c + i))].join("\n\n");
  const novel = Array.from({ length: 12 }, (_, c) => chapter(c)).join("\n\n\n");
  const jsonl = readFileSync(join(root, "data", "sample", "validation.jsonl"), "utf8")
    .split("\n")
    .slice(0, 4)
    .join("\n");
  const openDemo = (): Promise<Folder> => openFolder(demo);
  const checks: Readonly<Record<string, () => Promise<void>>> = {
    "generation/generate.ts": async () => {
      shown.length = 0;
      await run(examplesIn("generation/generate.ts")[0], { openFolder: openDemo, show });
      expect(shown).toEqual([[expect.stringMatching(/\w+ \w+/)]]);
    },
    "writing/infiller.ts": async () => {
      shown.length = 0;
      const Infiller = { load: () => infill.Infiller.load(demo, { device }) };
      const { text, candidates } = await run(examplesIn("writing/infiller.ts")[0], { Infiller, show });
      expect(shown.length).toBeGreaterThan(2); // it grew
      expect(shown.at(-1)).toEqual([text]);
      expect(candidates).toHaveLength(3);
    },
    "training/trainer.ts": async () => {
      shown.length = 0;
      const trainable = await GPT2LMHeadModel.fromPretrained(device, await openDemo(), { gradients: true });
      const text = "Kim sat by the brook and looked at the water. ".repeat(20);
      const around = { model: trainable, tokenizer, text, show };
      const { finished } = await run(examplesIn("training/trainer.ts")[0], around);
      trainable.destroy();
      const losses = shown.filter(([, loss]) => loss !== undefined) as [number, number][];
      expect([finished, losses.map(([step]) => step)]).toEqual([true, [1, 2, 3]]);
      expect(losses[2][1]).toBeLessThan(losses[0][1]);
    },
    "explain/explain.ts": async () => {
      shown.length = 0;
      await run(examplesIn("explain/explain.ts")[0], { model, tokenizer, show });
      expect(shown).toEqual([[expect.stringMatching(/^<!doctype html>[^]*<\/html>\s*$/)]]);
    },
    "storage/browser-folders.ts": async () => {
      const [example] = examplesIn("storage/browser-folders.ts");
      await run(example, { model });
      expect(Object.keys(contentsOf(disk.root))).toContain("models/mine/model.safetensors");
    },
    "storage/open-cached.ts": async () => {
      const { infiller } = await run(examplesIn("storage/open-cached.ts")[0], { show });
      const { fill, dispose } = infiller as { fill(gap: object): Promise<{ text: string }>; dispose(): void };
      const gap = { p1: "Kim sat by the brook.", p3: "Then it rained.", options: { maxNewTokens: 4 } };
      expect((await fill.call(infiller, gap)).text).not.toBe("");
      dispose.call(infiller);
      expect(shown).toContainEqual(["model.safetensors", expect.any(Number)]);
    },
    "worker/host.ts": async () => {
      const endpoint = vi.fn<() => void>();
      await run(examplesIn("worker/host.ts")[0], { serveEngine: endpoint });
      expect(endpoint).toHaveBeenCalledOnce();
    },
    "worker/client.ts": async () => {
      shown.length = 0;
      const { engine, text } = await run(examplesIn("worker/client.ts")[0], { show, Worker: FakeWorker });
      expect([text, started]).toEqual([expect.stringMatching(/\w/), [["/engine-worker.js", "module"]]]);
      expect(shown.at(-1)).toEqual([text]);
      await (engine as { dispose(): Promise<void> }).dispose();
    },
    "infill/books/prepare-books.ts": async () => {
      const { train, validation, files } = await run(examplesIn("infill/books/prepare-books.ts")[0], { text: novel });
      expect([(train as []).length, (validation as []).length].every((length) => length > 0)).toBe(true);
      expect([...(files as Map<string, string>).keys()]).toContain("train.jsonl");
    },
    "evaluation/context-use.ts": async () => {
      shown.length = 0;
      await run(examplesIn("evaluation/context-use.ts")[0], { text: jsonl, model, encoder, show });
      const [perplexity, change] = shown[0] as number[];
      expect(perplexity).toBeGreaterThan(1);
      expect(change).toBeLessThan(0); // without p3 the demo model knows less
    },
  };

  it.each(Object.keys(checks))("%s", (file) => checks[file](), 240_000);
  it("doctor/doctor.ts stands in test/doctor.test.ts", () => {
    // In a clone its tables are test files, which vitest would take for this file's.
    const text = readFileSync(join(root, "test", "doctor.test.ts"), "utf8");
    expect(text).toContain('examplesIn("doctor/doctor.ts")');
  });
  it("any other has a test too", () => {
    expect(documentedFiles()).toEqual([...Object.keys(checks), "doctor/doctor.ts"].sort());
  });
  it("that names what is not there is found out", async () => {
    await expect(run("const folder = await opfsFolders();", {})).rejects.toThrow("opfsFolders is not defined");
    await expect(run('import { serveEngines } from "gpt2-webgpu/worker";', {})).rejects.toThrow("serveEngines");
  });
});
