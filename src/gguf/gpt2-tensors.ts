// A GPT-2 model's parameters as llama.cpp's "gpt2" architecture names and lays them out. Its products read weights
// [out, in], so Conv1D's [in, out] are transposed on the way; the head is tied there too, so there is no output.weight.
import type { ReadTensor } from "../files/safetensors-write.ts";
import { parameterShapes } from "../gpt2/checkpoint-files.ts";
import type { GPT2Config } from "../gpt2/config.ts";
import type { GgufTensor } from "./container.ts";
import { encodeValues, fitsRows } from "./tensor-types.ts";
import type { GgufTensorType } from "./tensor-types.ts";

/** Hugging Face's names within a block -> llama.cpp's. */
const IN_BLOCK: Readonly<Record<string, string>> = {
  ln_1: "attn_norm",
  "attn.c_attn": "attn_qkv",
  "attn.c_proj": "attn_output",
  ln_2: "ffn_norm",
  "mlp.c_fc": "ffn_up",
  "mlp.c_proj": "ffn_down",
};
const OUTSIDE: Readonly<Record<string, string>> = { wte: "token_embd", wpe: "position_embd", ln_f: "output_norm" };

/** Values of a piece that is transposed and encoded at once: a weight is never in memory a second time. */
const PIECE_VALUES = 1 << 20;

/**
 * The tensors in the order of `parameterShapes`; `read` is asked for each when its data are. Matrices are of type
 * `outtype`, but F16 where their rows are no whole blocks of it; biases, norms and positions always F32, as llama.cpp's
 * own conversion has them.
 */
export function gpt2Tensors(config: GPT2Config, read: ReadTensor, outtype: GgufTensorType): GgufTensor[] {
  return [...parameterShapes(config)].map(([parameter, shape]) => {
    const name = ggufName(parameter);
    // [in, out] of Conv1D has `in` first already; an embedding's rows lie side by side.
    const isConv1d = parameter.includes(".h.") && shape.length === 2;
    const dimensions = isConv1d ? shape : shape.toReversed();
    const type = typeOf(parameter, dimensions, outtype);
    const data = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      const values = await read(parameter);
      const pieces = isConv1d ? transposedRows(values, shape[0], shape[1]) : wholeRows(values, dimensions[0]);
      for (const piece of pieces) yield encodeValues(type, piece, name);
    };
    return { name, dimensions, type, data };
  });
}

/** "transformer.h.0.attn.c_attn.weight" -> "blk.0.attn_qkv.weight". */
function ggufName(parameter: string): string {
  const [, layer, module, kind] = /^transformer\.(?:h\.(\d+)\.)?(.+)\.(weight|bias)$/.exec(parameter)!;
  return layer === undefined ? `${OUTSIDE[module]}.${kind}` : `blk.${layer}.${IN_BLOCK[module]}.${kind}`;
}

function typeOf(parameter: string, dimensions: readonly number[], outtype: GgufTensorType): GgufTensorType {
  if (dimensions.length === 1 || parameter === "transformer.wpe.weight") return "F32";
  return fitsRows(outtype, dimensions[0]) ? outtype : "F16";
}

const rowsOfPiece = (width: number): number => Math.max(1, Math.floor(PIECE_VALUES / width));

/** Rows of `width` values in pieces. */
function* wholeRows(values: Float32Array, width: number): Generator<Float32Array, void, undefined> {
  const step = rowsOfPiece(width) * width;
  for (let start = 0; start < values.length; start += step) yield values.subarray(start, start + step);
}

/** The rows of the transpose, [outputs, inputs], of values [inputs, outputs], in pieces. */
function* transposedRows(
  values: Float32Array,
  inputs: number,
  outputs: number,
): Generator<Float32Array, void, undefined> {
  const step = rowsOfPiece(inputs);
  for (let first = 0; first < outputs; first += step) {
    const rows = Math.min(step, outputs - first);
    const piece = new Float32Array(rows * inputs);
    for (let input = 0; input < inputs; input++)
      for (let row = 0; row < rows; row++) piece[row * inputs + input] = values[input * outputs + first + row];
    yield piece;
  }
}
