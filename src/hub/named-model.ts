// A model by its name in the library, in Node: "gpt2" is fetched into the Hub's cache, as the programs do, under the
// same environment (HF_HUB_CACHE, HF_HUB_OFFLINE, HF_TOKEN, HF_ENDPOINT). Reached through files/open.ts only, so that
// pages never carry it; the Hub's package is loaded when a name is really asked for.
import { stat } from "node:fs/promises";
import { isRepoName } from "./access.ts";
import type { Part } from "./model-files.ts";

export interface NamedModelOptions {
  readonly part: Exclude<Part, "config">;
  /** Called with the folder before weights are on their way; throws to spare a useless download. */
  readonly beforeWeights?: (path: string) => Promise<void>;
  /** Stops a download; what has come is kept for the next one. */
  readonly signal?: AbortSignal;
  /** One sentence that the user should read. */
  readonly onNote?: (note: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The folder of the Hub's cache that holds the model's `part`, fetched when needed; undefined where `name` is a folder
 * or a file here, or no name that the Hub allows. Throws UserError when it cannot be had, the signal's reason when that
 * fired.
 */
export async function pathOfNamedModel(
  name: string,
  { part, beforeWeights, signal = new AbortController().signal, onNote, env }: NamedModelOptions,
): Promise<string | undefined> {
  if (!isRepoName(name) || (await isHere(name))) return undefined;
  const [{ fetchSnapshot }, { readSettings }] = await Promise.all([import("./snapshot.ts"), import("./settings.ts")]);
  const settings = await readSettings(env);
  return fetchSnapshot({ repo: name, revision: "main", part, settings, signal, onNote, beforeWeights });
}

async function isHere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
