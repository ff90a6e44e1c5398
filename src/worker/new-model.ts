// Where training begins that teaches a model to fill gaps by a template: fresh weights with a vocabulary cut to what is
// learnt from, or another model's weights, whose embedding grows by the tokens that it lacks.
import type { Folder } from "../files/folder.ts";
import { MemoryFolder } from "../files/folder.ts";
import { OverlayFolder } from "../files/overlay-folder.ts";
import { readModelConfig } from "../gpt2/adapter-files.ts";
import { GPT2Config } from "../gpt2/config.ts";
import { GPT2LMHeadModel } from "../gpt2/model.ts";
import type { Device } from "../gpu/device.ts";
import { InfillEncoder } from "../infill/encode.ts";
import { specialTokensToAdd, TEMPLATE_FILE, templateToJson } from "../infill/template.ts";
import type { InfillTemplate } from "../infill/template.ts";
import { PreTrainedTokenizer } from "../tokenizer/pretrained-tokenizer.ts";
import { GPT2Tokenizer } from "../tokenizer/tokenizer.ts";
import type { FreshModel } from "./messages.ts";

const DEFAULT_SEED = 42;
/** Longer than any example. */
const WHOLE = 1 << 24;

/** A folder with the model that `fresh` describes, in memory. Throws UserError for sizes that make no model. */
export async function freshFolder(device: Device, fresh: FreshModel): Promise<Folder> {
  const { config: sizes, template, examples, seed = DEFAULT_SEED } = fresh;
  const whole = GPT2Tokenizer.default();
  whole.addSpecialTokens(specialTokensToAdd(template));
  const encoder = new InfillEncoder(template, whole);
  const ids = new Set<number>();
  for (const example of examples) {
    const encoded = encoder.encodeExample(example, { blockSize: WHOLE });
    for (const id of encoded?.ids ?? []) ids.add(id);
  }
  const tokenizer = whole.prune(ids);
  const config = new GPT2Config({ ...sizes, vocabSize: tokenizer.vocabSize, ...specialTokenIds(tokenizer) });
  const model = GPT2LMHeadModel.fromConfig(device, config, { seed, gradients: false });
  return savedTo(new MemoryFolder("fresh weights"), model, besideWeights(tokenizer, template, config.nPositions));
}

/** The model of `base` as one that fills gaps by `template`. */
export async function withTemplate(
  device: Device,
  base: Folder,
  template: InfillTemplate,
  seed = DEFAULT_SEED,
): Promise<Folder> {
  const config = await readModelConfig(base);
  const tokenizer = await PreTrainedTokenizer.fromPretrained(base);
  tokenizer.addSpecialTokens(specialTokensToAdd(template));
  const files = besideWeights(tokenizer, template, config.nPositions);
  if (tokenizer.vocabSize <= config.vocabSize) return new OverlayFolder(base, files);
  const model = await GPT2LMHeadModel.fromPretrained(device, base, { gradients: false });
  try {
    await model.resizeTokenEmbeddings(tokenizer.vocabSize, { seed });
    model.updateConfig(specialTokenIds(tokenizer));
  } catch (error) {
    model.destroy();
    throw error;
  }
  return savedTo(new MemoryFolder(base.name), model, files);
}

/** What stands in the folder beside config.json and the weights. */
function besideWeights(
  tokenizer: PreTrainedTokenizer,
  template: InfillTemplate,
  modelMaxLength: number,
): Map<string, string> {
  const { bosTokenId, eosTokenId, padTokenId } = specialTokenIds(tokenizer);
  const generation = {
    _from_model_config: true,
    bos_token_id: bosTokenId,
    eos_token_id: eosTokenId,
    pad_token_id: padTokenId,
  };
  return new Map([
    ...tokenizer.save({ modelMaxLength }),
    [TEMPLATE_FILE, templateToJson(template)],
    ["generation_config.json", `${JSON.stringify(generation, null, 2)}\n`],
  ]);
}

function specialTokenIds({ bosTokenId, eosTokenId, padTokenId }: PreTrainedTokenizer): {
  bosTokenId: number | null;
  eosTokenId: number | null;
  padTokenId: number | null;
} {
  return { bosTokenId: bosTokenId ?? null, eosTokenId, padTokenId: padTokenId ?? null };
}

async function savedTo(
  folder: MemoryFolder,
  model: GPT2LMHeadModel,
  files: ReadonlyMap<string, string>,
): Promise<MemoryFolder> {
  try {
    await model.savePretrained(folder);
  } finally {
    model.destroy();
  }
  await folder.write(files);
  return folder;
}
