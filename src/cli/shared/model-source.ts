// Where a model comes from: --model_name_or_path names a folder or a model on the Hub, which is then fetched into the
// Hub's cache, with a progress bar. The Hub's code is loaded only for the second: its package alone takes a fifth of a
// second.
import { stat } from "node:fs/promises";
import { UserError } from "../../errors.ts";
import { readConfig } from "../../gpt2/checkpoint-files.ts";
import { openFolder } from "../../files/open.ts";
import type { DownloadProgress } from "../../hub/snapshot.ts";
import { defineFlags } from "./flag-table.ts";
import { formatBytes } from "./format.ts";
import { ProgressBar } from "./progress.ts";

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
});

export interface ModelSourceOptions {
  readonly revision?: string;
  readonly offline?: boolean;
  /** Stops a download; what has come is kept for the next one. */
  readonly signal?: AbortSignal;
  /** Default: a bar on stderr. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** One sentence that the user should read. Default: a line on stderr. */
  readonly onNote?: (note: string) => void;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * The path of the model's folder: `nameOrPath` itself when it is a folder (or an address, which openFolder reads), else
 * that of the snapshot in the Hub's cache, fetched when needed. Before weights are fetched, config.json must be of a
 * model that this engine computes. Throws UserError when there is no such folder or model, or it cannot be had; the
 * signal's reason when that fired.
 */
export async function resolveModel(nameOrPath: string, options: ModelSourceOptions = {}): Promise<string> {
  const { revision } = options;
  if (await isFolder(nameOrPath)) {
    if (revision !== undefined)
      throw new UserError(`--revision is for a model on the Hub, and ${nameOrPath} is a folder here; leave it out.`);
    return nameOrPath;
  }
  const { fetchSnapshot, isRepoName, isRevision } = await import("../../hub/snapshot.ts");
  if (!isRepoName(nameOrPath))
    throw new UserError(
      `There is no folder ${JSON.stringify(nameOrPath)}, and no model on the Hub can have that name (they look ` +
        "like gpt2 or asi/gpt-fr-cased-small); check the path.",
    );
  if (revision !== undefined && !isRevision(revision))
    throw new UserError(
      `--revision is ${JSON.stringify(revision)}, wanted a branch, a tag or a whole commit hash, such as main.`,
    );
  const { readSettings } = await import("../../hub/settings.ts");
  const settings = await readSettings(options.env ?? process.env);
  const bar = new DownloadBar(nameOrPath);
  try {
    return await fetchSnapshot({
      repo: nameOrPath,
      revision: revision ?? "main",
      settings: { ...settings, offline: options.offline || settings.offline },
      signal: options.signal ?? new AbortController().signal,
      onProgress: options.onProgress ?? ((progress) => bar.update(progress)),
      onNote: options.onNote ?? ((note) => void process.stderr.write(`Note     ${note}\n`)),
      beforeWeights: async (folder) => void (await readConfig(await openFolder(folder))),
    });
  } finally {
    bar.stop();
  }
}

async function isFolder(path: string): Promise<boolean> {
  if (/^(https?|file):/i.test(path)) return true;
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile())
    throw new UserError(
      `${path} is a file, wanted the folder of a model (config.json and model.safetensors in Hugging Face's ` +
        "layout) or its name on the Hub.",
    );
  return found?.isDirectory() ?? false;
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
