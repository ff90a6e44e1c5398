// A Hub on 127.0.0.1 that speaks its paths over HTTP: revisions, paths-info, resolve with ranges, the redirect of short
// names to their owner's, and large files from a second server as from a content network. It can cut, stall, damage and
// refuse, and it writes down what it was asked.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** From here on a file is stored as a large one, with a SHA-256. */
const LARGE = 10_000;

export interface Asked {
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
  readonly fromContentNetwork: boolean;
}

export interface Refusal {
  readonly status: number;
  readonly code?: string;
  readonly message?: string;
  readonly body?: string;
}

type Files = Readonly<Record<string, Uint8Array | string>>;

export class HubServer {
  readonly asked: Asked[] = [];
  /** For the next answers with large files, one each: how many bytes go out before the connection is cut. */
  readonly cuts: number[] = [];
  /** Cuts every large file after this many bytes. */
  cutAlways: number | undefined;
  /** Sends this many bytes of a large file, then nothing more, with the connection open. */
  stallAfter: number | undefined;
  /** Sends large files a byte at a time, with so many milliseconds between. */
  tricklesEvery: number | undefined;
  /** What questions are answered with, as gzip. */
  packed: Uint8Array | undefined;
  ranges = true;
  /** Changes a byte of these files on their way. */
  readonly damaged = new Set<string>();
  refuse: Refusal | undefined;
  /** What paths-info says the weights have. */
  claimedSize: number | undefined;
  /** The token that this Hub knows; with `locked` it is needed. */
  token = "hf_known";
  locked = false;
  private readonly models = new Map<
    string,
    { readonly commits: Map<string, Files>; readonly revisions: Map<string, string> }
  >();
  private readonly servers: Server[] = [];
  private readonly contents = new Map<string, { readonly bytes: Uint8Array; readonly path: string }>();

  static async start(): Promise<HubServer> {
    const hub = new HubServer();
    hub.servers.push(
      createServer((request, response) => hub.answer(request, response, false)),
      createServer((request, response) => hub.answer(request, response, true)),
    );
    await Promise.all(hub.servers.map((server) => new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready))));
    return hub;
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.servers.map(
        (server) =>
          new Promise((closed) => {
            server.close(closed);
            server.closeAllConnections();
          }),
      ),
    );
  }

  get endpoint(): string {
    return this.address(0);
  }

  /** Makes `files` the newest commit of `repo` and what `revisions` mean; returns its hash. */
  publish(repo: string, files: Files, revisions: readonly string[] = ["main"]): string {
    const model = this.models.get(repo) ?? { commits: new Map<string, Files>(), revisions: new Map<string, string>() };
    const commit = createHash("sha1").update(`${repo} ${model.commits.size}`).digest("hex");
    model.commits.set(commit, files);
    for (const revision of [...revisions, commit]) model.revisions.set(revision, commit);
    this.models.set(repo, model);
    return commit;
  }

  /** Paths of files that were sent, from whichever server, with their ranges. */
  get sent(): string[] {
    return this.asked
      .filter(({ path, fromContentNetwork }) => fromContentNetwork || path.includes("/resolve/"))
      .map(({ path, range }) => `${path.split("/").at(-1)}${range === undefined ? "" : ` ${range}`}`);
  }

  private address(server: 0 | 1): string {
    return `http://127.0.0.1:${(this.servers[server].address() as AddressInfo).port}`;
  }

  private answer(request: IncomingMessage, response: ServerResponse, fromContentNetwork: boolean): void {
    const path = decodeURIComponent(new URL(request.url!, this.endpoint).pathname);
    const { range, authorization } = request.headers;
    this.asked.push({ method: request.method!, path, range, authorization, fromContentNetwork });
    const refuse = ({ status, code, message, body }: Refusal): void => {
      response.writeHead(status, {
        ...(code && { "x-error-code": code }),
        ...(message && { "x-error-message": message }),
        "content-type": body === undefined ? "application/json" : "text/html",
      });
      response.end(body ?? JSON.stringify({ error: message ?? code }));
    };
    if (fromContentNetwork) return this.send(response, this.contents.get(path.slice(1))!, request, {});
    if (this.refuse) return refuse(this.refuse);
    if (authorization !== undefined && authorization !== `Bearer ${this.token}`)
      return refuse({ status: 401, message: "Invalid credentials in Authorization header" });
    if (this.locked && authorization === undefined)
      return refuse({ status: 401, message: "Invalid username or password." });

    if (this.packed) {
      response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" }).end(this.packed);
      return undefined;
    }
    const [, api, short, rest] =
      /^\/(api\/models\/)?((?:[\w.-]+\/)?[\w.-]+?)\/((?:revision|paths-info|resolve)\/.*)$/.exec(path) ?? [];
    if (short !== undefined && this.models.has(`owner/${short}`)) {
      response.writeHead(307, { location: request.url!.replace(short, `owner/${short}`) }).end();
      return undefined;
    }
    const model = this.models.get(short);
    if (!model)
      return refuse(
        authorization === undefined
          ? { status: 401, code: "RepoNotFound", message: "Invalid username or password." }
          : { status: 404, code: "RepoNotFound", message: "Repository not found" },
      );
    const [action, ...parts] = rest.split("/");
    if (api && action === "revision") {
      const sha = model.revisions.get(parts.join("/"));
      return sha
        ? json(response, { _id: "1", id: short, sha, lastModified: "2020-01-01T00:00:00.000Z" })
        : refuse({ status: 404, code: "RevisionNotFound", message: `Invalid rev id: ${parts.join("/")}` });
    }
    const commit = model.revisions.get(parts[0]) ?? "";
    const files = model.commits.get(commit);
    if (!files) return refuse({ status: 404, code: "RevisionNotFound" });
    if (api) {
      let body = "";
      request.on("data", (chunk) => (body += chunk));
      request.on("end", () =>
        json(
          response,
          (JSON.parse(body) as { paths: string[] }).paths
            .filter((each) => each in files)
            .map((each) => this.claim(info(each, bytesOf(files[each])))),
        ),
      );
      return undefined;
    }
    const name = parts.slice(1).join("/");
    if (!(name in files)) return refuse({ status: 404, code: "EntryNotFound" });
    const bytes = bytesOf(files[name]);
    const { oid, lfs } = info(name, bytes);
    const headers = {
      "x-repo-commit": commit,
      etag: `"${oid}"`,
      ...(lfs && { "x-linked-etag": `"${lfs.oid}"`, "x-linked-size": String(lfs.size) }),
    };
    if (!lfs) return this.send(response, { bytes, path: name }, request, headers);
    this.contents.set(`${lfs.oid}/${name}`, { bytes, path: name });
    response.writeHead(302, { ...headers, location: `${this.address(1)}/${lfs.oid}/${name}` }).end();
    return undefined;
  }

  private claim(file: FileInfo): FileInfo {
    return this.claimedSize !== undefined && file.lfs
      ? { ...file, lfs: { ...file.lfs, size: this.claimedSize } }
      : file;
  }

  private send(
    response: ServerResponse,
    { bytes, path }: { readonly bytes: Uint8Array; readonly path: string },
    { method, headers: { range } }: IncomingMessage,
    headers: Record<string, string>,
  ): void {
    const start = this.ranges ? Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0) : 0;
    const body = bytes.slice(start);
    if (this.damaged.has(path)) body[body.length - 1] ^= 1;
    response.writeHead(start > 0 ? 206 : 200, {
      ...headers,
      "content-length": String(body.length),
      ...(start > 0 && { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` }),
    });
    const large = bytes.length >= LARGE && method !== "HEAD";
    if (large && this.tricklesEvery !== undefined) {
      let at = 0;
      const drop = setInterval(() => response.write(body.subarray(at++, at)), this.tricklesEvery);
      response.on("close", () => clearInterval(drop));
      return;
    }
    const stop = large ? (this.cuts.shift() ?? this.cutAlways ?? this.stallAfter) : undefined;
    if (stop === undefined) {
      response.end(body);
      return;
    }
    const stalls = stop === this.stallAfter;
    response.flushHeaders();
    response.write(body.subarray(0, stop), () => {
      // A moment later, so that what went out is read before the end is seen.
      if (!stalls) setTimeout(() => response.socket?.destroySoon(), 60);
    });
  }
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}

interface FileInfo {
  readonly type: string;
  readonly path: string;
  readonly size: number;
  readonly oid: string;
  readonly lfs?: { readonly oid: string; readonly size: number; readonly pointerSize: number };
}

function info(path: string, bytes: Uint8Array): FileInfo {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const large = bytes.length >= LARGE;
  const stored = large ? `version 1\noid sha256:${sha256}\nsize ${bytes.length}\n` : bytes;
  const oid = createHash("sha1").update(`blob ${stored.length}\0`).update(stored).digest("hex");
  return {
    type: "file",
    path,
    size: bytes.length,
    oid,
    ...(large && { lfs: { oid: sha256, size: bytes.length, pointerSize: stored.length } }),
  };
}

function bytesOf(data: Uint8Array | string): Uint8Array {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}
