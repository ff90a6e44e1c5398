// A graph as the bytes of an .onnx file, by protobufjs. The messages are those of onnx.proto that a graph of ours
// needs, with their numbers there; weights are "external data": ranges of a file beside it.
import { loadPeer } from "../packages.ts";
import { DATA_TYPE } from "./graph.ts";
import type { Attribute, Constant, Graph, Node, Value } from "./graph.ts";

/** As much of protobufjs as is used. */
interface Protobuf {
  readonly Root: { fromJSON(json: unknown): { lookupType(name: string): MessageType } };
}
interface MessageType {
  encode(message: unknown): { finish(): Uint8Array };
}

/** Where a tensor lies in the file of weights. */
export interface Place {
  readonly offset: number;
  readonly byteLength: number;
}

const one = (type: string, id: number) => ({ type, id });
const many = (type: string, id: number) => ({ rule: "repeated", type, id });
const packed = (type: string, id: number) => ({ ...many(type, id), options: { packed: true } });

const MESSAGES = {
  ModelProto: {
    irVersion: one("int64", 1),
    producerName: one("string", 2),
    graph: one("GraphProto", 7),
    opsetImport: many("OperatorSetIdProto", 8),
  },
  OperatorSetIdProto: { domain: one("string", 1), version: one("int64", 2) },
  GraphProto: {
    node: many("NodeProto", 1),
    name: one("string", 2),
    initializer: many("TensorProto", 5),
    input: many("ValueInfoProto", 11),
    output: many("ValueInfoProto", 12),
  },
  NodeProto: {
    input: many("string", 1),
    output: many("string", 2),
    name: one("string", 3),
    opType: one("string", 4),
    attribute: many("AttributeProto", 5),
    domain: one("string", 7),
  },
  AttributeProto: {
    name: one("string", 1),
    f: one("float", 2),
    i: one("int64", 3),
    ints: many("int64", 8),
    type: one("int32", 20),
  },
  TensorProto: {
    dims: many("int64", 1),
    dataType: one("int32", 2),
    floatData: packed("float", 4),
    int64Data: packed("int64", 7),
    name: one("string", 8),
    externalData: many("StringStringEntryProto", 13),
    dataLocation: one("int32", 14),
  },
  StringStringEntryProto: { key: one("string", 1), value: one("string", 2) },
  ValueInfoProto: { name: one("string", 1), type: one("TypeProto", 2) },
  TypeProto: { tensorType: one("TensorTypeProto", 1) },
  TensorTypeProto: { elemType: one("int32", 1), shape: one("TensorShapeProto", 2) },
  TensorShapeProto: { dim: many("DimensionProto", 1) },
  DimensionProto: { dimValue: one("int64", 1), dimParam: one("string", 2) },
};

/** `places`: of each weight in `file`, which lies beside the .onnx file. */
export async function encodeOnnx(graph: Graph, file: string, places: ReadonlyMap<string, Place>): Promise<Uint8Array> {
  const { Root } = await loadPeer<Protobuf>("protobufjs");
  const nested = Object.fromEntries(Object.entries(MESSAGES).map(([name, fields]) => [name, { fields }]));
  return Root.fromJSON({ nested })
    .lookupType("ModelProto")
    .encode(modelMessage(graph, file, places))
    .finish();
}

/** The message that the file is, with field names in camelCase. */
export function modelMessage(graph: Graph, file: string, places: ReadonlyMap<string, Place>): object {
  return {
    irVersion: 8,
    producerName: "gpt2-webgpu bench/peers",
    opsetImport: [
      { domain: "", version: 17 },
      { domain: "com.microsoft", version: 1 },
    ],
    graph: {
      name: graph.name,
      node: graph.nodes.map(nodeMessage),
      initializer: [
        ...[...graph.weights].map(([name, dims]) => weightMessage(name, dims, file, places)),
        ...[...graph.constants].map(constantMessage),
      ],
      input: graph.inputs.map(valueMessage),
      output: graph.outputs.map(valueMessage),
    },
  };
}

function weightMessage(
  name: string,
  dims: readonly number[],
  file: string,
  places: ReadonlyMap<string, Place>,
): object {
  const place = places.get(name);
  if (!place) throw new Error(`onnx: ${file} has no ${name}`);
  const entries = { location: file, offset: String(place.offset), length: String(place.byteLength) };
  const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
  return { name, dims, dataType: DATA_TYPE.float, externalData, dataLocation: 1 };
}

function constantMessage([name, value]: readonly [string, Constant]): object {
  if (typeof value === "object" && "float" in value)
    return { name, dims: [], dataType: DATA_TYPE.float, floatData: [value.float] };
  const dims = typeof value === "number" ? [] : [value.length];
  return { name, dims, dataType: DATA_TYPE.int64, int64Data: [value].flat() };
}

const nodeMessage = ({ op, domain, inputs, outputs, attributes }: Node): object => ({
  opType: op,
  domain,
  name: outputs[0],
  input: inputs,
  output: outputs,
  attribute: Object.entries(attributes).map(([name, value]) => ({ name, ...attributeMessage(value) })),
});

/** With the numbers of AttributeProto's types. */
function attributeMessage(value: Attribute): object {
  if ("float" in value) return { type: 1, f: value.float };
  return "int" in value ? { type: 2, i: value.int } : { type: 7, ints: value.ints };
}

const valueMessage = ({ name, type, shape }: Value): object => ({
  name,
  type: {
    tensorType: {
      elemType: DATA_TYPE[type],
      shape: { dim: shape.map((size) => (typeof size === "number" ? { dimValue: size } : { dimParam: size })) },
    },
  },
});
