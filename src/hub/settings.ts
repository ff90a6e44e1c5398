// Where the Hub is, where its files are kept and who asks: the environment variables of the Python library
// huggingface_hub, read as it reads them. The package @huggingface/hub knows the cache's variables only, without ~ and
// $NAME in them.
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { quote } from "../files/quote.ts";
import type { HubAccess } from "./access.ts";
import { HUB_URL } from "./address.ts";
import { readProxy } from "./proxy.ts";
import type { Environment } from "./proxy.ts";

/** Seconds: a day. A timer holds 24 times as long. */
const LONGEST_PATIENCE = 86_400;

/** Of the variables: HF_ENDPOINT, HF_TOKEN, HF_HUB_DOWNLOAD_TIMEOUT (seconds), HTTPS_PROXY and its like. */
export interface HubSettings extends HubAccess {
  /**
   * Folder that holds models--<name> (HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME/hub,
   * XDG_CACHE_HOME/huggingface/hub).
   */
  readonly cacheDir: string;
  /** HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE: nothing is asked of the network. */
  readonly offline: boolean;
}

/**
 * An empty variable counts as unset. Throws UserError when HF_ENDPOINT or a proxy is no address, the token holds what
 * no token does or HF_HUB_DOWNLOAD_TIMEOUT is no number of seconds.
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
    patienceMs: 1000 * readSeconds("HF_HUB_DOWNLOAD_TIMEOUT", env, 30),
    userAgent: "gpt2-webgpu",
    names: { token: "HF_TOKEN", endpoint: "HF_ENDPOINT" },
    proxy: offline ? undefined : await readProxy(env, endpoint),
  };
}

function readSeconds(name: string, env: Environment, otherwise: number): number {
  const text = env[name]?.trim() || String(otherwise);
  const seconds = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : 0;
  if (seconds > 0 && seconds <= LONGEST_PATIENCE) return seconds;
  throw new UserError(
    `${name} is ${quote(text)}, wanted seconds as a number above 0 such as ${otherwise}; mend it or unset it.`,
  );
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
