// What a training run starts from: tokenizer, template, model with gradients, and the files that go beside the weights.
import { basename, dirname, resolve } from "node:path";
import { UserError } from "../../errors.ts";
import type { Folder } from "../../files/folder.ts";
import { readJson } from "../../files/json.ts";
import { openFolder } from "../../files/open.ts";
import { printable } from "../../files/quote.ts";
import { AdapterFolder, openModelCheckpoint, readModelConfig } from "../../gpt2/adapter-files.ts";
import { GPT2Config } from "../../gpt2/config.ts";
import type { LoraConfig } from "../../gpt2/lora-config.ts";
import { GPT2LMHeadModel } from "../../gpt2/model.ts";
import type { Device } from "../../gpu/device.ts";
import { requireSame, requireSameBounds } from "../../infill/recorded-template.ts";
import type { PlacedTemplate } from "../../infill/recorded-template.ts";
import { DEFAULT_TEMPLATE, parseTemplate, specialTokensToAdd } from "../../infill/template.ts";
import { TEMPLATE_FILE, templateToJson } from "../../infill/template.ts";
import type { InfillTemplate } from "../../infill/template.ts";
import { templatePreset } from "../../infill/template-presets.ts";
import { GPT2Tokenizer } from "../../tokenizer/tokenizer.ts";
import { writeNote } from "../shared/announce.ts";
import { parseNumber } from "../shared/flag-table.ts";
import type { FlagValues } from "../shared/flags.ts";
import { openConfig, openModelFolder, openTokenizer } from "../shared/model-source.ts";
import type { SourceOptions } from "../shared/model-source.ts";
import type { TrainFlags } from "./flags.ts";
import { templateOfFile } from "./template-of-file.ts";
import { adapterOf, trainableBy } from "./trainable.ts";

/** All but the weights: read before a GPU is opened, so that a wrong name costs no wait. */
export interface Start {
  readonly folder: Folder;
  /** Of the model to be. */
  readonly config: GPT2Config;
  /** Whether its weights are drawn, and not read from the folder. */
  readonly fresh: boolean;
  /** The adapter that is trained on it; the folder's own, or a new one. */
  readonly lora: LoraConfig | undefined;
  readonly tokenizer: GPT2Tokenizer;
  /** Set in infilling mode. */
  readonly template: InfillTemplate | undefined;
  readonly padId: number;
  /** Written beside the weights. */
  readonly extraFiles: ReadonlyMap<string, string>;
  readonly origin: string;
}

/** The tokens of the training data, as this tokenizer encodes it for a model of so many positions. */
export type TokensOf = (
  tokenizer: GPT2Tokenizer,
  template: InfillTemplate | undefined,
  nPositions: number,
) => Promise<Iterable<number>>;

/** Whether the run began with fresh weights, also where it is gone on with. */
export const beginsFresh = ({ configName, configOverrides }: FlagValues<TrainFlags>): boolean =>
  configName !== undefined || configOverrides.size > 0;

/**
 * What the flags say of the folder `from`, or of fresh weights where they give a config (a resumed run has them in its
 * checkpoint). `wishes` go before what the template says. With a `trainFile` of infilling examples the template's
 * special tokens are added. Throws UserError when a folder, a file or a combination is wrong.
 */
export async function readStart(
  flags: FlagValues<TrainFlags>,
  from: string,
  resuming: boolean,
  trainFile: string | undefined,
  wishes: Pick<InfillTemplate, "sectionTypes" | "orderMix">,
  tokensOf: TokensOf,
): Promise<Start> {
  const fresh = !resuming && beginsFresh(flags);
  const folder = await openModelFolder(from, hubOptions(flags));
  const chosen =
    trainFile === undefined ? undefined : await chooseTemplate(flags.template, trainFile, fresh ? undefined : folder);
  const template = chosen && { ...chosen, ...wishes };
  const whole = addSpecialTokens(await chooseTokenizer(flags, fresh, folder), template);
  const base = fresh ? await freshConfig(flags) : await readModelConfig(folder);
  if (!fresh) await openModelCheckpoint(folder, base); // its headers: whether these are the weights of such a model
  if (!(folder instanceof AdapterFolder)) trainableBy(flags, base); // what it refuses is refused before data is read
  const tokenizer =
    fresh && flags.vocabFromData ? whole.prune(await tokensOf(whole, template, base.nPositions)) : whole;
  const ids = specialTokenIds(tokenizer);
  // A name on the Hub was resolved to another path.
  const named = flags.modelNameOrPath;
  const baseName = named !== undefined && named !== from && !resuming ? named : resolve(from);
  const lora = fresh
    ? undefined
    : await adapterOf(flags, folder, { config: base, vocabSize: tokenizer.vocabSize, baseName });
  const extraFiles = new Map(tokenizer.save({ modelMaxLength: base.nPositions }));
  if (template) extraFiles.set(TEMPLATE_FILE, templateToJson(template));
  const generation = {
    _from_model_config: true,
    bos_token_id: ids.bosTokenId,
    eos_token_id: ids.eosTokenId,
    pad_token_id: ids.padTokenId,
  };
  extraFiles.set("generation_config.json", `${JSON.stringify(generation, null, 2)}\n`);
  return {
    folder,
    config: fresh ? base.with({ vocabSize: tokenizer.vocabSize, ...ids }) : base,
    fresh,
    lora,
    tokenizer,
    template,
    padId: tokenizer.padTokenId ?? 0, // padding is masked everywhere, so any id will do
    extraFiles,
    origin: fresh ? "fresh weights" : from,
  };
}

/** The model with gradients; its embedding grows by the tokens that were added. */
export async function loadModel(
  device: Device,
  { folder, config, fresh, lora, tokenizer }: Start,
  flags: FlagValues<TrainFlags>,
): Promise<GPT2LMHeadModel> {
  const gradients = lora ? false : trainableBy(flags, config);
  const weights = folder instanceof AdapterFolder ? folder.base : folder;
  const model = fresh
    ? GPT2LMHeadModel.fromConfig(device, config, { seed: flags.seed, gradients })
    : await GPT2LMHeadModel.fromPretrained(device, weights, { gradients, onNote: writeNote });
  if (!fresh) {
    const vocabSize = Math.max(config.vocabSize, tokenizer.vocabSize);
    if (vocabSize > model.config.vocabSize) await model.resizeTokenEmbeddings(vocabSize, { seed: flags.seed });
    if (folder instanceof AdapterFolder) await model.loadAdapter(folder, { trainable: true });
    else if (lora) model.addAdapter(lora, { seed: flags.seed });
    model.updateConfig(specialTokenIds(tokenizer));
  }
  const { dropout } = flags;
  if (dropout !== undefined) model.updateConfig({ embdPdrop: dropout, attnPdrop: dropout, residPdrop: dropout });
  return model;
}

/** Of a tokenizer and a config, whose revision is main: --revision is the model's. */
const hubOptions = ({ offline, cacheDir }: FlagValues<TrainFlags>): SourceOptions => ({ offline, cacheDir });

function specialTokenIds(tokenizer: GPT2Tokenizer): {
  bosTokenId: number | null;
  eosTokenId: number | null;
  padTokenId: number | null;
} {
  const { bosTokenId, eosTokenId, padTokenId } = tokenizer;
  return { bosTokenId: bosTokenId ?? null, eosTokenId, padTokenId: padTokenId ?? null };
}

function addSpecialTokens(tokenizer: GPT2Tokenizer, template: InfillTemplate | undefined): GPT2Tokenizer {
  if (template) tokenizer.addSpecialTokens(specialTokensToAdd(template));
  return tokenizer;
}

async function chooseTokenizer(flags: FlagValues<TrainFlags>, fresh: boolean, model: Folder): Promise<GPT2Tokenizer> {
  const cut = flags.vocabFromData
    ? "--vocab_from_data"
    : flags.vocabMerges !== undefined
      ? "--vocab_merges"
      : undefined;
  if (cut && flags.configName === undefined && flags.configOverrides.size === 0)
    throw new UserError(
      `${cut} cuts the vocabulary, which needs fresh weights; ` +
        `pass --config_name or --config_overrides, or leave it out.`,
    );
  const tokenizer =
    flags.tokenizerName !== undefined
      ? await openTokenizer(flags.tokenizerName, hubOptions(flags))
      : !fresh && ((await model.has("tokenizer.json")) || (await model.has("vocab.json")))
        ? await GPT2Tokenizer.fromPretrained(model)
        : GPT2Tokenizer.default();
  return flags.vocabMerges === undefined || !fresh ? tokenizer : tokenizer.truncate(flags.vocabMerges);
}

/**
 * The one the flag names (a preset, or a file), else the one that the training file records, which the one beside it
 * must not contradict, else that, else the model's, else the default.
 */
async function chooseTemplate(
  given: string | undefined,
  trainFile: string,
  model: Folder | undefined,
): Promise<InfillTemplate> {
  const data = await openFolder(dirname(trainFile));
  const recorded = await templateOfFile(trainFile);
  const beside = (await data.has(TEMPLATE_FILE)) ? await readTemplate(data, TEMPLATE_FILE) : undefined;
  // What S, M and L mean is a matter of the data.
  const ofData = recorded ?? beside;
  const lengthBounds = ofData?.template.lengthBounds;
  const withBounds = (template: InfillTemplate): InfillTemplate => ({
    ...template,
    ...(lengthBounds && { lengthBounds }),
  });
  const preset = given === undefined ? undefined : templatePreset(given);
  if (preset) return withBounds(preset);
  if (given !== undefined) {
    const file = await readTemplate(await openFolder(dirname(given)), basename(given));
    if (ofData)
      requireSameBounds(ofData, file, "the examples' lengths are named by the first, so take it out of the second");
    return withBounds(file.template);
  }
  if (recorded && beside)
    requireSame(recorded, beside, `name the right one, --template ${beside.name}, or remove the wrong one`);
  if (ofData) return ofData.template;
  return model && (await model.has(TEMPLATE_FILE))
    ? (await readTemplate(model, TEMPLATE_FILE)).template
    : DEFAULT_TEMPLATE;
}

async function readTemplate(folder: Folder, file: string): Promise<PlacedTemplate> {
  const name = `${folder.name}/${file}`;
  return { template: parseTemplate(await readJson(folder, file), name), name };
}

async function freshConfig(flags: FlagValues<TrainFlags>): Promise<GPT2Config> {
  const base =
    flags.configName === undefined ? new GPT2Config() : await openConfig(flags.configName, hubOptions(flags));
  return overrideConfig(base, flags.configOverrides);
}

/** `base` with these fields of config.json. Throws UserError for what is no field, and for a value it cannot have. */
export function overrideConfig(base: GPT2Config, overrides: ReadonlyMap<string, string>): GPT2Config {
  const json = base.toJson();
  for (const [key, text] of overrides) {
    if (!Object.hasOwn(json, key))
      throw new UserError(
        `--config_overrides: ${printable(key)} is not a field of config.json; wanted one such as n_embd, n_layer, ` +
          `n_head, n_positions.`,
      );
    json[key] = overrideValue(text.trim());
  }
  return GPT2Config.fromJson(json, "--config_overrides");
}

/** As transformers reads it: a number (+2, .5, 1e-5), true or false in any case, null, else the text. */
function overrideValue(text: string): unknown {
  const words = new Map<string, unknown>([
    ["true", true],
    ["false", false],
    ["null", null],
    ["none", null],
  ]);
  const word = words.get(text.toLowerCase());
  return word !== undefined ? word : (parseNumber(text, false) ?? text);
}
