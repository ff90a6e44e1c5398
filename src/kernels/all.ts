// Every kernel, for tools that show or check them all: importing a launch file declares its kernels.
import "./adamw.ts";
import "./add.ts";
import "./attention-backward.ts";
import "./attention-decode-weights.ts";
import "./attention-decode.ts";
import "./attention-resize.ts";
import "./attention-weights.ts";
import "./attention.ts";
import "./choose.ts";
import "./column-sum.ts";
import "./cross-entropy.ts";
import "./dropout.ts";
import "./edit-logits.ts";
import "./embedding.ts";
import "./gelu.ts";
import "./grad-norm.ts";
import "./kv-cache.ts";
import "./layernorm.ts";
import "./log-sum-exp.ts";
import "./matmul-kernels.ts";
import "./matvec.ts";
import "./top-k-aside.ts";
import "./top-k-candidates.ts";
import "./top-k.ts";
import { definedKernels } from "../gpu/kernel.ts";
import type { Kernel } from "../gpu/kernel.ts";

/** Every kernel of the library in every form, and of what else was imported. */
export function allKernels(): readonly Kernel[] {
  return definedKernels();
}
