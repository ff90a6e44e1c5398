// A Folder behind an address, read by fetch: for browsers, and for Node when a path is an address. Read-only. Parts of
// a file come by Range requests; a server that ignores those sends the whole file, which is then kept so that it comes
// only once.
import { UserError } from "../errors.ts";
import { checkFileName, checkRange } from "./file-name.ts";
import type { Folder } from "./folder.ts";

export class UrlFolder implements Folder {
  readonly name: string;
  private readonly base: string;
  private readonly whole = new Map<string, Uint8Array>();

  constructor(url: URL) {
    this.name = url.href.replace(/\/+$/, "");
    this.base = `${this.name}/`;
  }

  async list(): Promise<string[]> {
    throw new UserError(
      `${this.name}: the files behind an address cannot be listed; name the file, or use a folder on disk.`,
    );
  }

  async has(file: string): Promise<boolean> {
    return (await this.fetch(file, { method: "HEAD" })) !== undefined;
  }

  async size(file: string): Promise<number> {
    const response = await this.found(file, { method: "HEAD" });
    const length = response.headers.get("content-length");
    // A compressed answer states its compressed length.
    if (length !== null && !response.headers.get("content-encoding")) return Number(length);
    return (await this.read(file)).byteLength;
  }

  async read(file: string, range?: { readonly offset: number; readonly length: number }): Promise<Uint8Array> {
    const known = this.whole.get(file);
    if (!range) return known ?? this.body(file, await this.found(file));
    if (range.length === 0) return new Uint8Array(0);
    if (!known) {
      const end = range.offset + range.length - 1;
      const response = await this.found(file, { headers: { range: `bytes=${range.offset}-${end}` } });
      if (response.status === 206 || response.status === 416) {
        const bytes = response.status === 206 ? await this.body(file, response) : new Uint8Array(0);
        checkRange(`${this.base}${file}`, range, range.offset + bytes.byteLength);
        return bytes;
      }
      this.whole.set(file, await this.body(file, response));
    }
    const bytes = this.whole.get(file)!;
    checkRange(`${this.base}${file}`, range, bytes.byteLength);
    return bytes.subarray(range.offset, range.offset + range.length);
  }

  async write(): Promise<void> {
    throw new UserError(
      `${this.name}: cannot save behind an address; give a folder on disk, or in a browser use a MemoryFolder.`,
    );
  }

  private async found(file: string, init: RequestInit = {}): Promise<Response> {
    const response = await this.fetch(file, init);
    if (!response) throw new UserError(`${this.base}${file}: there is no such file on the server; check the address.`);
    return response;
  }

  private fetch(file: string, init: RequestInit): Promise<Response | undefined> {
    return fetchFile(addressOf(this.name, file), init);
  }

  private async body(file: string, response: Response): Promise<Uint8Array> {
    try {
      return new Uint8Array(await response.arrayBuffer());
    } catch (error) {
      throw new ConnectionError(`${this.base}${file}: the connection broke off (${reasonOf(error)}); try again.`);
    }
  }
}

/** What may succeed a little later: nobody answered, or not to the end, or the server was out of order. */
export class ConnectionError extends UserError {
  readonly transient = true;
}

/** Address of a file in the folder at `base`. Throws UserError when it would lie outside. */
export function addressOf(base: string, file: string): string {
  checkFileName(base, file);
  return `${base}/${file.split("/").map(encodeURIComponent).join("/")}`;
}

/**
 * The server's answer with a file, its body unread; 416 where the file has no such range. undefined: not there.
 * Development servers answer a missing file with their start page, so HTML counts as missing too. Throws UserError for
 * any other refusal, ConnectionError where it may be a passing one, and the signal's reason.
 */
export async function fetchFile(address: string, init: RequestInit): Promise<Response | undefined> {
  const response = await fetch(address, init).catch((error: Error) => {
    throw new ConnectionError(
      `${address}: cannot be fetched (${reasonOf(error)}); check the connection, and in a browser that the ` +
        "server allows this page (CORS).",
    );
  });
  const html = response.headers.get("content-type")?.startsWith("text/html") && !/\.html?$/.test(address);
  if ((response.ok && !html) || response.status === 416) return response;
  await response.body?.cancel();
  if (response.ok || response.status === 404 || response.status === 410) return undefined;
  const refused = `${address}: the server answered ${response.status} ${response.statusText}`;
  if (response.status >= 500 || response.status === 429) throw new ConnectionError(`${refused}; try again later.`);
  throw new UserError(`${refused}; check the address and your access to it.`);
}

/** Node's fetch says only "fetch failed" and puts the reason into the cause. */
export function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error && cause.message ? cause.message : message;
}
