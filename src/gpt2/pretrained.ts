// A model folder in Hugging Face's layout into memory: config, weights, and one sentence about what was left unused.
import type { ParameterStore, Trainable } from "../autograd/parameter.ts";
import { UserError } from "../errors.ts";
import type { FieldsOf } from "../fields.ts";
import type { Folder } from "../files/folder.ts";
import { openModelFolder } from "../files/open.ts";
import type { HubSourceOptions } from "../files/open.ts";
import { quote } from "../files/quote.ts";
import type { Device } from "../gpu/device.ts";
import { STORED } from "../kernels/stored.ts";
import type { Stored } from "../kernels/stored.ts";
import { openBase, openModelCheckpoint, readModelConfig, withBase } from "./adapter-files.ts";
import { ignoredTensors } from "./checkpoint-files.ts";
import type { GPT2Config } from "./config.ts";
import { allocate, load } from "./parameters.ts";

export type { Trainable } from "../autograd/parameter.ts";
export { STORED } from "../kernels/stored.ts";
export type { Stored } from "../kernels/stored.ts";

export interface ModelOptions {
  /**
   * Take memory for gradients (the size of the weights again): of all parameters, of none, or of those for whose
   * Hugging Face names it says so; the others are frozen. Default false for loaded models.
   */
  readonly gradients?: Trainable;
  /**
   * How weight matrices, and the keys and values of generation, are kept; from_pretrained's `dtype`. With "f16" a model
   * takes half the memory, computes in f32 all the same, and cannot be trained. Default "f32", whatever the file has.
   */
  readonly dtype?: Stored;
}

/** Throws UserError unless this is a dtype or left out. */
export function checkDtype(dtype: unknown): asserts dtype is Stored | undefined {
  if (dtype === undefined || STORED.some((each) => each === dtype)) return;
  throw new UserError(`dtype is ${quote(dtype)}, wanted "f32" or "f16".`);
}

export interface PretrainedOptions extends ModelOptions, HubSourceOptions {
  /** Gets one sentence that names tensors left unused, if there are any. */
  readonly onNote?: (note: string) => void;
}

export const PRETRAINED_FIELDS: FieldsOf<PretrainedOptions> = {
  gradients: true,
  dtype: true,
  onNote: true,
  revision: true,
  cacheDir: true,
};

/**
 * What both models' fromPretrained() load; the caller owns the parameters. An adapter's folder gives its base with the
 * adapter merged. Throws UserError when it is no such folder,
 * or when there is not the memory for it, having taken nothing.
 */
export async function loadPretrained(
  device: Device,
  folder: string | Folder,
  { gradients = false, dtype, ...source }: PretrainedOptions,
): Promise<{ readonly config: GPT2Config; readonly parameters: ParameterStore }> {
  checkDtype(dtype);
  const { onNote } = source;
  const from = await withBase(await openModel(folder, source), openBase(source));
  const config = await readModelConfig(from);
  const checkpoint = await openModelCheckpoint(from, config); // the sizes in config.json are believed after this
  const note = ignoredTensors(from, checkpoint);
  if (note !== undefined) onNote?.(note);
  const parameters = allocate(device, config, gradients, dtype);
  try {
    await load(parameters, checkpoint);
  } catch (error) {
    parameters.destroy();
    throw error;
  }
  return { config, parameters };
}

/** A folder, an address, or a name on the Hub, whose weights are fetched only where they are of a GPT-2. */
function openModel(source: string | Folder, options: Omit<PretrainedOptions, keyof ModelOptions>): Promise<Folder> {
  return openModelFolder(source, {
    part: "model",
    ...options,
    beforeWeights: async (fetched) => void (await readModelConfig(fetched)),
  });
}
