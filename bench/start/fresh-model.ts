// What a measured training begins with: a tokenizer cut to size, the layout of the examples, and fresh weights.
import { existsSync } from "node:fs";
import { openFolder } from "../../src/files/open.ts";
import { GPT2Config } from "../../src/gpt2/config.ts";
import { GPT2LMHeadModel } from "../../src/gpt2/model.ts";
import { requestDevice } from "../../src/gpu/device.ts";
import { specialTokensToAdd, TEMPLATE_FILE, templateToJson } from "../../src/infill/template.ts";
import type { InfillTemplate } from "../../src/infill/template.ts";
import { overrideConfig } from "../../src/cli/train/setup.ts";
import { defineFlags } from "../../src/cli/shared/flags.ts";
import type { FlagValues } from "../../src/cli/shared/flags.ts";
import { GPT2Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { writeCopyingWeights } from "./copying-weights.ts";

export const START_FLAGS = defineFlags({
  vocabMerges: { type: "int", min: 0, default: 2000, group: "Model", help: "Merges of GPT-2's tokenizer that it has." },
  start: {
    type: "choice",
    choices: ["copying", "gpt2"],
    default: "copying",
    group: "Model",
    help: "Fresh weights with heads that copy (bench/start/copying-weights.ts), or drawn as GPT-2's are.",
  },
});
export interface StartOptions extends FlagValues<typeof START_FLAGS> {
  /** "key=value,...", as --config_overrides of src/train.ts. */
  readonly configOverrides: string;
  readonly seed: number;
}

/** A folder with the tokenizer and, for prepare, which adds its length bounds, the layout. */
export async function writeTokenizer(
  folder: string,
  template: InfillTemplate,
  { vocabMerges }: Pick<StartOptions, "vocabMerges">,
): Promise<void> {
  const to = await openFolder(folder);
  if (await to.has(TEMPLATE_FILE)) return;
  const tokenizer = GPT2Tokenizer.default().truncate(vocabMerges);
  tokenizer.addSpecialTokens(specialTokensToAdd(template));
  await to.write(new Map([...tokenizer.save(), [TEMPLATE_FILE, templateToJson(template)]]));
}

/** The untrained model, with the tokenizer of one folder and `template`. */
export async function writeStart(
  folder: string,
  tokenizerFolder: string,
  template: InfillTemplate,
  { configOverrides, start, seed }: StartOptions,
): Promise<void> {
  if (existsSync(folder)) return;
  const tokenizer = await GPT2Tokenizer.fromPretrained(await openFolder(tokenizerFolder));
  const overrides = new Map(configOverrides.split(",").map((pair) => pair.split("=", 2) as [string, string]));
  const config = overrideConfig(new GPT2Config(), overrides).with({
    vocabSize: tokenizer.vocabSize,
    bosTokenId: tokenizer.bosTokenId ?? null,
    eosTokenId: tokenizer.eosTokenId,
    padTokenId: tokenizer.padTokenId ?? null,
  });
  using device = await requestDevice();
  using model = GPT2LMHeadModel.fromConfig(device, config, { seed, gradients: false });
  if (start === "copying") await writeCopyingWeights(model, seed);
  const to = await openFolder(folder);
  await to.write(new Map([...tokenizer.save(), [TEMPLATE_FILE, templateToJson(template)]]));
  await model.savePretrained(to);
}
