// out = softmax(q k^T / sqrt(HS) + causal and padding mask) v for each head, and back: with p the probabilities, dp =
// dout v^T, delta = rowsum(dout * out), ds = p (dp - delta): dq = ds k / sqrt(HS), dk = ds^T q / sqrt(HS), dv = p^T
// dout.
import type { Tensor } from "../gpu/tensor.ts";
import { attentionForward } from "../kernels/attention.ts";
import { attentionBackward } from "../kernels/attention-backward.ts";
import type { Dropout } from "../kernels/random.ts";
import type { Tape } from "./tape.ts";
import type { Variable } from "./variable.ts";

/**
 * qkv [B*T, 3C], columns q | k | v, heads contiguous in each -> [B*T, C]. mask u32 [B, T], 1 where a key may be seen,
 * or what MaskedSizes says of packed rows; it must live until backward (tape.keep). Dropout falls on the probabilities
 * and is recomputed in backward.
 */
export function attention(
  tape: Tape,
  qkv: Variable,
  {
    batch: B,
    length: T,
    heads: NH,
    mask,
    packed,
    dropout,
  }: {
    readonly batch: number;
    readonly length: number;
    readonly heads: number;
    readonly mask?: Tensor;
    readonly packed?: boolean;
    readonly dropout?: Dropout;
  },
): Variable {
  const { batch } = tape.device;
  const sizes = { batch: B, length: T, heads: NH, packed };
  const out = tape.activation([B * T, qkv.value.shape[1] / 3]);
  const lse = tape.acquire([B * NH * T]);
  attentionForward(batch, { qkv: qkv.value, mask, out, lse, dropout, ...sizes });
  return tape.record("attention", [qkv], out, [lse], (dout, into) => {
    into.write(qkv, (dqkv, accumulate) =>
      attentionBackward(batch, { dout, qkv: qkv.value, out, lse, mask, dqkv, accumulate, dropout, ...sizes }),
    );
  });
}
