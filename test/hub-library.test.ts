// Models by their name on the Hub in the library: what fromPretrained() and Infiller.load() take in Node, against a Hub
// on 127.0.0.1, with the environment that the programs read.
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { openFolder, openModelFolder } from "../src/files/open.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { GPT2Model } from "../src/gpt2/transformer.ts";
import { requestDevice } from "../src/gpu/device.ts";
import type { Device } from "../src/gpu/device.ts";
import { PreTrainedTokenizer } from "../src/tokenizer/pretrained-tokenizer.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { Infiller } from "../src/writing/infiller.ts";
import { HubServer } from "./hub-server.ts";

const folder = "weights/demo";
const demo: Record<string, Uint8Array> = {};
for (const file of await readdir(folder)) demo[file] = await readFile(join(folder, file));

let device: Device;
let hub: HubServer;
let home: string;
beforeAll(async () => void (device = await requestDevice()));
afterAll(() => device.destroy());
beforeEach(async () => {
  hub = await HubServer.start();
  home = await mkdtemp(join(tmpdir(), "hub-library-"));
  vi.stubEnv("HF_ENDPOINT", hub.endpoint);
  vi.stubEnv("HF_HUB_CACHE", home);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.stop();
  await rm(home, { recursive: true });
});

describe("a name on the Hub", () => {
  it("is a model for both models and for a tokenizer, of which only its own files come", async () => {
    hub.publish("ann/tiny-gpt2", demo);
    const tokenizer = await PreTrainedTokenizer.fromPretrained("ann/tiny-gpt2");
    expect(tokenizer.encode("Once upon a time")).toEqual(
      (await PreTrainedTokenizer.fromPretrained(folder)).encode("Once upon a time"),
    );
    expect((await GPT2Tokenizer.fromPretrained("ann/tiny-gpt2")).vocabSize).toBe(tokenizer.vocabSize);
    expect(hub.sent).not.toContain("model.safetensors");
    const ids = [tokenizer.encode("Once upon a time")];
    const logitsOf = async (source: string): Promise<Float32Array> => {
      const model = await GPT2LMHeadModel.fromPretrained(device, source);
      const output = model.forward({ inputIds: ids });
      const logits = await output.logits!.read();
      output.dispose();
      model.destroy();
      return logits;
    };
    expect(await logitsOf("ann/tiny-gpt2")).toEqual(await logitsOf(folder));
    const sent = hub.sent.filter((file) => file === "model.safetensors").length;
    expect(sent).toBeGreaterThan(0);
    const bare = await GPT2Model.fromPretrained(device, "ann/tiny-gpt2");
    expect(bare.config).toEqual((await GPT2Model.fromPretrained(device, folder)).config);
    expect(hub.sent.filter((file) => file === "model.safetensors").length).toBe(sent); // from the cache
  });

  it("is what fills gaps, where its model was trained to: offline from the cache too", async () => {
    const commit = hub.publish("ann/filler", demo);
    const first = await Infiller.load("ann/filler", { device });
    expect(first.tokenizer.vocabSize).toBe((await PreTrainedTokenizer.fromPretrained(folder)).vocabSize);
    first.dispose();
    await hub.stop();
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    const again = await Infiller.load("ann/filler", { device });
    expect(again.model.config.nLayer).toBe(4);
    again.dispose();
    expect(await readdir(join(home, "models--ann--filler", "snapshots"))).toEqual([commit]);
    hub = await HubServer.start();
  });

  it("has revisions, and its files are kept where cacheDir says", async () => {
    const old = hub.publish("ann/filler", demo, ["v1"]);
    hub.publish("ann/filler", { ...demo, "config.json": Buffer.from('{"model_type": "bert"}') });
    const own = join(home, "own");
    const at = { revision: "v1", cacheDir: own };
    const snapshots = (): Promise<string[]> => readdir(join(own, "models--ann--filler", "snapshots"));
    const { vocabSize } = await PreTrainedTokenizer.fromPretrained("ann/filler", at);
    expect((await GPT2Tokenizer.fromPretrained("ann/filler", at)).vocabSize).toBe(vocabSize);
    (await GPT2LMHeadModel.fromPretrained(device, "ann/filler", at)).destroy();
    expect((await GPT2Model.fromPretrained(device, "ann/filler", { ...at, revision: old })).config.nLayer).toBe(4);
    const infiller = await Infiller.load("ann/filler", { device, ...at });
    expect(infiller.tokenizer.vocabSize).toBe(vocabSize);
    infiller.dispose();
    expect(await snapshots()).toEqual([old]);
    expect(await readdir(home)).toEqual(["own"]);
    await expect(GPT2LMHeadModel.fromPretrained(device, "ann/filler", { cacheDir: own })).rejects.toThrow(/bert/);
  });

  it("is an adapter's base too, and kept where cacheDir says", async () => {
    hub.publish("ann/base", demo);
    const adapted = join(home, "adapted");
    const base = await GPT2LMHeadModel.fromPretrained(device, folder);
    base.addAdapter({ r: 2 });
    await base.savePretrained(adapted);
    base.destroy();
    const config = JSON.parse(await readFile(join(adapted, "adapter_config.json"), "utf8")) as object;
    await writeFile(
      join(adapted, "adapter_config.json"),
      JSON.stringify({ ...config, base_model_name_or_path: "ann/base" }),
    );
    await cp(join(folder, "infill_template.json"), join(adapted, "infill_template.json"));
    const own = join(home, "own");
    (await GPT2LMHeadModel.fromPretrained(device, adapted, { cacheDir: own })).destroy();
    (await Infiller.load(adapted, { device, cacheDir: own })).dispose();
    expect((await readdir(home)).sort()).toEqual(["adapted", "own"]);
  });

  it("alone has revisions, and such as Git allows", async () => {
    const revision = "v1";
    await expect(GPT2LMHeadModel.fromPretrained(device, folder, { revision })).rejects.toThrow(
      /^revision is "v1", and "weights\/demo" is a folder or an address, which has none/,
    );
    await expect(Infiller.load("http://127.0.0.1/model", { device, revision })).rejects.toThrow(/^revision is "v1"/);
    await expect(PreTrainedTokenizer.fromPretrained(await openFolder(folder), { revision })).rejects.toThrow(
      /^revision is "v1"/,
    );
    await expect(PreTrainedTokenizer.fromPretrained("ann/x", { revision: "../main" })).rejects.toThrow(
      /^revision is "\.\.\/main", wanted a branch, a tag or a whole commit hash of ann\/x/,
    );
    const unknown = { version: "v1" } as object;
    await expect(PreTrainedTokenizer.fromPretrained("ann/x", unknown)).rejects.toThrow(/version/);
    expect(hub.asked).toEqual([]);
  });

  it("whose weights are of no use is refused before they come", async () => {
    const { "infill_template.json": _, ...plain } = demo;
    hub.publish("ann/plain", plain);
    await expect(Infiller.load("ann/plain", { device })).rejects.toThrow(
      /has no infill_template\.json: this model was/,
    );
    hub.publish("ann/bert", { ...demo, "config.json": Buffer.from('{"model_type": "bert"}') });
    await expect(GPT2LMHeadModel.fromPretrained(device, "ann/bert")).rejects.toThrow(/bert/);
    expect(hub.sent).not.toContain("model.safetensors");
    await expect(GPT2LMHeadModel.fromPretrained(device, "ann/nobody")).rejects.toThrow(/ann\/nobody/);
  });

  it("is asked for only where there is no such folder, and a path never is", async () => {
    hub.publish("weights/demo", { "config.json": Buffer.from("{}") });
    const here = await openModelFolder(folder, { part: "model" });
    expect(here.name).toBe((await openFolder(folder)).name);
    await expect(GPT2LMHeadModel.fromPretrained(device, join(home, "no", "folder"))).rejects.toThrow(/no config\.json/);
    await expect(PreTrainedTokenizer.fromPretrained("./nowhere/at/all")).rejects.toThrow(/nowhere/);
    expect(hub.sent).toEqual([]);
  });
});
