// A model written anew in Hugging Face's layout: weights to the bit, in one file or in shards with an index, and what
// is refused before anything is written.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EXPORT } from "../src/cli/export/flags.ts";
import { exportGguf } from "../src/cli/export/gguf.ts";
import { exportHf } from "../src/cli/export/hf.ts";
import { parseFlags } from "../src/cli/shared/flags.ts";
import { MemoryFolder } from "../src/files/folder.ts";
import { openFolder } from "../src/files/open.ts";
import { openCheckpoint, readConfig, saveCheckpoint, writeCheckpoint } from "../src/gpt2/checkpoint-files.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";

const DEMO = "weights/demo";
const { signal } = new AbortController();
let place: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), "export-"));
});
afterEach(() => rm(place, { recursive: true }));

const hf = (outputDir: string, options: Partial<Parameters<typeof exportHf>[0]> = {}): Promise<string> =>
  exportHf({ path: DEMO, outputDir, dtype: "F16", maxShardBytes: 5e9, overwrite: false, signal, ...options });

describe("--format hf", () => {
  test("in one file has the stored weights to the bit, the template, and the model's positions", async () => {
    await hf(join(place, "one"));
    const [got, want] = [join(place, "one"), DEMO].map((folder) => readFile(join(folder, "model.safetensors")));
    expect(Buffer.compare(await got, await want)).toBe(0);
    const json = async (file: string): Promise<unknown> => JSON.parse(await readFile(join(place, "one", file), "utf8"));
    expect(await json("tokenizer_config.json")).toMatchObject({ model_max_length: 320 });
    expect(await json("infill_template.json")).toMatchObject({ order: ["p1", "p3", "metadata", "p2"] });
    const tokenizer = await GPT2Tokenizer.fromPretrained(await openFolder(join(place, "one")));
    expect(tokenizer.encode("[P1] Hi")).toEqual(
      (await GPT2Tokenizer.fromPretrained(await openFolder(DEMO))).encode("[P1] Hi"),
    );
  });

  test("in shards is read back to the bit; none is larger than was asked but for a tensor alone", async () => {
    const outputDir = join(place, "shards");
    expect(await hf(outputDir, { maxShardBytes: 500_000, dtype: "F32" })).toMatch(/in \d+ shards/);
    const files = (await readdir(outputDir)).filter((file) => file.endsWith(".safetensors"));
    expect(files.length).toBeGreaterThan(3);
    for (const [i, file] of files.entries()) {
      const [number, count] = [i + 1, files.length].map((each) => String(each).padStart(5, "0"));
      expect(file).toBe(`model-${number}-of-${count}.safetensors`);
      const bytes = await readFile(join(outputDir, file));
      const header = JSON.parse(bytes.toString("utf8", 8, 8 + Number(bytes.readBigUInt64LE(0)))) as object;
      const tensors = Object.keys(header).filter((name) => name !== "__metadata__").length;
      if (tensors > 1) expect(bytes.length).toBeLessThan(510_000);
    }
    const [sharded, whole] = [await openFolder(outputDir), await openFolder(DEMO)];
    const config = await readConfig(sharded);
    const [a, b] = [await openCheckpoint(sharded, config), await openCheckpoint(whole, config)];
    let compared = 0;
    await a.read(async (name, values) => {
      const want = await b.tensor(name);
      expect(
        values.findIndex((value, i) => !Object.is(value, want[i])),
        name,
      ).toBe(-1);
      compared += values.length;
    });
    expect(compared).toBe(1_108_992);
  });

  test("replaces one form of the weights by the other, so that no loader takes the old ones", async () => {
    const outputDir = join(place, "again");
    await hf(outputDir);
    await expect(hf(outputDir)).rejects.toThrow(/is not empty.*--overwrite/);
    await hf(outputDir, { maxShardBytes: 1e6, overwrite: true });
    const shards = (await readdir(outputDir)).filter((file) => file.includes("safetensors"));
    expect(shards).not.toContain("model.safetensors");
    expect(shards).toContain("model.safetensors.index.json");
    await hf(outputDir, { overwrite: true });
    expect((await readdir(outputDir)).filter((file) => file.includes("safetensors"))).toEqual(["model.safetensors"]);
  });

  test("refuses the model's own folder, and sizes that are none", async () => {
    await expect(hf(`${DEMO}/../demo`, { overwrite: true })).rejects.toThrow(/is the model itself/);
    const sizeOf = (text: string): number | undefined =>
      parseFlags(EXPORT, ["--max_shard_size", text]).values.maxShardSize;
    expect(["5GB", "500 mb", "2GiB", "1.5KB", "7"].map(sizeOf)).toEqual([5e9, 5e8, 2 ** 31, 1500, 7]);
    for (const text of ["", "GB", "0", "0.1", "-1GB", "5TBB", "1e9", "5 G B"])
      expect(() => sizeOf(text), text).toThrow(/--max_shard_size is .*5GB/);
  });
});

test("--format gguf leaves what is there, and nothing half written", async () => {
  const outputFile = join(place, "m.gguf");
  const gguf = { path: DEMO, name: "demo", outputFile, outtype: "Q8_0", overwrite: false, signal } as const;
  expect(await exportGguf(gguf)).toMatch(/^Saved .*m\.gguf, 1\.4 MB\nUse .*llama-server -m .*m\.gguf, then/);
  await expect(exportGguf(gguf)).rejects.toThrow(/exists already.*--overwrite/);
  const aborted = AbortSignal.abort(new Error("stopped"));
  await expect(exportGguf({ ...gguf, overwrite: true, signal: aborted })).rejects.toThrow("stopped");
  expect(await readdir(place)).toEqual(["m.gguf"]);
  expect((await readFile(outputFile)).length).toBe(1_386_400);
});

test("shards are not put beside a model.safetensors, which every loader prefers", async () => {
  const config = await readConfig(await openFolder(DEMO));
  const checkpoint = await openCheckpoint(await openFolder(DEMO), config);
  const files = writeCheckpoint(config, (name) => checkpoint.tensor(name), { maxShardBytes: 1e6 });
  const folder = new MemoryFolder("there", new Map([["model.safetensors", "old"]]));
  await expect(saveCheckpoint(folder, files)).rejects.toThrow(/there: holds model\.safetensors.*remove it/);
  expect(await folder.list()).toEqual(["model.safetensors"]);
});
