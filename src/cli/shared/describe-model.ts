// A model in a few words, for the line that each program begins with.
import { parameterShapes } from "../../gpt2/checkpoint-files.ts";
import type { GPT2Config } from "../../gpt2/config.ts";
import type { GPT2LMHeadModel } from "../../gpt2/model.ts";
import { elementCount } from "../../gpu/tensor.ts";

/** "124.44M parameters, 12 layers of 768", and whether they are kept as f16. */
export function describeModel({ config, parameters, dtype }: GPT2LMHeadModel): string {
  return sizeText(parameters.elementCount, config) + (dtype === "f16" ? " in f16" : "");
}

/** The same of a model that is not loaded. */
export function describeConfig(config: GPT2Config): string {
  const shapes = [...parameterShapes(config).values()];
  return sizeText(
    shapes.reduce((sum, shape) => sum + elementCount(shape), 0),
    config,
  );
}

function sizeText(parameters: number, { nLayer, nEmbd }: GPT2Config): string {
  return `${(parameters / 1e6).toFixed(2)}M parameters, ${nLayer} layers of ${nEmbd}`;
}
