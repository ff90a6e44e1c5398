// GPT-2 as Hugging Face's modeling_gpt2.py has it: token and position embeddings, pre-norm blocks of attention and MLP on a
// residual stream, a final layer norm; and the language model with the token embedding as its head.
import { attention } from "../autograd/attention.ts";
import { add } from "../autograd/add.ts";
import { crossEntropy } from "../autograd/cross-entropy.ts";
import { dropout } from "../autograd/dropout.ts";
import { embedding } from "../autograd/embedding.ts";
import { layerNorm } from "../autograd/layernorm.ts";
import { linear, linearGelu, linearResidual, tiedHead } from "../autograd/linear.ts";
import type { ParameterStore } from "../autograd/parameter.ts";
import { Tape } from "../autograd/tape.ts";
import type { Variable } from "../autograd/tape.ts";
import type { Folder } from "../files/folder.ts";
import type { Device } from "../gpu/device.ts";
import { openFolder } from "../gpu/platform.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { attentionWeights } from "../kernels/attention.ts";
import { readConfig, writeCheckpoint } from "./checkpoint-files.ts";
import type { GPT2Config, GPT2ConfigFields } from "./config.ts";
import { KVCache } from "./kv-cache.ts";
import { Loss, Output } from "./output.ts";
import type { BaseModelOutput, CausalLMOutput } from "./output.ts";
import { allocate, initialize, load, weightsOf } from "./parameters.ts";
import type { Affine, Weights } from "./parameters.ts";
import { resizeEmbedding } from "./resize-embeddings.ts";
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

export interface CausalLMInput extends ForwardInput {
  /** [B][T], usually inputIds; shifted inside, -100 is not counted. */
  readonly labels?: readonly (readonly number[])[];
  /** Record for loss.backward(). Default: when there are labels and the model has gradients. */
  readonly grad?: boolean;
  /** Multiplies the loss and its gradient: 1 / micro-batches under gradient accumulation. Default 1. */
  readonly lossScale?: number;
  /** False: the gradient takes the logits' memory already in forward, saving a pass. Default true. */
  readonly keepLogits?: boolean;
  /** Logits of the last position of every row only. */
  readonly lastOnly?: boolean;
}

export interface ModelOptions {
  /** Take memory for gradients (the size of the weights again). Default false for loaded models. */
  readonly gradients?: boolean;
}

/** The raw transformer: token ids to hidden states. */
export class GPT2Model {
  readonly device: Device;
  readonly config: GPT2Config;
  readonly parameters: ParameterStore;
  private readonly weights: Weights;
  /** Dropout is drawn only while `training`; `dropoutSeed` and `dropoutStep` decide the draw, and each training forward advances the step. */
  training = false;
  dropoutSeed = 0;
  dropoutStep = 0;

  constructor(device: Device, config: GPT2Config, parameters: ParameterStore) {
    this.device = device;
    this.config = config;
    this.parameters = parameters;
    this.weights = weightsOf(parameters, config);
  }

  get wte(): Weights["wte"] { return this.weights.wte; }
  get wpe(): Weights["wpe"] { return this.weights.wpe; }
  get h(): Weights["h"] { return this.weights.h; }
  get ln_f(): Weights["ln_f"] { return this.weights.ln_f; }

  /** Hidden states after ln_f. Throws UserError for ids, masks or lengths the model cannot take. */
  forward(input: ForwardInput): BaseModelOutput {
    const tape = new Tape(this.device, false);
    const tokens = tokenBatch(this.config, input.pastKeyValues?.length ?? 0, input);
    const run = this.run(tape, tokens, input);
    const outputs = [run.last, ...run.hiddenStates, ...run.attentions];
    return {
      lastHiddenState: run.last,
      hiddenStates: input.outputHiddenStates ? [...run.hiddenStates, run.last] : undefined,
      attentions: input.outputAttentions ? run.attentions : undefined,
      pastKeyValues: run.cache,
      dispose: disposer(tape, outputs),
    };
  }

  /** The forward pass on a tape: what forward() and GPT2LMHeadModel share. The caller owns the returned outputs. */
  run(tape: Tape, tokens: TokenBatch, input: ForwardInput): { hidden: Variable; last: Output; hiddenStates: Output[]; attentions: Output[]; cache: KVCache | undefined } {
    const { config, device } = this;
    const { batch, length } = tokens;
    const C = config.nEmbd;
    const cache = input.pastKeyValues ?? (input.useCache ? new KVCache(device, config, batch, config.nPositions) : undefined);
    if (cache && tape.recording) throw new Error("forward: a cache and recorded gradients exclude each other; pass grad: false");
    cache?.begin(batch, length, tokens.mask);
    const mask = tokens.mask && !cache ? tape.keep(device.tensor(tokens.mask, [batch, length])) : undefined;
    const hiddenStates: Output[] = [];
    const attentions: Output[] = [];
    const keep = (x: Variable): void => { if (input.outputHiddenStates) hiddenStates.push(new Output(device, x.value, [batch, length, C])); };
    const release = (x: Variable): void => { if (!input.outputHiddenStates) tape.release(x); };
    if (this.training && tape.recording) this.dropoutStep++;

    let x = this.drop(tape, embedding(tape, tokens, this.wte, this.wpe), config.embdPdrop, 0);
    keep(x);
    this.h.forEach((block, layer) => {
      const { ln_1, attn, ln_2, mlp } = block;
      const normed = layerNorm(tape, x, ln_1.weight, ln_1.bias, config.layerNormEpsilon);
      const qkv = linear(tape, normed, attn.c_attn.weight, attn.c_attn.bias);
      tape.release(normed);
      const mixed = this.attend(tape, qkv, tokens, layer, mask, cache);
      if (input.outputAttentions) attentions.push(this.weightsOfAttention(qkv, tokens, layer, mask, cache));
      tape.release(qkv);
      const middle = this.intoResidual(tape, mixed, attn.c_proj, x, 3 * layer + 2);
      tape.release(mixed);
      release(x);
      const normed2 = layerNorm(tape, middle, ln_2.weight, ln_2.bias, config.layerNormEpsilon);
      const inner = linearGelu(tape, normed2, mlp.c_fc.weight, mlp.c_fc.bias);
      tape.release(normed2);
      x = this.intoResidual(tape, inner, mlp.c_proj, middle, 3 * layer + 3);
      tape.release(inner);
      tape.release(middle);
      if (layer < config.nLayer - 1) keep(x);
    });
    const hidden = layerNorm(tape, x, this.ln_f.weight, this.ln_f.bias, config.layerNormEpsilon);
    tape.release(x);
    cache?.advance(length);
    return { hidden, last: new Output(device, hidden.value, [batch, length, C]), hiddenStates, attentions, cache };
  }

  private attend(tape: Tape, qkv: Variable, { batch, length }: TokenBatch, layer: number, mask: Tensor | undefined, cache: KVCache | undefined): Variable {
    if (cache) return { value: cache.attend(layer, qkv.value, batch, length), requiresGrad: false, name: "attention" };
    return attention(tape, qkv, {
      batch, length, heads: this.config.nHead, mask,
      dropout: this.dropoutAt(tape, this.config.attnPdrop, 3 * layer + 1),
    });
  }

  private weightsOfAttention(qkv: Variable, { batch, length }: TokenBatch, layer: number, mask: Tensor | undefined, cache: KVCache | undefined): Output {
    const { device, config } = this;
    const heads = config.nHead;
    if (cache) return new Output(device, cache.attentionWeights(layer, qkv.value, batch, length), [batch, heads, length, cache.length + length]);
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

  private dropoutAt(tape: Tape, probability: number, site: number): { probability: number; seed: number; step: number; site: number } | undefined {
    if (!this.training || !tape.recording || probability === 0) return undefined;
    return { probability, seed: this.dropoutSeed, step: this.dropoutStep, site };
  }
}

/** GPT-2 with its language-modelling head, tied to wte. */
export class GPT2LMHeadModel {
  readonly device: Device;
  transformer: GPT2Model;

  constructor(transformer: GPT2Model) {
    this.device = transformer.device;
    this.transformer = transformer;
  }

  get config(): GPT2Config { return this.transformer.config; }
  get parameters(): ParameterStore { return this.transformer.parameters; }

  /** Fresh weights, drawn from `seed`; gradients unless told otherwise. */
  static fromConfig(device: Device, config: GPT2Config, { seed = 42, gradients = true }: ModelOptions & { readonly seed?: number } = {}): GPT2LMHeadModel {
    const parameters = allocate(device, config, gradients);
    initialize(parameters, config, seed);
    return new GPT2LMHeadModel(new GPT2Model(device, config, parameters));
  }

  /** A model folder in Hugging Face's layout: a path, an address or an opened Folder. Throws UserError when it is not one. */
  static async fromPretrained(device: Device, folder: string | Folder, { gradients = false }: ModelOptions = {}): Promise<GPT2LMHeadModel> {
    const from = typeof folder === "string" ? await openFolder(folder) : folder;
    const config = await readConfig(from);
    const parameters = allocate(device, config, gradients);
    try {
      await load(parameters, config, from);
    } catch (error) {
      parameters.destroy();
      throw error;
    }
    return new GPT2LMHeadModel(new GPT2Model(device, config, parameters));
  }

  /** Writes config.json and model.safetensors (F32 or F16), and generation_config.json when given. Throws UserError when it cannot. */
  async savePretrained(folder: string | Folder, options: { readonly dtype?: "F32" | "F16"; readonly generationConfig?: Readonly<Record<string, unknown>> } = {}): Promise<void> {
    const to = typeof folder === "string" ? await openFolder(folder) : folder;
    await to.write(await writeCheckpoint(this.config, (name) => this.device.read(this.parameters.get(name).value), options));
  }

  /**
   * Logits, and the loss when labels are given. Rows are independent of each other; padded positions give garbage logits.
   * Throws UserError for ids, masks, labels or lengths the model cannot take.
   */
  forward(input: CausalLMInput): CausalLMOutput {
    const { device, config } = this;
    const grad = input.grad ?? (input.labels !== undefined && !input.pastKeyValues && this.parameters.hasGradients);
    const tape = new Tape(device, grad);
    const tokens = tokenBatch(config, input.pastKeyValues?.length ?? 0, input);
    const { batch, length } = tokens;
    const { hidden, last, hiddenStates, attentions, cache } = this.transformer.run(tape, tokens, input);
    const rows = input.lastOnly && length > 1 ? this.lastRows(tape, hidden, batch, length) : hidden;
    const logits = tiedHead(tape, rows, this.transformer.wte);
    if (rows !== hidden) tape.release(rows);
    const outputs = [...hiddenStates, ...attentions];
    if (!grad && input.outputHiddenStates) outputs.push(last);
    else tape.release(hidden);
    let loss: Loss | undefined;
    const keepLogits = input.keepLogits ?? true;
    if (tokens.labels) {
      const variable = crossEntropy(tape, logits, { vocabSize: config.vocabSize, batch, length, labels: tokens.labels, scale: input.lossScale ?? 1, keepLogits });
      tape.giveAway(variable);
      loss = new Loss(tape, variable);
      outputs.push(loss);
    }
    const output = keepLogits || !tokens.labels ? new Output(device, logits.value, [batch, input.lastOnly ? 1 : length, config.vocabSize]) : undefined;
    if (output) { if (!grad) outputs.push(output); }
    else tape.release(logits);
    return {
      loss, logits: output,
      hiddenStates: input.outputHiddenStates ? [...hiddenStates, last] : undefined,
      attentions: input.outputAttentions ? attentions : undefined,
      pastKeyValues: cache,
      dispose: disposer(tape, grad ? [...(loss ? [loss] : []), ...attentions] : outputs),
    };
  }

  /**
   * Changes the vocabulary to `size` rows of wte. Rows kept are unchanged; new ones are drawn around the mean of the old (see
   * resize-embeddings.ts), so a pre-trained model does not start by emitting them. Build the optimizer afterwards.
   */
  async resizeTokenEmbeddings(size: number, { seed = 42 }: { readonly seed?: number } = {}): Promise<void> {
    if (size === this.config.vocabSize) return;
    const { transformer: old, device } = this;
    const config = this.config.with({ vocabSize: size });
    const parameters = allocate(device, config, old.parameters.hasGradients);
    for (const { name, value } of old.parameters.all()) {
      if (name !== old.wte.name) device.batch.copy(value, parameters.get(name).value);
    }
    device.batch.write(parameters.get(old.wte.name).value, resizeEmbedding(await device.read(old.wte.value), this.config.nEmbd, size, seed));
    await device.finish();
    old.parameters.destroy();
    this.transformer = new GPT2Model(device, config, parameters);
  }

  /** Changes fields that no parameter's shape depends on: token ids, dropout. */
  updateConfig(changes: Partial<Pick<GPT2ConfigFields, "bosTokenId" | "eosTokenId" | "padTokenId" | "embdPdrop" | "attnPdrop" | "residPdrop">>): void {
    this.transformer = new GPT2Model(this.device, this.config.with(changes), this.parameters);
  }

  /** Frees the weights. */
  destroy(): void {
    this.parameters.destroy();
  }

  private lastRows(tape: Tape, hidden: Variable, batch: number, length: number): Variable {
    if (tape.recording) throw new Error("forward: lastOnly and recorded gradients exclude each other");
    const C = this.config.nEmbd;
    const rows = tape.acquire([batch, C]);
    for (let b = 0; b < batch; b++) {
      const at = ((b + 1) * length - 1) * C * 4;
      this.device.batch.copy({ ...hidden.value, byteOffset: hidden.value.byteOffset + at, shape: [1, C] }, { ...rows, byteOffset: b * C * 4, shape: [1, C] });
    }
    return { value: rows, requiresGrad: false, name: "last_rows" };
  }
}

function disposer(tape: Tape, outputs: readonly Output[]): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    tape.end();
    for (const { tensor } of outputs) tape.device.pool.release(tensor);
  };
}
