// The folders that all systems read: random weights of a size at which every layer shows in the logits, in Hugging
// Face's layout, and the same bytes as ONNX graphs. Made once a run, in a temporary folder.
import { join } from "node:path";
import { parameterShapes, saveCheckpoint, WEIGHTS_FILE, writeCheckpoint } from "../../src/gpt2/checkpoint-files.ts";
import { openFolder } from "../../src/files/open.ts";
import { Safetensors } from "../../src/files/safetensors.ts";
import type { GPT2Config } from "../../src/gpt2/config.ts";
import { elementCount } from "../../src/gpu/tensor.ts";
import { Random } from "../../src/random.ts";
import { encodeOnnx } from "./onnx/encode.ts";
import { gpt2Graph } from "./onnx/graph.ts";
import type { GraphForm } from "./onnx/graph.ts";

/** By what a graph is of; model.onnx is what transformers.js looks for. */
export const onnxFile = ({ cached, fused }: GraphForm): string =>
  `${cached ? "model" : "forward"}${fused ? "-fused" : ""}.onnx`;

const FORMS: readonly GraphForm[] = [true, false].flatMap((cached) =>
  [true, false].map((fused) => ({ cached, fused })),
);

/** Files of a model in `parent`/`name`; returns that folder. */
export async function writeModel(parent: string, name: string, config: GPT2Config): Promise<string> {
  const path = join(parent, name);
  const folder = await openFolder(path);
  const shapes = parameterShapes(config);
  const random = new Random(11);
  await saveCheckpoint(
    folder,
    writeCheckpoint(config, (each) => draw(random, each, shapes.get(each)!)),
  );
  const { tensors } = await Safetensors.open(folder, WEIGHTS_FILE);
  const graphs = new Map<string, Uint8Array>();
  for (const form of FORMS)
    graphs.set(onnxFile(form), await encodeOnnx(gpt2Graph(config, form), WEIGHTS_FILE, tensors));
  await folder.write(graphs);
  return path;
}

/**
 * Uniform, of a variance that keeps activations about 1 from layer to layer, so that blocks matter beside the
 * embedding: with GPT-2's own beginning (0.02) a token's successor is mostly itself, and a wrong block would not be
 * seen. Norms are not 1 and biases not 0, or leaving them out would not be either.
 */
function draw(random: Random, name: string, shape: readonly number[]): Float32Array {
  const values = new Float32Array(elementCount(shape));
  const isNorm = /\.ln_\w+\.weight$/.test(name);
  const deviation = shape.length === 1 || /\.w[tp]e\./.test(name) ? 0.1 : 1 / Math.sqrt(shape[0]);
  const width = 2 * Math.sqrt(3) * deviation;
  for (let i = 0; i < values.length; i++) values[i] = (random.float() - 0.5) * width + (isNorm ? 1 : 0);
  return values;
}
