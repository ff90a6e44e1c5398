// GPT-2 as a language model: the transformer with the token embedding as its head, its loss, its files.
import { crossEntropy, lossFactor } from "../autograd/cross-entropy.ts";
import type { Targets } from "../autograd/cross-entropy.ts";
import { headLoss } from "../autograd/head-loss.ts";
import { logitsWidth, tiedHead } from "../autograd/linear.ts";
import type { ParameterStore } from "../autograd/parameter.ts";
import { Tape } from "../autograd/tape.ts";
import type { Variable } from "../autograd/variable.ts";
import { UserError } from "../errors.ts";
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import type { Folder } from "../files/folder.ts";
import type { Device } from "../gpu/device.ts";
import { openFolder } from "../files/open.ts";
import { quote } from "../files/quote.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Stored } from "../kernels/stored.ts";
import type { Adapter } from "./adapter.ts";
import { writeAdapter } from "./adapter-files.ts";
import { addAdapter, loadAdapter, mergeAdapter } from "./adapting.ts";
import { saveCheckpoint, writeCheckpoint } from "./checkpoint-files.ts";
import type { SavedCheckpointOptions } from "./checkpoint-files.ts";
import type { GPT2Config, GPT2ConfigFields } from "./config.ts";
import { checkCausalLMInput } from "./forward-input.ts";
import type { CausalLMInput } from "./forward-input.ts";
import type { KVCache } from "./kv-cache.ts";
import { normHead } from "./norm-linear.ts";
import { disposing, Loss, tupleOf } from "./output.ts";
import type { CausalLMOutput, LabelledOutput } from "./output.ts";
import { allocate, initialize } from "./parameters.ts";
import { checkDtype, loadPretrained, PRETRAINED_FIELDS } from "./pretrained.ts";
import type { ModelOptions, PretrainedOptions } from "./pretrained.ts";
import { resizeEmbedding } from "./resize-embeddings.ts";
import type { LoraOptions } from "./lora-config.ts";
import type { TokenBatch } from "./token-batch.ts";
import { GPT2Model, outputOf } from "./transformer.ts";
import type { Pass } from "./transformer.ts";

export type { CausalLMInput, ForwardInput } from "./forward-input.ts";
export type { ModelOptions, PretrainedOptions } from "./pretrained.ts";
export { GPT2Model } from "./transformer.ts";

type ChangeableFields = Pick<
  GPT2ConfigFields,
  "bosTokenId" | "eosTokenId" | "padTokenId" | "embdPdrop" | "attnPdrop" | "residPdrop"
>;
const CHANGEABLE_FIELDS: FieldsOf<ChangeableFields> = {
  bosTokenId: true,
  eosTokenId: true,
  padTokenId: true,
  embdPdrop: true,
  attnPdrop: true,
  residPdrop: true,
};

/** GPT-2 with its language-modelling head, tied to wte. */
export class GPT2LMHeadModel {
  readonly device: Device;
  readonly transformer: GPT2Model;

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

  /** How its weight matrices are kept, and the keys and values of a cache of it. */
  get dtype(): Stored {
    return this.parameters.dtype;
  }

  /** What an optimizer trains: the adapter's parameters where there is one, else `parameters`. */
  get trained(): ParameterStore {
    return this.transformer.trained;
  }
  get adapter(): Adapter | undefined {
    return this.transformer.adapter;
  }

  /**
   * Fresh weights, drawn from `seed`; gradients unless told otherwise. The caller destroys the model. Throws UserError
   * for gradients of a model in f16, or when there is not the memory.
   */
  static fromConfig(
    device: Device,
    config: GPT2Config,
    options: ModelOptions & { readonly seed?: number } = {},
  ): GPT2LMHeadModel {
    expectFields("GPT2LMHeadModel.fromConfig()", options, { gradients: true, dtype: true, seed: true });
    const { seed = 42, gradients = true, dtype } = options;
    checkDtype(dtype);
    const parameters = allocate(device, config, gradients, dtype);
    try {
      initialize(parameters, config, seed);
      return new GPT2LMHeadModel(new GPT2Model(device, config, parameters));
    } catch (error) {
      parameters.destroy();
      throw error;
    }
  }

  /**
   * A model folder in Hugging Face's layout: a path, an address, an opened Folder or, in Node, a name on the Hub
   * ("gpt2"); of an adapter in PEFT's, its base with the adapter merged, the base being found by what the adapter calls
   * it. The caller destroys the model.
   * Throws UserError when it is not such a folder, when there is not the memory for it, or for a weight that `dtype`
   * cannot hold.
   */
  static async fromPretrained(
    device: Device,
    folder: string | Folder,
    options: PretrainedOptions = {},
  ): Promise<GPT2LMHeadModel> {
    expectFields("GPT2LMHeadModel.fromPretrained()", options, PRETRAINED_FIELDS);
    const { config, parameters } = await loadPretrained(device, folder, options);
    return new GPT2LMHeadModel(new GPT2Model(device, config, parameters));
  }

  /**
   * Writes config.json and model.safetensors (F32 or F16; default the model's own dtype, as save_pretrained does) or
   * its shards, and generation_config.json when given. With
   * an adapter on the model that alone, in PEFT's layout: adapter_config.json and adapter_model.safetensors. Throws
   * UserError when it cannot.
   */
  async savePretrained(folder: string | Folder, options: SavedCheckpointOptions = {}): Promise<void> {
    expectFields("savePretrained()", options, { dtype: true, maxShardBytes: true, generationConfig: true });
    const { dtype } = options as { readonly dtype?: unknown };
    if (dtype !== undefined && dtype !== "F32" && dtype !== "F16")
      throw new UserError(`savePretrained: dtype is ${quote(dtype)}, wanted "F32" or "F16".`);
    const to = typeof folder === "string" ? await openFolder(folder) : folder;
    const { adapter } = this;
    const store = this.trained;
    const read = (name: string): Promise<Float32Array> => store.read(name);
    if (adapter) await to.write(writeAdapter(adapter.config, this.config, read, options.dtype));
    else
      await saveCheckpoint(
        to,
        writeCheckpoint(this.config, read, { dtype: this.dtype === "f16" ? "F16" : "F32", ...options }),
      );
  }

  /**
   * Logits, and the loss when labels are given. Rows are independent of each other; padded positions give garbage
   * logits. The caller disposes of the output, and of the cache where useCache made one. Throws UserError for ids,
   * masks, labels, lengths or wishes the model cannot take, and for fields that are not known, having taken nothing.
   */
  forward(input: CausalLMInput & Required<Pick<CausalLMInput, "labels">>): LabelledOutput;
  forward(input: CausalLMInput): CausalLMOutput;
  forward(input: CausalLMInput): CausalLMOutput {
    checkCausalLMInput(input);
    const recording = this.records(input);
    return this.device.pool.attempt(() => {
      const pass = this.transformer.begin(input, recording, recording && input.mixed ? "f16" : "f32");
      const { tape, results, tokens } = pass;
      const { vocabSize } = this.config;
      const lastOnly = input.lastOnly === true && tokens.length > 1;
      const headOfLast = lastOnly && !tokens.targets && !recording; // else the head's other rows are needed, too
      const { stream, hiddenStates, attentions } = this.transformer.run(pass);

      const byChunks = input.logitsChunk !== undefined && tokens.targets !== undefined;
      const normed = hiddenStates !== undefined || byChunks;
      const all = normed ? this.transformer.finalNorm(tape, stream) : stream;
      hiddenStates?.push(this.transformer.hidden(pass, all));
      let returned: Variable | undefined;
      let loss: Loss | undefined;
      if (byChunks) {
        loss = this.lossByChunks(pass, all, tokens.targets!, input);
        if (!hiddenStates) tape.release(all);
      } else {
        const rows = headOfLast ? lastRows(tape, all, tokens) : all;
        const trained = this.adapter?.tokens();
        const logits = normed ? tiedHead(tape, rows, this.transformer.wte, { trained }) : this.head(tape, rows);
        if (rows !== all) tape.release(rows);
        if (!normed) tape.release(stream);
        if (input.keepLogits !== false || !tokens.targets)
          returned = lastOnly && !headOfLast ? lastRows(tape, logits, tokens) : logits;
        loss = tokens.targets && this.loss(pass, logits, tokens.targets, returned === logits, input);
        if (returned !== logits) tape.release(logits);
      }
      if (!recording) tape.end();
      const shape = [tokens.batch, lastOnly ? 1 : tokens.length, vocabSize];
      const logitsOut = returned && outputOf(pass, returned.value, shape);
      return {
        loss,
        logits: logitsOut,
        hiddenStates,
        attentions,
        pastKeyValues: pass.cache,
        ...tupleOf(loss, logitsOut, pass.cache, hiddenStates, attentions),
        ...disposing(tape, results),
      };
    });
  }

  /**
   * One step of decoding with tokens that are on the GPU already: `indices` u32 [2, R], ids and positions of one token
   * for each row of `cache`, which grows by them; or [3, R], with their types. Returns logits [R, Vp], which the caller
   * releases. Nothing is uploaded or read.
   */
  decode(indices: Tensor, cache: KVCache): Tensor {
    this.parameters.expectOpen();
    return this.device.pool.attempt(() => {
      const tape = new Tape(this.device, false);
      const tokens = { batch: indices.shape[1], length: 1, indices } as const;
      const { stream } = this.transformer.run({ tape, results: tape.scope, tokens, cache });
      const logits = this.head(tape, stream);
      tape.release(stream);
      return logits.value;
    });
  }

  /**
   * Changes the vocabulary to `size` rows of wte, where nothing else uses the model meanwhile. Rows kept are unchanged;
   * new ones are drawn around the mean of the old (see resize-embeddings.ts), so a pre-trained model does not start by
   * emitting them. Optimizers and generations under way belong to the former weights and throw; make another optimizer.
   * Throws UserError, the model being as it was, for a size below 1, or when there is not the memory.
   */
  async resizeTokenEmbeddings(size: number, options: { readonly seed?: number } = {}): Promise<void> {
    expectFields("resizeTokenEmbeddings()", options, { seed: true });
    const { seed = 42 } = options;
    const { transformer, device, config, parameters: old } = this;
    if (size === config.vocabSize) return;
    if (this.adapter)
      throw new UserError("resizeTokenEmbeddings: the model has an adapter; resize it before, or merge that first.");
    old.expectOpen();
    const name = transformer.wte.name;
    const rows = resizeEmbedding(await old.read(name), config.nEmbd, size, seed);
    const resized = config.with({ vocabSize: size });
    const parameters = allocate(device, resized, old.gradients, old.dtype);
    try {
      old.expectOpen(); // as it was before the embedding was read
      for (const each of old.all()) {
        const { value } = parameters.get(each.name);
        if (each.name === name) parameters.write(name, rows);
        else device.batch.copy(each.value, value);
      }
      await device.finish();
      old.expectOpen();
    } catch (error) {
      parameters.destroy();
      throw error;
    }
    transformer.become(resized, parameters);
  }

  /** Changes fields that no parameter's shape depends on: token ids, dropout. Throws UserError for others. */
  updateConfig(changes: Partial<ChangeableFields>): void {
    expectFields("updateConfig()", changes, CHANGEABLE_FIELDS);
    this.transformer.become(this.config.with(changes));
  }

  /**
   * Puts a LoRA adapter on the model, as PEFT's get_peft_model() does: from now on it alone is trained, and saved.
   * A begins uniform, drawn from `seed`, B zero. The model owns it. Throws UserError for options that make none, where
   * the model has gradients (of weights that are to stay as they are) or an adapter, or there is not the memory.
   */
  addAdapter(options: LoraOptions = {}, { seed = 42 }: { readonly seed?: number } = {}): void {
    addAdapter(this.transformer, options, seed);
  }

  /**
   * Puts the adapter in this folder (PEFT's layout) on the model, which must have the rows of wte that it trains:
   * resizeTokenEmbeddings() first. `trainable`: with gradients, to go on training it; default false. Throws UserError
   * where it does not fit, and as addAdapter().
   */
  async loadAdapter(folder: string | Folder, options: { readonly trainable?: boolean } = {}): Promise<void> {
    expectFields("loadAdapter()", options, { trainable: true });
    await loadAdapter(this.transformer, typeof folder === "string" ? await openFolder(folder) : folder, options);
  }

  /** Adds the adapter's changes to the weights and takes it off, as PEFT's merge_and_unload(). Without one: nothing. */
  async mergeAdapter(): Promise<void> {
    await mergeAdapter(this.transformer);
  }

  /** Frees the weights, once, after what is recorded was sent. */
  destroy(): void {
    this.transformer.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  /** Whether forward() records for backward. Throws UserError where that is asked for and cannot be. */
  private records({ grad, labels, useCache, pastKeyValues }: CausalLMInput): boolean {
    const cached = pastKeyValues !== undefined || useCache === true;
    const possible = !cached && this.trained.hasGradients;
    if (grad && cached)
      throw new UserError("forward: grad is true with a key-value cache, which keeps no gradients: drop one of them.");
    if (grad && !possible)
      throw new UserError(
        "forward: grad is true on a model without gradients: give fromPretrained() or fromConfig() gradients: true.",
      );
    return grad ?? (labels !== undefined && possible);
  }

  /** The loss of hidden states after ln_f, with no more logits at once than a chunk has. */
  private lossByChunks(
    pass: Pass,
    hidden: Variable,
    { shifted, count }: Targets,
    { logitsChunk, lossReduction, lossScale, mixed }: CausalLMInput,
  ): Loss {
    const { wte, adapter } = this.transformer;
    const variable = headLoss(pass.tape, hidden, wte, {
      factor: lossFactor(count, lossReduction, lossScale),
      scaling: mixed?.scaling,
      targets: this.device.tensor(shifted, [shifted.length]),
      width: logitsWidth(this.config.vocabSize),
      chunk: logitsChunk!,
      trained: adapter?.tokens(),
    });
    return lossOf(pass, variable);
  }

  private loss(
    pass: Pass,
    logits: Variable,
    targets: Targets,
    keepLogits: boolean,
    { lossReduction, lossScale, mixed }: CausalLMInput,
  ): Loss {
    const variable = crossEntropy(pass.tape, logits, {
      vocabSize: this.config.vocabSize,
      targets,
      reduction: lossReduction,
      scale: lossScale,
      scaling: mixed?.scaling,
      keepLogits,
    });
    return lossOf(pass, variable);
  }

  /** ln_f and the tied head. */
  private head(tape: Tape, rows: Variable): Variable {
    const { ln_f, wte, adapter } = this.transformer;
    return normHead(tape, rows, ln_f, this.config.layerNormEpsilon, wte, adapter?.tokens());
  }
}

/** A loss as an output: not the tape's, which ends with backward(). */
function lossOf({ tape, results }: Pass, variable: Variable): Loss {
  tape.giveAway(variable);
  results.adopt(variable.value);
  return new Loss(tape, results, variable);
}

/** The last row of every sequence of x [B*T, width], copied: [B, width]. Nothing is recorded of it. */
function lastRows({ device }: Tape, { value }: Variable, { batch, length }: TokenBatch): Variable {
  const width = value.shape[1];
  const rows = device.pool.acquire([batch, width]);
  for (let b = 0; b < batch; b++) {
    const last = (b + 1) * length - 1;
    device.batch.copy(
      { ...value, byteOffset: value.byteOffset + 4 * last * width, shape: [1, width] },
      { ...rows, byteOffset: 4 * b * width, shape: [1, width] },
    );
  }
  return { value: rows, requiresGrad: false, name: "last_rows" };
}
