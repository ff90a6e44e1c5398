// Putting a LoRA adapter on a model in memory, and merging it into its weights.
import { UserError } from "../errors.ts";
import type { Folder } from "../files/folder.ts";
import { openAdapter } from "./adapter-files.ts";
import { Adapter } from "./adapter.ts";
import { LORA_LAYERS, LoraConfig } from "./lora-config.ts";
import type { LoraOptions } from "./lora-config.ts";
import type { GPT2Model } from "./transformer.ts";

/** See GPT2LMHeadModel.addAdapter. */
export function addAdapter(model: GPT2Model, options: LoraOptions, seed: number): void {
  expectPlain(model);
  const lora = new LoraConfig(options);
  expectRows(model, lora);
  const adapter = new Adapter(model.device, lora, model.config, { gradients: true });
  try {
    adapter.initialize(model.wte.value, seed);
    model.adapt(adapter);
  } catch (error) {
    adapter.destroy();
    throw error;
  }
}

/** See GPT2LMHeadModel.loadAdapter. */
export async function loadAdapter(
  model: GPT2Model,
  folder: Folder,
  { trainable = false }: { readonly trainable?: boolean },
): Promise<void> {
  expectPlain(model);
  const weights = await openAdapter(folder, model.config);
  if (weights.table)
    throw new UserError(
      `${folder.name} holds all rows of wte, as PEFT saves them where the vocabulary was resized, and an adapter ` +
        "here leaves its base as it is: read the folder as a model, or merge it (src/export.ts --merge).",
    );
  expectRows(model, weights.config);
  const { has } = weights;
  const adapter = new Adapter(model.device, weights.config, model.config, { gradients: trainable, has });
  try {
    await adapter.load(weights);
    expectPlain(model); // as before it was read
    model.adapt(adapter);
  } catch (error) {
    adapter.destroy();
    throw error;
  }
}

/** See GPT2LMHeadModel.mergeAdapter. */
export async function mergeAdapter(model: GPT2Model): Promise<void> {
  const { adapter } = model;
  if (!adapter) return;
  for (const block of model.h.keys())
    for (const name of LORA_LAYERS) {
      const layer = adapter.layer(block, name);
      if (layer) await adapter.mergeInto(model.parameters.get(`transformer.h.${block}.${name}.weight`), layer);
    }
  adapter.writeTokenRows(model.wte.value);
  model.adapt(undefined);
}

function expectPlain(model: GPT2Model): void {
  model.parameters.expectOpen();
  if (model.parameters.dtype !== "f32")
    throw new UserError(
      "An adapter is put on a model in f32, and this one is kept as f16: load it with dtype f32, or load the " +
        "adapter's folder itself with dtype f16, which merges the two.",
    );
  if (model.adapter) throw new UserError("The model has an adapter already; mergeAdapter() first.");
  if (model.parameters.hasGradients)
    throw new UserError(
      "An adapter's base stays as it is: make the model without gradients (gradients: false), which takes no memory " +
        "for them.",
    );
}

function expectRows({ config }: GPT2Model, { trainableTokenIndices }: LoraConfig): void {
  const beyond = trainableTokenIndices.find((id) => id >= config.vocabSize);
  if (beyond !== undefined)
    throw new UserError(
      `The adapter trains the row of token ${beyond}, and the model has tokens 0 to ${config.vocabSize - 1}: ` +
        `resizeTokenEmbeddings(${Math.max(...trainableTokenIndices) + 1}) first.`,
    );
}
