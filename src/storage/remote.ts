// Files behind addresses, from any byte on: what a cached folder fetches its own from.
import { Patience } from "../files/patience.ts";
import { addressOf, ConnectionError, reasonOf } from "../files/url-folder.ts";

/** Which edition of a file the server has. */
export interface Edition {
  /** Its ETag or date; "" where the server tells neither. */
  readonly version: string;
  /** Bytes of the whole file; undefined where the server does not tell, or sends it compressed. */
  readonly size: number | undefined;
}

export interface Answer extends Edition {
  /** Where in the file the body begins: 0 where the server knows no ranges. */
  readonly start: number;
  readonly body: AsyncIterable<Uint8Array>;
}

/** fetch() with words of its own for a refusal; undefined where there is no such file. */
export type FileRequest = (address: string, init: RequestInit) => Promise<Response | undefined>;

export interface RemoteOptions {
  readonly request: FileRequest;
  /** Longest wait for an answer, and for its next bytes. */
  readonly patienceMs: number;
  /** What lies there never changes: a commit's files. */
  readonly immutable?: boolean;
  readonly signal?: AbortSignal;
}

export class Remote {
  /** Address of the folder, without a slash at its end. */
  readonly name: string;
  readonly immutable: boolean;
  private readonly request: FileRequest;
  private readonly patienceMs: number;
  private readonly signal: AbortSignal;

  constructor(name: string, { request, patienceMs, immutable = false, signal }: RemoteOptions) {
    this.name = name;
    this.request = request;
    this.patienceMs = patienceMs;
    this.immutable = immutable;
    this.signal = signal ?? new AbortController().signal;
  }

  /** undefined where there is no such file. Throws what the request does, ConnectionError when no answer comes. */
  async head(file: string): Promise<Edition | undefined> {
    return this.waiting(async ({ signal }) => {
      const response = await this.request(addressOf(this.name, file), { method: "HEAD", signal });
      return response && editionOf(response);
    });
  }

  /**
   * The file from byte `offset` on, handed to `use` while it comes; undefined where there is no such file. Throws what
   * the request and `use` do, ConnectionError when the connection is cut or nothing comes for too long.
   */
  async open<R>(file: string, offset: number, use: (answer: Answer) => Promise<R>): Promise<R | undefined> {
    return this.waiting(async (patience) => {
      const headers: Record<string, string> = offset > 0 ? { range: `bytes=${offset}-` } : {};
      const address = addressOf(this.name, file);
      const response = await this.request(address, { headers, signal: patience.signal });
      if (!response) return undefined;
      const start = response.status === 200 ? 0 : offset; // 416: nothing lies there any more
      return use({ ...editionOf(response), start, body: this.bodyOf(response, address, patience) });
    });
  }

  private async *bodyOf(response: Response, address: string, patience: Patience): AsyncGenerator<Uint8Array> {
    const reader = response.status === 416 ? undefined : response.body?.getReader();
    try {
      while (reader) {
        const { done, value } = await reader.read().catch((error: unknown) => {
          this.signal.throwIfAborted();
          throw new ConnectionError(`${address}: the connection broke off (${reasonOf(error)}).`);
        });
        if (done) return;
        patience.refresh(value.length);
        yield value;
      }
    } finally {
      await reader?.cancel().catch(() => {});
    }
  }

  private async waiting<R>(ask: (patience: Patience) => Promise<R>): Promise<R> {
    const patience = new Patience(this.signal, this.patienceMs);
    try {
      return await ask(patience);
    } catch (error) {
      this.signal.throwIfAborted();
      throw error;
    } finally {
      patience.stop();
    }
  }
}

function editionOf({ status, headers }: Response): Edition {
  const version = headers.get("etag") ?? headers.get("last-modified") ?? "";
  if (status === 206) {
    const total = /\/(\d+)$/.exec(headers.get("content-range") ?? "")?.[1];
    return { version, size: total === undefined ? undefined : Number(total) };
  }
  // A compressed answer states its compressed length.
  const length = headers.get("content-encoding") ? null : headers.get("content-length");
  return { version, size: length === null || status === 416 ? undefined : Number(length) };
}

/** The network's fault, not the address's: HubError and ConnectionError say so. */
export const isPassing = (error: unknown): boolean => (error as { readonly transient?: boolean }).transient === true;
