// A Decoder in float64 on the CPU: what generation is proved with before any GPU is involved, and what the GPU's
// decoder is compared with. A cached key or value is one small array that rows share by reference, so sharing,
// reordering and dropping rows only copies lists.
import type { Decoder, StepInspection } from "../../src/generation/device/decoder.ts";
import type { GPT2Config } from "../../src/gpt2/config.ts";
import { gelu, layerNorm, linear } from "./ops.ts";

interface Column {
  readonly masked: boolean;
  /** Per layer: keys and values [C]. */
  readonly keys: Float64Array[];
  readonly values: Float64Array[];
}

export class OracleDecoder implements Decoder {
  readonly vocabSize: number;
  readonly nPositions: number;
  /** Rows of work done so far: what dropping and lookup save. */
  rowsRun = 0;
  calls = 0;
  private readonly config: GPT2Config;
  private readonly weights = new Map<string, Float64Array>();
  private readonly head: Float64Array; // wte transposed, [C, V]
  private rows: Column[][] = [];
  private last: Float64Array = new Float64Array(); // [rows, V]
  private inspection: { attentions: Float32Array[]; hiddenStates: Float32Array[] } = {
    attentions: [],
    hiddenStates: [],
  };
  private capacity = 0;
  /** Of each row's next tokens. */
  private types: readonly number[] | undefined;

  /** `weights` by Hugging Face name, as ModelCase.weights. */
  constructor(config: GPT2Config, weights: ReadonlyMap<string, ArrayLike<number>>) {
    this.config = config;
    this.vocabSize = config.vocabSize;
    this.nPositions = config.nPositions;
    for (const [name, values] of weights)
      this.weights.set(name.replace(/^transformer\./, ""), Float64Array.from(values));
    const wte = this.get("wte.weight");
    const { nEmbd: C, vocabSize: V } = config;
    this.head = new Float64Array(C * V);
    for (let v = 0; v < V; v++) for (let c = 0; c < C; c++) this.head[c * V + v] = wte[v * C + c];
  }

  prefill(
    inputIds: readonly (readonly number[])[],
    attentionMask: readonly (readonly number[])[],
    expand: number,
    capacity: number,
    tokenTypeIds?: readonly (readonly number[])[],
  ): void {
    this.rows = inputIds.map(() => []);
    this.capacity = capacity;
    const logits = this.run(inputIds, attentionMask, tokenTypeIds);
    const V = this.vocabSize;
    const length = inputIds[0].length;
    const repeated = <T>(items: readonly T[]): T[] =>
      items.flatMap((item) => Array.from({ length: expand }, () => item));
    this.last = joined(
      repeated(inputIds.map((_, b) => logits.subarray((b * length + length - 1) * V, (b + 1) * length * V))),
    );
    this.rows = repeated(this.rows).map((row) => [...row]);
    this.types = tokenTypeIds && repeated(tokenTypeIds.map((row) => row.at(-1)!));
    const spread = (all: Float32Array): Float32Array => {
      const size = all.length / inputIds.length;
      return Float32Array.from(repeated(inputIds.map((_, b) => [...all.subarray(b * size, (b + 1) * size)])).flat());
    };
    this.inspection = {
      attentions: this.inspection.attentions.map(spread),
      hiddenStates: this.inspection.hiddenStates.map(spread),
    };
  }

  step(tokens: readonly number[], parents: readonly number[] = tokens.map((_, r) => r)): void {
    this.rows = parents.map((parent) => [...this.rows[parent]]);
    this.types = this.types && parents.map((parent) => this.types![parent]);
    this.last = this.run(
      tokens.map((token) => [token]),
      tokens.map(() => [1]),
      this.types?.map((type) => [type]),
    );
  }

  async logits(): Promise<Float32Array> {
    return Float32Array.from(this.last);
  }

  async extend(tokens: readonly number[]): Promise<Float32Array> {
    const types = this.types?.map((type) => tokens.map(() => type));
    return Float32Array.from(this.run([tokens], [tokens.map(() => 1)], types));
  }

  truncate(columns: number): void {
    this.rows[0].length = columns;
  }

  async inspect(): Promise<StepInspection> {
    return this.inspection;
  }

  dispose(): void {
    this.rows = [];
  }

  private get(name: string): Float64Array {
    const values = this.weights.get(name);
    if (!values) throw new Error(`oracle decoder: no parameter ${name}`);
    return values;
  }

  /** Appends ids [R][Q] to the rows and returns the logits [R, Q, V]. */
  private run(
    ids: readonly (readonly number[])[],
    mask: readonly (readonly number[])[],
    types?: readonly (readonly number[])[],
  ): Float64Array {
    const { nEmbd: C, nHead, nLayer, layerNormEpsilon: eps, nPositions } = this.config;
    const Q = ids[0].length;
    const N = ids.length * Q;
    this.calls++;
    this.rowsRun += N;
    const wte = this.get("wte.weight");
    const wpe = this.get("wpe.weight");
    let x = new Float64Array(N * C);
    const first = this.rows[0].length;
    for (const [r, row] of this.rows.entries()) {
      let position = row.filter((column) => !column.masked).length;
      for (let q = 0; q < Q; q++) {
        const masked = mask[r][q] === 0;
        if (row.length >= this.capacity)
          throw new Error(`oracle decoder: no room for column ${row.length}, the capacity is ${this.capacity}`);
        const at = Math.min(position, nPositions - 1);
        for (let c = 0; c < C; c++) x[(r * Q + q) * C + c] = wte[ids[r][q] * C + c] + wpe[at * C + c];
        if (types) for (let c = 0; c < C; c++) x[(r * Q + q) * C + c] += wte[types[r][q] * C + c];
        if (!masked) position++;
        row.push({ masked, keys: [], values: [] });
      }
    }
    this.inspection = { attentions: [], hiddenStates: [Float32Array.from(x)] };
    for (let layer = 0; layer < nLayer; layer++) {
      const p = (name: string): Float64Array => this.get(`h.${layer}.${name}`);
      const block = (input: Float64Array, name: string): Float64Array =>
        linear(input, p(`${name}.weight`), p(`${name}.bias`), N);
      const qkv = block(layerNorm(x, p("ln_1.weight"), p("ln_1.bias"), eps).y, "attn.c_attn");
      const heads = new Float64Array(N * C);
      const columns = first + Q;
      const weights = new Float32Array(ids.length * nHead * Q * columns);
      for (const [r, row] of this.rows.entries()) {
        for (let q = 0; q < Q; q++) {
          const at = (r * Q + q) * 3 * C;
          row[first + q].keys[layer] = qkv.slice(at + C, at + 2 * C);
          row[first + q].values[layer] = qkv.slice(at + 2 * C, at + 3 * C);
          attend(
            qkv.subarray(at, at + C),
            row.slice(0, first + q + 1),
            layer,
            nHead,
            heads.subarray((r * Q + q) * C, (r * Q + q + 1) * C),
            (head, column, weight) => {
              weights[((r * nHead + head) * Q + q) * columns + column] = weight;
            },
          );
        }
      }
      this.inspection.attentions.push(weights);
      x = sum(x, block(heads, "attn.c_proj"));
      x = sum(
        x,
        block(block(layerNorm(x, p("ln_2.weight"), p("ln_2.bias"), eps).y, "mlp.c_fc").map(gelu), "mlp.c_proj"),
      );
      if (layer < nLayer - 1) this.inspection.hiddenStates.push(Float32Array.from(x));
    }
    const final = layerNorm(x, this.get("ln_f.weight"), this.get("ln_f.bias"), eps).y;
    this.inspection.hiddenStates.push(Float32Array.from(final));
    return linear(final, this.head, null, N);
  }
}

/** One query [C] over the unmasked columns, all heads, into `out` [C]; `tell` gets every weight. */
function attend(
  query: Float64Array,
  columns: readonly Column[],
  layer: number,
  nHead: number,
  out: Float64Array,
  tell: (head: number, column: number, weight: number) => void,
): void {
  const size = query.length / nHead;
  for (let head = 0; head < nHead; head++) {
    const from = head * size;
    const scores = columns.map(({ masked, keys }) => {
      if (masked) return -Infinity;
      let score = 0;
      for (let d = from; d < from + size; d++) score += query[d] * keys[layer][d];
      return score / Math.sqrt(size);
    });
    const max = Math.max(...scores);
    if (max === -Infinity) continue; // padding before any token
    const weights = scores.map((score) => Math.exp(score - max));
    const total = weights.reduce((a, b) => a + b);
    for (const [s, weight] of weights.entries()) {
      if (weight === 0) continue;
      tell(head, s, weight / total);
      for (let d = from; d < from + size; d++) out[d] += (weight / total) * columns[s].values[layer][d];
    }
  }
}

function sum(a: Float64Array, b: Float64Array): Float64Array<ArrayBuffer> {
  return Float64Array.from(a, (value, i) => value + b[i]);
}

function joined(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
