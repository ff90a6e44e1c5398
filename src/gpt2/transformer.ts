// The transformer of GPT-2 as Hugging Face's modeling_gpt2.py has it: token and position embeddings, pre-norm blocks of
// attention and MLP on a residual stream, a final layer norm. Token ids in, hidden states out.
import { attention } from "../autograd/attention.ts";
import { checkpoint } from "../autograd/checkpoint.ts";
import { add } from "../autograd/add.ts";
import { dropout } from "../autograd/dropout.ts";
import { embedding } from "../autograd/embedding.ts";
import { layerNorm } from "../autograd/layernorm.ts";
import type { ParameterStore } from "../autograd/parameter.ts";
import { Tape } from "../autograd/tape.ts";
import type { Variable } from "../autograd/variable.ts";
import { UserError } from "../errors.ts";
import { expectFields } from "../fields.ts";
import type { Folder } from "../files/folder.ts";
import type { Device } from "../gpu/device.ts";
import { Scope } from "../gpu/scope.ts";
import type { Shape, Tensor } from "../gpu/tensor.ts";
import type { Dropout } from "../kernels/random.ts";
import type { Saved } from "../kernels/saved.ts";
import { attentionWeights } from "../kernels/attention-weights.ts";
import type { Adapter, AdapterLayer } from "./adapter.ts";
import type { GPT2Config } from "./config.ts";
import { checkForwardInput } from "./forward-input.ts";
import type { ForwardInput } from "./forward-input.ts";
import { KVCache } from "./kv-cache.ts";
import { normLinear, normLinearGelu, projection } from "./norm-linear.ts";
import type { AdapterDropout } from "./norm-linear.ts";
import { disposing, Output, tupleOf } from "./output.ts";
import type { BaseModelOutput } from "./output.ts";
import { weightsOf } from "./parameters.ts";
import type { Affine, Weights } from "./parameters.ts";
import { loadPretrained, PRETRAINED_FIELDS } from "./pretrained.ts";
import type { PretrainedOptions } from "./pretrained.ts";
import { tokenBatch } from "./token-batch.ts";
import type { TokenBatch, TokenRows } from "./token-batch.ts";

/** Tokens that are on the GPU already, one a row: ids, then positions, u32 [2, batch], or [3, batch] with types. */
export interface DeviceTokens {
  readonly batch: number;
  readonly length: 1;
  readonly indices: Tensor;
  readonly mask?: undefined;
  readonly packed?: undefined;
}

/** One run of the transformer: what goes in, what is to be kept, and who owns the memory. */
export interface Pass {
  /** Owns what is recorded for backward, outputs among it. */
  readonly tape: Tape;
  /** Owns the outputs that nothing is recorded of. */
  readonly results: Scope;
  readonly tokens: TokenBatch | DeviceTokens;
  /** Grown by the tokens. */
  readonly cache?: KVCache;
  readonly outputHiddenStates?: boolean;
  readonly outputAttentions?: boolean;
}

/** The raw transformer: token ids to hidden states. */
export class GPT2Model {
  readonly device: Device;
  private fields: GPT2Config;
  private store: ParameterStore;
  private weights: Weights;
  private lora: Adapter | undefined;
  /**
   * Dropout is drawn only while `training`; `dropoutSeed` and `dropoutStep` decide the draw, and each training forward
   * advances the step.
   */
  training = false;
  dropoutSeed = 0;
  dropoutStep = 0;
  /** While recording, keep of each block its input alone and compute the rest again in backward: the same gradients. */
  gradientCheckpointing = false;

  /** The model owns the store from now on. */
  constructor(device: Device, config: GPT2Config, parameters: ParameterStore) {
    this.device = device;
    this.fields = config;
    this.store = parameters;
    this.weights = weightsOf(parameters, config);
  }

  /**
   * The transformer of a model folder in Hugging Face's layout: a path, an address or an opened Folder; of a language
   * model's too, whose head is left out. The caller destroys the model. Throws UserError when it is not such a folder,
   * or when there is not the memory for it.
   */
  static async fromPretrained(
    device: Device,
    folder: string | Folder,
    options: PretrainedOptions = {},
  ): Promise<GPT2Model> {
    expectFields("GPT2Model.fromPretrained()", options, PRETRAINED_FIELDS);
    const { config, parameters } = await loadPretrained(device, folder, options);
    return new GPT2Model(device, config, parameters);
  }

  get config(): GPT2Config {
    return this.fields;
  }
  get parameters(): ParameterStore {
    return this.store;
  }

  /** What is trained: the adapter's parameters where there is one, else the model's own. */
  get trained(): ParameterStore {
    return this.lora?.parameters ?? this.store;
  }
  /** The adapter on it. */
  get adapter(): Adapter | undefined {
    return this.lora;
  }

  /** Another configuration, and the memory of it where shapes changed; the former memory is freed. */
  become(config: GPT2Config, parameters = this.store): void {
    const { store } = this;
    this.fields = config;
    this.store = parameters;
    this.weights = weightsOf(parameters, config, this.lora);
    if (store !== parameters) store.destroy("the model was resized");
  }

  /** With this adapter, which the model owns from now on, or without one; the former is freed. */
  adapt(adapter: Adapter | undefined): void {
    const { lora } = this;
    this.lora = adapter;
    this.weights = weightsOf(this.store, this.fields, adapter);
    lora?.destroy("the adapter was taken off");
  }

  get wte(): Weights["wte"] {
    return this.weights.wte;
  }
  get wpe(): Weights["wpe"] {
    return this.weights.wpe;
  }
  get h(): Weights["h"] {
    return this.weights.h;
  }
  get ln_f(): Weights["ln_f"] {
    return this.weights.ln_f;
  }

  /**
   * Hidden states after ln_f; the caller disposes of the output, and of the cache where one was made. Throws UserError
   * for ids, masks or lengths the model cannot take, and for fields that are not known, having taken nothing.
   */
  forward(input: ForwardInput): BaseModelOutput {
    checkForwardInput(input);
    return this.device.pool.attempt(() => {
      const pass = this.begin(input, false);
      const { stream, hiddenStates, attentions } = this.run(pass);
      const last = this.hidden(pass, this.finalNorm(pass.tape, stream));
      pass.tape.end();
      const states = hiddenStates && [...hiddenStates, last];
      return {
        lastHiddenState: last,
        hiddenStates: states,
        attentions,
        pastKeyValues: pass.cache,
        ...tupleOf(last, pass.cache, states, attentions),
        ...disposing(pass.results),
      };
    });
  }

  /** Frees the weights, once, after what is recorded was sent. */
  destroy(): void {
    this.lora?.destroy();
    this.parameters.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  /** Checks an input and opens what its run needs; `saves` as of a Tape. Throws UserError as forward(). */
  begin(
    input: ForwardInput & { readonly labels?: TokenRows },
    recording: boolean,
    saves?: Saved,
  ): Pass & { readonly tokens: TokenBatch } {
    const { device, config } = this;
    const { pastKeyValues, useCache, outputHiddenStates, outputAttentions } = input;
    this.parameters.expectOpen();
    const tokens = tokenBatch(config, pastKeyValues?.length ?? 0, input);
    this.lora?.writeTokenRows(this.wte.value);
    if (tokens.packed && (pastKeyValues || useCache))
      throw new UserError("segmentIds are for rows as a whole, and a cache is for what follows them; leave one out.");
    const cache =
      pastKeyValues ??
      (useCache ? new KVCache(device, config, tokens.batch, config.nPositions, this.parameters.dtype) : undefined);
    return {
      tape: new Tape(device, recording, saves),
      results: new Scope(device.pool, "The output of forward()"),
      tokens,
      cache,
      outputHiddenStates,
      outputAttentions,
    };
  }

  /**
   * The forward pass up to the residual stream after the last block: what forward() and GPT2LMHeadModel share. The
   * caller owns the stream, which ln_f is yet to normalise; hiddenStates lack the last. Both lists only when asked for.
   */
  run(pass: Pass): { stream: Variable; hiddenStates: Output[] | undefined; attentions: Output[] | undefined } {
    const { config, device } = this;
    const { tape, tokens, cache } = pass;
    const { batch, length } = tokens;
    cache?.begin(batch, length, tokens.mask);
    const mask = tokens.mask && tape.keep(device.tensor(tokens.mask, [batch, length]));
    const hiddenStates: Output[] | undefined = pass.outputHiddenStates ? [] : undefined;
    const attentions: Output[] | undefined = pass.outputAttentions ? [] : undefined;
    if (this.training && tape.recording) this.dropoutStep++;

    const drawn = this.dropouts(tape);
    const block = (layer: number, on: Tape, x: Variable): Variable =>
      this.block({ ...pass, tape: on }, layer, x, { mask, drawn, attentions });
    const keepAll = !this.gradientCheckpointing || !tape.recording || attentions !== undefined;
    let x = drop(tape, embedding(tape, tokens, this.wte, this.wpe, this.lora?.tokens()), drawn(config.embdPdrop, 0));
    hiddenStates?.push(this.hidden(pass, x));
    for (const layer of this.h.keys()) {
      const before = x;
      x = keepAll ? block(layer, tape, before) : checkpoint(tape, before, (on, input) => block(layer, on, input));
      if (!hiddenStates) tape.release(before);
      if (layer < config.nLayer - 1) hiddenStates?.push(this.hidden(pass, x));
    }
    cache?.advance(length);
    return { stream: x, hiddenStates, attentions };
  }

  /** Hidden states [N, C] after ln_f, of a stream that nobody needs afterwards. */
  finalNorm(tape: Tape, stream: Variable): Variable {
    const hidden = layerNorm(tape, stream, this.ln_f.weight, this.ln_f.bias, this.config.layerNormEpsilon);
    tape.release(stream);
    return hidden;
  }

  /** x [N, C] as an output [B, T, C]. */
  hidden(pass: Pass, { value }: Variable): Output {
    const { batch, length } = pass.tokens;
    return outputOf(pass, value, [batch, length, this.config.nEmbd]);
  }

  /** Block `layer` of the stream x, which stays the caller's. */
  private block(
    pass: Pass,
    layer: number,
    x: Variable,
    { mask, drawn, attentions }: { mask: Tensor | undefined; drawn: Dropouts; attentions: Output[] | undefined },
  ): Variable {
    const { tape } = pass;
    const { layerNormEpsilon: epsilon, residPdrop, attnPdrop } = this.config;
    const { ln_1, attn, ln_2, mlp } = this.h[layer];
    const ofAdapter = ({ dropout, place }: AdapterLayer): Dropout | undefined =>
      drawn(dropout, 3 * this.config.nLayer + 1 + place); // their sites follow those of the model itself
    const qkv = normLinear(tape, x, ln_1, epsilon, attn.c_attn, ofAdapter);
    const mixed = this.attend(pass, qkv, layer, mask, drawn(attnPdrop, 3 * layer + 1));
    attentions?.push(this.weightsOfAttention(pass, qkv, layer, mask));
    tape.release(qkv);
    const middle = intoResidual(tape, mixed, attn.c_proj, x, ofAdapter, drawn(residPdrop, 3 * layer + 2));
    tape.release(mixed);
    const inner = normLinearGelu(tape, middle, ln_2, epsilon, mlp.c_fc, ofAdapter);
    const y = intoResidual(tape, inner, mlp.c_proj, middle, ofAdapter, drawn(residPdrop, 3 * layer + 3));
    tape.release(inner);
    tape.release(middle);
    return y;
  }

  private attend(
    { tape, tokens, cache }: Pass,
    qkv: Variable,
    layer: number,
    mask: Tensor | undefined,
    dropout: Dropout | undefined,
  ): Variable {
    const { batch, length } = tokens;
    if (cache) {
      const value = cache.attend(layer, qkv.value, batch, length, mask);
      return { value, requiresGrad: false, name: "attention" };
    }
    return attention(tape, qkv, { batch, length, heads: this.config.nHead, mask, packed: tokens.packed, dropout });
  }

  private weightsOfAttention(
    { results, tokens, cache }: Pass,
    qkv: Variable,
    layer: number,
    mask: Tensor | undefined,
  ): Output {
    const { device } = this;
    const { batch, length } = tokens;
    const heads = this.config.nHead;
    const shape = [batch, heads, length, (cache?.length ?? 0) + length];
    const weights = results.acquire(shape);
    if (cache) cache.attentionWeights(layer, qkv.value, weights);
    else attentionWeights(device.batch, { qkv: qkv.value, mask, packed: tokens.packed, weights, batch, length, heads });
    return new Output(device, results, weights, shape);
  }

  /** Of this forward: its backward may run when the model is at another step. */
  private dropouts({ recording }: Tape): Dropouts {
    const { training, dropoutSeed: seed, dropoutStep: step } = this;
    return (probability, site) =>
      training && recording && probability > 0 ? { probability, seed, step, site } : undefined;
  }
}

/** What is dropped out at a site of the model with this probability; undefined: nothing. */
type Dropouts = (probability: number, site: number) => Dropout | undefined;

const drop = (tape: Tape, x: Variable, dropped: Dropout | undefined): Variable =>
  dropped ? dropout(tape, x, dropped) : x;

/** x W + b, dropped out in training, added to the residual stream. */
function intoResidual(
  tape: Tape,
  x: Variable,
  layer: Affine,
  residual: Variable,
  ofAdapter: AdapterDropout,
  dropped: Dropout | undefined,
): Variable {
  if (!dropped) return projection(tape, x, layer, ofAdapter, residual);
  return add(tape, drop(tape, projection(tape, x, layer, ofAdapter), dropped), residual);
}

/** A value as an output: the tape's while that records, since backward needs it, else the results'. */
export function outputOf({ tape, results }: Pass, value: Tensor, shape: Shape): Output {
  const owner = tape.recording ? tape.scope : results;
  return new Output(tape.device, owner, owner.adopt(value), shape);
}
