// What training begins with: a tokenizer cut to size, the layout of the examples, and fresh weights.
import { existsSync } from "node:fs";
import { openFolder } from "../../src/files/open.ts";
import { GPT2Config } from "../../src/gpt2/config.ts";
import { GPT2LMHeadModel } from "../../src/gpt2/model.ts";
import { requestDevice } from "../../src/gpu/device.ts";
import { DEFAULT_TEMPLATE, specialTokensToAdd, TEMPLATE_FILE, templateToJson } from "../../src/infill/template.ts";
import type { InfillTemplate } from "../../src/infill/template.ts";
import { overrideConfig } from "../../src/cli/train/setup.ts";
import { GPT2Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { writeCopyingWeights } from "./copying-weights.ts";
import type { NovelsValues } from "./flags.ts";

/** What is said about each passage. */
const METADATA_FIELDS = ["length", "characters", "title", "author", "language"];

/** A folder with the tokenizer and, until prepare writes it with its length bounds, the layout. */
export async function writeTokenizer(folder: string, { vocabMerges, p1Share, orderMix }: NovelsValues): Promise<void> {
  const to = await openFolder(folder);
  if (await to.has(TEMPLATE_FILE)) return;
  const template: InfillTemplate = { ...DEFAULT_TEMPLATE, metadataFields: METADATA_FIELDS, p1Share, orderMix };
  const tokenizer = GPT2Tokenizer.default().truncate(vocabMerges);
  tokenizer.addSpecialTokens(specialTokensToAdd(template));
  await to.write(new Map([...tokenizer.save(), [TEMPLATE_FILE, templateToJson(template)]]));
}

/** The untrained model, with the tokenizer of one folder and `template`. */
export async function writeStart(
  folder: string,
  tokenizerFolder: string,
  template: InfillTemplate,
  { configOverrides, start, seed }: NovelsValues,
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
