// Every launch file, for tools that show or check all kernels: importing one declares its kernels.
import { definedKernels } from "../gpu/kernel.ts";
import type { Kernel } from "../gpu/kernel.ts";

export * as adamw from "./adamw.ts";
export * as add from "./add.ts";
export * as attentionBackward from "./attention-backward.ts";
export * as attentionDecodeWeights from "./attention-decode-weights.ts";
export * as attentionDecode from "./attention-decode.ts";
export * as attentionResize from "./attention-resize.ts";
export * as attentionWeights from "./attention-weights.ts";
export * as attention from "./attention.ts";
export * as columnSum from "./column-sum.ts";
export * as crossEntropy from "./cross-entropy.ts";
export * as dropout from "./dropout.ts";
export * as editLogits from "./edit-logits.ts";
export * as embedding from "./embedding.ts";
export * as gelu from "./gelu.ts";
export * as gradNorm from "./grad-norm.ts";
export * as halfCopy from "./half-copy.ts";
export * as kvCache from "./kv-cache.ts";
export * as layernorm from "./layernorm.ts";
export * as logSumExp from "./log-sum-exp.ts";
export * as matmulKernels from "./matmul-kernels.ts";
export * as matvec from "./matvec.ts";
export * as sample from "./sample.ts";
export * as scale from "./scale.ts";
export * as topKCandidates from "./top-k-candidates.ts";
export * as topKExclude from "./top-k-exclude.ts";
export * as topK from "./top-k.ts";

/** Every kernel of the library in every form. */
export function allKernels(): readonly Kernel[] {
  return definedKernels();
}
