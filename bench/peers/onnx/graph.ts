// GPT-2 as an ONNX graph, without Python, in two forms: attention of ONNX's standard operators, as exporters write it,
// or as ONNX Runtime's own GroupQueryAttention, as its model builder does. Weights are no part of it: each is a range
// of model.safetensors, so that all systems read the same bytes. Sources: the operators' pages of ONNX (opset 17) and
// of ONNX Runtime's contrib operators; names of inputs and outputs are those that Hugging Face's optimum gives, by
// which transformers.js finds them.
import { parameterShapes } from "../../../src/gpt2/checkpoint-files.ts";
import type { GPT2Config } from "../../../src/gpt2/config.ts";

/** ONNX's numbers of element types. */
export const DATA_TYPE = { float: 1, int32: 6, int64: 7 } as const;
export type DataType = keyof typeof DATA_TYPE;

export interface Node {
  readonly op: string;
  /** com.microsoft, or ONNX's own. */
  readonly domain: "" | "com.microsoft";
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}
export type Attribute = { readonly int: number } | { readonly float: number } | { readonly ints: readonly number[] };

/** A number is a size, a word names one that is known when the graph runs. */
export interface Value {
  readonly name: string;
  readonly type: DataType;
  readonly shape: readonly (number | string)[];
}
export interface Graph {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly nodes: readonly Node[];
  /** Float32 tensors of model.safetensors, by their names there. */
  readonly weights: ReadonlyMap<string, readonly number[]>;
  /** Small numbers that nodes need, int64 where they are not said to be float. */
  readonly constants: ReadonlyMap<string, Constant>;
}
export type Constant = number | readonly number[] | { readonly float: number };

export interface GraphForm {
  readonly cached: boolean;
  /** Attention by GroupQueryAttention. */
  readonly fused: boolean;
}

/** Nodes as they are written down, one after the other, and the constants that they name. */
class Nodes {
  readonly all: Node[] = [];
  readonly constants = new Map<string, Constant>([["one", 1]]);

  /** A node of ONNX's with one output, which is returned. */
  add(op: string, inputs: readonly string[], output: string, attributes: Node["attributes"] = {}): string {
    this.all.push({ op, domain: "", inputs, outputs: [output], attributes });
    return output;
  }

  addAll(op: string, inputs: readonly string[], outputs: readonly string[], attributes: Node["attributes"]): void {
    this.all.push({ op, domain: "", inputs, outputs, attributes });
  }

  /** One of ONNX Runtime's own. */
  own(op: string, inputs: readonly string[], outputs: readonly string[], attributes: Node["attributes"] = {}): void {
    this.all.push({ op, domain: "com.microsoft", inputs, outputs, attributes });
  }

  norm(x: string, name: string, epsilon: number): string {
    const inputs = [x, `${name}.weight`, `${name}.bias`];
    return this.add("LayerNormalization", inputs, `/${name}`, { axis: { int: -1 }, epsilon: { float: epsilon } });
  }

  /** A Conv1D: weight [in, out]. */
  linear(x: string, name: string): string {
    const product = this.add("MatMul", [x, `${name}.weight`], `/${name}/product`);
    return this.add("Add", [product, `${name}.bias`], `/${name}`);
  }
}

/**
 * With a cache: input_ids, attention_mask, position_ids and past_key_values.{i}.key / .value [B, heads, past, head
 * size] to logits [B, 1, V] of the last position, all that generation needs, and present.{i}.*; of attention_mask only
 * its length is read, for rows without padding. Without: input_ids to logits [B, T, V].
 */
export function gpt2Graph(config: GPT2Config, { cached, fused }: GraphForm): Graph {
  const { nLayer, nHead, headSize, vocabSize, layerNormEpsilon: epsilon } = config;
  const nodes = new Nodes();
  const places = placesOf(nodes, cached);
  const attention = fused ? fusedAttention(nodes, config, places) : plainAttention(nodes, config, places);

  const tokens = nodes.add("Gather", ["transformer.wte.weight", "input_ids"], "/wte");
  let x = nodes.add(
    "Add",
    [tokens, nodes.add("Gather", ["transformer.wpe.weight", places.positions], "/wpe")],
    "/embedding",
  );
  for (let layer = 0; layer < nLayer; layer++) {
    const block = `transformer.h.${layer}`;
    const qkv = nodes.linear(nodes.norm(x, `${block}.ln_1`, epsilon), `${block}.attn.c_attn`);
    const name = `/${block}.attn`;
    const parts = ["q", "k", "v"].map((part) => `${name}/${part}`);
    nodes.addAll("Split", [qkv], parts, { axis: { int: -1 } });
    const cache = cached && {
      past: [`past_key_values.${layer}.key`, `past_key_values.${layer}.value`],
      present: [`present.${layer}.key`, `present.${layer}.value`],
    };
    const heads = attention(name, parts, cache || undefined);
    const attended = nodes.add("Add", [x, nodes.linear(heads, `${block}.attn.c_proj`)], `/${block}/attended`);
    const inner = nodes.norm(attended, `${block}.ln_2`, epsilon);
    const hidden = nodes.add("MatMul", [inner, `${block}.mlp.c_fc.weight`], `/${block}.mlp.c_fc/product`);
    nodes.own("FastGelu", [hidden, `${block}.mlp.c_fc.bias`], [`/${block}.mlp/gelu`]);
    x = nodes.add("Add", [attended, nodes.linear(`/${block}.mlp/gelu`, `${block}.mlp.c_proj`)], `/${block}`);
  }
  if (cached) {
    nodes.constants.set("last", [-1]).set("end", [Number.MAX_SAFE_INTEGER]).set("second", [1]);
    x = nodes.add("Slice", [x, "last", "end", "second"], "/last");
  }
  const normed = nodes.norm(x, "transformer.ln_f", epsilon);
  const head = nodes.add("Transpose", ["transformer.wte.weight"], "/lm_head", { perm: { ints: [1, 0] } });
  nodes.add("MatMul", [normed, head], "logits");

  const cache = (kind: string, columns: string): Value[] =>
    Array.from({ length: cached ? nLayer : 0 }, (_, layer) =>
      ["key", "value"].map((part): Value => ({
        name: `${kind}.${layer}.${part}`,
        type: "float",
        shape: ["batch_size", nHead, columns, headSize],
      })),
    ).flat();
  const ids = (name: string, columns: string): Value => ({ name, type: "int64", shape: ["batch_size", columns] });
  return {
    name: cached ? "gpt2-with-past" : "gpt2",
    inputs: [
      ids("input_ids", "sequence_length"),
      ...(cached ? [ids("attention_mask", "total_sequence_length"), ids("position_ids", "sequence_length")] : []),
      ...cache("past_key_values", "past_sequence_length"),
    ],
    outputs: [
      { name: "logits", type: "float", shape: ["batch_size", cached ? 1 : "sequence_length", vocabSize] },
      ...cache("present", "total_sequence_length"),
    ],
    nodes: nodes.all,
    weights: parameterShapes(config),
    constants: nodes.constants,
  };
}

/** int64 throughout. */
interface Places {
  /** [B, T], or [T] */
  readonly positions: string;
  /** [2] or more, the batch first. */
  readonly shape: string;
  /** Scalars: columns before these, and with them. */
  readonly past: string;
  readonly total: string;
}

function placesOf(nodes: Nodes, cached: boolean): Places {
  const shape = nodes.add("Shape", ["input_ids"], "/shape");
  const columns = nodes.add("Gather", [shape, "one"], "/columns");
  if (!cached) {
    nodes.constants.set("zero", 0);
    const positions = nodes.add("Range", ["zero", columns, "one"], "/positions");
    return { positions, shape, past: "zero", total: columns };
  }
  const total = nodes.add("Gather", [nodes.add("Shape", ["attention_mask"], "/mask_shape"), "one"], "/total");
  return { positions: "position_ids", shape, past: nodes.add("Sub", [total, columns], "/past"), total };
}

/** Names of a layer's past and present keys and values. */
interface LayerCache {
  readonly past: readonly string[];
  readonly present: readonly string[];
}

/** Nodes from q, k, v, [B, T, C] each, to the heads' outputs side by side, whose name is returned. */
type Attention = (name: string, qkv: readonly string[], cache: LayerCache | undefined) => string;

function fusedAttention(nodes: Nodes, { nHead, headSize }: GPT2Config, { shape, total }: Places): Attention {
  // int32 [B], a row's columns less one, and int32, the columns of all.
  nodes.constants.set("first", [0]);
  const toInt32 = (value: string, output: string) =>
    nodes.add("Cast", [value], output, { to: { int: DATA_TYPE.int32 } });
  const rows = nodes.add("Gather", [shape, "first"], "/rows");
  const less = nodes.add("Sub", [total, "one"], "/total_less_one");
  const lengths = toInt32(nodes.add("Expand", [less, rows], "/each_less_one"), "/lengths");
  const columns = toInt32(total, "/total_int32");
  return (name, qkv, cache) => {
    const past = cache?.past ?? ["", ""];
    const present = cache?.present ?? [`${name}/keys`, `${name}/values`];
    nodes.own("GroupQueryAttention", [...qkv, ...past, lengths, columns], [name, ...present], {
      num_heads: { int: nHead },
      kv_num_heads: { int: nHead },
      scale: { float: 1 / Math.sqrt(headSize) },
    });
    return name;
  };
}

function plainAttention(nodes: Nodes, { nHead, headSize, nEmbd }: GPT2Config, { past, total }: Places): Attention {
  nodes.constants
    .set("zero", 0)
    .set("second", [1])
    .set("heads", [0, 0, nHead, headSize])
    .set("joined", [0, 0, nEmbd])
    .set("scale", { float: 1 / Math.sqrt(headSize) })
    .set("seen", { float: 0 })
    .set("unseen", { float: -3e38 });
  // [T, 1] against [P + T]: a column is seen from its own place on.
  const own = nodes.add("Range", [past, total, "one"], "/own_columns");
  const all = nodes.add("Range", ["zero", total, "one"], "/all_columns");
  const later = nodes.add("Greater", [all, nodes.add("Unsqueeze", [own, "second"], "/own_rows")], "/later");
  const mask = nodes.add("Where", [later, "unseen", "seen"], "/mask");
  const swapped = (x: string, perm: readonly number[], output: string) =>
    nodes.add("Transpose", [x], output, { perm: { ints: perm } });
  return (name, qkv, cache) => {
    const [q, ...kv] = qkv.map((part) =>
      swapped(nodes.add("Reshape", [part, "heads"], `${part}/heads`), [0, 2, 1, 3], `${part}/by_head`),
    );
    const [keys, values] = kv.map((part, i) =>
      cache ? nodes.add("Concat", [cache.past[i], part], cache.present[i], { axis: { int: 2 } }) : part,
    );
    const turned = swapped(keys, [0, 1, 3, 2], `${name}/keys`);
    const scores = nodes.add("MatMul", [nodes.add("Mul", [q, "scale"], `${name}/scaled`), turned], `${name}/scores`);
    const masked = nodes.add("Add", [scores, mask], `${name}/masked`);
    const weights = nodes.add("Softmax", [masked], `${name}/weights`, { axis: { int: -1 } });
    const mixed = swapped(nodes.add("MatMul", [weights, values], `${name}/mixed`), [0, 2, 1, 3], `${name}/by_token`);
    return nodes.add("Reshape", [mixed, "joined"], name);
  };
}
