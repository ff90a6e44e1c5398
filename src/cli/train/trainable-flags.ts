// Flags of src/train.ts: which of the model's parameters are trained.
import { defineFlags } from "../shared/flags.ts";

export const TRAINABLE_FLAGS = defineFlags({
  freeze: {
    type: "list",
    placeholder: "name,...",
    group: "Training",
    help:
      "Leave these parameters as they are: parts of their names, such as wte, h.[0-5], ln_1 or bias (* is any " +
      "text). They take no memory for gradients and moments.",
  },
});
