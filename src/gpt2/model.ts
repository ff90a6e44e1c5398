// GPT-2 as a language model: the transformer with the token embedding as its head, its loss, its files.
import { crossEntropy } from "../autograd/cross-entropy.ts";
import type { Reduction } from "../autograd/cross-entropy.ts";
import { tiedHead } from "../autograd/linear.ts";
import type { ParameterStore } from "../autograd/parameter.ts";
import { Tape } from "../autograd/tape.ts";
import type { Variable } from "../autograd/variable.ts";
import type { Folder } from "../files/folder.ts";
import type { Device } from "../gpu/device.ts";
import { openFolder } from "../files/open.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { ignoredTensors, openCheckpoint, readConfig, writeCheckpoint } from "./checkpoint-files.ts";
import type { GPT2Config, GPT2ConfigFields } from "./config.ts";
import type { KVCache } from "./kv-cache.ts";
import { normHead } from "./norm-linear.ts";
import { Loss, Output } from "./output.ts";
import type { CausalLMOutput } from "./output.ts";
import { allocate, initialize, load } from "./parameters.ts";
import { resizeEmbedding } from "./resize-embeddings.ts";
import { tokenBatch } from "./token-batch.ts";
import type { TokenBatch } from "./token-batch.ts";
import { disposer, GPT2Model } from "./transformer.ts";
import type { ForwardInput } from "./transformer.ts";

export { GPT2Model } from "./transformer.ts";
export type { ForwardInput } from "./transformer.ts";

export interface CausalLMInput extends ForwardInput {
  /** [B][T], usually inputIds; shifted inside, -100 is not counted. */
  readonly labels?: readonly (readonly number[])[];
  /** Record for loss.backward(). Default: when there are labels and the model has gradients. */
  readonly grad?: boolean;
  /** Whether the loss is the mean over the labels that count (default) or their sum. */
  readonly lossReduction?: Reduction;
  /** Multiplies the loss and its gradient. Default 1. */
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

/** GPT-2 with its language-modelling head, tied to wte. */
export class GPT2LMHeadModel {
  readonly device: Device;
  transformer: GPT2Model;

  constructor(transformer: GPT2Model) {
    this.device = transformer.device;
    this.transformer = transformer;
  }

  get config(): GPT2Config {
    return this.transformer.config;
  }
  get parameters(): ParameterStore {
    return this.transformer.parameters;
  }

  /** Fresh weights, drawn from `seed`; gradients unless told otherwise. */
  static fromConfig(
    device: Device,
    config: GPT2Config,
    { seed = 42, gradients = true }: ModelOptions & { readonly seed?: number } = {},
  ): GPT2LMHeadModel {
    const parameters = allocate(device, config, gradients);
    initialize(parameters, config, seed);
    return new GPT2LMHeadModel(new GPT2Model(device, config, parameters));
  }

  /**
   * A model folder in Hugging Face's layout: a path, an address or an opened Folder. `onNote` gets one sentence that
   * names tensors left unused, if there are any. Throws UserError when it is not such a folder.
   */
  static async fromPretrained(
    device: Device,
    folder: string | Folder,
    { gradients = false, onNote }: ModelOptions & { readonly onNote?: (note: string) => void } = {},
  ): Promise<GPT2LMHeadModel> {
    const from = typeof folder === "string" ? await openFolder(folder) : folder;
    const config = await readConfig(from);
    const checkpoint = await openCheckpoint(from, config); // the sizes in config.json are believed after this
    const note = ignoredTensors(from, checkpoint);
    if (note !== undefined) onNote?.(note);
    const parameters = allocate(device, config, gradients);
    try {
      await load(parameters, checkpoint);
    } catch (error) {
      parameters.destroy();
      throw error;
    }
    return new GPT2LMHeadModel(new GPT2Model(device, config, parameters));
  }

  /**
   * Writes config.json and model.safetensors (F32 or F16), and generation_config.json when given. Throws UserError when
   * it cannot.
   */
  async savePretrained(
    folder: string | Folder,
    options: { readonly dtype?: "F32" | "F16"; readonly generationConfig?: Readonly<Record<string, unknown>> } = {},
  ): Promise<void> {
    const to = typeof folder === "string" ? await openFolder(folder) : folder;
    await to.write(writeCheckpoint(this.config, (name) => this.device.read(this.parameters.get(name).value), options));
  }

  /**
   * Logits, and the loss when labels are given. Rows are independent of each other; padded positions give garbage
   * logits. Throws UserError for ids, masks, labels or lengths the model cannot take.
   */
  forward(input: CausalLMInput): CausalLMOutput {
    const { device, config } = this;
    const grad = input.grad ?? (input.labels !== undefined && !input.pastKeyValues && this.parameters.hasGradients);
    const tape = new Tape(device, grad);
    const tokens = tokenBatch(config, input.pastKeyValues?.length ?? 0, input);
    const { batch, length } = tokens;
    const { stream, hiddenStates, attentions, cache } = this.transformer.run(tape, tokens, input);
    const outputs = [...hiddenStates, ...attentions];
    let logits: Variable;
    let last: Output | undefined;
    if (input.outputHiddenStates) {
      const hidden = this.transformer.finalNorm(tape, stream);
      last = new Output(device, hidden.value, [batch, length, config.nEmbd]);
      if (!grad) outputs.push(last);
      logits = this.ofRows(tape, hidden, tokens, input, (rows) => tiedHead(tape, rows, this.transformer.wte));
    } else {
      logits = this.ofRows(tape, stream, tokens, input, (rows) => this.head(tape, rows));
      tape.release(stream);
    }
    let loss: Loss | undefined;
    const keepLogits = input.keepLogits ?? true;
    if (tokens.labels) {
      const variable = crossEntropy(tape, logits, {
        vocabSize: config.vocabSize,
        batch,
        length,
        labels: tokens.labels,
        reduction: input.lossReduction,
        scale: input.lossScale,
        keepLogits,
      });
      tape.giveAway(variable);
      loss = new Loss(tape, variable);
      outputs.push(loss);
    }
    const output =
      keepLogits || !tokens.labels
        ? new Output(device, logits.value, [batch, input.lastOnly ? 1 : length, config.vocabSize])
        : undefined;
    if (output) {
      if (!grad) outputs.push(output);
    } else tape.release(logits);
    return {
      loss,
      logits: output,
      hiddenStates: last && [...hiddenStates, last],
      attentions: input.outputAttentions ? attentions : undefined,
      pastKeyValues: cache,
      dispose: disposer(tape, grad ? [...(loss ? [loss] : []), ...attentions] : outputs),
    };
  }

  /**
   * One step of decoding with tokens that are on the GPU already: `indices` u32 [2, R], ids and positions of one token
   * for each row of `cache`, which grows by them. Returns logits [R, Vp], which the caller releases. Nothing is
   * uploaded or read.
   */
  decode(indices: Tensor, cache: KVCache): Tensor {
    const tape = new Tape(this.device, false);
    const { stream } = this.transformer.run(
      tape,
      { batch: indices.shape[1], length: 1, indices },
      { pastKeyValues: cache },
    );
    const logits = this.head(tape, stream);
    tape.release(stream);
    return logits.value;
  }

  /**
   * Changes the vocabulary to `size` rows of wte. Rows kept are unchanged; new ones are drawn around the mean of the
   * old (see resize-embeddings.ts), so a pre-trained model does not start by emitting them. Build the optimizer
   * afterwards.
   */
  async resizeTokenEmbeddings(size: number, { seed = 42 }: { readonly seed?: number } = {}): Promise<void> {
    if (size === this.config.vocabSize) return;
    const { transformer: old, device } = this;
    const config = this.config.with({ vocabSize: size });
    const parameters = allocate(device, config, old.parameters.hasGradients);
    for (const { name, value } of old.parameters.all()) {
      if (name !== old.wte.name) device.batch.copy(value, parameters.get(name).value);
    }
    device.batch.write(
      parameters.get(old.wte.name).value,
      resizeEmbedding(await device.read(old.wte.value), this.config.nEmbd, size, seed),
    );
    await device.finish();
    old.parameters.destroy();
    this.transformer = new GPT2Model(device, config, parameters);
  }

  /** Changes fields that no parameter's shape depends on: token ids, dropout. */
  updateConfig(
    changes: Partial<
      Pick<GPT2ConfigFields, "bosTokenId" | "eosTokenId" | "padTokenId" | "embdPdrop" | "attnPdrop" | "residPdrop">
    >,
  ): void {
    this.transformer = new GPT2Model(this.device, this.config.with(changes), this.parameters);
  }

  /** Frees the weights. */
  destroy(): void {
    this.parameters.destroy();
  }

  /** ln_f and the tied head. */
  private head(tape: Tape, rows: Variable): Variable {
    return normHead(tape, rows, this.transformer.ln_f, this.config.layerNormEpsilon, this.transformer.wte);
  }

  /** What `make` makes of all rows of x [B*T, C], or of every sequence's last when only those were asked for. */
  private ofRows(
    tape: Tape,
    x: Variable,
    { batch, length }: TokenBatch,
    { lastOnly }: CausalLMInput,
    make: (rows: Variable) => Variable,
  ): Variable {
    if (!lastOnly || length === 1) return make(x);
    const rows = this.lastRows(tape, x, batch, length);
    const made = make(rows);
    tape.release(rows);
    return made;
  }

  private lastRows(tape: Tape, x: Variable, batch: number, length: number): Variable {
    if (tape.recording) throw new Error("forward: lastOnly and recorded gradients exclude each other");
    const C = this.config.nEmbd;
    const rows = tape.acquire([batch, C]);
    for (let b = 0; b < batch; b++) {
      const at = ((b + 1) * length - 1) * C * 4;
      this.device.batch.copy(
        { ...x.value, byteOffset: x.value.byteOffset + at, shape: [1, C] },
        { ...rows, byteOffset: b * C * 4, shape: [1, C] },
      );
    }
    return { value: rows, requiresGrad: false, name: "last_rows" };
  }
}
