// Where WebGPU and files come from: adapters really opened (in child processes where the environment decides), folders
// on a real disk, and addresses behind a real HTTP server.
import { execFile } from "node:child_process";
import { mkdtemp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UserError } from "../src/errors.ts";
import type { FileData, Folder } from "../src/files/folder.ts";
import { describeAdapter, requestAdapter } from "../src/gpu/platform.ts";
import { openFolder } from "../src/files/open.ts";
import { readTar, softwareAdapterShips, unpackSoftwareAdapter } from "../src/gpu/software-adapter.ts";
import { readBytes } from "../src/wgsl/sources.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "platform-test-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** Runs TypeScript in a Node of its own and resolves with stdout; rejects when it fails or does not end by itself. */
async function runNode(code: string, env: Record<string, string> = {}): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--import", "tsx", "--input-type=module", "-e", code],
    { cwd: root, env: { ...process.env, ...env }, timeout: 60_000 },
  );
  return stdout.trim();
}

describe("adapter", () => {
  it("is found, and its device moves bytes", async () => {
    const { adapter, key, description, software, hint } = await requestAdapter();
    expect(key).toMatch(/^[a-z0-9-]+$/);
    expect(description).not.toBe("");
    expect(hint === undefined).toBe(!software);
    const device = await adapter.requestDevice();
    const buffer = device.createBuffer({ size: 16, usage: 0x1 | 0x8 }); // MAP_READ | COPY_DST
    device.queue.writeBuffer(buffer, 0, new Uint32Array([1, 2, 3, 4]));
    device.queue.submit([]);
    await buffer.mapAsync(0x1);
    expect([...new Uint32Array(buffer.getMappedRange())]).toEqual([1, 2, 3, 4]);
    device.destroy();
  });

  it.each([
    [
      {
        vendor: "mesa",
        architecture: "software",
        device: "llvmpipe-llvm-15-0-6-256-bits-",
        description: "llvmpipe: Mesa 25.0.7 (LLVM 15.0.6)",
        isFallbackAdapter: true,
      },
      "llvmpipe",
      true,
    ],
    [
      {
        vendor: "google",
        architecture: "swiftshader",
        device: "swiftshader-device-subzero-",
        description: "SwiftShader driver 5.0.0",
        isFallbackAdapter: true,
      },
      "swiftshader",
      true,
    ],
    [
      { vendor: "google", architecture: "swiftshader", device: "", description: "", isFallbackAdapter: false },
      "swiftshader",
      true,
    ],
    [
      {
        vendor: "nvidia",
        architecture: "hopper",
        device: "nvidia-h100",
        description: "NVIDIA: 570.1",
        isFallbackAdapter: false,
      },
      "nvidia-hopper",
      false,
    ],
    [{ vendor: "apple", architecture: "", device: "", description: "", isFallbackAdapter: false }, "apple", false],
    // Deno's words for a SwiftShader, and for a card of NVIDIA's
    [
      {
        vendor: "6880",
        architecture: "",
        device: "49374",
        description: "SwiftShader Device (Subzero)",
        isFallbackAdapter: false,
      },
      "swiftshader",
      true,
    ],
    [
      { vendor: "4318", architecture: "", device: "9008", description: "NVIDIA H200", isFallbackAdapter: false },
      "nvidia",
      false,
    ],
    [{ vendor: "", architecture: "", device: "", description: "", isFallbackAdapter: false }, "unknown", false],
  ])("%o is %s", (info, key, software) => {
    const described = describeAdapter(info);
    expect(described).toMatchObject({ key, software });
    expect(described.description).not.toBe("");
  });

  const print = `import { requestAdapter } from "./src/gpu/platform.ts";
    try { console.log((await requestAdapter()).key, process.env.VK_DRIVER_FILES ?? "unset"); }
      catch (error) { console.log(error.name, error.message); }`;

  it.runIf(softwareAdapterShips())(
    "is the npm package's when forced, or when the system's drivers are hidden; the process ends by itself",
    async () => {
      expect(await runNode(print, { GPT2_WEBGPU_ADAPTER: "swiftshader" })).toBe("swiftshader unset");
      expect(await runNode(print, { GPT2_WEBGPU_ADAPTER: "", VK_DRIVER_FILES: "/nowhere" })).toBe(
        "swiftshader /nowhere",
      );
    },
  );

  it("that nobody has is a UserError that lists the others", async () => {
    expect(await runNode(print, { GPT2_WEBGPU_ADAPTER: "no such card" })).toMatch(
      /^UserError GPT2_WEBGPU_ADAPTER is no such card, but the adapters here are: .*; unset it/,
    );
  });
});

describe.runIf(softwareAdapterShips())("unpacking the software adapter", () => {
  it("is whole when processes race for one cache, and leaves nothing beside it", async () => {
    const cache = join(scratch, "race");
    const code =
      `import { unpackSoftwareAdapter } from "./src/gpu/software-adapter.ts"; ` +
      `console.log(unpackSoftwareAdapter([${JSON.stringify(cache)}]));`;
    const folders = await Promise.all([1, 2, 3].map(() => runNode(code)));
    expect(new Set(folders).size).toBe(1);
    expect(await readdir(join(cache, "gpt2-webgpu"))).toHaveLength(1);
    expect((await readdir(folders[0])).sort()).toEqual([
      "libvk_swiftshader.so",
      "libvulkan.so.1",
      "vk_swiftshader_icd.json",
    ]);
  });

  it("falls back to a folder that goes with the process where no cache can be written", async () => {
    await writeFile(join(scratch, "a-file"), "");
    const code = `import { unpackSoftwareAdapter } from "./src/gpu/software-adapter.ts";
      import { readdirSync } from "node:fs";
      const folder = unpackSoftwareAdapter([${JSON.stringify(join(scratch, "a-file", "below"))}]);
      console.log(folder); console.log(readdirSync(folder).length);`;
    const [folder, count] = (await runNode(code)).split("\n");
    expect(count).toBe("3");
    await expect(readdir(folder)).rejects.toThrow(/ENOENT/);
  });

  it("goes to the second cache when the first cannot be written", () => {
    const folder = unpackSoftwareAdapter([join(root, "package.json", "below"), join(scratch, "second")]);
    expect(folder.startsWith(join(scratch, "second"))).toBe(true);
  });
});

describe("readTar", () => {
  const entry = (name: string, text: string): Uint8Array => {
    const bytes = new Uint8Array(512 + Math.ceil(text.length / 512) * 512);
    const put = (at: number, value: string) => bytes.set(new TextEncoder().encode(value), at);
    put(0, name);
    put(124, `${text.length.toString(8).padStart(11, "0")}\0`);
    put(512, text);
    return bytes;
  };
  const tar = new Uint8Array([
    ...entry("./a", "x".repeat(513)),
    ...entry("b", ""),
    ...entry("c", "see"),
    ...new Uint8Array(1024),
  ]);

  it("finds the wanted files", () => {
    const files = readTar(tar, ["a", "b", "c"]);
    expect([...files.values()].map((bytes) => bytes.length)).toEqual([513, 0, 3]);
    expect(new TextDecoder().decode(files.get("c"))).toBe("see");
  });
  it("names what is missing", () => expect(() => readTar(tar, ["a", "d"])).toThrow(/lacks d/));
});

describe("readBytes", () => {
  it("reads a file URL and a data URL", async () => {
    expect(await readBytes(new URL("../package.json", import.meta.url))).toEqual(
      new Uint8Array(await readFile(join(root, "package.json"))),
    );
    expect([...(await readBytes(new URL("data:,hi")))]).toEqual([104, 105]);
  });
  it("fails on a missing file", () =>
    expect(readBytes(new URL("./nothing.wgsl", import.meta.url))).rejects.toThrow(/ENOENT/));
});

const text = async (folder: Folder, file: string) => new TextDecoder().decode(await folder.read(file));

describe("folder on disk", () => {
  it("writes, lists and reads whole files and ranges", async () => {
    const folder = await openFolder(join(scratch, "new", "deep"));
    await folder.write(
      new Map<string, Uint8Array | string>([
        ["b.bin", new Uint8Array([1, 2, 3, 4, 5])],
        ["a.txt", "héllo"],
        ["sub/c.txt", "c"],
      ]),
    );
    expect(await folder.list()).toEqual(["a.txt", "b.bin"]);
    expect([
      await folder.has("b.bin"),
      await folder.has("z"),
      await folder.has("a.txt/z"),
      await folder.has("sub"),
    ]).toEqual([true, false, false, false]);
    expect(await folder.size("a.txt")).toBe(6);
    expect(await text(folder, "a.txt")).toBe("héllo");
    expect(await text(folder, "sub/c.txt")).toBe("c");
    expect([...(await folder.read("b.bin", { offset: 1, length: 3 }))]).toEqual([2, 3, 4]);
    expect(await folder.read("b.bin", { offset: 5, length: 0 })).toHaveLength(0);
    await folder.write(new Map([["a.txt", "again"]]));
    expect(await text(folder, "a.txt")).toBe("again");
    expect(await readdir(folder.name)).toHaveLength(3);
  });

  it("opens a file URL", async () => {
    expect(await (await openFolder(new URL("..", import.meta.url).href)).has("package.json")).toBe(true);
  });

  it("keeps every old file and leaves nothing aside when one cannot be written", async () => {
    const folder = await openFolder(join(scratch, "atomic"));
    await folder.write(new Map([["a", "old"]]));
    await mkdir(join(scratch, "atomic", "b"));
    await expect(
      folder.write(
        new Map([
          ["a", "new"],
          ["b", "over a folder"],
        ]),
      ),
    ).rejects.toThrow(UserError);
    expect(await text(folder, "a")).toBe("old");
    expect((await readdir(folder.name)).sort()).toEqual(["a", "b"]);
  });

  it("takes a file piece by piece, and keeps the old one when the pieces end in an error", async () => {
    const folder = await openFolder(join(scratch, "streams"));
    let done = 0;
    async function* pieces(fail: boolean): AsyncGenerator<Uint8Array> {
      const memory = new Uint8Array(1000);
      for (let i = 0; i < 300; i++) {
        yield memory.fill(i); // the same memory each time: a piece is written before the next is asked for
        if (fail && i === 200) throw new UserError("the well is dry");
      }
      done++;
    }
    await folder.write(new Map([["a", pieces(false)]]));
    const bytes = await folder.read("a");
    expect(bytes).toHaveLength(300_000);
    expect([bytes[999], bytes[1000], bytes[299_999]]).toEqual([0, 1, 43]);
    await expect(
      folder.write(
        new Map<string, FileData>([
          ["b", "text"],
          ["a", pieces(true)],
        ]),
      ),
    ).rejects.toThrow("the well is dry");
    expect(await folder.read("a")).toEqual(bytes);
    expect(await readdir(folder.name)).toEqual(["a"]);
    expect(done).toBe(1);
  });

  it.each<[string, (folder: Folder) => Promise<unknown>, RegExp]>([
    ["a missing file", (folder) => folder.read("none"), /Cannot read .*none: there is no such file/],
    ["a missing file's size", (folder) => folder.size("none"), /Cannot read .*none: there is no such file/],
    ["a folder as a file", (folder) => folder.read("sub"), /Cannot read .*sub: it is a folder/],
    [
      "a range past the end",
      (folder) => folder.read("file", { offset: 2, length: 9 }),
      /file: wanted bytes 2 to 11, the file has 4/,
    ],
    ["a name that leads out", (folder) => folder.read("../../etc/passwd"), /not the name of a file inside/],
    ["an absolute name", (folder) => folder.read("/etc/passwd"), /not the name of a file inside/],
    [
      "a file as a folder",
      (folder) => folder.write(new Map([["file/below", "x"]])),
      /Cannot write .*below: part of the path is a file/,
    ],
    [
      "a folder below a file",
      async (folder) => (await openFolder(join(folder.name, "file", "below"))).write(new Map([["x", "x"]])),
      /Cannot write .*below: part of the path is a file/,
    ],
    [
      "a list of nothing",
      async (folder) => (await openFolder(join(folder.name, "none"))).list(),
      /Cannot list .*none: there is no such/,
    ],
  ])("refuses %s", async (_name, act, message) => {
    const folder = await openFolder(join(scratch, "errors"));
    await mkdir(join(scratch, "errors", "sub"), { recursive: true });
    await writeFile(join(scratch, "errors", "file"), "four");
    await expect(act(folder)).rejects.toThrow(UserError);
    await expect(act(folder)).rejects.toThrow(message);
  });
});

describe("folder behind an address", () => {
  const requests: string[] = [];
  let server: Server;
  let folder: Folder;
  beforeAll(async () => {
    server = createServer(answer).listen(0, "127.0.0.1");
    await new Promise((ready) => server.once("listening", ready));
    folder = await openFolder(`http://127.0.0.1:${(server.address() as AddressInfo).port}/model/`);
  });
  afterAll(() => server.close());

  function answer(request: IncomingMessage, response: ServerResponse): void {
    requests.push(`${request.method} ${request.url} ${request.headers.range ?? ""}`.trim());
    const [first, last] = (/bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? []).slice(1).map(Number);
    const body = Buffer.from("0123456789");
    switch (request.url) {
      case "/model/a%20b.bin":
        if (request.method === "HEAD") response.writeHead(200, { "content-length": 10 }).end();
        else if (first === undefined) response.writeHead(200).end(body);
        else if (first >= body.length) response.writeHead(416).end();
        else response.writeHead(206).end(body.subarray(first, last + 1));
        return;
      case "/model/no-ranges.bin":
        response.writeHead(200, { "content-encoding": "identity" }).end(body);
        return;
      case "/model/start-page.json":
        response.writeHead(200, { "content-type": "text/html" }).end("<html>");
        return;
      case "/model/broken.bin":
        response.writeHead(200, { "content-length": 100 }).write(body, () => response.destroy());
        return;
      case "/model/secret.bin":
        response.writeHead(403).end();
        return;
      default:
        response.writeHead(404).end();
    }
  }

  it("reads files and ranges, and asks for no more than the range", async () => {
    expect(await text(folder, "a b.bin")).toBe("0123456789");
    expect(await folder.size("a b.bin")).toBe(10);
    requests.length = 0;
    expect(new TextDecoder().decode(await folder.read("a b.bin", { offset: 2, length: 3 }))).toBe("234");
    expect(requests).toEqual(["GET /model/a%20b.bin bytes=2-4"]);
  });

  it("fetches a file once when the server knows no ranges", async () => {
    requests.length = 0;
    expect(new TextDecoder().decode(await folder.read("no-ranges.bin", { offset: 2, length: 3 }))).toBe("234");
    expect(new TextDecoder().decode(await folder.read("no-ranges.bin", { offset: 7, length: 3 }))).toBe("789");
    expect(requests).toHaveLength(1);
    expect(await folder.size("no-ranges.bin")).toBe(10);
  });

  it("tells what is there, and does not take a start page for a file", async () => {
    expect([await folder.has("a b.bin"), await folder.has("none"), await folder.has("start-page.json")]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it.each<[string, (folder: Folder) => Promise<unknown>, RegExp]>([
    ["a missing file", (f) => f.read("none"), /none: there is no such file on the server/],
    ["a forbidden file", (f) => f.read("secret.bin"), /the server answered 403/],
    ["a connection that breaks off", (f) => f.read("broken.bin"), /broken.bin: the connection broke off/],
    [
      "a range past the end",
      (f) => f.read("a b.bin", { offset: 8, length: 4 }),
      /wanted bytes 8 to 12, the file has 10/,
    ],
    ["a range beyond the end", (f) => f.read("a b.bin", { offset: 20, length: 4 }), /wanted bytes 20 to 24/],
    ["a list", (f) => f.list(), /cannot be listed/],
    ["writing", (f) => f.write(new Map([["a", "b"]])), /cannot save behind an address/],
    [
      "a server that is not there",
      async () => (await openFolder("http://127.0.0.1:1/")).read("a"),
      /cannot be fetched \(.+\)/,
    ],
  ])("refuses %s", async (_name, act, message) => {
    await expect(act(folder)).rejects.toThrow(UserError);
    await expect(act(folder)).rejects.toThrow(message);
  });
});
