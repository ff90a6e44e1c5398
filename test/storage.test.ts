// The folders that a page has, on handles that behave as a browser's: what is written, what a full or denied storage
// leaves, and what is kept of a server through cuts, aborts and changes. Chromium itself is tried by check:browser.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { UserError } from "../src/errors.ts";
import { MemoryFolder } from "../src/files/folder.ts";
import type { FileData, Store } from "../src/files/folder.ts";
import { fetchFile } from "../src/files/url-folder.ts";
import { directoryFolder, opfsFolder } from "../src/storage/browser-folders.ts";
import { CachedFolder } from "../src/storage/cached-folder.ts";
import { cachedFolder, hubFolder } from "../src/storage/open-cached.ts";
import { PieceStore } from "../src/storage/piece-store.ts";
import { Remote } from "../src/storage/remote.ts";
import type { CacheWatcher } from "../src/storage/watcher.ts";
import { contentsOf, FakeDisk } from "./fake-handles.ts";
import { HubServer } from "./hub-server.ts";

const bytes = (length: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 7 + (i >> 8)) % 251);
/** A digest of many bytes: toEqual() on arrays takes its time. */
const sum = (data: Uint8Array): string => createHash("sha1").update(data).digest("hex");
const text = (folder: { read(file: string): Promise<Uint8Array> }, file: string) =>
  folder.read(file).then((data) => new TextDecoder().decode(data));
async function* stream(...pieces: readonly Uint8Array[]) {
  yield* pieces;
}
async function* failing(...pieces: readonly Uint8Array[]) {
  yield* pieces;
  throw new Error("the source broke");
}

describe("a folder behind handles", () => {
  let disk: FakeDisk;
  beforeEach(() => (disk = new FakeDisk()));
  const folder = () => directoryFolder(disk.root);

  it("writes texts, bytes and streams, in folders too, and reads them whole and in part", async () => {
    const shard = bytes(50);
    const files = new Map<string, FileData>([
      ["config.json", "{}"],
      ["shards/a.safetensors", stream(shard.subarray(0, 20), shard.subarray(20))],
      ["b", bytes(3)],
    ]);
    await folder().write(files);
    expect(await folder().list()).toEqual(["b", "config.json"]);
    expect(await folder().read("shards/a.safetensors")).toEqual(shard);
    expect(await folder().read("shards/a.safetensors", { offset: 10, length: 15 })).toEqual(shard.subarray(10, 25));
    expect([await folder().size("b"), await folder().has("b"), await folder().has("c")]).toEqual([3, true, false]);
    expect([await folder().has("shards"), await folder().has("config.json/x")]).toEqual([false, false]);
    await folder().remove("b");
    await folder().remove("b");
    expect(await folder().list()).toEqual(["config.json"]);
    await folder().clear();
    expect(contentsOf(disk.root)).toEqual({});
  });

  it.each([
    ["a full disk", (d: FakeDisk) => void (d.quota = 108), /^Cannot write fake\/new2: the storage is full; free some/],
    [
      "a stream that breaks",
      () => {},
      /the source broke/,
      new Map<string, FileData>([
        ["new", bytes(4)],
        ["old", failing(bytes(2))],
      ]),
    ],
    [
      "a close that is refused",
      (d: FakeDisk) => void (d.closeFailsAs = "NotAllowedError"),
      /^Cannot write fake\/new: permission is denied/,
    ],
  ])("leaves what was there after %s", async (_name, spoil, message, files = undefined) => {
    const fake = directoryFolder(Object.assign(disk.root, { name: "fake" }));
    await fake.write(new Map([["old", bytes(100)]]));
    spoil(disk);
    await expect(
      fake.write(
        files ??
          new Map([
            ["new", bytes(4)],
            ["new2", bytes(90)],
          ]),
      ),
    ).rejects.toThrow(message);
    expect(contentsOf(disk.root)).toEqual({ old: 100 });
    expect(await fake.read("old")).toEqual(bytes(100));
  });

  it.each([
    ["NotAllowedError", /permission is denied or has ended; let the user pick/],
    ["SecurityError", /the browser denies this page its storage/],
    ["NotReadableError", /changed or removed while it was read/],
  ])("says in one sentence what %s means", async (name, message) => {
    disk.denies = name;
    const calls = [folder().list(), folder().has("x"), folder().read("x"), folder().write(new Map([["x", "y"]]))];
    for (const call of calls) {
      const error = (await call.catch((each: unknown) => each)) as Error;
      expect(error).toBeInstanceOf(UserError);
      expect(error.message).toMatch(message);
      expect(error.message).toMatch(/^Cannot (list|read|write) \S.*: [^.]*\.$/);
    }
  });

  it("refuses names that lead out, folders for files, and what is no handle", async () => {
    await folder().write(new Map([["sub/x", "y"]]));
    await expect(folder().read("../x")).rejects.toThrow(/not the name of a file inside/);
    await expect(folder().read("sub")).rejects.toThrow(/a folder where a file is wanted/);
    await expect(folder().read("missing")).rejects.toThrow(/there is no such file/);
    await expect(folder().read("sub/x", { offset: 0, length: 9 })).rejects.toThrow(
      /wanted bytes 0 to 9, the file has 1/,
    );
    expect(() => directoryFolder("models" as never)).toThrow(/wants a FileSystemDirectoryHandle/);
  });
});

describe("opfsFolder", () => {
  const disk = new FakeDisk();
  afterEach(() => void vi.unstubAllGlobals());

  it("is the origin's, below a path that is made on writing", async () => {
    const persist = vi.fn<() => Promise<boolean>>(async () => true);
    vi.stubGlobal("navigator", { storage: { getDirectory: async () => disk.root, persist } });
    const folder = await opfsFolder("models/tiny", { persist: true });
    expect([contentsOf(disk.root), persist.mock.calls.length]).toEqual([{}, 1]);
    expect(await folder.has("config.json")).toBe(false);
    await folder.write(new Map([["config.json", "{}"]]));
    expect(contentsOf(disk.root)).toEqual({ "models/tiny/config.json": 2 });
    await expect(opfsFolder("../other")).rejects.toThrow(/not the name of a file inside/);
  });

  it("says what lacks where there is none, or it is denied", async () => {
    vi.stubGlobal("navigator", {});
    await expect(opfsFolder("m")).rejects.toThrow(/no private file system \(OPFS\); serve it over https/);
    const getDirectory = async () => Promise.reject(new DOMException("no", "SecurityError"));
    vi.stubGlobal("navigator", { storage: { getDirectory } });
    await expect(opfsFolder("m")).rejects.toThrow(/^Cannot open opfs:m: the browser denies this page its storage/);
  });
});

/** A web server with one folder, which says what it was asked and does as it is told. */
class FileServer {
  readonly files = new Map<string, Uint8Array>();
  readonly asked: string[] = [];
  /** Of the answers to GET, one each: bytes that go out before the connection is cut. */
  cuts: number[] = [];
  ranges = true;
  tags = true;
  gzips = false;
  down = false;
  private server!: Server;

  static async start(): Promise<FileServer> {
    const made = new FileServer();
    made.server = createServer((request, response) => void made.answer(request, response));
    await new Promise<void>((ready) => made.server.listen(0, "127.0.0.1", ready));
    return made;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/model`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }

  private async answer({ method, url, headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.down) return void response.socket!.destroy();
    const file = decodeURIComponent(url!.replace("/model/", ""));
    this.asked.push(`${method} ${file}${headers.range ? ` ${headers.range}` : ""}`);
    const whole = this.files.get(file);
    if (!whole) return void response.writeHead(404).end();
    const start = this.ranges ? Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0) : 0;
    const tag = `"${whole.reduce((sum, byte, i) => (sum * 33 + byte + i) % 65521, 7)}"`;
    const body = (this.gzips ? gzipSync(whole) : whole).subarray(start); // a range is one of what is sent
    response.writeHead(start > 0 ? 206 : 200, {
      ...(this.tags && { etag: tag }),
      ...(this.gzips && { "content-encoding": "gzip" }),
      "content-length": String(body.length),
      ...(start > 0 && { "content-range": `bytes ${start}-${whole.length - 1}/${whole.length}` }),
    });
    const stop = method === "GET" ? this.cuts.shift() : undefined;
    if (stop === undefined) return void response.end(body);
    response.write(body.subarray(0, stop), () => setTimeout(() => response.socket?.destroySoon(), 30));
  }
}

describe("what is kept of a server", () => {
  let server: FileServer, disk: FakeDisk;
  const big = bytes(100_000);
  beforeEach(async () => {
    server = await FileServer.start();
    server.files.set("big", big).set("config.json", new TextEncoder().encode("{}"));
    disk = new FakeDisk();
  });
  afterEach(() => server.stop());
  /** As cachedFolder() makes it, but for the pieces, which are small. */
  const open = (watcher: CacheWatcher = {}, free?: number, pieceBytes = 1 << 14) => {
    const remote = new Remote(server.address, { request: fetchFile, patienceMs: 5000, signal: watcher.signal });
    const store: Store = directoryFolder(disk.root);
    return new CachedFolder(remote, new PieceStore(store, "here", pieceBytes), async () => free, watcher);
  };
  const gets = () => server.asked.filter((each) => each.startsWith("GET"));

  it("comes once, with its progress; then the server is asked for its edition only", async () => {
    const told: number[] = [];
    const first = open({ onProgress: ({ file, done, total }) => void (file === "big" && told.push(done / total!)) });
    expect(await first.size("big")).toBe(big.length);
    expect(sum(await first.read("big", { offset: 16_000, length: 40_000 }))).toBe(sum(big.subarray(16_000, 56_000)));
    expect(sum(await first.read("big"))).toBe(sum(big));
    expect([told[0], told.at(-1)]).toEqual([0, 1]);
    expect([...told].sort((a, b) => a - b)).toEqual(told);
    expect(gets()).toEqual(["GET big"]);
    const again = open({ onProgress: () => expect.fail("nothing comes") });
    expect(sum(await again.read("big"))).toBe(sum(big));
    expect([await again.has("none"), await again.has("big")]).toEqual([false, true]);
    await expect(again.read("none")).rejects.toThrow(/there is no such file on the server/);
    expect(gets()).toEqual(["GET big"]);
  });

  it("goes on where the connection was cut, in this load", async () => {
    server.cuts = [40_000, 30_000];
    expect(sum(await open().read("big"))).toBe(sum(big));
    expect(gets()).toEqual(["GET big", "GET big bytes=40000-", "GET big bytes=70000-"]);
  });

  it("goes on in the next load from the last whole piece, when the network stays away", async () => {
    server.cuts = [40_000, 0, 0, 0];
    const cut = open().read("big");
    await expect(cut).rejects.toThrow(/big came to 40000 of 100000 bytes only\. .*it goes on from there\.$/);
    await expect(cut).rejects.toBeInstanceOf(UserError);
    server.asked.length = 0;
    expect(sum(await open().read("big"))).toBe(sum(big));
    expect(gets()).toEqual(["GET big bytes=32768-"]);
  }, 20_000);

  it("takes all of it again from a server without ranges", async () => {
    server.ranges = false;
    server.cuts = [40_000];
    expect(sum(await open().read("big"))).toBe(sum(big));
    expect(gets().length).toBe(2);
  });

  it("takes compressed answers, whose length is another's, from their start", async () => {
    const noise = Uint8Array.from({ length: 100_000 }, (_, i) => (Math.imul(i + 1, 0x9e3779b1) >>> 13) & 255);
    server.files.set("big", noise);
    server.gzips = true;
    server.cuts = [gzipSync(noise).length >> 1];
    const folder = open();
    expect(sum(await folder.read("big"))).toBe(sum(noise));
    expect(await folder.size("big")).toBe(noise.length);
    expect(gets()).toEqual(["GET big", "GET big"]);
    expect(sum(await open().read("big"))).toBe(sum(noise));
    expect(gets().length).toBe(2);
  });

  it("never asks for a part of a compressed answer, whose bytes are others", async () => {
    const ranges: unknown[] = [];
    const request = async (_address: string, { method, headers }: RequestInit) => {
      if (method !== "HEAD") ranges.push((headers as Record<string, string>).range);
      const isFirst = ranges.length === 1;
      const body = new ReadableStream<Uint8Array>({
        start: (sender) => sender.enqueue(isFirst ? big.subarray(0, 40_000) : big),
        pull: (sender) => (isFirst ? sender.error(new TypeError("cut")) : sender.close()),
      });
      return new Response(body, { headers: { "content-encoding": "gzip", etag: "1", "content-length": "77" } });
    };
    const remote = new Remote(server.address, { request, patienceMs: 5000 });
    const pieces = new PieceStore(directoryFolder(disk.root), "here", 1 << 14);
    const folder = new CachedFolder(remote, pieces, async () => undefined, {});
    expect(sum(await folder.read("big"))).toBe(sum(big));
    expect(ranges).toEqual([undefined, undefined]);
  });

  it("never joins two editions", async () => {
    server.cuts = [40_000, 0, 0, 0];
    await expect(open().read("big")).rejects.toThrow(/came to 40000/);
    const other = bytes(90_000, 5);
    server.files.set("big", other);
    expect(sum(await open().read("big"))).toBe(sum(other));
    server.files.set("big", bytes(20_000, 6));
    expect(sum(await open().read("big"))).toBe(sum(bytes(20_000, 6)));
    const pieces = Object.keys(contentsOf(disk.root)).filter((name) => name.endsWith(".piece"));
    expect(pieces.sort()).toEqual(["here/big.0.piece", "here/big.1.piece"]);
  }, 20_000);

  it("nor when the file changes between two requests of one load", async () => {
    server.cuts = [40_000];
    const other = bytes(90_000, 5);
    const reading = open({ onProgress: ({ done }) => void (done === 40_000 && server.files.set("big", other)) });
    expect(sum(await reading.read("big"))).toBe(sum(other));
  });

  it("is used without a network, and says so once", async () => {
    const first = open();
    await first.read("big");
    await first.has("none");
    server.down = true;
    const notes: string[] = [];
    const offline = open({ onNote: (note) => void notes.push(note) });
    expect(sum(await offline.read("big"))).toBe(sum(big));
    expect(await offline.has("none")).toBe(false);
    expect(notes).toEqual([expect.stringMatching(/cannot be fetched .* The copy that is kept here is used\.$/)]);
    await expect(offline.read("config.json")).rejects.toThrow(/cannot be fetched/); // was never here
  });

  it("asks again for what has no edition", async () => {
    server.tags = false;
    await open().read("big");
    server.files.set("big", bytes(100_000, 9));
    expect(sum(await open().read("big"))).toBe(sum(bytes(100_000, 9)));
  });

  it("ends with its signal, at once, and the next load goes on", async () => {
    const controller = new AbortController();
    const reading = open({
      signal: controller.signal,
      onProgress: ({ done }) => void (done > 40_000 && controller.abort(new Error("enough"))),
    });
    server.cuts = [50_000];
    await expect(reading.read("big")).rejects.toThrow("enough");
    await expect(reading.read("config.json")).rejects.toThrow("enough");
    server.cuts = [];
    server.asked.length = 0;
    expect(sum(await open().read("big"))).toBe(sum(big));
    expect(gets()[0]).toMatch(/^GET big bytes=(16384|32768|49152)-$/);
  });

  it("leaves nothing of a file for which the storage has no room, known before or not", async () => {
    await open().read("config.json");
    const before = contentsOf(disk.root);
    await expect(open({}, 99_999).read("big")).rejects.toThrow(
      /100000 bytes are to come, and the browser gives .*99999/,
    );
    expect([gets().slice(1), contentsOf(disk.root)]).toEqual([[], before]);
    disk.quota = 60_000;
    const full = open().read("big");
    await expect(full).rejects.toThrow(/^Cannot write .*big\.\d\.piece: the storage is full; free some/);
    await expect(full).rejects.toBeInstanceOf(UserError);
    expect(contentsOf(disk.root)).toEqual(before);
    disk.quota = Infinity;
    expect(sum(await open().read("big"))).toBe(sum(big));
  });

  it("is fetched again where a piece was lost, or what is known of it is damaged", async () => {
    await open().read("big");
    const here = disk.root.entries.get("here") as FakeDisk["root"];
    await here.removeEntry("big.2.piece");
    expect(sum(await open().read("big"))).toBe(sum(big));
    expect(gets().at(-1)).toBe("GET big bytes=32768-");
    await directoryFolder(disk.root).write(new Map([["here/big.entry.json", "{"]]));
    expect(sum(await open().read("big"))).toBe(sum(big));
  });

  it("any file, any piece, any cuts: the bytes are the server's", async () => {
    const property = fc.asyncProperty(
      fc.integer({ min: 0, max: 300 }),
      fc.integer({ min: 1, max: 64 }),
      fc.boolean(),
      fc.integer({ min: 0, max: 600 }),
      async (length, pieceBytes, ranges, cut) => {
        disk = new FakeDisk();
        server.files.set("f", bytes(length, 3));
        Object.assign(server, { ranges, cuts: cut < length ? [cut] : [] });
        const first = open({}, undefined, pieceBytes);
        const [whole, size] = await Promise.all([first.read("f"), first.size("f")]);
        expect([whole, size]).toEqual([bytes(length, 3), length]);
        expect(await open({}, undefined, pieceBytes).read("f")).toEqual(bytes(length, 3));
        const [a, b] = [Math.floor(length / 3), Math.ceil(length / 2)];
        const part = await open({}, undefined, pieceBytes).read("f", { offset: a, length: b - a });
        expect(part).toEqual(bytes(length, 3).subarray(a, b));
      },
    );
    await fc.assert(property, { numRuns: 12 });
  });
});

describe("hubFolder", () => {
  let hub: HubServer;
  const store = new MemoryFolder("store");
  const weights = bytes(30_000);
  beforeAll(async () => {
    hub = await HubServer.start();
    hub.publish("owner/tiny", { "config.json": "{}", "model.safetensors": weights });
  });
  afterAll(() => hub.stop());
  const open = (options = {}, name = "owner/tiny") => hubFolder(name, { store, endpoint: hub.endpoint, ...options });

  it("reads a model, then asks for nothing but what the revision is now, then for nothing", async () => {
    const folder = await open();
    expect([await text(folder, "config.json"), sum(await folder.read("model.safetensors"))]).toEqual([
      "{}",
      sum(weights),
    ]);
    expect(await folder.has("none")).toBe(false);
    hub.asked.length = 0;
    const again = await open();
    expect([sum(await again.read("model.safetensors")), await again.has("none")]).toEqual([sum(weights), false]);
    expect(hub.asked.map(({ path }) => path)).toEqual([expect.stringMatching(/\/revision\/main$/)]);
    hub.refuse = { status: 503 };
    const notes: string[] = [];
    const offline = await open({ onNote: (note: string) => void notes.push(note) });
    expect(sum(await offline.read("model.safetensors"))).toBe(sum(weights));
    expect(notes).toEqual([expect.stringMatching(/fails on owner\/tiny .* The copy of owner\/tiny that is kept/)]);
    hub.refuse = undefined;
  });

  it("follows its revision, goes on after a cut, and keeps each commit's files apart", async () => {
    const second = bytes(30_000, 8);
    hub.publish("owner/tiny", { "config.json": '{"a":1}', "model.safetensors": second });
    hub.cuts.push(20_000);
    const folder = await open();
    expect(await text(folder, "config.json")).toBe('{"a":1}');
    expect(sum(await folder.read("model.safetensors"))).toBe(sum(second));
    expect(hub.sent).toContain("model.safetensors bytes=20000-");
  });

  it.each([
    ["nobody/none", {}, /^Neither a folder here nor a model on the Hub is named nobody\/none .*the option token/],
    ["../x", {}, /^No model on the Hub can be named "\.\.\/x"/],
    ["owner/tiny", { revision: "dev" }, /^owner\/tiny has no revision "dev"/],
    ["owner/tiny", { revision: "a..b" }, /^revision is "a\.\.b", wanted a branch/],
    ["owner/tiny", { endpoint: "nowhere" }, /^"nowhere" is no http\(s\) address/],
    ["owner/tiny", { onProgres: 1 }, /unknown field "onProgres"; did you mean onProgress/],
    ["owner/tiny", { token: "hf_wrong" }, /^The Hub refuses the token .* into the option token/],
  ])("%s %o is refused", async (name, options, message) => {
    const opening = open(options, name);
    await expect(opening).rejects.toThrow(message);
    await expect(opening).rejects.toBeInstanceOf(UserError);
  });

  it("says of a gated file what to do, and sends the token", async () => {
    const folder = await open({ token: "hf_known", store: new MemoryFolder("another") });
    hub.refuse = { status: 403, code: "GatedRepo", message: "Access is restricted" };
    await expect(folder.read("config.json")).rejects.toThrow(/is gated .*accept its terms.*into the option token/);
    hub.refuse = undefined;
    expect(await text(folder, "config.json")).toBe('{"a":1}');
    expect(hub.asked.at(-1)!.authorization).toBe("Bearer hf_known");
  });
});

describe("cachedFolder", () => {
  it("keeps addresses apart in one store, and refuses what is none", async () => {
    const [one, other] = [await FileServer.start(), await FileServer.start()];
    one.files.set("x", bytes(5, 1));
    other.files.set("x", bytes(5, 2));
    const store = new MemoryFolder("store");
    for (const server of [one, other, one])
      expect(await (await cachedFolder(server.address, { store })).read("x")).toEqual(server.files.get("x"));
    const long = `${one.address}/${"a/".repeat(150)}`;
    expect(await (await cachedFolder(long, { store })).has("x")).toBe(false);
    for (const name of await store.list()) for (const part of name.split("/")) expect(part.length).toBeLessThan(256);
    await Promise.all([one.stop(), other.stop()]);
    await expect(cachedFolder("models/tiny", { store })).rejects.toThrow(/is no http\(s\) address/);
    await expect(cachedFolder("file:///somewhere/model", { store })).rejects.toThrow(/is no http\(s\) address/);
    await expect(cachedFolder("http://127.0.0.1/x")).rejects.toThrow(/no private file system/);
  });
});
