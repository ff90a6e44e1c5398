// A LoRA adapter's settings, as PEFT's adapter_config.json holds them: the same names in camelCase, the same defaults.
// What would make an adapter compute something else than this engine does is refused by name.
import { UserError } from "../errors.ts";
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import { isObject } from "../files/json.ts";
import { quote } from "../files/quote.ts";
import type { GPT2Config } from "./config.ts";

/** The layers of a block that an adapter may change, all Conv1D. */
export const LORA_LAYERS = ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"] as const;
export type LoraLayer = (typeof LORA_LAYERS)[number];

export interface LoraOptions {
  /** Rank of the change of a weight. Default 8. */
  readonly r?: number;
  /** The change is multiplied by alpha / r. Default 8. */
  readonly loraAlpha?: number;
  /** Dropout of what the adapter sees of a layer's input, in training. Default 0. */
  readonly loraDropout?: number;
  /** Ends of layers' names: c_attn, c_proj (both), c_fc, mlp.c_proj, ... Default c_attn. */
  readonly targetModules?: readonly string[];
  /** Divide alpha by sqrt(r) instead of r (Kalajdzievski 2023). Default false. */
  readonly useRslora?: boolean;
  /** Rows of wte, and so of the tied head, that are trained besides: new tokens'; in this order. Default none. */
  readonly trainableTokenIndices?: readonly number[];
  /** Folder or Hub name of the model that the adapter changes, for whoever loads it. */
  readonly baseModelNameOrPath?: string | null;
}

const FIELDS: FieldsOf<LoraOptions> = {
  r: true,
  loraAlpha: true,
  loraDropout: true,
  targetModules: true,
  useRslora: true,
  trainableTokenIndices: true,
  baseModelNameOrPath: true,
};

/** Keys of adapter_config.json that change what is computed, with the values that this engine computes. */
const REQUIRED: Readonly<Record<string, readonly unknown[]>> = {
  peft_type: ["LORA"],
  bias: ["none"],
  use_dora: [false],
  lora_bias: [false],
  use_qalora: [false],
  init_lora_weights: [true, false, "gaussian"], // others change the base's weights, too
  modules_to_save: [],
  layer_replication: [],
  target_parameters: [],
  alora_invocation_tokens: [],
  arrow_config: [],
  use_bdlora: [],
};

export class LoraConfig implements Required<LoraOptions> {
  readonly r: number;
  readonly loraAlpha: number;
  readonly loraDropout: number;
  readonly targetModules: readonly string[];
  readonly useRslora: boolean;
  readonly trainableTokenIndices: readonly number[];
  readonly baseModelNameOrPath: string | null;

  /** Throws UserError for values out of range, targets that no layer has, and fields that are not known. */
  constructor(options: LoraOptions = {}) {
    expectFields("LoRA", options, FIELDS);
    const {
      r = 8,
      loraAlpha = 8,
      loraDropout = 0,
      targetModules = ["c_attn"],
      useRslora = false,
      trainableTokenIndices = [],
      baseModelNameOrPath = null,
    } = options;
    if (!Number.isInteger(r) || r < 1) throw new UserError(`LoRA: r is ${quote(r)}, wanted a whole number from 1 on.`);
    if (!(loraAlpha > 0 && loraAlpha < Infinity))
      throw new UserError(`LoRA: lora_alpha is ${quote(loraAlpha)}, wanted a number above 0.`);
    if (!(loraDropout >= 0 && loraDropout < 1))
      throw new UserError(`LoRA: lora_dropout is ${quote(loraDropout)}, wanted a probability, 0 or more and below 1.`);
    const wrong = targetModules.find((target) => !LORA_LAYERS.some((layer) => isTarget(layer, target)));
    if (targetModules.length === 0 || wrong !== undefined)
      throw new UserError(
        `LoRA: ${wrong === undefined ? "no layer is named" : `no layer is named ${quote(wrong)}`}; wanted some of ` +
          "c_attn, c_proj, c_fc, attn.c_proj, mlp.c_proj.",
      );
    const areIds = trainableTokenIndices.every((id) => Number.isInteger(id) && id >= 0);
    if (!areIds || new Set(trainableTokenIndices).size < trainableTokenIndices.length)
      throw new UserError("LoRA: trainable_token_indices holds what is no token id, or one twice.");
    this.r = r;
    this.loraAlpha = loraAlpha;
    this.loraDropout = loraDropout;
    this.targetModules = [...targetModules];
    this.useRslora = useRslora;
    this.trainableTokenIndices = [...trainableTokenIndices];
    this.baseModelNameOrPath = baseModelNameOrPath;
  }

  /** What the product of B and A is multiplied by. */
  get scaling(): number {
    return this.loraAlpha / (this.useRslora ? Math.sqrt(this.r) : this.r);
  }

  /** The layers it changes. */
  get layers(): readonly LoraLayer[] {
    return LORA_LAYERS.filter((layer) => this.targetModules.some((target) => isTarget(layer, target)));
  }

  with(changes: LoraOptions): LoraConfig {
    return new LoraConfig({ ...this, ...changes });
  }

  /** From the parsed adapter_config.json; `what` names it in messages. Throws UserError for what is not computed. */
  static fromJson(json: unknown, what: string): LoraConfig {
    if (!isObject(json)) throw new UserError(`${what}: not a JSON object; wanted PEFT's adapter_config.json.`);
    for (const [key, allowed] of Object.entries(REQUIRED)) {
      const value = json[key];
      if (key !== "peft_type" && (value === undefined || value === null || isEmpty(value))) continue;
      if (!allowed.includes(value))
        throw new UserError(
          `${what}: ${key} is ${quote(value)}, which this engine does not compute` +
            `${allowed.length > 0 ? ` (wanted ${quote(allowed[0])})` : ""}; merge the adapter in Python: ` +
            "PeftModel.merge_and_unload().save_pretrained(folder).",
        );
    }
    for (const key of ["rank_pattern", "alpha_pattern"])
      if (json[key] !== undefined && json[key] !== null && !isEmpty(json[key]))
        throw new UserError(`${what}: ${key} is not empty, and this engine computes one r and alpha for all layers.`);
    try {
      return new LoraConfig({
        r: json.r as number,
        loraAlpha: json.lora_alpha as number,
        loraDropout: json.lora_dropout as number,
        targetModules: targets(json.target_modules),
        useRslora: json.use_rslora === true,
        trainableTokenIndices: tokenIndices(json.trainable_token_indices),
        baseModelNameOrPath: (json.base_model_name_or_path as string | undefined) ?? null,
      });
    } catch (error) {
      throw error instanceof UserError ? new UserError(`${what}: ${error.message}`) : error;
    }
  }

  /**
   * What adapter_config.json holds. Conv1D weights are [in, out], which PEFT calls fan_in_fan_out. New tokens' rows are
   * trainable_token_indices and not modules_to_save: PEFT then stores these rows alone and keeps the head tied to them,
   * while a saved copy of wte would be the whole table, of which the head sees nothing.
   */
  toJson(): Record<string, unknown> {
    return {
      base_model_name_or_path: this.baseModelNameOrPath,
      bias: "none",
      fan_in_fan_out: true,
      inference_mode: true,
      init_lora_weights: true,
      lora_alpha: this.loraAlpha,
      lora_dropout: this.loraDropout,
      modules_to_save: null,
      peft_type: "LORA",
      r: this.r,
      target_modules: this.targetModules,
      task_type: "CAUSAL_LM",
      trainable_token_indices: this.trainableTokenIndices.length > 0 ? this.trainableTokenIndices : null,
      use_dora: false,
      use_rslora: this.useRslora,
    };
  }
}

/** What PEFT puts before the names of what it wraps. */
export const PEFT_PREFIX = "base_model.model.";
const TOKEN_ROWS = "transformer.wte.token_adapter.trainable_tokens_delta";

/** PEFT's names: of a layer's two matrices, and of the trained rows of wte (values, whatever the word says). */
export const loraName = (layer: number, name: LoraLayer, matrix: "A" | "B"): string =>
  `${PEFT_PREFIX}transformer.h.${layer}.${name}.lora_${matrix}.weight`;
export const TOKEN_ROWS_NAME = PEFT_PREFIX + TOKEN_ROWS;

/** Shape of every tensor of such an adapter of such a model, by PEFT's name. */
export function adapterShapes(lora: LoraConfig, config: GPT2Config): Map<string, readonly number[]> {
  const { nEmbd: C, innerSize } = config;
  const sizes: Readonly<Record<LoraLayer, readonly [number, number]>> = {
    "attn.c_attn": [C, 3 * C],
    "attn.c_proj": [C, C],
    "mlp.c_fc": [C, innerSize],
    "mlp.c_proj": [innerSize, C],
  };
  const shapes = new Map<string, readonly number[]>();
  for (let layer = 0; layer < config.nLayer; layer++)
    for (const name of lora.layers) {
      const [inputs, outputs] = sizes[name];
      shapes.set(loraName(layer, name, "A"), [lora.r, inputs]).set(loraName(layer, name, "B"), [outputs, lora.r]);
    }
  const tokens = lora.trainableTokenIndices.length;
  if (tokens > 0) shapes.set(TOKEN_ROWS_NAME, [tokens, C]);
  return shapes;
}

const isTarget = (layer: LoraLayer, target: string): boolean => layer === target || layer.endsWith(`.${target}`);

const isEmpty = (value: unknown): boolean =>
  value === false || (typeof value === "object" && value !== null && Object.keys(value).length === 0);

/** A list of names, or as PEFT also takes it: all-linear, one name, an expression that the whole name matches. */
function targets(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.map((each) => shortName(String(each)));
  if (value === "all-linear") return LORA_LAYERS;
  if (typeof value !== "string") throw new UserError(`target_modules is ${quote(value)}, wanted names of layers.`);
  let expression: RegExp;
  try {
    expression = new RegExp(`^(?:${value})$`);
  } catch {
    throw new UserError(`target_modules is ${quote(value)}, wanted names of layers or an expression.`);
  }
  return LORA_LAYERS.filter((layer) => expression.test(`transformer.h.0.${layer}`));
}

/** transformer.h.3.attn.c_attn -> attn.c_attn: which layers have an adapter, the weights say. */
const shortName = (target: string): string => target.replace(/^(?:.*\.)?h\.\d+\./, "");

/** [50257, ...], or {"wte": [50257, ...]}. */
function tokenIndices(value: unknown): readonly number[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value as number[];
  const entries = isObject(value) ? Object.entries(value) : [];
  const [[name, indices]] = entries.length === 1 ? entries : [["", undefined]];
  if (!/^(transformer\.)?wte$/.test(name) || !Array.isArray(indices))
    throw new UserError(`trainable_token_indices is ${quote(value)}, wanted token ids of wte.`);
  return indices as number[];
}
