// A model of this engine as one GGUF file for llama.cpp and everything built on it: weights, vocabulary, and, where
// the model fills gaps, its markers as llama.cpp's fill-in-the-middle tokens, so that llama-server's /infill writes p2.
import { UserError } from "../errors.ts";
import type { ReadTensor } from "../files/safetensors-write.ts";
import { printable } from "../files/quote.ts";
import type { GPT2Config } from "../gpt2/config.ts";
import type { InfillEncoder } from "../infill/encode.ts";
import type { PreTrainedTokenizer } from "../tokenizer/pretrained-tokenizer.ts";
import { ggufFile, ggufSize } from "./container.ts";
import type { GgufValue } from "./container.ts";
import { gpt2Tensors } from "./gpt2-tensors.ts";
import type { GgufTensorType } from "./tensor-types.ts";
import { ggufVocabulary } from "./vocabulary.ts";

/** llama_ftype: what most of the weights are. */
const FILE_TYPES: Readonly<Record<GgufTensorType, number>> = { F32: 0, F16: 1, Q8_0: 7 };
const QUANTIZATION_VERSION = 2;

export interface Gpt2GgufModel {
  readonly config: GPT2Config;
  readonly tokenizer: PreTrainedTokenizer;
  /** Of a model that fills gaps. */
  readonly encoder?: InfillEncoder;
  /** What ends a text, the most usual first. */
  readonly eosTokenIds: readonly number[];
  /** What people call the model. */
  readonly name: string;
  /** A parameter's values by its Hugging Face name, row-major, in the shape of `parameterShapes`. */
  readonly read: ReadTensor;
}

export interface Gpt2Gguf {
  /** For Folder.write. Throws UserError while it is written when a value does not fit `outtype`. */
  readonly file: AsyncIterable<Uint8Array>;
  /** Bytes of the file. */
  readonly size: number;
  /** What llama.cpp will do otherwise than this engine, a clause each. */
  readonly notes: readonly string[];
}

/**
 * The GGUF file of a model. `outtype`: of its matrices; Q8_0 is about a quarter of F32. Throws UserError when llama.cpp
 * could not compute the same: section types, no end token, a tokenizer of another model.
 */
export function gpt2Gguf(model: Gpt2GgufModel, { outtype }: { readonly outtype: GgufTensorType }): Gpt2Gguf {
  const { config, tokenizer, encoder, name, read } = model;
  if (encoder?.template.sectionTypes)
    throw new UserError(
      `${name}: its template adds a section's embedding to each position (sectionTypes), which llama.cpp's gpt2 does ` +
        "not compute; train a model without --section_types to export it.",
    );
  const vocabulary = ggufVocabulary(tokenizer.currentParts(), config.vocabSize);
  const tensors = gpt2Tensors(config, read, outtype);
  const otherwise = tensors.filter(({ type, dimensions }) => dimensions.length > 1 && type === "F16").length;
  const metadata = new Map<string, GgufValue>([
    ["general.architecture", string("gpt2")],
    ["general.type", string("model")],
    ["general.name", string(printable(name, 200))],
    ["general.file_type", uint32(FILE_TYPES[outtype])],
    ["general.quantization_version", uint32(QUANTIZATION_VERSION)],
    ["gpt2.vocab_size", uint32(config.vocabSize)],
    ["gpt2.context_length", uint32(config.nPositions)],
    ["gpt2.embedding_length", uint32(config.nEmbd)],
    ["gpt2.block_count", uint32(config.nLayer)],
    ["gpt2.feed_forward_length", uint32(config.innerSize)],
    ["gpt2.attention.head_count", uint32(config.nHead)],
    ["gpt2.attention.layer_norm_epsilon", { type: "float32", value: config.layerNormEpsilon }],
    ["tokenizer.ggml.model", string("gpt2")],
    ["tokenizer.ggml.pre", string("gpt-2")],
    ["tokenizer.ggml.tokens", { type: "string[]", value: vocabulary.tokens }],
    ["tokenizer.ggml.token_type", { type: "int32[]", value: vocabulary.types }],
    ["tokenizer.ggml.merges", { type: "string[]", value: vocabulary.merges }],
    // No model of this engine was shown a token of its own before or after a text.
    ["tokenizer.ggml.add_bos_token", { type: "bool", value: false }],
    ["tokenizer.ggml.add_eos_token", { type: "bool", value: false }],
    ["tokenizer.ggml.add_space_prefix", { type: "bool", value: tokenizer.currentParts().addPrefixSpace }],
    ...[...specialTokens(model)].map(([key, id]) => [`tokenizer.ggml.${key}_token_id`, uint32(id)] as const),
  ]);
  const notes = [...vocabulary.notes];
  if (outtype === "Q8_0" && otherwise > 0)
    notes.push(`${otherwise} matrices are stored as F16: their rows are no multiple of 32 values`);
  return { file: ggufFile(metadata, tensors), size: ggufSize(metadata, tensors), notes };
}

/** Ids by their key without "_token_id". */
function specialTokens({ config, tokenizer, encoder, eosTokenIds, name }: Gpt2GgufModel): Map<string, number> {
  const known = (id: number | undefined): number | undefined =>
    id !== undefined && id < config.vocabSize ? id : undefined;
  const pad = encoder?.ids.pad ?? known(tokenizer.padTokenId);
  // A file without an end is read as one that ends at token 11, which is a comma.
  const [eos = pad, eot, eom] = eosTokenIds.filter((id) => known(id) !== undefined);
  if (eos === undefined)
    throw new UserError(
      `${name}: neither an end-of-text nor a padding token is known, and llama.cpp would end texts at token 11; name ` +
        "one with eos_token in tokenizer_config.json.",
    );
  const ids: readonly (readonly [string, number | undefined])[] = [
    ["bos", known(tokenizer.bosTokenId) ?? eos],
    ["eos", eos],
    ["eot", eot],
    ["eom", eom],
    ["padding", pad],
    ["fim_pre", encoder?.ids.p1],
    ["fim_suf", encoder?.ids.p3],
    ["fim_mid", encoder?.ids.p2],
  ];
  return new Map(ids.filter((entry): entry is [string, number] => entry[1] !== undefined));
}

const uint32 = (value: number): GgufValue => ({ type: "uint32", value });
const string = (value: string): GgufValue => ({ type: "string", value });
