// GPT-2 in float64: forward, loss and every gradient, written for clarity and checked against Hugging Face's numbers by
// oracle.test.ts. Slow by design: for models of a few hundred thousand parameters.
import type { GPT2Config } from "../../src/gpt2/config.ts";
import {
  attention,
  attentionBackward,
  crossEntropy,
  gelu,
  geluDerivative,
  layerNorm,
  layerNormBackward,
  linear,
  linearBackward,
} from "./ops.ts";
import type { AttentionSizes, LayerNormResult } from "./ops.ts";

export interface OracleInput {
  /** [B][T] */
  readonly inputIds: readonly (readonly number[])[];
  /** [B][T], 0 = padding; null or absent: none. */
  readonly attentionMask?: readonly (readonly number[])[] | null;
  /** [B][T]; null or absent: 0, 1, ... T-1, whatever the mask, as in Hugging Face's forward. */
  readonly positionIds?: readonly (readonly number[])[] | null;
  /** [B][T]: rows of wte that are added to the embedding, as Hugging Face's GPT2Model adds wte(token_type_ids). */
  readonly tokenTypeIds?: readonly (readonly number[])[] | null;
}

export interface OracleOutput {
  /** [B, T, V] */
  readonly logits: Float64Array;
  /**
   * nLayer + 1 of [B, T, C]: wte + wpe; the residual stream after blocks 0 .. nLayer-2; after the last block and ln_f.
   */
  readonly hiddenStates: readonly Float64Array[];
  /** nLayer of [B, NH, T, T] */
  readonly attentions: readonly Float64Array[];
}

/** What a block's backward needs of its forward. */
interface BlockTrace {
  ln1: LayerNormResult;
  qkv: Float64Array;
  probs: Float64Array;
  heads: Float64Array;
  ln2: LayerNormResult;
  fc: Float64Array;
  activated: Float64Array;
}
interface Trace extends OracleOutput {
  readonly sizes: AttentionSizes;
  readonly ids: number[];
  readonly positions: number[];
  readonly types: number[] | undefined;
  readonly blocks: BlockTrace[];
  readonly lnF: LayerNormResult;
}

export class OracleGPT2 {
  readonly config: GPT2Config;
  /** By Hugging Face name, as `parameterShapes` lists them; changed in place by OracleAdamW. */
  readonly parameters: ReadonlyMap<string, Float64Array>;

  constructor(config: GPT2Config, parameters: ReadonlyMap<string, ArrayLike<number>>) {
    this.config = config;
    this.parameters = new Map([...parameters].map(([name, values]) => [name, Float64Array.from(values)]));
  }

  forward(input: OracleInput): OracleOutput {
    return this.trace(input);
  }

  /**
   * `labels` [B][T], -100 ignored, shifted here; gradients of the mean loss by Hugging Face name (wte: embedding and
   * head).
   */
  lossAndGradients(
    input: OracleInput,
    labels: readonly (readonly number[])[],
  ): { loss: number; count: number; logits: Float64Array; gradients: Map<string, Float64Array> } {
    const trace = this.trace(input);
    const { loss, count, dlogits } = crossEntropy(trace.logits, labels.flat(), trace.sizes.T);
    return { loss, count, logits: trace.logits, gradients: this.backward(trace, dlogits) };
  }

  /** The loss alone. */
  loss(input: OracleInput, labels: readonly (readonly number[])[]): number {
    return crossEntropy(this.forward(input).logits, labels.flat(), input.inputIds[0].length).loss;
  }

  private get(name: string): Float64Array {
    const values = this.parameters.get(`transformer.${name}`);
    if (!values) throw new Error(`oracle: no parameter transformer.${name}`);
    return values;
  }

  private trace(input: OracleInput): Trace {
    const { nEmbd: C, nHead, headSize, nLayer, layerNormEpsilon: eps } = this.config;
    const B = input.inputIds.length,
      T = input.inputIds[0].length,
      N = B * T;
    const ids = input.inputIds.flat();
    const positions = input.positionIds?.flat() ?? ids.map((_, n) => n % T);
    const types = input.tokenTypeIds?.flat();
    const mask = input.attentionMask?.flat() ?? null;
    const sizes = { B, T, NH: nHead, HS: headSize };
    const wte = this.get("wte.weight"),
      wpe = this.get("wpe.weight");

    let x: Float64Array = Float64Array.from(
      { length: N * C },
      (_, i) => wte[ids[Math.floor(i / C)] * C + (i % C)] + wpe[positions[Math.floor(i / C)] * C + (i % C)],
    );
    if (types) x = x.map((value, i) => value + wte[types[Math.floor(i / C)] * C + (i % C)]);
    const hiddenStates = [x];
    const blocks: BlockTrace[] = [];
    for (let layer = 0; layer < nLayer; layer++) {
      const p = (name: string): Float64Array => this.get(`h.${layer}.${name}`);
      const ln1 = layerNorm(x, p("ln_1.weight"), p("ln_1.bias"), eps);
      const qkv = linear(ln1.y, p("attn.c_attn.weight"), p("attn.c_attn.bias"), N);
      const { y: heads, probs } = attention(qkv, mask, sizes);
      x = sum(x, linear(heads, p("attn.c_proj.weight"), p("attn.c_proj.bias"), N));
      const ln2 = layerNorm(x, p("ln_2.weight"), p("ln_2.bias"), eps);
      const fc = linear(ln2.y, p("mlp.c_fc.weight"), p("mlp.c_fc.bias"), N);
      const activated = fc.map(gelu);
      x = sum(x, linear(activated, p("mlp.c_proj.weight"), p("mlp.c_proj.bias"), N));
      blocks.push({ ln1, qkv, probs, heads, ln2, fc, activated });
      hiddenStates.push(x);
    }
    const lnF = layerNorm(x, this.get("ln_f.weight"), this.get("ln_f.bias"), eps);
    hiddenStates[nLayer] = lnF.y;
    const logits = linear(lnF.y, transpose(wte, C), null, N);
    const attentions = blocks.map(({ probs }) => probs);
    return { logits, hiddenStates, attentions, sizes, ids, positions, types, blocks, lnF };
  }

  private backward(trace: Trace, dlogits: Float64Array): Map<string, Float64Array> {
    const { nEmbd: C, nLayer } = this.config;
    const { sizes, ids, positions, types, blocks, lnF } = trace;
    const N = ids.length;
    const gradients = new Map<string, Float64Array>();

    const head = linearBackward(dlogits, lnF.y, transpose(this.get("wte.weight"), C), N);
    const dwte = transpose(head.dw, this.config.vocabSize);
    const final = layerNormBackward(head.dx, this.get("ln_f.weight"), lnF);
    let dx: Float64Array = final.dx;
    for (let layer = nLayer - 1; layer >= 0; layer--) {
      const p = (name: string): Float64Array => this.get(`h.${layer}.${name}`);
      const set = (name: string, weight: Float64Array, bias: Float64Array): void =>
        void gradients
          .set(`transformer.h.${layer}.${name}.weight`, weight)
          .set(`transformer.h.${layer}.${name}.bias`, bias);
      const { ln1, qkv, probs, heads, ln2, fc, activated } = blocks[layer];

      const mlpProj = linearBackward(dx, activated, p("mlp.c_proj.weight"), N);
      const mlpFc = linearBackward(
        mlpProj.dx.map((d, i) => d * geluDerivative(fc[i])),
        ln2.y,
        p("mlp.c_fc.weight"),
        N,
      );
      const norm2 = layerNormBackward(mlpFc.dx, p("ln_2.weight"), ln2);
      dx = sum(dx, norm2.dx);

      const attnProj = linearBackward(dx, heads, p("attn.c_proj.weight"), N);
      const cAttn = linearBackward(
        attentionBackward(attnProj.dx, qkv, probs, sizes),
        ln1.y,
        p("attn.c_attn.weight"),
        N,
      );
      const norm1 = layerNormBackward(cAttn.dx, p("ln_1.weight"), ln1);
      dx = sum(dx, norm1.dx);

      set("mlp.c_proj", mlpProj.dw, mlpProj.db);
      set("mlp.c_fc", mlpFc.dw, mlpFc.db);
      set("ln_2", norm2.dweight, norm2.dbias);
      set("attn.c_proj", attnProj.dw, attnProj.db);
      set("attn.c_attn", cAttn.dw, cAttn.db);
      set("ln_1", norm1.dweight, norm1.dbias);
    }
    const dwpe = new Float64Array(this.get("wpe.weight").length);
    for (let n = 0; n < N; n++)
      for (let c = 0; c < C; c++) {
        dwte[ids[n] * C + c] += dx[n * C + c];
        dwpe[positions[n] * C + c] += dx[n * C + c];
        if (types) dwte[types[n] * C + c] += dx[n * C + c];
      }
    return gradients
      .set("transformer.wte.weight", dwte)
      .set("transformer.wpe.weight", dwpe)
      .set("transformer.ln_f.weight", final.dweight)
      .set("transformer.ln_f.bias", final.dbias);
  }
}

function sum(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + b[i]);
}

/** [rows, columns] -> [columns, rows] */
function transpose(a: Float64Array, columns: number): Float64Array {
  const rows = a.length / columns;
  return a.map((_, i) => a[(i % rows) * columns + Math.floor(i / rows)]);
}
