// The model that a worker holds: where it came from, and what it can do.
import { abortable } from "../files/abortable.ts";
import type { FileData, Folder } from "../files/folder.ts";
import { MemoryFolder } from "../files/folder.ts";
import { openFolder } from "../files/open.ts";
import { GPT2LMHeadModel } from "../gpt2/model.ts";
import type { Device } from "../gpu/device.ts";
import { TEMPLATE_FILE } from "../infill/template.ts";
import { directoryFolder, opfsFolder } from "../storage/browser-folders.ts";
import type { HandleFolder } from "../storage/handle-folder.ts";
import { cachedFolder, hubFolder } from "../storage/open-cached.ts";
import type { CacheWatcher } from "../storage/watcher.ts";
import { Infiller } from "../writing/infiller.ts";
import { readModelFolder } from "../writing/model-folder.ts";
import type { ModelFolder } from "../writing/model-folder.ts";
import type { EngineInfo, FolderPlace, ModelSource } from "./messages.ts";

/** Throws UserError for a place that cannot be opened. */
export async function openSource(source: ModelSource, watcher: CacheWatcher): Promise<Folder> {
  if (typeof source === "string") return openFolder(source);
  if ("cached" in source) return cachedFolder(source.cached, watcher);
  if ("hub" in source) {
    const { hub, ...options } = source;
    return hubFolder(hub, { ...options, ...watcher });
  }
  if ("files" in source) return new MemoryFolder("the files given", source.files);
  return openPlace(source);
}

export const openPlace = async (place: FolderPlace): Promise<HandleFolder> =>
  "opfs" in place ? opfsFolder(place.opfs) : directoryFolder(place.directory);

/** Beside the weights and the tokenizer: what a model's folder says of filling and generating. */
const OTHER_FILES = [TEMPLATE_FILE, "infill_rerank.json", "generation_config.json"];

export class LoadedModel {
  readonly folder: ModelFolder;
  readonly model: GPT2LMHeadModel;
  /** Set when the model was trained to fill gaps. */
  readonly infiller: Infiller | undefined;
  /** Has gradients. */
  readonly isTrainable: boolean;

  private constructor(folder: ModelFolder, model: GPT2LMHeadModel, isTrainable: boolean) {
    this.folder = folder;
    this.model = model;
    this.isTrainable = isTrainable;
    this.infiller = folder.encoder && Infiller.of(folder, model);
  }

  /** The model's weights in GPU memory, until dispose(). Throws UserError having taken nothing. */
  static async open(
    device: Device,
    from: Folder,
    { gradients, signal, onNote }: CacheWatcher & { readonly gradients: boolean },
  ): Promise<LoadedModel> {
    const reading = abortable(from, signal);
    const folder = { ...(await readModelFolder(reading, { onNote })), folder: from };
    const model = await GPT2LMHeadModel.fromPretrained(device, reading, { gradients });
    if (!signal?.aborted) return new LoadedModel(folder, model, gradients);
    model.destroy();
    throw signal.reason;
  }

  get info(): EngineInfo {
    const { encoder, config } = this.folder;
    return {
      adapter: this.model.device.description,
      fillsGaps: encoder !== undefined,
      metadata: encoder?.template.metadataFields ?? [],
      nPositions: config.nPositions,
    };
  }

  /** Files that stand beside the weights in a model's folder; the caller's own copies. */
  async otherFiles(): Promise<Map<string, string | Uint8Array>> {
    const { folder, tokenizer, config } = this.folder;
    const files = new Map<string, string | Uint8Array>(tokenizer.save({ modelMaxLength: config.nPositions }));
    for (const file of OTHER_FILES) if (await folder.has(file)) files.set(file, (await folder.read(file)).slice());
    return files;
  }

  /** The model as it is now, in a folder of Hugging Face's layout. Throws UserError where it cannot be written. */
  async save(to: Folder): Promise<void> {
    await this.model.savePretrained(to);
    await to.write(new Map<string, FileData>(await this.otherFiles()));
  }

  dispose(): void {
    if (this.infiller) this.infiller.dispose();
    else this.model.destroy();
  }
}
