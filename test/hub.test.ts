// Models by their name on the Hub: fetched, gone on with after a cut, checked and kept in the usual cache, against a
// Hub on
// 127.0.0.1; and one clear sentence for whatever can fail on the way.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { link, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { gzipSync } from "node:zlib";
import { scanCachedRepo } from "@huggingface/hub";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openConfig, openTokenizer, resolveModel } from "../src/cli/shared/model-source.ts";
import type { SourceOptions } from "../src/cli/shared/model-source.ts";
import { UserError } from "../src/errors.ts";
import { Safetensors } from "../src/files/safetensors.ts";
import { readStream } from "../src/files/folder.ts";
import { encodeSafetensors } from "../src/files/safetensors-write.ts";
import { readCheckpoint, readConfig } from "../src/gpt2/checkpoint-files.ts";
import { openFolder } from "../src/files/open.ts";
import { isRepoName, isRevision } from "../src/hub/access.ts";
import { explainDisk } from "../src/hub/snapshot.ts";
import type { DownloadProgress } from "../src/hub/snapshot.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { HubServer } from "./hub-server.ts";
import type { Refusal } from "./hub-server.ts";
import { longPattern } from "./long-pattern.ts";

const tiny = await openFolder("test/fixtures/reference/tiny");
const config = await readFile("test/fixtures/reference/tiny/config.json", "utf8");
const original = await Safetensors.open(tiny, "model.safetensors");

/** The tiny model as gpt2 lies on the Hub: names without "transformer.", with the mask buffers. */
async function oldStyle(names: readonly string[]): Promise<Uint8Array> {
  const shapes = new Map(
    [...original.tensors]
      .filter(([name]) => names.includes(name))
      .map(([name, { shape }]) => [name.replace("transformer.", ""), shape]),
  );
  if (names.length === original.tensors.size)
    for (const layer of [0, 1]) shapes.set(`h.${layer}.attn.bias`, [1, 1, 8, 8]);
  return readStream(
    encodeSafetensors(shapes, async (name) =>
      name.endsWith(".attn.bias") ? new Float32Array(64).fill(1) : original.read(`transformer.${name}`),
    ),
  );
}

const weights = await oldStyle([...original.tensors.keys()]);
const model = {
  "config.json": config,
  "generation_config.json": "{}",
  "tokenizer.json": `{"model": {"type": "BPE"}, "padding": "${"x".repeat(12_000)}"}`,
  "vocab.json": '{"a": 0}',
  "merges.txt": "#version: 0.2\n",
  "special_tokens_map.json": "{}",
  "model.safetensors": weights,
  "README.md": "# Not for us",
  "pytorch_model.bin": new Uint8Array(20_000),
  "onnx/model.onnx": new Uint8Array(20_000),
};
const fetched = [
  "config.json",
  "generation_config.json",
  "merges.txt",
  "model.safetensors",
  "special_tokens_map.json",
  "tokenizer.json",
  "vocab.json",
];

let hub: HubServer;
let home: string;
let notes: string[];
let progress: DownloadProgress[];

beforeEach(async () => {
  hub = await HubServer.start();
  home = await mkdtemp(join(tmpdir(), "hub-"));
  notes = [];
  progress = [];
});
afterEach(async () => {
  await hub.stop();
  await rm(home, { recursive: true });
});

const resolve = (name: string, { env, ...options }: SourceOptions = {}): Promise<string> =>
  resolveModel(name, {
    env: { HF_HOME: home, HF_ENDPOINT: env?.HF_ENDPOINT ?? hub.endpoint, ...env },
    onNote: (note) => notes.push(note),
    onProgress: (each) => progress.push(each),
    ...options,
  });
const failure = async (name: string, options: SourceOptions = {}): Promise<string> => {
  const error: unknown = await resolve(name, options).then(
    () => "no error",
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message;
};
const cache = (...parts: string[]): string => join(home, "hub", "models--gpt2", ...parts);
const sha256 = createHash("sha256").update(weights).digest("hex");
const partial = (): string => cache("blobs", `${sha256}.incomplete`);
const expectWhole = async (folder: string): Promise<void> =>
  expect(Buffer.compare(await readFile(join(folder, "model.safetensors")), weights)).toBe(0);

describe("a name on the Hub", () => {
  it("becomes a folder with the files that are read, and is not fetched twice", async () => {
    const commit = hub.publish("owner/gpt2", model); // asked for as gpt2, which the Hub sends on
    const folder = await resolve("gpt2");
    expect(folder).toBe(cache("snapshots", commit));
    expect((await readdir(folder)).sort()).toEqual(fetched);
    for (const file of fetched)
      expect(
        Buffer.compare(await readFile(join(folder, file)), Buffer.from(model[file as keyof typeof model])),
        file,
      ).toBe(0);
    expect(hub.sent.at(-1)).toBe("model.safetensors");
    const sent = hub.sent.length;
    expect(await resolve("gpt2")).toBe(folder);
    expect(hub.sent.length).toBe(sent);
  });

  it("lies in the cache as the Hub's libraries lay it", async () => {
    const commit = hub.publish("gpt2", model);
    await resolve("gpt2");
    expect(await readFile(cache("refs", "main"), "utf8")).toBe(commit);
    expect((await lstat(cache("snapshots", commit, "model.safetensors"))).isSymbolicLink()).toBe(true);
    const scanned = await scanCachedRepo(cache());
    expect(scanned.id).toEqual({ name: "gpt2", type: "model" });
    expect(scanned.revisions.map(({ commitOid, refs, files }) => [commitOid, refs, files.length])).toEqual([
      [commit, ["main"], fetched.length],
    ]);
    // two files are the same bytes, and no partial file is left
    expect((await readdir(cache("blobs"))).length).toBe(fetched.length - 1);
  });

  it("is a model of the old kind that loads", async () => {
    hub.publish("gpt2", model);
    const folder = await openFolder(await resolve("gpt2"));
    let tensors = 0;
    await readCheckpoint(folder, await readConfig(folder), async (name, values) => {
      tensors++;
      expect(
        Buffer.compare(
          Buffer.from(values.buffer, values.byteOffset, values.byteLength),
          Buffer.from((await original.read(name)).slice().buffer),
        ),
        name,
      ).toBe(0);
    });
    expect(tensors).toBe(original.tensors.size);
  });

  it("tells its progress in bytes, up to the total", async () => {
    hub.publish("gpt2", model);
    await resolve("gpt2");
    const total = fetched.reduce((sum, file) => sum + Buffer.byteLength(model[file as keyof typeof model]), 0);
    expect(progress.every((each) => each.total === total)).toBe(true);
    expect(progress.map(({ done }) => done)).toEqual(progress.map(({ done }) => done).sort((a, b) => a - b));
    expect(progress.at(-1)).toEqual({ file: "model.safetensors", done: total, total });
  });

  it("may have its weights in several files", async () => {
    const names = [...original.tensors.keys()];
    const [first, second] = [names.slice(0, 9), names.slice(9)];
    const map = Object.fromEntries(
      names.map((name) => [
        name.replace("transformer.", ""),
        first.includes(name) ? "a-1.safetensors" : "a-2.safetensors",
      ]),
    );
    const { "model.safetensors": _, ...rest } = model;
    hub.publish("gpt2", {
      ...rest,
      "model.safetensors.index.json": JSON.stringify({ weight_map: map }),
      "a-1.safetensors": await oldStyle(first),
      "a-2.safetensors": await oldStyle(second),
    });
    const folder = await openFolder(await resolve("gpt2"));
    const seen: string[] = [];
    await readCheckpoint(folder, await readConfig(folder), (name) => void seen.push(name));
    expect(seen.length).toBe(names.length);
    expect(await resolve("gpt2", { offline: true })).toBe(folder.name);
  });

  it("is read at a branch, a tag with a slash, or a commit", async () => {
    const old = hub.publish("gpt2", { ...model, "generation_config.json": "old" }, ["v1", "refs/pr/1"]);
    const now = hub.publish("gpt2", model);
    expect(await resolve("gpt2")).toBe(cache("snapshots", now));
    for (const revision of ["v1", "refs/pr/1", old]) {
      const folder = await resolve("gpt2", { revision });
      expect(folder).toBe(cache("snapshots", old));
      expect(await readFile(join(folder, "generation_config.json"), "utf8")).toBe("old");
    }
    // the address and the content, once
    expect(hub.sent.filter((file) => file.startsWith("model.safetensors")).length).toBe(2);
    const asked = hub.asked.length;
    await resolve("gpt2", { revision: old });
    expect(hub.asked.length).toBe(asked); // a commit never changes
    await resolve("gpt2", { revision: "v1" });
    expect(hub.asked.length).toBeGreaterThan(asked); // a tag may
    expect(await failure("gpt2", { revision: "v2" })).toMatch(/gpt2 has no revision "v2" on the Hub/);
  });

  it("follows a branch that moves, and keeps the old commit", async () => {
    const old = hub.publish("gpt2", model);
    await resolve("gpt2");
    const now = hub.publish("gpt2", { ...model, "vocab.json": '{"b": 0}' });
    expect(await resolve("gpt2")).toBe(cache("snapshots", now));
    expect(await resolve("gpt2", { revision: old, offline: true })).toBe(cache("snapshots", old));
  });

  it("may be fetched by two programs at once", async () => {
    hub.publish("gpt2", model);
    const folders = await Promise.all([resolve("gpt2"), resolve("gpt2"), resolve("gpt2")]);
    expect(new Set(folders).size).toBe(1);
    await expectWhole(folders[0]);
  });
});

describe("the token", () => {
  it("goes to the Hub and to nobody else", async () => {
    hub.locked = true;
    hub.publish("gpt2", model);
    expect(await failure("gpt2")).toMatch(/Neither a folder here nor a model on the Hub is named gpt2 \(401.*HF_TOKEN/);
    await resolve("gpt2", { env: { HF_TOKEN: " hf_known\n" } });
    const [inside, outside] = [false, true].map((wanted) =>
      hub.asked
        .filter(({ fromContentNetwork }) => fromContentNetwork === wanted)
        .map(({ authorization }) => authorization),
    );
    expect(inside.slice(1).every((each) => each === "Bearer hf_known")).toBe(true);
    expect(outside.length).toBeGreaterThan(0);
    expect(outside.every((each) => each === undefined)).toBe(true);
  });

  it("may lie in the file that a login writes", async () => {
    hub.locked = true;
    hub.token = "of-a-mirror";
    hub.publish("gpt2", model);
    await writeFile(join(home, "token"), "of-a-mirror\n");
    await expectWhole(await resolve("gpt2"));
    expect(await failure("gpt2", { env: { HF_TOKEN: "hf_old", HF_HUB_CACHE: join(home, "other") } })).toMatch(
      /refuses the token for gpt2 \(401, Invalid credentials/,
    );
    expect(await failure("gpt2", { env: { HF_TOKEN: "hf_a hf_b" } })).toMatch(/spaces or letters that no token has/);
  });
});

describe("a refusal is one sentence", () => {
  it.each<[string, Refusal, RegExp]>([
    [
      "404",
      { status: 404, code: "RepoNotFound" },
      /^Neither a folder here nor a model on the Hub is named gpt2 \(404, RepoNotFound\); check the spelling/,
    ],
    [
      "401 without a token",
      { status: 401, message: "Invalid username or password." },
      /^Neither a folder here nor a model/,
    ],
    [
      "gated, no token",
      { status: 401, code: "GatedRepo", message: "Access to model gpt2 is restricted." },
      /^gpt2 is gated \(401, GatedRepo, Access.*accept its terms.*none is set\.$/,
    ],
    ["gated, not asked yet", { status: 403, code: "GatedRepo" }, /^gpt2 is gated \(403, GatedRepo\)/],
    [
      "403",
      { status: 403, message: "Access to this resource is disabled." },
      /^The Hub forbids access to gpt2 \(403, Access/,
    ],
    ["429", { status: 429 }, /^The Hub has had too many requests from here \(429\); wait some minutes/],
    ["503", { status: 503 }, /fails on gpt2 \(503\); try again later\.$/],
    [
      "a login page",
      { status: 200, body: "<html>Pay for your Wi-Fi</html>" },
      /does not answer as the Hub does \(.*JSON.*whether this network wants a login first/,
    ],
    ["other JSON", { status: 200, code: "x" }, /names no commit for gpt2, so it is no Hub; check HF_ENDPOINT/],
  ])("%s", async (_name, refusal, message) => {
    hub.refuse = refusal;
    expect(await failure("gpt2")).toMatch(message);
    expect(existsSync(join(home, "hub"))).toBe(false);
  });

  it.each([
    ["no config", { "model.safetensors": weights }, /^gpt2 on the Hub has no config\.json/],
    [
      "no weights",
      { "config.json": config },
      /^gpt2 on the Hub has no model\.safetensors, nor weights in another format/,
    ],
    [
      "other weights",
      { "config.json": config, "pytorch_model.bin": "x" },
      /^gpt2 at revision main has pytorch_model\.bin but no model\.safetensors.*refs\/pr\/1.*save_pretrained/,
    ],
    [
      "an index that is none",
      { "config.json": config, "model.safetensors.index.json": "[]" },
      /model\.safetensors\.index\.json: not an index of weights/,
    ],
    [
      "an index that leads out",
      { "config.json": config, "model.safetensors.index.json": '{"weight_map": {"a": "../../x.safetensors"}}' },
      /not the name of a file inside this folder/,
    ],
    [
      "a missing part",
      { "config.json": config, "model.safetensors.index.json": '{"weight_map": {"a": "x.safetensors"}}' },
      /names x\.safetensors, which the Hub does not have/,
    ],
    ["another kind of model", { ...model, "config.json": '{"model_type": "llama"}' }, /config\.json.*llama/],
  ])("%s", async (_name, files, message) => {
    hub.publish("gpt2", files);
    expect(await failure("gpt2")).toMatch(message);
    // refused before the weights
    expect(hub.sent.filter((file) => file.startsWith("model.safetensors") && !file.includes("index"))).toEqual([]);
  });
});

describe("a cut connection", () => {
  it("is taken up where it broke", async () => {
    hub.publish("gpt2", { ...model, "tokenizer.json": "{}" });
    hub.cuts.push(200_000, 0, 150_000);
    await expectWhole(await resolve("gpt2"));
    const ranges = hub.asked
      .filter(({ fromContentNetwork }) => fromContentNetwork)
      .map(({ range }) => Number(/^bytes=(\d+)-$/.exec(range ?? "bytes=0-")![1]));
    expect(ranges.length).toBe(4);
    expect(ranges[1]).toBeGreaterThan(0);
    expect(ranges[2]).toBe(ranges[1]);
    expect(ranges[3]).toBeGreaterThan(ranges[2]);
    expect(progress.map(({ done }) => done)).toEqual(progress.map(({ done }) => done).sort((a, b) => a - b));
  });

  it("that stays cut ends the run, and the next run goes on from there", async () => {
    hub.publish("gpt2", { ...model, "tokenizer.json": "{}" });
    hub.cuts.push(200_000);
    hub.cutAlways = 0;
    expect(await failure("gpt2")).toMatch(
      longPattern(
        /^model\.safetensors came to \d+ of \d+ bytes only\. Cannot reach the Hub at .*: the connection was cut; /,
        /check the network.* The same command goes on from there\.$/,
      ),
    );
    const { size } = await stat(partial());
    expect(size).toBeGreaterThan(0);
    expect(existsSync(cache("refs", "main"))).toBe(false);
    hub.cutAlways = undefined;
    hub.asked.length = 0;
    progress.length = 0;
    await expectWhole(await resolve("gpt2"));
    // nothing else is fetched again
    expect(hub.sent).toEqual([`model.safetensors bytes=${size}-`, `model.safetensors bytes=${size}-`]);
    expect(progress[0].done).toBe(size);
  });

  it("is mended on servers that know no ranges, too", async () => {
    hub.publish("gpt2", { ...model, "tokenizer.json": "{}" });
    hub.ranges = false;
    hub.cuts.push(200_000);
    await expectWhole(await resolve("gpt2"));
  });

  it("is one that says nothing for long, too", async () => {
    hub.publish("gpt2", { ...model, "tokenizer.json": "{}" });
    hub.stallAfter = 100_000;
    const onProgress = ({ done }: DownloadProgress): void => void (done > 50_000 && (hub.stallAfter = undefined));
    await expectWhole(await resolve("gpt2", { onProgress, env: { HF_HUB_DOWNLOAD_TIMEOUT: "1" } }));
    expect(hub.sent.at(-1)).toMatch(/^model\.safetensors bytes=\d+-$/);
  });

  it("by Ctrl-C keeps what has come", async () => {
    hub.publish("gpt2", { ...model, "tokenizer.json": "{}" });
    hub.stallAfter = 100_000;
    const stop = new AbortController();
    const run = resolve("gpt2", {
      signal: stop.signal,
      onProgress: ({ file, done }) => file === "model.safetensors" && done > 50_000 && stop.abort(),
    });
    await expect(run).rejects.toHaveProperty("name", "AbortError");
    expect((await stat(partial())).size).toBeGreaterThan(0);
    hub.stallAfter = undefined;
    await expectWhole(await resolve("gpt2"));
  });
});

describe("what arrives is checked", () => {
  it.each(["model.safetensors", "vocab.json"])("%s damaged on its way is not kept", async (file) => {
    hub.publish("gpt2", model);
    hub.damaged.add(file);
    expect(await failure("gpt2")).toMatch(
      new RegExp(
        `^${file.replace(".", "\\.")} arrived damaged: its hash is [0-9a-f]+, the Hub says [0-9a-f]+; it was ` +
          `deleted, try again`,
      ),
    );
    expect((await readdir(cache("blobs"))).filter((name) => name.endsWith(".incomplete"))).toEqual([]);
    expect(await failure("gpt2", { offline: true })).toMatch(/no copy of it/);
    hub.damaged.clear();
    await expectWhole(await resolve("gpt2"));
  });

  it.each([
    ["wrong", new Uint8Array(1000)],
    ["too long", new Uint8Array(600_000)],
  ])("a partial file that is %s is replaced", async (_name, bytes) => {
    hub.publish("gpt2", model);
    await mkdir(cache("blobs"), { recursive: true });
    await writeFile(partial(), bytes);
    await expectWhole(await resolve("gpt2"));
  });
});

describe("a stranger in the cache", () => {
  it.each(["symbolic", "hard"])("a %s link planted at a partial download is not followed", async (kind) => {
    hub.publish("gpt2", model);
    const victim = join(home, "victim");
    await writeFile(victim, "precious");
    await mkdir(cache("blobs"), { recursive: true });
    await (kind === "hard" ? link : symlink)(victim, partial());
    await expectWhole(await resolve("gpt2"));
    expect(await readFile(victim, "utf8")).toBe("precious");
    expect((await lstat(cache("blobs", sha256))).isFile()).toBe(true);
  });

  const flip = async (path: string): Promise<void> => {
    const bytes = await readFile(path);
    bytes[bytes.length - 1] ^= 4;
    await writeFile(path, bytes); // through the link, into the blob
  };

  it.each(["model.safetensors", "vocab.json"])(
    "a flipped bit in %s is found and the file fetched again",
    async (file) => {
      const commit = hub.publish("gpt2", model);
      const folder = await resolve("gpt2");
      for (const revision of ["main", commit]) {
        await flip(join(folder, file));
        hub.asked.length = 0;
        await expectWhole(await resolve("gpt2", { revision }));
        expect(Buffer.compare(await readFile(join(folder, file)), Buffer.from(model[file as "vocab.json"]))).toBe(0);
        expect([...new Set(hub.sent)]).toEqual([file]);
        expect(notes.pop()).toBe(`The cache's copy of ${file} is damaged and is fetched again.`);
      }
    },
  );

  it("a flipped bit is told where the file cannot be fetched", async () => {
    hub.publish("gpt2", model);
    const folder = await resolve("gpt2");
    await flip(join(folder, "model.safetensors"));
    expect(await failure("gpt2", { offline: true })).toMatch(
      longPattern(
        /^Offline, gpt2 can come only from the cache, and .* has a damaged copy of it: /,
        /.*model\.safetensors does not have/,
      ),
    );
    hub.refuse = { status: 503 };
    expect(await failure("gpt2")).toMatch(/fails on gpt2/);
  });
});

describe("a Hub that means ill", () => {
  it("sends a byte now and then: that ends", async () => {
    hub.publish("gpt2", { ...model, "tokenizer.json": "{}" });
    hub.tricklesEvery = 50;
    expect(await failure("gpt2", { env: { HF_HUB_DOWNLOAD_TIMEOUT: "0.4" } })).toMatch(
      /^model\.safetensors came to \d+ of \d+ bytes only\. Cannot reach the Hub .*: only \d+ bytes came for 0\.4 s/,
    );
  });

  it("answers a question with what unpacks to very much", async () => {
    hub.publish("gpt2", model);
    hub.packed = gzipSync(Buffer.alloc(100e6));
    expect(await failure("gpt2")).toMatch(/answers with more than 16 MB where the Hub sends some kilobytes/);
  });

  it("has a config of a terabyte, or an index nested deep", async () => {
    hub.publish("gpt2", { ...model, "config.json": `{${" ".repeat(20_000)}}` });
    hub.claimedSize = 1e12;
    expect(await failure("gpt2")).toMatch(/^config\.json of gpt2 on the Hub has 1000000000000 bytes, and no such file/);
    hub.claimedSize = undefined;
    hub.publish("deep", {
      "config.json": config,
      "model.safetensors.index.json": `{"weight_map": ${"[".repeat(9000)}`,
      "tokenizer.json": "{}",
    });
    expect(await failure("deep")).toMatch(/nested more than 128 deep/);
  });
});

describe("a tokenizer or a config alone", () => {
  const options = (): SourceOptions => ({
    env: { HF_HOME: home, HF_ENDPOINT: hub.endpoint },
    onNote: (note) => notes.push(note),
    onProgress: (each) => progress.push(each),
  });
  const bytes = GPT2Tokenizer.default().truncate(0).save();
  const part = { "config.json": config, "tokenizer.json": bytes.get("tokenizer.json")!, "pytorch_model.bin": "x" };

  it("is fetched by its name, and nothing else is", async () => {
    hub.publish("gpt2", part);
    expect((await openTokenizer("gpt2", options())).vocabSize).toBe(257);
    expect((await openConfig("gpt2", options())).nLayer).toBe(2);
    expect(new Set(hub.sent)).toEqual(new Set(["tokenizer.json", "config.json"]));
    hub.asked.length = 0;
    expect((await openTokenizer("gpt2", { ...options(), offline: true })).vocabSize).toBe(257);
    expect(hub.asked).toEqual([]);
    expect(await failure("gpt2", { offline: true })).toMatch(/only a part of it: model\.safetensors missing/);
  });

  it("says which flag names what is not there", async () => {
    hub.publish("bare", { "config.json": config, "model.safetensors": weights });
    const failed = (open: typeof openTokenizer | typeof openConfig, name: string): Promise<string> =>
      open(name, options()).then(
        () => "no error",
        (error: Error) => (error instanceof UserError ? error.message : "another error"),
      );
    expect(await failed(openTokenizer, "/no/such/folder")).toMatch(/^--tokenizer_name: There is no folder "\/no\/such/);
    expect(await failed(openConfig, "./nowhere")).toMatch(/^--config_name: There is no folder "\.\/nowhere"/);
    expect(await failed(openTokenizer, "none")).toMatch(
      /^--tokenizer_name: Neither a folder here nor a model on the Hub/,
    );
    expect(await failed(openTokenizer, "bare")).toBe(
      "--tokenizer_name: bare on the Hub has no tokenizer.json or vocab.json and merges.txt; choose another tokenizer.",
    );
    expect(await failed(openTokenizer, "package.json")).toMatch(
      /^--tokenizer_name: package\.json is a file, wanted the/,
    );
    expect(await failed(openConfig, home)).toMatch(/no config\.json/);
  });

  it("may be a config's own file", async () => {
    expect((await openConfig("test/fixtures/reference/tiny/config.json", options())).nLayer).toBe(2);
    expect(hub.asked).toEqual([]);
  });
});

describe("offline", () => {
  it.each<[string, SourceOptions]>([
    ["--offline", { offline: true }],
    ["HF_HUB_OFFLINE", { env: { HF_HUB_OFFLINE: "1" } }],
    ["TRANSFORMERS_OFFLINE", { env: { TRANSFORMERS_OFFLINE: "yes" } }],
  ])("%s asks nothing of the network", async (_name, options) => {
    hub.publish("gpt2", model);
    expect(await failure("gpt2", options)).toMatch(
      /^Offline, gpt2 can come only from the cache, and .* has no copy of it; run once without --offline/,
    );
    expect(await failure("gpt2", { ...options, revision: "v1" })).toMatch(/no copy of it at revision v1/);
    expect(hub.asked).toEqual([]);
    const folder = await resolve("gpt2");
    const asked = hub.asked.length;
    expect(await resolve("gpt2", options)).toBe(folder);
    expect(hub.asked.length).toBe(asked);
  });

  it("says what a copy lacks", async () => {
    hub.publish("gpt2", model);
    const folder = await resolve("gpt2");
    await rm(join(folder, "tokenizer.json"));
    expect(await resolve("gpt2", { offline: true })).toBe(folder); // vocab.json and merges.txt will do
    await rm(join(folder, "merges.txt"));
    await rm(join(folder, "model.safetensors"));
    expect(await failure("gpt2", { offline: true })).toMatch(
      /only a part of it: model\.safetensors, tokenizer\.json or merges\.txt missing in/,
    );
    expect(await resolve("gpt2")).toBe(folder); // the blobs are still there
    await expectWhole(folder);
  });

  it("by accident uses the cache and says so", async () => {
    hub.publish("gpt2", model);
    const endpoint = hub.endpoint;
    const folder = await resolve("gpt2");
    expect(notes).toEqual([]);
    hub.refuse = { status: 503 };
    expect(await resolve("gpt2")).toBe(folder);
    await hub.stop();
    expect(await resolve("gpt2", { env: { HF_ENDPOINT: endpoint } })).toBe(folder);
    expect(notes[0]).toMatch(/fails on gpt2 \(503\).*Using the copy in the cache/);
    expect(notes[1]).toMatch(
      /^Cannot reach the Hub at .* for gpt2: the connection was refused; .* Using the copy in the cache: /,
    );
    expect(await failure("distilgpt2", { env: { HF_ENDPOINT: endpoint } })).toMatch(
      longPattern(
        /^Cannot reach the Hub at .* for distilgpt2: the connection was refused; /,
        /check the network .*, or name a folder on disk\.$/,
      ),
    );
    hub = await HubServer.start(); // for afterEach
  });
});

describe("the disk", () => {
  it.skipIf(!existsSync("/dev/full"))("is full", async () => {
    const full: unknown = await writeFile("/dev/full", "x").catch((error: unknown) => error);
    expect((explainDisk(full, cache()) as Error).message).toMatch(
      longPattern(
        /^Cannot write below .*: the disk is full; mend that, or set HF_HUB_CACHE to a folder elsewhere\. /,
        /What has come is kept/,
      ),
    );
  });

  it("is too small from the start", async () => {
    hub.publish("gpt2", { ...model, "tokenizer.json": "{}" });
    hub.claimedSize = 2 ** 52;
    expect(await failure("gpt2")).toMatch(
      /^The download needs \d+ bytes, and the disk of .* has \d+ free; free some space/,
    );
    expect(hub.sent).toEqual([]);
  });

  it("has a file where the cache should be", async () => {
    hub.publish("gpt2", model);
    await writeFile(join(home, "hub"), "");
    expect(await failure("gpt2")).toMatch(/^Cannot write below .*: part of the path is a file/);
  });
});

describe("a folder", () => {
  it("wins over a name, and nothing is asked", async () => {
    hub.publish("src", model);
    for (const path of ["src", "test/fixtures/reference/tiny", "./test", home]) expect(await resolve(path)).toBe(path);
    for (const address of ["https://127.0.0.1:1/model", "file:///models/x"])
      expect(await resolve(address)).toBe(address);
    expect(hub.asked).toEqual([]);
    expect(await failure("src", { revision: "main" })).toMatch(
      /^--revision is for a model on the Hub, and src is a folder here/,
    );
    expect(await failure("package.json")).toMatch(/^package\.json is a file, wanted the folder of a model/);
  });

  it.each([
    "no such folder",
    "./gpt3",
    "../gpt3",
    "/models/gpt3",
    "a/b/c",
    "gpt2/",
    "C:\\models",
    "a--b",
    "a..b",
    ".gpt2",
    "x.git",
    "-x",
    "models/",
    "",
    "é",
    `a/${"b".repeat(95)}`,
  ])("or name cannot be %j", async (name) => {
    expect(await failure(name)).toMatch(
      longPattern(
        /^There is no folder ".*", and no model on the Hub can have that name /,
        /\(they look like gpt2 or asi\/gpt-fr-cased-small\); check the path\.$/,
      ),
    );
    expect(hub.asked).toEqual([]);
  });

  it.each(["", "a b", "../x", "a/../b", "/x", "x/", ".x", "a\nb"])("has no revision %j", async (revision) => {
    expect(await failure("gpt2", { revision })).toMatch(
      /^--revision is ".*", wanted a branch, a tag or a whole commit hash/,
    );
  });

  it("is never left by a name or revision", () => {
    const odd = fc.string({ unit: fc.constantFrom("a", "-", ".", "/", "\\", "_", ":", "~", "\0"), maxLength: 12 });
    fc.assert(
      fc.property(odd, (text) => {
        const inside = (path: string): boolean =>
          join("/cache", path).startsWith(join("/cache") + sep) && !/[\\\0]/.test(path);
        return (!isRepoName(text) || inside(text)) && (!isRevision(text) || inside(text));
      }),
      { numRuns: 2000 },
    );
    for (const name of ["gpt2", "distilgpt2", "asi/gpt-fr-cased-small", "a/b_c.d-e"])
      expect(isRepoName(name), name).toBe(true);
    for (const revision of ["main", "v1.0", "refs/pr/12", "0".repeat(40)])
      expect(isRevision(revision), revision).toBe(true);
  });
});
