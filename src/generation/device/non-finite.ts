// Where a model's numbers first stop being finite: for the error that ends a generation, so it may be slow.
import type { GPT2LMHeadModel } from "../../gpt2/model.ts";

/**
 * Runs `ids` once in one piece and names the first part of the model whose output holds NaN or an infinity, or null
 * when none does. What a part computes for one token no later part or token can have spoilt.
 */
export async function findNonFinite(model: GPT2LMHeadModel, ids: readonly number[]): Promise<string | null> {
  const last = model.config.nLayer - 1;
  const block = (layer: number): string => `block ${layer} (transformer.h.${layer})`;
  const output = model.forward({ inputIds: [ids], lastOnly: true, outputHiddenStates: true });
  try {
    for (const [i, state] of output.hiddenStates!.entries()) {
      if ((await state.read()).every(Number.isFinite)) continue;
      if (i === 0) return "the embeddings (transformer.wte, transformer.wpe)";
      return i > last ? `${block(last)} or the final layer norm (transformer.ln_f)` : block(i - 1);
    }
    return (await output.logits!.read()).every(Number.isFinite) ? null : "the head (transformer.wte)";
  } finally {
    output.dispose();
  }
}
