// A model in a few words, for the line that each program begins with.
import type { GPT2LMHeadModel } from "../../gpt2/model.ts";

/** "124.44M parameters, 12 layers of 768" */
export function describeModel({ config, parameters }: GPT2LMHeadModel): string {
  const millions = (parameters.elementCount / 1e6).toFixed(2);
  return `${millions}M parameters, ${config.nLayer} layers of ${config.nEmbd}`;
}
