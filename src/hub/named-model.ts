// A model by its name in the library, in Node: "gpt2" is fetched into the Hub's cache, as the programs do, under the
// same environment (HF_HUB_CACHE, HF_HUB_OFFLINE, HF_TOKEN, HF_ENDPOINT). Reached through files/open.ts only, so that
// pages never carry it; the Hub's package is loaded when a name is really asked for.
import { stat } from "node:fs/promises";
import { UserError } from "../errors.ts";
import { quote } from "../files/quote.ts";
import { isRepoName, isRevision } from "./access.ts";
import type { Part } from "./model-files.ts";

export interface NamedModelOptions {
  readonly part: Exclude<Part, "config">;
  /** Called with the folder before weights are on their way; throws to spare a useless download. */
  readonly beforeWeights?: (path: string) => Promise<void>;
  /** Stops a download; what has come is kept for the next one. */
  readonly signal?: AbortSignal;
  /** One sentence that the user should read. */
  readonly onNote?: (note: string) => void;
  /** Branch, tag or whole commit hash; default main. */
  readonly revision?: string;
  /** In place of the folder that the environment names. */
  readonly cacheDir?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The folder of the Hub's cache that holds the model's `part`, fetched when needed; undefined where `name` is a folder
 * or a file here, or no name that the Hub allows. Throws UserError when it cannot be had or the revision can be none,
 * the signal's reason when that fired.
 */
export async function pathOfNamedModel(name: string, options: NamedModelOptions): Promise<string | undefined> {
  const { part, beforeWeights, signal = new AbortController().signal, onNote, env, revision = "main" } = options;
  if (!isRepoName(name) || (await isHere(name))) return undefined;
  if (!isRevision(revision))
    throw new UserError(
      `revision is ${quote(revision)}, wanted a branch, a tag or a whole commit hash of ${name}, such as main.`,
    );
  const [{ fetchSnapshot }, { readSettings }] = await Promise.all([import("./snapshot.ts"), import("./settings.ts")]);
  const known = await readSettings(env);
  const settings = { ...known, cacheDir: options.cacheDir ?? known.cacheDir };
  return fetchSnapshot({ repo: name, revision, part, settings, signal, onNote, beforeWeights });
}

async function isHere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
