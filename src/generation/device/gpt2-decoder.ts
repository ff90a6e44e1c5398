// The GPT-2 model as a Decoder: prompts once through the model, then one token a row on a cache that is allocated for
// the whole run; beams are reordered by the cache's ancestry table. In steady state a token, or a few of them, is one
// submit of launches that were all prepared before. Decoders of one model may work at the same time; a decoder serves
// one generation at a time.
import { KVCache } from "../../gpt2/kv-cache.ts";
import type { GPT2LMHeadModel } from "../../gpt2/model.ts";
import type { CausalLMOutput } from "../../gpt2/output.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { Decoder, StepInspection, TokenSampler } from "./decoder.ts";
import { DeviceSampler } from "./device-sampler.ts";
import type { StepTensors } from "./device-sampler.ts";
import { findNonFinite } from "./non-finite.ts";
import { repeatRows } from "../scores/scores.ts";

type Rows = readonly (readonly number[])[];

interface RunInput {
  readonly inputIds: Rows;
  readonly positionIds: Rows;
  readonly attentionMask?: Rows;
  readonly tokenTypeIds?: Rows;
}

export class GPT2Decoder implements Decoder {
  readonly sampler: TokenSampler;
  private readonly model: GPT2LMHeadModel;
  private readonly deviceSampler: DeviceSampler;
  private cache: KVCache | undefined;
  /** u32 [2, maxRows]: the next token of each row and its position; [3, maxRows] with its type. */
  private inputs: Tensor | undefined;
  /** Logits [rows / expand, Vp] after the last token, and how to give them back. */
  private last: { readonly logits: Tensor; release(): void } | undefined;
  /**
   * Real tokens in each row's prompt, and columns that every row has had since: the position of its next token is their
   * sum.
   */
  private promptLengths: readonly number[] = [];
  private columnsSince = 0;
  /** The type of each row's next tokens, where there are types: its prompt's last. */
  private types: readonly number[] | undefined;
  /** Rows that share a prompt, until the first step takes them apart. */
  private expand = 1;
  /** Those that the cache was filled with. */
  private weights: GPT2LMHeadModel["parameters"] | undefined;
  /** What inspect() runs again. */
  private lastInput: RunInput | undefined;

  /**
   * Takes no memory until prefill(), which generate() calls; what that takes is kept for the next one. The caller
   * disposes of the decoder, before the model.
   */
  constructor(model: GPT2LMHeadModel) {
    this.model = model;
    const sampling = (this.deviceSampler = new DeviceSampler(model));
    this.sampler = {
      sample: (request) => sampling.sample(this.stepTensors(), request),
      candidates: (count, excluded) => sampling.candidates(this.stepTensors(), count, excluded),
      stepSampled: () => this.stepSampled(),
      submit: () => sampling.submit(),
    };
  }

  get vocabSize(): number {
    return this.model.config.vocabSize;
  }
  get nPositions(): number {
    return this.model.config.nPositions;
  }

  /** See Decoder. Throws UserError when there is not the memory, having taken none. */
  prefill(inputIds: Rows, attentionMask: Rows, expand: number, capacity: number, tokenTypeIds?: Rows): void {
    this.dispose();
    try {
      this.begin(inputIds, attentionMask, expand, capacity, tokenTypeIds);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  private begin(inputIds: Rows, attentionMask: Rows, expand: number, capacity: number, tokenTypeIds?: Rows): void {
    const { device, config, dtype } = this.model;
    const rows = inputIds.length * expand;
    this.weights = this.model.parameters;
    this.cache = new KVCache(device, config, rows, capacity, dtype);
    this.types = tokenTypeIds?.flatMap((row) => Array<number>(expand).fill(row.at(-1)!));
    this.inputs = device.pool.acquire([this.types ? 3 : 2, rows], "u32");
    this.promptLengths = attentionMask.flatMap((mask) =>
      Array<number>(expand).fill(mask.reduce((sum, visible) => sum + visible, 0)),
    );
    this.columnsSince = 0;
    this.expand = expand;
    this.writeInputs(
      this.promptLengths.map(() => 0),
      -1,
    );
    const positionIds = attentionMask.map((mask) => {
      let seen = 0;
      // pads get position 1, as in Hugging Face; they are never seen
      return mask.map((visible) => (visible ? seen++ : 1));
    });
    this.run({ inputIds, attentionMask, positionIds, tokenTypeIds });
  }

  step(tokens: readonly number[], parents?: readonly number[]): void {
    if (parents) {
      this.promptLengths = parents.map((parent) => this.promptLengths[parent]);
      this.types = this.types && parents.map((parent) => this.types![parent]);
    }
    this.writeInputs(tokens, 0);
    this.takeApart(parents);
    this.lastInput = {
      inputIds: tokens.map((token) => [token]),
      positionIds: this.promptLengths.map((length) => [this.position(length)]),
      tokenTypeIds: this.types?.map((type) => [type]),
    };
    this.decode();
  }

  async logits(): Promise<Float32Array> {
    return repeatRows(await this.readLogits(), this.vocabSize, this.expand);
  }

  async extend(tokens: readonly number[]): Promise<Float32Array> {
    if (this.promptLengths.length !== 1)
      throw new Error(`extend: the decoder holds ${this.promptLengths.length} rows, wanted 1`);
    const first = this.promptLengths[0] + this.columnsSince;
    this.columnsSince += tokens.length;
    const tokenTypeIds = this.types?.map((type) => tokens.map(() => type));
    this.run({ inputIds: [tokens], positionIds: [tokens.map((_, i) => first + i)], tokenTypeIds }, false);
    return this.readLogits();
  }

  truncate(columns: number): void {
    const cache = this.started(this.cache);
    this.columnsSince -= cache.length - columns;
    cache.truncate(columns);
  }

  async inspect({
    attentions,
    hiddenStates,
  }: {
    readonly attentions: boolean;
    readonly hiddenStates: boolean;
  }): Promise<StepInspection> {
    // Runs the last columns again: looking is rare, and the common step stays free of it.
    const cache = this.started(this.cache);
    const input = this.started(this.lastInput);
    cache.truncate(cache.length - input.inputIds[0].length);
    const output = this.model.forward({
      ...input,
      pastKeyValues: cache,
      outputAttentions: attentions,
      outputHiddenStates: hiddenStates,
    });
    const read = (outputs: CausalLMOutput["attentions"]) =>
      outputs &&
      Promise.all(
        outputs.map(async (each) => {
          const values = await each.read();
          return repeatRows(values, values.length / input.inputIds.length, this.expand);
        }),
      );
    try {
      const [weights, states] = await Promise.all([read(output.attentions), read(output.hiddenStates)]);
      return { attentions: weights, hiddenStates: states };
    } finally {
      output.dispose();
    }
  }

  locateNonFinite(ids: readonly number[]): Promise<string | null> {
    return findNonFinite(this.model, ids);
  }

  /** Gives all memory back: what follows throws Error, but for prefill(), which starts afresh. */
  dispose(): void {
    this.releaseLast();
    this.cache?.destroy();
    this.cache = undefined;
    if (this.inputs) this.model.device.pool.release(this.inputs);
    this.inputs = undefined;
    this.lastInput = undefined;
    this.types = undefined;
    this.deviceSampler.release();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** One step from the tokens and positions that the sampler left on the device. */
  private stepSampled(): void {
    this.lastInput = undefined;
    this.takeApart(undefined);
    this.decode();
  }

  private decode(): void {
    const { model } = this;
    this.columnsSince++;
    this.releaseLast();
    const logits = model.decode(this.tokensOf(this.promptLengths.length), this.started(this.cache));
    this.last = { logits, release: () => model.device.pool.release(logits) };
  }

  /** Many columns at once, through the model's general entrance. */
  private run(input: RunInput, lastOnly = true): void {
    this.releaseLast();
    this.lastInput = input;
    const output = this.model.forward({ ...input, pastKeyValues: this.started(this.cache), lastOnly });
    this.last = { logits: output.logits!.tensor, release: () => output.dispose() };
  }

  /**
   * Before the first step the cache holds one row a prompt, whatever the beams; rows are numbered as if it held them
   * all.
   */
  private takeApart(parents: readonly number[] | undefined): void {
    const { expand } = this;
    const from = parents ?? (expand > 1 ? this.promptLengths.map((_, row) => row) : undefined);
    if (from) this.started(this.cache).reorder(expand > 1 ? from.map((parent) => Math.floor(parent / expand)) : from);
    this.expand = 1;
  }

  /** Uploads tokens, at positions `shift` columns from the next ones, and their types. */
  private writeInputs(tokens: readonly number[], shift: number): void {
    const rows = tokens.length;
    const words = new Uint32Array((this.types ? 3 : 2) * rows);
    words.set(tokens);
    this.promptLengths.forEach((length, row) => {
      words[rows + row] = this.position(length) + shift;
    });
    if (this.types) words.set(this.types, 2 * rows);
    this.model.device.batch.write(this.tokensOf(rows), words);
  }

  /**
   * A finished row goes on as padding while others work, past the last position perhaps: what it computes is not looked
   * at.
   */
  private position(promptLength: number): number {
    return Math.min(promptLength + this.columnsSince, this.nPositions - 1);
  }

  private releaseLast(): void {
    this.last?.release();
    this.last = undefined;
  }

  private stepTensors(): StepTensors {
    return {
      logits: this.started(this.last).logits,
      expand: this.expand,
      inputs: this.inputsOf(this.promptLengths.length),
    };
  }

  /** What a sampler changes: ids and positions. */
  private inputsOf(rows: number): Tensor {
    return { ...this.started(this.inputs), shape: [2, rows] };
  }

  /** What the model reads: the same, with the types behind them where there are any. */
  private tokensOf(rows: number): Tensor {
    return { ...this.started(this.inputs), shape: [this.types ? 3 : 2, rows] };
  }

  private async readLogits(): Promise<Float32Array> {
    const { logits } = this.started(this.last);
    const values = await this.model.device.read(logits);
    const { vocabSize } = this;
    const [rows, stride] = logits.shape;
    if (stride === vocabSize) return values;
    const packed = new Float32Array(rows * vocabSize);
    for (let row = 0; row < rows; row++)
      packed.set(values.subarray(row * stride, row * stride + vocabSize), row * vocabSize);
    return packed;
  }

  /** What there is since prefill(). Throws Error where there is nothing, or where it is of weights that are gone. */
  private started<T>(what: T | undefined): T {
    if (what === undefined)
      throw new Error(
        "GPT2Decoder: cannot go on: nothing was prefilled, or it was disposed of since; wanted prefill() first",
      );
    if (this.weights !== this.model.parameters)
      throw new Error("GPT2Decoder: cannot go on: the model was resized since prefill(); start again with prefill().");
    return what;
  }
}
