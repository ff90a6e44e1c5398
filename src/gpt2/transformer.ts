// The transformer of GPT-2 as Hugging Face's modeling_gpt2.py has it: token and position embeddings, pre-norm blocks of
// attention and MLP on a residual stream, a final layer norm. Token ids in, hidden states out.
import { attention } from "../autograd/attention.ts";
import { add } from "../autograd/add.ts";
import { dropout } from "../autograd/dropout.ts";
import { embedding } from "../autograd/embedding.ts";
import { layerNorm } from "../autograd/layernorm.ts";
import { linear, linearResidual } from "../autograd/linear.ts";
import type { ParameterStore } from "../autograd/parameter.ts";
import { Tape } from "../autograd/tape.ts";
import type { Variable } from "../autograd/variable.ts";
import type { Device } from "../gpu/device.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { attentionWeights } from "../kernels/attention-weights.ts";
import type { GPT2Config } from "./config.ts";
import { KVCache } from "./kv-cache.ts";
import { normLinear, normLinearGelu } from "./norm-linear.ts";
import { Output } from "./output.ts";
import type { BaseModelOutput } from "./output.ts";
import { weightsOf } from "./parameters.ts";
import type { Affine, Weights } from "./parameters.ts";
import { tokenBatch } from "./token-batch.ts";
import type { TokenBatch } from "./token-batch.ts";

export interface ForwardInput {
  /** Token ids [B][T]. */
  readonly inputIds: readonly (readonly number[])[];
  /** [B][T], 1 = real token, 0 = padding on either side; default all 1. With a cache: of these T tokens only. */
  readonly attentionMask?: readonly (readonly number[])[];
  /** [B][T]; default past, past + 1, ... whatever the mask (as Hugging Face's forward). */
  readonly positionIds?: readonly (readonly number[])[];
  /** Appended to, and attended to. */
  readonly pastKeyValues?: KVCache;
  /** Make a cache of nPositions when none is given. */
  readonly useCache?: boolean;
  readonly outputHiddenStates?: boolean;
  readonly outputAttentions?: boolean;
}

/** Tokens that are on the GPU already, one a row: ids, then positions, u32 [2, batch]. */
export interface DeviceTokens {
  readonly batch: number;
  readonly length: 1;
  readonly indices: Tensor;
  readonly mask?: undefined;
}

/** The raw transformer: token ids to hidden states. */
export class GPT2Model {
  readonly device: Device;
  readonly config: GPT2Config;
  readonly parameters: ParameterStore;
  private readonly weights: Weights;
  /**
   * Dropout is drawn only while `training`; `dropoutSeed` and `dropoutStep` decide the draw, and each training forward
   * advances the step.
   */
  training = false;
  dropoutSeed = 0;
  dropoutStep = 0;

  constructor(device: Device, config: GPT2Config, parameters: ParameterStore) {
    this.device = device;
    this.config = config;
    this.parameters = parameters;
    this.weights = weightsOf(parameters, config);
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

  /** Hidden states after ln_f. Throws UserError for ids, masks or lengths the model cannot take. */
  forward(input: ForwardInput): BaseModelOutput {
    const tape = new Tape(this.device, false);
    const tokens = tokenBatch(this.config, input.pastKeyValues?.length ?? 0, input);
    const run = this.run(tape, tokens, input);
    const last = new Output(this.device, this.finalNorm(tape, run.stream).value, [
      tokens.batch,
      tokens.length,
      this.config.nEmbd,
    ]);
    const outputs = [last, ...run.hiddenStates, ...run.attentions];
    return {
      lastHiddenState: last,
      hiddenStates: input.outputHiddenStates ? [...run.hiddenStates, last] : undefined,
      attentions: input.outputAttentions ? run.attentions : undefined,
      pastKeyValues: run.cache,
      dispose: disposer(tape, outputs),
    };
  }

  /**
   * The forward pass on a tape, up to the residual stream after the last block: what forward() and GPT2LMHeadModel
   * share. The caller owns the stream, which ln_f is yet to normalise, and the other outputs; hiddenStates lack the
   * last.
   */
  run(
    tape: Tape,
    tokens: TokenBatch | DeviceTokens,
    input: Omit<ForwardInput, "inputIds">,
  ): { stream: Variable; hiddenStates: Output[]; attentions: Output[]; cache: KVCache | undefined } {
    const { config, device } = this;
    const { batch, length } = tokens;
    const C = config.nEmbd;
    const cache =
      input.pastKeyValues ?? (input.useCache ? new KVCache(device, config, batch, config.nPositions) : undefined);
    if (cache && tape.recording)
      throw new Error("forward: a cache and recorded gradients exclude each other; pass grad: false");
    cache?.begin(batch, length, tokens.mask);
    const mask = tokens.mask && !cache ? tape.keep(device.tensor(tokens.mask, [batch, length])) : undefined;
    const hiddenStates: Output[] = [];
    const attentions: Output[] = [];
    const keep = (x: Variable): void => {
      if (input.outputHiddenStates) hiddenStates.push(new Output(device, x.value, [batch, length, C]));
    };
    const release = (x: Variable): void => {
      if (!input.outputHiddenStates) tape.release(x);
    };
    if (this.training && tape.recording) this.dropoutStep++;

    let x = this.drop(tape, embedding(tape, tokens, this.wte, this.wpe), config.embdPdrop, 0);
    keep(x);
    this.h.forEach((block, layer) => {
      const { ln_1, attn, ln_2, mlp } = block;
      const qkv = normLinear(tape, x, ln_1, config.layerNormEpsilon, attn.c_attn);
      const mixed = this.attend(tape, qkv, tokens, layer, mask, cache);
      if (input.outputAttentions) attentions.push(this.weightsOfAttention(qkv, tokens, layer, mask, cache));
      tape.release(qkv);
      const middle = this.intoResidual(tape, mixed, attn.c_proj, x, 3 * layer + 2);
      tape.release(mixed);
      release(x);
      const inner = normLinearGelu(tape, middle, ln_2, config.layerNormEpsilon, mlp.c_fc);
      x = this.intoResidual(tape, inner, mlp.c_proj, middle, 3 * layer + 3);
      tape.release(inner);
      tape.release(middle);
      if (layer < config.nLayer - 1) keep(x);
    });
    cache?.advance(length);
    return { stream: x, hiddenStates, attentions, cache };
  }

  /** Hidden states [N, C] after ln_f, of a stream that nobody needs afterwards. */
  finalNorm(tape: Tape, stream: Variable): Variable {
    const hidden = layerNorm(tape, stream, this.ln_f.weight, this.ln_f.bias, this.config.layerNormEpsilon);
    tape.release(stream);
    return hidden;
  }

  private attend(
    tape: Tape,
    qkv: Variable,
    { batch, length }: TokenBatch | DeviceTokens,
    layer: number,
    mask: Tensor | undefined,
    cache: KVCache | undefined,
  ): Variable {
    if (cache) return { value: cache.attend(layer, qkv.value, batch, length), requiresGrad: false, name: "attention" };
    return attention(tape, qkv, {
      batch,
      length,
      heads: this.config.nHead,
      mask,
      dropout: this.dropoutAt(tape, this.config.attnPdrop, 3 * layer + 1),
    });
  }

  private weightsOfAttention(
    qkv: Variable,
    { batch, length }: TokenBatch | DeviceTokens,
    layer: number,
    mask: Tensor | undefined,
    cache: KVCache | undefined,
  ): Output {
    const { device, config } = this;
    const heads = config.nHead;
    if (cache)
      return new Output(device, cache.attentionWeights(layer, qkv.value, batch, length), [
        batch,
        heads,
        length,
        cache.length + length,
      ]);
    const shape = [batch, heads, length, length];
    const weights = device.pool.acquire(shape);
    attentionWeights(device.batch, { qkv: qkv.value, mask, weights, batch, length, heads });
    return new Output(device, weights, shape);
  }

  /** x W + b, dropped out in training, added to the residual stream. */
  private intoResidual(tape: Tape, x: Variable, { weight, bias }: Affine, residual: Variable, site: number): Variable {
    if (!this.dropoutAt(tape, this.config.residPdrop, site)) return linearResidual(tape, x, weight, bias, residual);
    return add(tape, this.drop(tape, linear(tape, x, weight, bias), this.config.residPdrop, site), residual);
  }

  private drop(tape: Tape, x: Variable, probability: number, site: number): Variable {
    const options = this.dropoutAt(tape, probability, site);
    return options ? dropout(tape, x, options) : x;
  }

  private dropoutAt(
    tape: Tape,
    probability: number,
    site: number,
  ): { probability: number; seed: number; step: number; site: number } | undefined {
    if (!this.training || !tape.recording || probability === 0) return undefined;
    return { probability, seed: this.dropoutSeed, step: this.dropoutStep, site };
  }
}

/** Ends the tape and releases the outputs, once. */
export function disposer(tape: Tape, outputs: readonly Output[]): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    tape.end();
    for (const { tensor } of outputs) tape.device.pool.release(tensor);
  };
}
