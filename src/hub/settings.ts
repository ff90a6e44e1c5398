// Where the Hub is, where its files are kept and who asks: the environment variables of the Python library
// huggingface_hub, read as it reads them. The package @huggingface/hub knows the cache's variables only, without ~ and
// $NAME in them.
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { HUB_URL } from "@huggingface/hub";
import { UserError } from "../errors.ts";
import { readProxy } from "./proxy.ts";
import type { Environment, Proxy } from "./proxy.ts";

export interface HubSettings {
  /** Address of the Hub, without a slash at its end (HF_ENDPOINT). */
  readonly endpoint: string;
  /**
   * Folder that holds models--<name> (HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME/hub,
   * XDG_CACHE_HOME/huggingface/hub).
   */
  readonly cacheDir: string;
  /** HF_TOKEN, else the file that `hf auth login` writes (HF_TOKEN_PATH, HF_HOME/token). */
  readonly token: string | undefined;
  /** HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE: nothing is asked of the network. */
  readonly offline: boolean;
  /** Longest wait for a small answer, and for the next bytes of a large one (HF_HUB_DOWNLOAD_TIMEOUT, in seconds). */
  readonly patienceMs: number;
  /** The proxy on the way to the endpoint, where one is set (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY). */
  readonly proxy?: Proxy;
}

/**
 * An empty variable counts as unset. Throws UserError when HF_ENDPOINT or a proxy is no address or the token holds what
 * no token does.
 */
export async function readSettings(env: Environment): Promise<HubSettings> {
  const home = expand(env.HF_HOME || join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface"), env);
  const endpoint = (env.HF_ENDPOINT || HUB_URL).replace(/\/+$/, "");
  if (!/^https?:$/.test(URL.canParse(endpoint) ? new URL(endpoint).protocol : "")) {
    throw new UserError(
      `HF_ENDPOINT is ${JSON.stringify(endpoint)}, wanted the address of a Hub, beginning with https://; mend ` +
        "it or unset it.",
    );
  }
  const offline = isTrue(env.HF_HUB_OFFLINE || env.TRANSFORMERS_OFFLINE);
  return {
    endpoint,
    cacheDir: expand(env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || join(home, "hub"), env),
    token: await readToken(env, home),
    offline,
    patienceMs: 1000 * (Number(env.HF_HUB_DOWNLOAD_TIMEOUT) || 30),
    proxy: offline ? undefined : await readProxy(env, endpoint),
  };
}

async function readToken(env: Environment, home: string): Promise<string | undefined> {
  if (isTrue(env.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return undefined;
  const file = expand(env.HF_TOKEN_PATH || join(home, "token"), env);
  const token = (env.HF_TOKEN || env.HUGGING_FACE_HUB_TOKEN || (await readFile(file, "utf8").catch(() => "")))
    .replace(/[\r\n]/g, "")
    .trim();
  if (/[^\x21-\x7e]/.test(token))
    throw new UserError(
      `The Hub token (HF_TOKEN, or the file ${file}) holds spaces or letters that no token has; copy it again.`,
    );
  return token || undefined;
}

function isTrue(value: string | undefined): boolean {
  return /^(1|on|yes|true)$/i.test(value ?? "");
}

/** A leading ~, $NAME and ${NAME}, as a shell would. */
function expand(path: string, env: Environment): string {
  return path
    .replace(/^~(?=$|[/\\])/, () => homedir())
    .replace(/\$(?:(\w+)|\{(\w+)\})/g, (all, plain, braced) => env[plain ?? braced] ?? all);
}
