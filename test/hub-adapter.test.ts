// An adapter by its name on the Hub: PEFT's two files come, and its base, another repository, by the name that the
// adapter calls it; both are kept, and used offline.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openModelFolder, resolveModel } from "../src/cli/shared/model-source.ts";
import type { SourceOptions } from "../src/cli/shared/model-source.ts";
import { UserError } from "../src/errors.ts";
import { MemoryFolder } from "../src/files/folder.ts";
import { openFolder } from "../src/files/open.ts";
import { openModelCheckpoint, readModelConfig, writeAdapter } from "../src/gpt2/adapter-files.ts";
import { openCheckpoint, readConfig } from "../src/gpt2/checkpoint-files.ts";
import { LoraConfig } from "../src/gpt2/lora-config.ts";
import { HubServer } from "./hub-server.ts";

const TINY = "test/fixtures/reference/tiny";
const tiny = await openFolder(TINY);
const config = await readConfig(tiny);
const BASE = "someone/base";
const NAME = "me/adapter";

/** Of h.0.attn.c_attn alone something other than zero: every element of B A is r a b. */
const lora = new LoraConfig({ r: 2, loraAlpha: 8, targetModules: ["c_attn"], baseModelNameOrPath: BASE });
const [A, B] = [0.5, 0.25];
const CHANGE = (8 / 2) * 2 * A * B;

async function adapterFiles(): Promise<Record<string, Uint8Array>> {
  const folder = new MemoryFolder("adapter");
  const shape = (name: string): number => (name.includes("lora_A") ? 2 * config.nEmbd : 2 * 3 * config.nEmbd);
  const value = (name: string): number => (name.includes("h.0.") ? (name.includes("lora_A") ? A : B) : 0);
  await folder.write(writeAdapter(lora, config, (name) => new Float32Array(shape(name)).fill(value(name))));
  const names = await folder.list();
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await folder.read(name)] as const)));
}

async function baseFiles(): Promise<Record<string, Uint8Array>> {
  const read = (name: string): Promise<Uint8Array> => readFile(join(TINY, name));
  const text = new TextEncoder();
  return {
    "config.json": await read("config.json"),
    "model.safetensors": await read("model.safetensors"),
    "vocab.json": text.encode("{}"),
    "merges.txt": text.encode("#version: 0.2\n"),
  };
}

const adapter = await adapterFiles();
const base = await baseFiles();

let hub: HubServer;
let home: string;
beforeEach(async () => {
  hub = await HubServer.start();
  home = await mkdtemp(join(tmpdir(), "hub-adapter-"));
});
afterEach(async () => {
  await hub.stop();
  await rm(home, { recursive: true });
});

const options = (): SourceOptions => ({
  env: { HF_HOME: home, HF_ENDPOINT: hub.endpoint },
  onNote: (note) => expect.fail(note),
  onProgress: () => {},
});
const open = async (more: SourceOptions = {}) =>
  openModelFolder(await resolveModel(NAME, { ...options(), ...more }), { ...options(), ...more });
const failure = async (): Promise<string> => {
  const error: unknown = await open().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message;
};

describe("an adapter on the Hub", () => {
  it("comes with its base, which is changed by it, and is there offline", async () => {
    hub.publish(BASE, base);
    const commit = hub.publish(NAME, { ...adapter, "README.md": "# no", "adapter_model.bin": new Uint8Array(20_000) });
    const folder = await open();
    const place = join(home, "hub", "models--me--adapter", "snapshots", commit);
    expect((await readdir(place)).sort()).toEqual(["adapter_config.json", "adapter_model.safetensors"]);
    const name = "transformer.h.0.attn.c_attn.weight";
    const before = await (await openCheckpoint(tiny, config)).tensor(name);
    for (const from of [folder, await open({ offline: true })]) {
      const model = await openModelCheckpoint(from, await readModelConfig(from));
      const after = await model.tensor(name);
      for (let i = 0; i < before.length; i += 97) expect(after[i] - before[i]).toBeCloseTo(CHANGE, 5);
    }
    const sent = hub.sent.length;
    await open();
    expect(hub.sent.length).toBe(sent); // nothing twice
  });

  it("without its weights here, or with weights that are not read, is refused in a sentence", async () => {
    hub.publish(BASE, base);
    const { "adapter_config.json": only } = adapter;
    hub.publish(NAME, { "adapter_config.json": only });
    expect(await failure()).toMatch(/^me\/adapter on the Hub is an adapter without adapter_model\.safetensors; /);
    hub.publish(NAME, { "adapter_config.json": only, "adapter_model.bin": "x" });
    expect(await failure()).toMatch(/has adapter_model\.bin but no adapter_model\.safetensors, .* convert it once/);
  });

  it("of a kind that is not computed costs no download of weights", async () => {
    const json = JSON.parse(new TextDecoder().decode(adapter["adapter_config.json"])) as object;
    hub.publish(NAME, { ...adapter, "adapter_config.json": JSON.stringify({ ...json, peft_type: "PREFIX_TUNING" }) });
    expect(await failure()).toContain("PREFIX_TUNING");
    expect(hub.sent).toEqual(["adapter_config.json"]);
  });

  it("whose base is not there says so, and how to name another", async () => {
    hub.publish(NAME, adapter);
    expect(await failure()).toMatch(
      /is an adapter of "someone\/base", which cannot be opened: .*base_model_name_or_path/,
    );
  });

  it("cut short is gone on with, and a half is no whole one offline", async () => {
    hub.publish(BASE, base);
    hub.publish(NAME, adapter);
    const folder = await resolveModel(NAME, options());
    await rm(join(folder, "adapter_model.safetensors"));
    const error: unknown = await open({ offline: true }).catch((thrown: unknown) => thrown);
    expect((error as Error).message).toContain("only a part of it: adapter_model.safetensors missing");
    await open();
    expect(await readdir(folder)).toContain("adapter_model.safetensors");
  });

  it("is no adapter where the repository holds a whole model", async () => {
    hub.publish(NAME, { ...base, "adapter_config.json": "{}" });
    const folder = await resolveModel(NAME, options());
    expect((await readdir(folder)).sort()).toEqual(Object.keys(base).sort());
    await openCheckpoint(await openFolder(folder), config);
  });
});
