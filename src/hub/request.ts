// Requests to the Hub: who asks, how long an answer may take, and every refusal as one sentence. This is the `fetch`
// that the functions of @huggingface/hub are given: their own errors lose the header X-Error-Code, which alone tells a
// gated model from a misspelt one, and their access token must begin with hf_, which the tokens of mirrors do not.
import { UserError } from "../errors.ts";
import { Patience } from "../files/patience.ts";
import type { HubAccess } from "./access.ts";

/** What the Hub or the way to it refused. `transient`: the same request may succeed a little later. */
export class HubError extends UserError {
  override readonly name = "HubError";
  readonly transient: boolean;
  /** The Hub has the model at this revision, and no such file in it. */
  readonly isMissingFile: boolean;

  constructor(
    message: string,
    options: ErrorOptions & { readonly transient?: boolean; readonly isMissingFile?: boolean } = {},
  ) {
    super(message, options);
    this.transient = options.transient ?? false;
    this.isMissingFile = options.isMissingFile ?? false;
  }
}

export interface Asked {
  readonly settings: HubAccess;
  /** Name of the model. */
  readonly repo: string;
  readonly revision: string;
  readonly signal: AbortSignal;
}

/**
 * `fetch` with the token, patience and one sentence for every refusal; for answers small enough to hold in memory.
 * The token goes to the Hub alone: fetch drops it where the Hub sends a download on to another host.
 * Throws HubError unless the answer is 2xx; the signal's reason when that fired.
 */
export function hubFetch(asked: Asked): typeof fetch {
  return async (input, init) => {
    const patience = new Patience(asked.signal, asked.settings.patienceMs);
    try {
      const response = await openAnswer(asked, input, { ...init, signal: patience.signal });
      return new Response(await bodyOf(response, asked), response);
    } catch (error) {
      throw unreachable(error, asked);
    } finally {
      patience.stop();
    }
  };
}

/** Longest answer that is held in memory, unpacked; those of the Hub have some kilobytes. */
const MAX_ANSWER_BYTES = 16e6;

/** Read piece by piece: a small answer may unpack to gigabytes. */
async function bodyOf(response: Response, { settings }: Asked): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.body ?? []) {
    length += piece.length;
    if (length > MAX_ANSWER_BYTES)
      throw new HubError(
        `${settings.endpoint} answers with more than ${MAX_ANSWER_BYTES / 1e6} MB where the Hub sends some ` +
          `kilobytes; check ${settings.names.endpoint}.`,
      );
    pieces.push(piece);
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    body.set(piece, at);
    at += piece.length;
  }
  return body;
}

/** The same for large answers, whose bytes are yet to be read; patience is with the caller. */
export async function openAnswer(asked: Asked, input: string | URL | Request, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers);
  if (asked.settings.userAgent !== undefined) headers.set("user-agent", asked.settings.userAgent);
  if (asked.settings.token !== undefined) headers.set("authorization", `Bearer ${asked.settings.token}`);
  const response = await (asked.settings.proxy?.fetch ?? fetch)(input, { ...init, headers });
  if (response.ok) return response;
  await response.body?.cancel();
  throw refusal(response, asked);
}

/**
 * What a failed request is thrown as: HubErrors as they are, the signal's reason when that fired, else a transient
 * HubError.
 */
export function unreachable(error: unknown, { settings, repo, signal }: Asked): HubError {
  signal.throwIfAborted();
  if (error instanceof HubError) return error;
  const { endpoint, proxy } = settings;
  const { endpoint: variable } = settings.names;
  const toCheck = proxy ? `the network and the proxy (${proxy.described})` : `the network (and ${variable}, if set)`;
  return new HubError(
    `Cannot reach the Hub at ${endpoint} for ${repo}: ${networkReason(error)}; check ${toCheck}, or name a folder ` +
      "on disk.",
    { cause: error, transient: true },
  );
}

/** Why a connection failed, for people; Node hides it in `cause`. */
function networkReason(error: unknown): string {
  const { message, cause } = error as Error & { cause?: Error & { code?: string } };
  const reasons: Readonly<Record<string, string>> = {
    ENOTFOUND: "its name cannot be looked up",
    EAI_AGAIN: "its name cannot be looked up",
    ECONNREFUSED: "the connection was refused",
    ECONNRESET: "the connection was cut",
    UND_ERR_SOCKET: "the connection was cut",
    EPIPE: "the connection was cut",
    ETIMEDOUT: "no answer came",
    UND_ERR_CONNECT_TIMEOUT: "no answer came",
    UND_ERR_HEADERS_TIMEOUT: "no answer came",
    UND_ERR_BODY_TIMEOUT: "nothing came for long",
    ENETUNREACH: "there is no network",
    EHOSTUNREACH: "there is no way to it",
  };
  const refused = causesOf(error)
    .map((each) => /^Proxy (?:response \(|Authentication Required \()(\d+)/.exec(each.message)?.[1])
    .find((status) => status !== undefined);
  if (refused === "407") return "the proxy wants a user and a password, as in http://user:password@proxy.example:3128";
  if (refused !== undefined) return `the proxy answered ${refused}`;
  return reasons[cause?.code ?? ""] ?? (cause?.message || message);
}

function causesOf(error: unknown): Error[] {
  return error instanceof Error ? [error, ...causesOf(error.cause)] : [];
}

function refusal({ status, headers, url }: Response, { settings, repo, revision }: Asked): HubError {
  const { token: tokenName } = settings.names;
  const code = headers.get("x-error-code");
  const said = headers.get("x-error-message");
  const inBrackets = `(${[status, code, said].filter(Boolean).join(", ")})`;
  if (code === "GatedRepo") {
    return new HubError(
      `${repo} is gated ${inBrackets}: accept its terms on its page on the Hub, then put a token of that ` +
        `account into ${tokenName}${settings.token === undefined ? "; none is set" : ""}.`,
    );
  }
  if (code === "RevisionNotFound")
    return new HubError(
      `${repo} has no revision ${JSON.stringify(revision)} on the Hub; give --revision a branch, a tag or a ` +
        "whole commit hash, or leave it out.",
    );
  if (code === "EntryNotFound")
    return new HubError(
      `${repo} has no file ${new URL(url).pathname} on the Hub ${inBrackets}; it may have changed meanwhile, ` +
        "try again.",
      { isMissingFile: true },
    );
  if (status === 401 && settings.token !== undefined && code !== "RepoNotFound") {
    return new HubError(
      `The Hub refuses the token for ${repo} ${inBrackets}: put a valid one into ${tokenName}, or unset it if ` +
        "the model is public.",
    );
  }
  // Without a token the Hub says 401 to private and to unknown names alike.
  if (status === 401 || status === 404) {
    return new HubError(
      `Neither a folder here nor a model on the Hub is named ${repo} ${inBrackets}; check the spelling, and if ` +
        `the model is private, put a token into ${tokenName} that may read it.`,
    );
  }
  if (status === 403)
    return new HubError(
      `The Hub forbids access to ${repo} ${inBrackets}; put a token into ${tokenName} that may read it.`,
    );
  if (status === 429)
    return new HubError(
      `The Hub has had too many requests from here ${inBrackets}; wait some ` +
        `minutes${settings.token === undefined ? `, or put a token into ${tokenName}` : ""}, and try again.`,
      { transient: true },
    );
  const proxy = settings.proxy ? `, or the proxy (${settings.proxy.described}) on the way to it,` : "";
  return new HubError(`The Hub at ${settings.endpoint}${proxy} fails on ${repo} ${inBrackets}; try again later.`, {
    transient: status >= 500,
  });
}
