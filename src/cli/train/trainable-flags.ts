// Flags of src/train.ts: which of the model's parameters are trained.
import { defineFlags } from "../shared/flags.ts";

export const TRAINABLE_FLAGS = defineFlags({
  loraR: {
    type: "int",
    min: 1,
    group: "LoRA",
    help:
      "Train an adapter of this rank (8, say) and leave the model as it is: no memory for its gradients and moments. " +
      "Saved in PEFT's format; src/export.ts --merge makes a whole model of it.",
  },
  loraAlpha: {
    type: "float",
    above: 0,
    defaultText: "8",
    group: "LoRA",
    help: "The adapter's change is multiplied by this over the rank.",
  },
  loraDropout: {
    type: "float",
    min: 0,
    below: 1,
    defaultText: "0",
    group: "LoRA",
    help: "Dropout of what the adapter sees.",
  },
  loraTarget: {
    type: "list",
    placeholder: "name,...",
    defaultText: "c_attn",
    group: "LoRA",
    help: "Layers that the adapter changes: c_attn, c_proj, c_fc, or attn.c_proj, mlp.c_proj.",
  },
  freeze: {
    type: "list",
    placeholder: "name,...",
    group: "Training",
    help:
      "Leave these parameters as they are: parts of their names, such as wte, h.[0-5], ln_1 or bias (* is any " +
      "text). They take no memory for gradients and moments.",
  },
});
