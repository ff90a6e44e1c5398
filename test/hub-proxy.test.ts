// The way to the Hub through a proxy: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY as curl and Python read them. The
// Hub's name exists nowhere, so whatever arrives came through the proxy.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, request as forward } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { resolveModel } from "../src/cli/shared/model-source.ts";
import { UserError } from "../src/errors.ts";
import { HubServer } from "./hub-server.ts";

const NOWHERE = "http://hub.invalid";
const files = {
  "config.json": await readFile("test/fixtures/reference/tiny/config.json", "utf8"),
  "tokenizer.json": "{}",
  "model.safetensors": await readFile("test/fixtures/reference/tiny/model.safetensors"),
};

let hub: HubServer;
let proxy: Server;
let address: string;
let home: string;
/** What the proxy was asked: "GET http://hub.invalid/..." or "CONNECT hub.invalid:443". */
let asked: string[];
/** When set, the proxy answers with it and forwards nothing. */
let refuses: number | undefined;
let credentials: string | undefined;

beforeAll(async () => {
  hub = await HubServer.start();
  hub.publish("tiny", files);
  proxy = createServer((from, to) => {
    asked.push(`${from.method} ${from.url}`);
    credentials = from.headers["proxy-authorization"];
    if (refuses !== undefined) {
      to.writeHead(refuses).end();
      return;
    }
    const url = new URL(from.url!);
    const target = url.hostname === "hub.invalid" ? new URL(url.pathname + url.search, hub.endpoint) : url;
    from.pipe(
      forward(target, { method: from.method, headers: from.headers }, (answer) => {
        to.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(to);
      }),
    );
  });
  proxy.on("connect", (from, socket) => {
    asked.push(`CONNECT ${from.url}`);
    socket.end(`HTTP/1.1 ${refuses ?? 502} No\r\n\r\n`);
  });
  await new Promise<void>((ready) => proxy.listen(0, "127.0.0.1", ready));
  address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await hub.stop();
  proxy.closeAllConnections();
  await new Promise((closed) => proxy.close(closed));
});
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "hub-proxy-"));
  asked = [];
  refuses = credentials = undefined;
});
afterEach(() => rm(home, { recursive: true }));

const fetchTiny = (env: Record<string, string>): Promise<string> =>
  resolveModel("tiny", { env: { HF_HOME: home, HF_ENDPOINT: NOWHERE, HF_TOKEN: hub.token, ...env } });

describe("a model behind a proxy", () => {
  it.each(["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])(
    "comes whole by %s, the content network's files too",
    async (name) => {
      const folder = await fetchTiny({ [name]: `http://${address}` });
      expect((await readFile(join(folder, "model.safetensors"))).equals(files["model.safetensors"])).toBe(true);
      expect(asked.some((each) => each.startsWith(`GET ${NOWHERE}/api/models/tiny/revision`))).toBe(true);
      expect(asked.filter((each) => !each.includes(NOWHERE))).not.toEqual([]); // the redirect went through it as well
    },
  );

  it("may be named without a scheme, and with a user and a password", async () => {
    await fetchTiny({ HTTP_PROXY: `me:s%40cret@${address}` });
    expect(credentials).toBe(`Basic ${Buffer.from("me:s@cret").toString("base64")}`);
  });

  it("small letters and a variable that is set win over capitals and empty ones", async () => {
    await fetchTiny({ HTTP_PROXY: "http://127.0.0.1:9", http_proxy: `http://${address}`, NO_PROXY: "" });
    expect(asked).not.toEqual([]);
  });

  it.each(["127.0.0.1", "other.example, 127.0.0.1", ".0.0.1", "*"])(
    "is fetched directly from a host in NO_PROXY (%s)",
    async (hosts) => {
      const env = { HF_ENDPOINT: hub.endpoint, HTTP_PROXY: `http://${address}` };
      await fetchTiny({ ...env, NO_PROXY: hosts });
      expect(asked).toEqual([]);
      await fetchTiny({ ...env, NO_PROXY: "other.example, 127.0.0.1:1" });
      expect(asked).not.toEqual([]);
    },
  );

  it("goes to an https Hub by CONNECT, and the proxy's refusal is told with its variable", async () => {
    const error: unknown = await fetchTiny({
      HF_ENDPOINT: "https://hub.invalid",
      HTTPS_PROXY: `http://me:secret@${address}`,
      HTTP_PROXY: "http://127.0.0.1:9",
    }).catch((thrown: unknown) => thrown);
    expect(asked[0]).toBe("CONNECT hub.invalid:443");
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).toBe(
      `Cannot reach the Hub at https://hub.invalid for tiny: the proxy answered 502; check the network and the proxy ` +
        `(HTTPS_PROXY is http://me:***@${address}), or name a folder on disk.`,
    );
  });

  it.each([
    [407, "https://hub.invalid", /: the proxy wants a user and a password/],
    [407, NOWHERE, /: the proxy wants a user and a password/],
    [503, NOWHERE, /, or the proxy \(HTTP_PROXY is .*\) on the way to it, fails on tiny \(503\)/],
  ])("that answers %i on the way to %s says so", async (status, endpoint, message) => {
    refuses = status;
    const env = { HF_ENDPOINT: endpoint, HTTPS_PROXY: `http://${address}`, HTTP_PROXY: `http://${address}` };
    await expect(fetchTiny(env)).rejects.toThrow(message);
  });

  it("that is not there is named", async () => {
    await expect(fetchTiny({ HTTP_PROXY: "http://127.0.0.1:9" })).rejects.toThrow(
      /: the connection was refused; check the network and the proxy \(HTTP_PROXY is http:\/\/127\.0\.0\.1:9\)/,
    );
  });

  it.each(["ftp://x:1", "http://", "a b", "http://x:99999", "\x1b[2J"])("%j is no proxy", async (value) => {
    await expect(fetchTiny({ HTTP_PROXY: value })).rejects.toThrow(/^HTTP_PROXY is "[\x20-\x7e]*", wanted the address/);
  });

  it("is not needed offline", async () => {
    await expect(fetchTiny({ HTTP_PROXY: "ftp://x", HF_HUB_OFFLINE: "1" })).rejects.toThrow(/^Offline, tiny/);
  });
});
