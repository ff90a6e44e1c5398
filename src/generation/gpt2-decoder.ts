// The GPT-2 model as a Decoder: prompts once through the model, then one token a row on a cache that is allocated for the
// whole run; beams are reordered by the cache's ancestry table.
import { KVCache } from "../gpt2/kv-cache.ts";
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import type { CausalLMOutput } from "../gpt2/output.ts";
import type { Decoder, StepInspection } from "./decoder.ts";

type Rows = readonly (readonly number[])[];

export class GPT2Decoder implements Decoder {
  readonly vocabSize: number;
  readonly nPositions: number;
  private readonly model: GPT2LMHeadModel;
  private cache: KVCache | undefined;
  private output: CausalLMOutput | undefined;
  private inputs: Rows = [];
  /** Real tokens in each row: the position of its next one. */
  private positions: number[] = [];
  /** Rows that share a prompt, until the first step takes them apart. */
  private expand = 1;

  constructor(model: GPT2LMHeadModel) {
    this.model = model;
    this.vocabSize = model.config.vocabSize;
    this.nPositions = model.config.nPositions;
  }

  prefill(inputIds: Rows, attentionMask: Rows, expand: number, capacity: number): void {
    this.dispose();
    const { device, config } = this.model;
    this.cache = new KVCache(device, config, inputIds.length * expand, capacity);
    const positionIds = attentionMask.map((mask) => {
      let seen = 0;
      return mask.map((visible) => (visible ? seen++ : 1));      // pads get position 1, as in Hugging Face; they are never seen
    });
    this.positions = attentionMask.flatMap((mask) => Array<number>(expand).fill(mask.reduce((sum, visible) => sum + visible, 0)));
    this.expand = expand;
    this.run(inputIds, { attentionMask, positionIds });
  }

  step(tokens: readonly number[], parents?: readonly number[]): void {
    const cache = this.started();
    // Before the first step the cache holds one row a prompt, whatever the beams: rows are numbered as if it held them all.
    const { expand } = this;
    const from = parents ?? (expand > 1 ? tokens.map((_, row) => row) : undefined);
    if (from) {
      cache.reorder(expand > 1 ? from.map((parent) => Math.floor(parent / expand)) : from);
      this.positions = from.map((parent) => this.positions[parent]);
    }
    this.expand = 1;
    // A finished row goes on as padding while others work, past the last position perhaps: what it computes is not looked at.
    const positionIds = this.positions.map((position) => [Math.min(position, this.nPositions - 1)]);
    this.positions = this.positions.map((position) => position + 1);
    this.run(tokens.map((token) => [token]), { positionIds });
  }

  async logits(): Promise<Float32Array> {
    const { expand, vocabSize } = this;
    const values = await this.read();
    if (expand === 1) return values;
    const rows = values.length / vocabSize;
    const expanded = new Float32Array(rows * expand * vocabSize);
    for (let row = 0; row < rows * expand; row++) {
      const at = Math.floor(row / expand) * vocabSize;
      expanded.set(values.subarray(at, at + vocabSize), row * vocabSize);
    }
    return expanded;
  }

  async extend(tokens: readonly number[]): Promise<Float32Array> {
    if (this.positions.length !== 1) throw new Error(`extend: the decoder holds ${this.positions.length} rows, wanted 1`);
    this.expand = 1;
    const [position] = this.positions;
    this.positions = [position + tokens.length];
    this.run([tokens], { positionIds: [tokens.map((_, i) => position + i)], lastOnly: false });
    return this.read();
  }

  truncate(columns: number): void {
    const cache = this.started();
    this.positions = this.positions.map((position) => position - (cache.length - columns));
    cache.truncate(columns);
  }

  async inspect({ attentions, hiddenStates }: { readonly attentions: boolean; readonly hiddenStates: boolean }): Promise<StepInspection> {
    // Runs the last columns again: looking is rare, and the common step stays free of it.
    const cache = this.started();
    const columns = this.inputs[0].length;
    cache.truncate(cache.length - columns);
    const again = this.lastRun!;
    const output = this.model.forward({ ...again, inputIds: this.inputs, pastKeyValues: cache, outputAttentions: attentions, outputHiddenStates: hiddenStates });
    const read = (outputs: CausalLMOutput["attentions"]) => outputs && Promise.all(outputs.map((each) => each.read()));
    const result = { attentions: await read(output.attentions), hiddenStates: await read(output.hiddenStates) };
    output.dispose();
    return result;
  }

  dispose(): void {
    this.output?.dispose();
    this.output = undefined;
    this.cache?.destroy();
    this.cache = undefined;
  }

  private lastRun: { attentionMask?: Rows; positionIds: Rows; lastOnly: boolean } | undefined;

  private run(inputIds: Rows, { lastOnly = true, ...rest }: { readonly attentionMask?: Rows; readonly positionIds: Rows; readonly lastOnly?: boolean }): void {
    this.output?.dispose();
    this.inputs = inputIds;
    this.lastRun = { ...rest, lastOnly };
    this.output = this.model.forward({ inputIds, pastKeyValues: this.started(), lastOnly, ...rest });
  }

  private read(): Promise<Float32Array> {
    return this.output!.logits!.read();
  }

  private started(): KVCache {
    if (!this.cache) throw new Error("GPT2Decoder: step before prefill");
    return this.cache;
  }
}
