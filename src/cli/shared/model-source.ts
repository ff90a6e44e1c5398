// Where a model, a tokenizer or a config comes from: --model_name_or_path, --tokenizer_name and --config_name each
// name a folder or a model on the Hub, of which that part is then fetched into the Hub's cache, with a progress bar.
// The Hub's code is loaded only for the second: its package alone takes a fifth of a second.
import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { UserError } from "../../errors.ts";
import type { Folder } from "../../files/folder.ts";
import { openFolder } from "../../files/open.ts";
import { quote } from "../../files/quote.ts";
import { isAdapter, readLoraConfig, withBase } from "../../gpt2/adapter-files.ts";
import { readConfig } from "../../gpt2/checkpoint-files.ts";
import type { GPT2Config } from "../../gpt2/config.ts";
import { STORED } from "../../gpt2/pretrained.ts";
import { isRepoName, isRevision } from "../../hub/access.ts";
import type { Part } from "../../hub/model-files.ts";
import type { DownloadProgress } from "../../hub/snapshot.ts";
import { GPT2Tokenizer } from "../../tokenizer/tokenizer.ts";
import { writeNote } from "./announce.ts";
import { defineFlags } from "./flag-table.ts";
import { formatBytes } from "./format.ts";
import { ProgressBar } from "./progress.ts";

/** Of programs that write with a model, or measure it. */
export const DTYPE_FLAG = defineFlags({
  dtype: {
    type: "choice",
    choices: STORED,
    defaultText: "f32",
    group: "Model",
    help:
      "How the model's weight matrices and its keys and values are kept, whatever its files have. f16 takes half the " +
      "memory on every adapter, and all is computed in f32 still. What it changes is measured in docs/engine.",
  },
});

/** Flags of every program that takes a model's name. */
export const HUB_FLAGS = defineFlags({
  revision: {
    type: "string",
    placeholder: "name",
    defaultText: "main",
    group: "Model",
    help: "Branch, tag or whole commit hash of a model on the Hub.",
  },
  offline: {
    type: "bool",
    group: "Model",
    help: "Take a model on the Hub from the cache only, as with HF_HUB_OFFLINE=1.",
  },
  cacheDir: {
    type: "string",
    placeholder: "folder",
    defaultText: "HF_HUB_CACHE, else Hugging Face's own",
    group: "Model",
    help: "Where models of the Hub are kept, as Python's library keeps them.",
  },
});

export interface SourceOptions {
  readonly revision?: string;
  readonly offline?: boolean;
  /** Default: as the environment says. */
  readonly cacheDir?: string;
  /** Stops a download; what has come is kept for the next one. */
  readonly signal?: AbortSignal;
  /** Default: a bar on stderr. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** One sentence that the user should read. Default: a line on stderr. */
  readonly onNote?: (note: string) => void;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** What messages call a part, and the flag that names it where it is not the model's. */
const PARTS = {
  model: { wanted: "the folder of a model (config.json and model.safetensors in Hugging Face's layout)", by: "" },
  tokenizer: {
    wanted: "the folder of a tokenizer (tokenizer.json, or vocab.json and merges.txt)",
    by: "--tokenizer_name: ",
  },
  config: { wanted: "a config.json or the folder of one", by: "--config_name: " },
} as const satisfies Readonly<Record<Part, object>>;

/**
 * The path of the model's folder: `nameOrPath` itself when it is a folder (or an address, which openFolder reads), else
 * that of the snapshot in the Hub's cache, fetched when needed. Before weights are fetched, config.json must be of a
 * model that this engine computes. Throws UserError when there is no such folder or model, or it cannot be had; the
 * signal's reason when that fired.
 */
export function resolveModel(nameOrPath: string, options: SourceOptions = {}): Promise<string> {
  return resolvePart("model", nameOrPath, options);
}

/** A model's folder; an adapter's with its base, a folder or a name on the Hub. Throws as `resolveModel`. */
export async function openModelFolder(path: string | Folder, options: SourceOptions = {}): Promise<Folder> {
  const { revision: _, ...ofBase } = options; // of the adapter's own repository
  const open = async (name: string): Promise<Folder> => openFolder(await resolveModel(name, ofBase));
  return withBase(typeof path === "string" ? await openFolder(path) : path, open);
}

/** The tokenizer that --tokenizer_name names: a folder, an address or a name on the Hub. Throws as `resolveModel`. */
export async function openTokenizer(nameOrPath: string, options: SourceOptions = {}): Promise<GPT2Tokenizer> {
  return GPT2Tokenizer.fromPretrained(await openFolder(await resolvePart("tokenizer", nameOrPath, options)));
}

/** The config that --config_name names, which may be the file itself too. Throws as `resolveModel`. */
export async function openConfig(nameOrPath: string, options: SourceOptions = {}): Promise<GPT2Config> {
  if (await isFile(nameOrPath)) return readConfig(await openFolder(dirname(nameOrPath)), basename(nameOrPath));
  return readConfig(await openFolder(await resolvePart("config", nameOrPath, options)));
}

async function resolvePart(part: Part, nameOrPath: string, options: SourceOptions): Promise<string> {
  const { revision } = options;
  const { by } = PARTS[part];
  if (await isFolder(part, nameOrPath)) {
    if (revision !== undefined && part === "model")
      throw new UserError(`--revision is for a model on the Hub, and ${nameOrPath} is a folder here; leave it out.`);
    return nameOrPath;
  }
  if (!isRepoName(nameOrPath))
    throw new UserError(
      `${by}There is no folder ${quote(nameOrPath)}, and no model on the Hub can have that name (they look ` +
        "like gpt2 or asi/gpt-fr-cased-small); check the path.",
    );
  if (revision !== undefined && !isRevision(revision))
    throw new UserError(
      `--revision is ${quote(revision)}, wanted a branch, a tag or a whole commit hash, such as main.`,
    );
  const { fetchSnapshot } = await import("../../hub/snapshot.ts");
  const { readSettings } = await import("../../hub/settings.ts");
  const settings = await readSettings(options.env ?? process.env);
  const bar = new DownloadBar(nameOrPath);
  try {
    return await fetchSnapshot({
      repo: nameOrPath,
      part,
      revision: revision ?? "main",
      settings: {
        ...settings,
        offline: options.offline || settings.offline,
        cacheDir: options.cacheDir ?? settings.cacheDir,
      },
      signal: options.signal ?? new AbortController().signal,
      onProgress: options.onProgress ?? ((progress) => bar.update(progress)),
      onNote: options.onNote ?? writeNote,
      beforeWeights: expectGPT2,
    });
  } catch (error) {
    throw error instanceof UserError ? new UserError(`${by}${error.message}`, { cause: error }) : error;
  } finally {
    bar.stop();
  }
}

/** Throws UserError unless the folder has the config of a model that is computed here, or of an adapter to one. */
async function expectGPT2(path: string): Promise<void> {
  const folder = await openFolder(path);
  if (await isAdapter(folder)) await readLoraConfig(folder);
  else await readConfig(folder);
}

async function isFolder(part: Part, path: string): Promise<boolean> {
  if (/^(https?|file):/i.test(path)) return true;
  const { by, wanted } = PARTS[part];
  if (await isFile(path)) throw new UserError(`${by}${path} is a file, wanted ${wanted} or its name on the Hub.`);
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() ?? false;
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

const REDRAW_MS = 100;
/** Bytes under which a download is over before a bar is read. */
const BAR_FROM = 1e6;

/** A line and a progress bar that open when something is fetched. */
class DownloadBar {
  private readonly name: string;
  private bar: ProgressBar | undefined;
  private shown: { readonly done: number; readonly at: number } | undefined;

  constructor(name: string) {
    this.name = name;
  }

  update({ file, done, total }: DownloadProgress): void {
    const [unit, bytes] = total >= 1e7 ? ["MB", 1e6] : ["kB", 1e3];
    const at = performance.now();
    if (this.shown === undefined) {
      process.stderr.write(
        `Fetch    ${this.name} from the Hub: ${formatBytes(total)}` +
          `${done > 0 ? `, ${formatBytes(done)} of it here from last time` : ""}\n`,
      );
      if (total >= BAR_FROM)
        this.bar = new ProgressBar({
          label: "fetch",
          unit,
          total: Math.round(total / bytes),
          start: Math.round(done / bytes),
        });
    } else if (at - this.shown.at < REDRAW_MS && done < total) {
      return;
    }
    this.bar?.update(Math.round(done / bytes), file, {
      amount: Math.max(0, done - (this.shown?.done ?? done)) / bytes,
      unit,
    });
    this.shown = { done, at };
  }

  stop(): void {
    this.bar?.stop();
  }
}
