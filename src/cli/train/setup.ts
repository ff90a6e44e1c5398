// What a training run starts from: tokenizer, template, model with gradients, and the files that go beside the weights.
import { basename, dirname } from "node:path";
import { UserError } from "../../errors.ts";
import type { Folder } from "../../files/folder.ts";
import { readJson } from "../../files/json.ts";
import { openFolder } from "../../files/open.ts";
import { printable } from "../../files/quote.ts";
import { GPT2Config } from "../../gpt2/config.ts";
import { GPT2LMHeadModel } from "../../gpt2/model.ts";
import type { Device } from "../../gpu/device.ts";
import { DEFAULT_TEMPLATE, parseTemplate, specialTokensToAdd } from "../../infill/template.ts";
import { TEMPLATE_FILE, templateToJson } from "../../infill/template.ts";
import type { InfillTemplate } from "../../infill/template.ts";
import { templatePreset } from "../../infill/template-presets.ts";
import { GPT2Tokenizer } from "../../tokenizer/tokenizer.ts";
import { writeNote } from "../shared/announce.ts";
import { parseNumber } from "../shared/flag-table.ts";
import type { FlagValues } from "../shared/flags.ts";
import { openConfig, openTokenizer } from "../shared/model-source.ts";
import type { TrainFlags } from "./flags.ts";

export interface Setup {
  readonly model: GPT2LMHeadModel;
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

/**
 * Loads the folder `from`, or draws fresh weights when the flags give a config (a resumed run has them in its
 * checkpoint). `wishes` go before what the template says. With a `trainFile` of infilling examples the template's
 * special tokens are added and the embedding grows by them. Throws UserError when a folder or a combination is wrong.
 */
export async function setUp(
  device: Device,
  flags: FlagValues<TrainFlags>,
  from: string,
  resuming: boolean,
  trainFile: string | undefined,
  wishes: Pick<InfillTemplate, "sectionTypes" | "orderMix">,
  tokensOf: TokensOf,
): Promise<Setup> {
  const fresh = !resuming && (flags.configName !== undefined || flags.configOverrides.size > 0);
  const folder = await openFolder(from);
  const chosen =
    trainFile === undefined ? undefined : await chooseTemplate(flags.template, trainFile, fresh ? undefined : folder);
  const template = chosen && { ...chosen, ...wishes };
  let tokenizer = addSpecialTokens(await chooseTokenizer(flags, fresh, folder), template);
  const drawn = fresh ? await freshConfig(flags) : undefined;
  if (drawn && flags.vocabFromData) tokenizer = tokenizer.prune(await tokensOf(tokenizer, template, drawn.nPositions));
  const ids = {
    bosTokenId: tokenizer.bosTokenId ?? null,
    eosTokenId: tokenizer.eosTokenId,
    padTokenId: tokenizer.padTokenId ?? null,
  };
  let loaded: GPT2LMHeadModel;
  if (drawn) {
    const config = drawn.with({ vocabSize: tokenizer.vocabSize, ...ids });
    loaded = GPT2LMHeadModel.fromConfig(device, config, { seed: flags.seed });
  } else {
    loaded = await GPT2LMHeadModel.fromPretrained(device, folder, { gradients: true, onNote: writeNote });
    if (tokenizer.vocabSize > loaded.config.vocabSize)
      await loaded.resizeTokenEmbeddings(tokenizer.vocabSize, { seed: flags.seed });
    loaded.updateConfig(ids);
  }
  if (flags.dropout !== undefined)
    loaded.updateConfig({ embdPdrop: flags.dropout, attnPdrop: flags.dropout, residPdrop: flags.dropout });
  const extraFiles = new Map(tokenizer.save());
  if (template) extraFiles.set(TEMPLATE_FILE, templateToJson(template));
  extraFiles.set(
    "generation_config.json",
    `${JSON.stringify(
      {
        _from_model_config: true,
        bos_token_id: ids.bosTokenId,
        eos_token_id: ids.eosTokenId,
        pad_token_id: ids.padTokenId,
      },
      null,
      2,
    )}\n`,
  );
  // Padding is masked everywhere, so any id will do where the tokenizer has no pad token.
  return {
    model: loaded,
    tokenizer,
    template,
    padId: tokenizer.padTokenId ?? 0,
    extraFiles,
    origin: fresh ? "fresh weights" : from,
  };
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
      ? await openTokenizer(flags.tokenizerName, { offline: flags.offline })
      : !fresh && ((await model.has("tokenizer.json")) || (await model.has("vocab.json")))
        ? await GPT2Tokenizer.fromPretrained(model)
        : GPT2Tokenizer.default();
  return flags.vocabMerges === undefined || !fresh ? tokenizer : tokenizer.truncate(flags.vocabMerges);
}

/**
 * The one the flag names (a preset, or a file), else the one beside the training file, else the model's, else the
 * default.
 */
async function chooseTemplate(
  given: string | undefined,
  trainFile: string,
  model: Folder | undefined,
): Promise<InfillTemplate> {
  const read = async (folder: Folder, file: string): Promise<InfillTemplate> =>
    parseTemplate(await readJson(folder, file), `${folder.name}/${file}`);
  const data = await openFolder(dirname(trainFile));
  const beside = (await data.has(TEMPLATE_FILE)) ? await read(data, TEMPLATE_FILE) : undefined;
  const preset = given === undefined ? undefined : templatePreset(given);
  // What S, M and L mean is a matter of the data.
  if (preset) return { ...preset, ...(beside?.lengthBounds && { lengthBounds: beside.lengthBounds }) };
  if (given !== undefined) return read(await openFolder(dirname(given)), basename(given));
  if (beside) return beside;
  return model && (await model.has(TEMPLATE_FILE)) ? read(model, TEMPLATE_FILE) : DEFAULT_TEMPLATE;
}

async function freshConfig(flags: FlagValues<TrainFlags>): Promise<GPT2Config> {
  const base =
    flags.configName === undefined ? new GPT2Config() : await openConfig(flags.configName, { offline: flags.offline });
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
