// Which parameters weight decay takes, and the runs of neighbours that it takes alike: each is one launch of an update.
import { PARAMETER_ALIGNMENT } from "../autograd/parameter.ts";
import type { Parameter } from "../autograd/variable.ts";
import { elementCount } from "../gpu/tensor.ts";

/** Hugging Face Trainer's rule for GPT-2: embeddings and matrices decay, biases and layer norms do not. */
export function decayMatrices(parameter: Parameter): boolean {
  return parameter.value.shape.length >= 2;
}

/** The rule of the 2020 script: its filter misses GPT-2's layer norms, so all but biases decay. */
export function decayAllButBiases(parameter: Parameter): boolean {
  return !parameter.name.endsWith(".bias");
}

/** A run of neighbouring parameters that decay alike: the padding between them is zero and stays so. */
export interface DecayRange {
  readonly chunk: number;
  readonly start: number;
  end: number;
  readonly decays: boolean;
}

/** The runs of `parameters`, which come in their order in memory. */
export function decayRanges(parameters: Iterable<Parameter>, decay: (parameter: Parameter) => boolean): DecayRange[] {
  const ranges: DecayRange[] = [];
  for (const parameter of parameters) {
    const { chunk, offset } = parameter;
    const end = offset + Math.ceil(elementCount(parameter.value.shape) / PARAMETER_ALIGNMENT) * PARAMETER_ALIGNMENT;
    const decays = decay(parameter);
    const last = ranges.at(-1);
    if (last && last.chunk === chunk && last.end === offset && last.decays === decays) last.end = end;
    else ranges.push({ chunk, start: offset, end, decays });
  }
  return ranges;
}
