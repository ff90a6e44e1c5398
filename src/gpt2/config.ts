// A GPT-2 model's sizes and options, as Hugging Face's config.json holds them: the same names in camelCase, the same
// defaults, older names accepted. What would make this engine compute something else than Hugging Face is refused by
// name; what it need not know is kept and written back.
import { UserError } from "../errors.ts";
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import { isObject } from "../files/json.ts";
import { quote } from "../files/quote.ts";

/** The fields this engine uses, each with its key in config.json. */
const KEYS = {
  vocabSize: "vocab_size",
  nPositions: "n_positions",
  nEmbd: "n_embd",
  nLayer: "n_layer",
  nHead: "n_head",
  nInner: "n_inner",
  activationFunction: "activation_function",
  residPdrop: "resid_pdrop",
  embdPdrop: "embd_pdrop",
  attnPdrop: "attn_pdrop",
  layerNormEpsilon: "layer_norm_epsilon",
  initializerRange: "initializer_range",
  bosTokenId: "bos_token_id",
  eosTokenId: "eos_token_id",
  padTokenId: "pad_token_id",
} as const;

/** Other names of the same thing: the general ones of transformers, and those of its 2.x configs. */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  n_positions: ["max_position_embeddings", "n_ctx"],
  n_embd: ["hidden_size"],
  n_layer: ["num_hidden_layers"],
  n_head: ["num_attention_heads"],
  eos_token_id: ["eos_token_ids"],
};

/**
 * Names that transformers no longer reads, and that stay where they are beside their successor: `n_ctx` only sized a
 * mask, and `eos_token_ids` was written by versions before 2.8 with 0 in it.
 */
const HARMLESS_ALIASES: readonly string[] = ["n_ctx", "eos_token_ids"];

/**
 * Options that change the numbers, with the one value this engine computes. `reorder_and_upcast_attn` only changes
 * rounding.
 */
const REQUIRED: Readonly<Record<string, unknown>> = {
  model_type: "gpt2",
  scale_attn_weights: true,
  scale_attn_by_inverse_layer_idx: false,
  tie_word_embeddings: true,
  add_cross_attention: false,
  is_encoder_decoder: false,
  quantization_config: null,
};

/** Both are 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). */
const ACTIVATIONS = ["gelu_new", "gelu_pytorch_tanh"];
const MAX_HEAD_SIZE = 128;

/**
 * Far above every model of this kind, and far below what would exhaust memory by the list of its parameters alone: the
 * sizes in a stranger's config are not believed.
 */
const LIMITS = {
  vocabSize: 2 ** 24,
  nPositions: 2 ** 24,
  nEmbd: 2 ** 16,
  nLayer: 1024,
  nHead: 2 ** 16,
  nInner: 2 ** 20,
} as const;

export interface GPT2ConfigFields {
  readonly vocabSize: number;
  /** Rows of wpe: the longest sequence, in tokens. */
  readonly nPositions: number;
  readonly nEmbd: number;
  readonly nLayer: number;
  readonly nHead: number;
  /** Width of the MLP's hidden layer; null means 4 * nEmbd (see `innerSize`). */
  readonly nInner: number | null;
  readonly activationFunction: string;
  /** Dropout probabilities, in [0, 1): residual branches, embeddings, attention weights. */
  readonly residPdrop: number;
  readonly embdPdrop: number;
  readonly attnPdrop: number;
  readonly layerNormEpsilon: number;
  /** Standard deviation of fresh weights. */
  readonly initializerRange: number;
  /** May lie outside the vocabulary: transformers writes 50256 for small vocabularies too. Such an id never occurs. */
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | readonly number[] | null;
  readonly padTokenId: number | null;
}

const FIELDS = Object.fromEntries(Object.keys(KEYS).map((field) => [field, true])) as FieldsOf<GPT2ConfigFields>;

export class GPT2Config implements GPT2ConfigFields {
  readonly vocabSize: number;
  readonly nPositions: number;
  readonly nEmbd: number;
  readonly nLayer: number;
  readonly nHead: number;
  readonly nInner: number | null;
  readonly activationFunction: string;
  readonly residPdrop: number;
  readonly embdPdrop: number;
  readonly attnPdrop: number;
  readonly layerNormEpsilon: number;
  readonly initializerRange: number;
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | readonly number[] | null;
  readonly padTokenId: number | null;
  /** Keys of config.json that this engine does not use, written back by `toJson`. */
  readonly otherKeys: ReadonlyMap<string, unknown>;

  /**
   * Absent fields are those of GPT-2 124M, as in transformers. Throws UserError for sizes that make no model, and for
   * fields that are not known.
   */
  constructor(fields: Partial<GPT2ConfigFields> = {}, otherKeys: ReadonlyMap<string, unknown> = new Map()) {
    expectFields("GPT2Config", fields, FIELDS);
    const {
      vocabSize = 50257,
      nPositions = 1024,
      nEmbd = 768,
      nLayer = 12,
      nHead = 12,
      nInner = null,
      activationFunction = "gelu_new",
      residPdrop = 0.1,
      embdPdrop = 0.1,
      attnPdrop = 0.1,
      layerNormEpsilon = 1e-5,
      initializerRange = 0.02,
      bosTokenId = 50256,
      eosTokenId = 50256,
      padTokenId = null,
    } = fields;
    this.vocabSize = vocabSize;
    this.nPositions = nPositions;
    this.nEmbd = nEmbd;
    this.nLayer = nLayer;
    this.nHead = nHead;
    this.nInner = nInner;
    this.activationFunction = activationFunction;
    this.residPdrop = residPdrop;
    this.embdPdrop = embdPdrop;
    this.attnPdrop = attnPdrop;
    this.layerNormEpsilon = layerNormEpsilon;
    this.initializerRange = initializerRange;
    this.bosTokenId = bosTokenId;
    this.eosTokenId = eosTokenId;
    this.padTokenId = padTokenId;
    this.otherKeys = otherKeys;
    check(this);
  }

  /** Channels of one attention head. */
  get headSize(): number {
    return this.nEmbd / this.nHead;
  }

  /** Width of the MLP's hidden layer. */
  get innerSize(): number {
    return this.nInner ?? 4 * this.nEmbd;
  }

  /** The same model with some fields changed, checked again. */
  with(changes: Partial<GPT2ConfigFields>): GPT2Config {
    const { otherKeys, ...fields } = this;
    return new GPT2Config({ ...fields, ...changes }, otherKeys);
  }

  /**
   * From the parsed config.json; `what` names it in messages. Throws UserError when a value has the wrong type or
   * range, and when the config asks for something this engine does not compute.
   */
  static fromJson(json: unknown, what = "config.json"): GPT2Config {
    if (!isObject(json)) throw new UserError(`${what}: not a JSON object; wanted the config.json of a GPT-2 model.`);
    const keys = new Map(Object.entries(json));
    try {
      for (const [key, aliases] of Object.entries(ALIASES)) mergeAliases(keys, key, aliases);
      refuseOtherModels(keys);
      const fields: Record<string, unknown> = {};
      for (const [field, key] of Object.entries(KEYS)) {
        fields[field] = keys.get(key);
        keys.delete(key);
      }
      return new GPT2Config(fields as Partial<GPT2ConfigFields>, keys);
    } catch (error) {
      throw error instanceof UserError ? new UserError(`${what}: ${error.message}`) : error;
    }
  }

  /**
   * What config.json holds: every field under its Hugging Face name, and the keys that came with `fromJson`. What is
   * saved with it is the language model, whatever heads the loaded files had besides.
   */
  toJson(): Record<string, unknown> {
    const used = Object.entries(KEYS).map(([field, key]) => [key, this[field as keyof GPT2ConfigFields]]);
    const all = new Map<string, unknown>([
      ["model_type", "gpt2"],
      ...this.otherKeys,
      ["architectures", ["GPT2LMHeadModel"]],
      ...(used as [string, unknown][]),
    ]);
    return Object.fromEntries([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** Moves the value under another name to `key`. */
function mergeAliases(keys: Map<string, unknown>, key: string, aliases: readonly string[]): void {
  for (const alias of aliases) {
    if (!keys.has(alias) || (HARMLESS_ALIASES.includes(alias) && keys.has(key))) continue;
    const value = keys.get(alias);
    if (keys.has(key) && value !== keys.get(key))
      throw new UserError(
        `${alias} is ${quote(value)} but ${key} is ${quote(keys.get(key))}, two names of one thing; remove the ` +
          "wrong one.",
      );
    keys.set(key, value);
    keys.delete(alias);
  }
}

function refuseOtherModels(keys: ReadonlyMap<string, unknown>): void {
  for (const [key, wanted] of Object.entries(REQUIRED)) {
    const value = keys.get(key);
    if (value === undefined || value === null || value === wanted) continue;
    throw new UserError(
      `${key} is ${quote(value)}, which this engine does not compute (wanted ${quote(wanted)}); use a model ` +
        "without it.",
    );
  }
  const pruned = keys.get("pruned_heads");
  if (typeof pruned === "object" && pruned !== null && Object.keys(pruned).length > 0) {
    throw new UserError(
      `pruned_heads is ${quote(pruned)}, which this engine does not compute (wanted none); use a model without it.`,
    );
  }
}

function check(config: GPT2Config): void {
  const refuse = (field: keyof GPT2ConfigFields, wanted: string): never => {
    throw new UserError(`${KEYS[field]} is ${quote(config[field])}, wanted ${wanted}.`);
  };
  for (const [field, limit] of Object.entries(LIMITS) as [keyof typeof LIMITS, number][]) {
    const value = config[field];
    if (field === "nInner" && value === null) continue;
    if (!Number.isInteger(value) || value! < 1 || value! > limit) refuse(field, `a whole number from 1 to ${limit}`);
  }
  for (const field of ["residPdrop", "embdPdrop", "attnPdrop"] as const) {
    if (typeof config[field] !== "number" || !(config[field] >= 0 && config[field] < 1))
      refuse(field, "a probability, 0 or more and below 1");
  }
  if (typeof config.layerNormEpsilon !== "number" || !(config.layerNormEpsilon > 0 && config.layerNormEpsilon < 1))
    refuse("layerNormEpsilon", "a number above 0 and below 1");
  if (
    typeof config.initializerRange !== "number" ||
    !(config.initializerRange >= 0 && config.initializerRange < Infinity)
  )
    refuse("initializerRange", "a number, 0 or more");
  if (!ACTIVATIONS.includes(config.activationFunction))
    refuse("activationFunction", `${ACTIVATIONS.join(" or ")}, the only one this engine computes`);
  for (const field of ["bosTokenId", "eosTokenId", "padTokenId"] as const) {
    const value = config[field];
    const ids: readonly unknown[] = field === "eosTokenId" && Array.isArray(value) ? value : [value];
    if (value !== null && !ids.every((id) => Number.isInteger(id) && (id as number) >= 0))
      refuse(field, "a token id, 0 or more, or null");
  }
  if (config.nEmbd % config.nHead !== 0) refuse("nEmbd", `a multiple of n_head (${config.nHead})`);
  if (config.headSize > MAX_HEAD_SIZE)
    refuse(
      "nEmbd",
      `at most ${MAX_HEAD_SIZE} channels a head; n_head ${config.nHead} makes heads of ${config.headSize}`,
    );
}
