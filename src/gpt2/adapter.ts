// A LoRA adapter on a model in memory: its matrices, and the rows of wte that it trains, in a parameter store of their
// own, so that the base's weights, which stay as they are, take no memory for gradients and moments.
import type { LowRank } from "../autograd/low-rank.ts";
import { ParameterStore } from "../autograd/parameter.ts";
import type { Parameter, TokenRows } from "../autograd/variable.ts";
import type { Device } from "../gpu/device.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { runsOf } from "../kernels/head-rows.ts";
import { Random } from "../random.ts";
import { addLowRank } from "./adapter-files.ts";
import type { AdapterWeights } from "./adapter-files.ts";
import type { GPT2Config } from "./config.ts";
import { adapterShapes, LORA_LAYERS, loraName, TOKEN_ROWS_NAME } from "./lora-config.ts";
import type { LoraConfig, LoraLayer } from "./lora-config.ts";

/** A layer's LowRank with its dropout. */
export interface AdapterLayer extends LowRank {
  readonly dropout: number;
  /** Its place, from 0 on, among those of all layers of the model. */
  readonly place: number;
}

export class Adapter {
  readonly config: LoraConfig;
  readonly parameters: ParameterStore;
  private readonly shapes: ReadonlyMap<string, readonly number[]>;

  /**
   * Takes the memory of the adapter's weights, all zero, with `gradients` that of theirs. Throws UserError where there
   * is not enough, having taken none.
   */
  constructor(
    device: Device,
    lora: LoraConfig,
    config: GPT2Config,
    { gradients, has = () => true }: { readonly gradients: boolean; readonly has?: (name: string) => boolean },
  ) {
    this.config = lora;
    this.shapes = new Map([...adapterShapes(lora, config)].filter(([name]) => has(name)));
    this.parameters = new ParameterStore(device, this.shapes, { gradients });
  }

  /** As PEFT begins: A uniform within 1 / sqrt(in), B zero, so that the model is the base; token rows are wte's. */
  initialize(wte: Tensor, seed: number): void {
    const { device } = this.parameters;
    const random = new Random(seed);
    for (const [name, [rows, columns]] of this.shapes) {
      if (!name.includes(".lora_A.")) continue;
      const bound = 1 / Math.sqrt(columns);
      const values = Float32Array.from({ length: rows * columns }, () => bound * (2 * random.float() - 1));
      device.batch.write(this.parameters.get(name).value, values);
    }
    const tokens = this.tokens();
    if (tokens) copyRows(tokens, wte, (inTable, inRows) => device.batch.copy(inTable, inRows));
  }

  async load(weights: AdapterWeights): Promise<void> {
    const { device } = this.parameters;
    for (const name of this.shapes.keys())
      device.batch.write(this.parameters.get(name).value, await weights.tensor(name));
  }

  /** What it adds to a layer; undefined: nothing. */
  layer(block: number, name: LoraLayer): AdapterLayer | undefined {
    const [a, b] = [loraName(block, name, "A"), loraName(block, name, "B")];
    if (!this.shapes.has(a)) return undefined;
    return {
      a: this.parameters.get(a),
      b: this.parameters.get(b),
      scaling: this.config.scaling,
      dropout: this.config.loraDropout,
      place: LORA_LAYERS.length * block + LORA_LAYERS.indexOf(name),
    };
  }

  tokens(): TokenRows | undefined {
    if (!this.shapes.has(TOKEN_ROWS_NAME)) return undefined;
    return { indices: this.config.trainableTokenIndices, rows: this.parameters.get(TOKEN_ROWS_NAME) };
  }

  /** Puts the trained rows where the model reads them: recorded before each forward. */
  writeTokenRows(wte: Tensor): void {
    const tokens = this.tokens();
    const { device } = this.parameters;
    if (tokens) copyRows(tokens, wte, (inTable, inRows) => device.batch.copy(inRows, inTable));
  }

  /** Adds its change to a layer's weight [in, out]; the model is the same then without it. */
  async mergeInto(weight: Parameter, { a, b }: AdapterLayer): Promise<void> {
    const { device } = this.parameters;
    const [base, mine, out] = [await device.read(weight.value), await device.read(a.value), await device.read(b.value)];
    device.batch.write(weight.value, addLowRank(base, mine, out, this.config));
  }

  destroy(why?: string): void {
    this.parameters.destroy(why);
  }
}

/** Calls `copy` for each run of neighbouring rows: where it lies in the table, and in the rows. */
function copyRows({ indices, rows }: TokenRows, table: Tensor, copy: (inTable: Tensor, inRows: Tensor) => void): void {
  const [, C] = rows.value.shape;
  for (const { start, row, count } of runsOf(indices)) {
    const view = (tensor: Tensor, first: number): Tensor => ({
      ...tensor,
      byteOffset: tensor.byteOffset + 4 * first * C, // for copies, which unlike bindings may begin anywhere
      shape: [count, C],
    });
    copy(view(table, start), view(rows.value, row));
  }
}
