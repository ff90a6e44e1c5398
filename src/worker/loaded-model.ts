// The model that a worker holds: where it came from, and what it can do.
import { abortable } from "../files/abortable.ts";
import type { FileData, Folder } from "../files/folder.ts";
import { MemoryFolder } from "../files/folder.ts";
import { openFolder } from "../files/open.ts";
import { parameterShapes } from "../gpt2/checkpoint-files.ts";
import { GPT2LMHeadModel } from "../gpt2/model.ts";
import type { PretrainedOptions } from "../gpt2/pretrained.ts";
import type { Device } from "../gpu/device.ts";
import { elementCount } from "../gpu/tensor.ts";
import { TEMPLATE_FILE } from "../infill/template.ts";
import { directoryFolder, opfsFolder } from "../storage/browser-folders.ts";
import type { HandleFolder } from "../storage/handle-folder.ts";
import { cachedFolder, hubFolder } from "../storage/open-cached.ts";
import type { CacheWatcher } from "../storage/watcher.ts";
import { Infiller } from "../writing/infiller.ts";
import { readModelFolder } from "../writing/model-folder.ts";
import type { ModelFolder } from "../writing/model-folder.ts";
import type { EngineInfo, FolderPlace, ModelSource } from "./messages.ts";

/** Throws UserError for a place that cannot be opened. `device`: makes a model that lies nowhere yet. */
export async function openSource(source: ModelSource, watcher: CacheWatcher, device: Device): Promise<Folder> {
  if (typeof source === "string") return openFolder(source);
  if ("cached" in source) return cachedFolder(source.cached, watcher);
  if ("hub" in source) {
    const { hub, ...options } = source;
    return hubFolder(hub, { ...options, ...watcher });
  }
  if ("files" in source) return new MemoryFolder("the files given", source.files);
  if (!("fresh" in source || "base" in source)) return openPlace(source);
  const { freshFolder, withTemplate } = await import("./new-model.ts"); // it brings GPT-2's vocabulary along
  if ("fresh" in source) return freshFolder(device, source.fresh);
  return withTemplate(device, await openSource(source.base, watcher, device), source.template);
}

export const openPlace = async (place: FolderPlace): Promise<HandleFolder> =>
  "opfs" in place ? opfsFolder(place.opfs) : directoryFolder(place.directory);

/** Beside the weights and the tokenizer: what a model's folder says of filling and generating. */
const OTHER_FILES = [TEMPLATE_FILE, "infill_rerank.json", "generation_config.json"];

interface OpenOptions extends CacheWatcher {
  readonly gradients: boolean;
  readonly dtype?: PretrainedOptions["dtype"];
  /** Where the weights lie, if not in the folder itself: a checkpoint of a run that began with it. */
  readonly weights?: Folder;
}

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
    { gradients, dtype, signal, onNote, weights = from }: OpenOptions,
  ): Promise<LoadedModel> {
    const reading = abortable(from, signal);
    const folder = { ...(await readModelFolder(reading, { onNote })), folder: from };
    const model = await GPT2LMHeadModel.fromPretrained(device, abortable(weights, signal), { gradients, dtype });
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
      template: encoder?.template,
      parameters: [...parameterShapes(config).values()].reduce((sum, shape) => sum + elementCount(shape), 0),
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
