// config.json: Hugging Face's defaults and older names, what is kept, and what is refused because the numbers would
// differ.
import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UserError } from "../src/errors.ts";
import { GPT2Config } from "../src/gpt2/config.ts";

test("defaults are those of GPT-2 124M", () => {
  expect(GPT2Config.fromJson({})).toEqual(new GPT2Config());
  expect(new GPT2Config()).toMatchObject({
    vocabSize: 50257,
    nPositions: 1024,
    nEmbd: 768,
    nLayer: 12,
    nHead: 12,
    nInner: null,
    activationFunction: "gelu_new",
    residPdrop: 0.1,
    embdPdrop: 0.1,
    attnPdrop: 0.1,
    layerNormEpsilon: 1e-5,
    initializerRange: 0.02,
    bosTokenId: 50256,
    eosTokenId: 50256,
    padTokenId: null,
    headSize: 64,
    innerSize: 3072,
  });
});

test("older and general names are understood; n_ctx beside n_positions is harmless", () => {
  const old = GPT2Config.fromJson({
    n_ctx: 64,
    hidden_size: 48,
    num_attention_heads: 4,
    num_hidden_layers: 2,
    eos_token_ids: 0,
    pad_token_id: 0,
    pruned_heads: {},
    model_type: null,
  });
  expect(old).toMatchObject({
    nPositions: 64,
    nEmbd: 48,
    nHead: 4,
    nLayer: 2,
    eosTokenId: 0,
    padTokenId: 0,
    innerSize: 192,
  });
  expect(old.toJson()).toMatchObject({ n_positions: 64, n_embd: 48, eos_token_id: 0 });
  expect(old.toJson()).not.toHaveProperty("hidden_size");
  expect(GPT2Config.fromJson({ n_ctx: 10, n_positions: 20 }).nPositions).toBe(20);
  expect(GPT2Config.fromJson({ eos_token_ids: 0, eos_token_id: 7 }).eosTokenId).toBe(7);
  expect(() => GPT2Config.fromJson({ hidden_size: 48, n_embd: 96 })).toThrow(/hidden_size is 48 but n_embd is 96/);
  expect(GPT2Config.fromJson({ eos_token_id: [1, 2] }).eosTokenId).toEqual([1, 2]);
});

test("what is saved is the language model, whatever it was loaded beside", () => {
  const config = GPT2Config.fromJson({ architectures: ["GPT2DoubleHeadsModel"] });
  expect(config.toJson().architectures).toEqual(["GPT2LMHeadModel"]);
});

test("unknown keys come back, and what comes back reads the same", () => {
  const json = {
    task_specific_params: { "text-generation": { do_sample: true } },
    n_embd: 60,
    n_head: 3,
    n_inner: null,
    reorder_and_upcast_attn: true,
    __proto__x: 1,
    eos_token_id: null,
  };
  const config = GPT2Config.fromJson(json);
  expect(config.toJson()).toMatchObject({
    ...json,
    model_type: "gpt2",
    architectures: ["GPT2LMHeadModel"],
    vocab_size: 50257,
  });
  expect(GPT2Config.fromJson(config.toJson()).toJson()).toEqual(config.toJson());
  const larger = config.with({ vocabSize: 50262 });
  expect(larger.toJson()).toEqual({ ...config.toJson(), vocab_size: 50262 });
});

describe("refused by name", () => {
  test.each<[Record<string, unknown>, RegExp]>([
    [{ model_type: "gpt_neo" }, /model_type is "gpt_neo".*wanted "gpt2"/],
    [{ activation_function: "gelu" }, /activation_function is "gelu", wanted gelu_new or gelu_pytorch_tanh/],
    [{ scale_attn_weights: false }, /scale_attn_weights is false/],
    [{ scale_attn_by_inverse_layer_idx: true }, /scale_attn_by_inverse_layer_idx is true/],
    [{ add_cross_attention: true }, /add_cross_attention is true/],
    [{ tie_word_embeddings: false }, /tie_word_embeddings is false/],
    [{ quantization_config: { bits: 4 } }, /quantization_config is \{"bits":4\}/],
    [{ pruned_heads: { 0: [1] } }, /pruned_heads/],
    [{ n_embd: 770 }, /n_embd is 770, wanted a multiple of n_head \(12\)/],
    [{ n_embd: 768, n_head: 4 }, /at most 128 channels a head; n_head 4 makes heads of 192/],
    [{ n_layer: 0 }, /n_layer is 0, wanted a whole number/],
    [{ n_layer: 2147483647 }, /n_layer is 2147483647, wanted a whole number from 1 to 1024/],
    [{ vocab_size: 2147483647 }, /vocab_size is 2147483647, wanted a whole number from 1 to 16777216/],
    [{ n_inner: 1e300 }, /n_inner is 1e\+300/],
    [{ activation_function: "\u001b[31m" }, /activation_function is "\\u001b\[31m"/],
    [{ n_head: null }, /n_head is null/],
    [{ vocab_size: "50257" }, /vocab_size is "50257"/],
    [{ n_positions: 1.5 }, /n_positions is 1.5/],
    [{ n_inner: -4 }, /n_inner is -4/],
    [{ resid_pdrop: 1 }, /resid_pdrop is 1, wanted a probability/],
    [{ attn_pdrop: null }, /attn_pdrop is null/],
    [{ layer_norm_epsilon: 0 }, /layer_norm_epsilon is 0/],
    [{ initializer_range: "x" }, /initializer_range is "x"/],
    [{ eos_token_id: -1 }, /eos_token_id is -1, wanted a token id/],
    [{ eos_token_id: [1, "2"] }, /eos_token_id is \[1,"2"\]/],
    [{ pad_token_id: 1.5 }, /pad_token_id is 1.5/],
  ])("%j", (json, message) => {
    expect(() => GPT2Config.fromJson(json, "gpt2/config.json")).toThrow(UserError);
    expect(() => GPT2Config.fromJson(json, "gpt2/config.json")).toThrow(message);
    expect(() => GPT2Config.fromJson(json, "gpt2/config.json")).toThrow(/^gpt2\/config\.json: /);
  });

  test.each([null, 3, "x", [[]]])("%j is no config", (json) => {
    expect(() => GPT2Config.fromJson(json)).toThrow(/not a JSON object/);
  });
});

test("any JSON object is a config or a UserError", () => {
  const keys = Object.keys(new GPT2Config().toJson()).concat("n_ctx", "hidden_size", "eos_token_ids", "pruned_heads");
  fc.assert(
    fc.property(
      fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.string()), fc.oneof(fc.integer(), fc.jsonValue())),
      (json) => {
        let config: GPT2Config;
        try {
          config = GPT2Config.fromJson(json);
        } catch (error) {
          return error instanceof UserError;
        }
        const written = config.toJson();
        return Number.isInteger(config.headSize) && isDeepStrictEqual(GPT2Config.fromJson(written).toJson(), written);
      },
    ),
    { seed: 7, numRuns: 500 },
  );
});
