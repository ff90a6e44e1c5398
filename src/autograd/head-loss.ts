// The tied head and its loss by chunks of rows: the sum or mean of -log softmax(x wte^T)[target], with no more logits
// at once than a chunk has. They are computed again in backward, where each chunk's gradient takes its logits' place.
import { reshape, sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { columnSum } from "../kernels/column-sum.ts";
import { crossEntropyByRow } from "../kernels/cross-entropy.ts";
import { addHeadRows } from "../kernels/head-rows.ts";
import { matmul } from "../kernels/matmul.ts";
import type { Tape } from "./tape.ts";
import type { Parameter, TokenRows, Variable } from "./variable.ts";

/** Chunks begin where bindings may: at multiples of so many rows (of an odd number of f16, twice as many). */
const ROWS = 64;

/**
 * x [N, C] (after ln_f), wte [V, C], targets u32 [N], width Vp of a row of logits -> [1], the sum of the rows' losses
 * times `factor`. `chunk`: rows at once, up to a multiple of 64. The gradient is multiplied by the loss scale, scaling
 * [0], too, where f32 scaling [2] is given. `trained`: as tiedHead.
 */
export function headLoss(
  tape: Tape,
  x: Variable,
  wte: Parameter,
  {
    targets,
    width,
    chunk,
    factor,
    scaling,
    trained,
  }: {
    readonly targets: Tensor;
    readonly width: number;
    readonly chunk: number;
    readonly factor: number;
    readonly scaling?: Tensor;
    readonly trained?: TokenRows;
  },
): Variable {
  const { batch, pool } = tape.device;
  const [N, C] = x.value.shape;
  const V = wte.value.shape[0];
  const rowsOf = tape.saves === "f16" && C % 2 === 1 ? 2 * ROWS : ROWS;
  const size = Math.ceil(chunk / rowsOf) * rowsOf;
  const losses = tape.acquire([N]);
  /** Calls `use` with each chunk's rows and logits, its losses made; with a scale its gradient is in their place. */
  const byChunk = (use: (start: number, count: number, logits: Tensor) => void, gradientScale?: number): void => {
    for (let start = 0; start < N; start += size) {
      const count = Math.min(size, N - start);
      const rows = (tensor: Tensor): Tensor => sliceRows(tensor, start, count);
      const logits = pool.acquire([count, width]);
      matmul(batch, { a: rows(x.value), b: tape.weight(wte), out: logits, layout: "nt", n: V });
      const settings = gradientScale === undefined ? {} : { gradientScale, scaling };
      const row = { targets: rows(targets), losses: rows(losses) };
      crossEntropyByRow(batch, { logits, vocabSize: V, ...row, ...settings });
      use(start, count, logits);
      pool.release(logits);
    }
  };
  byChunk(() => {});
  const loss = tape.acquire([1]);
  columnSum(batch, { x: reshape(losses, [N, 1]), out: loss, scale: factor });
  const inputs = trained ? [x, wte, trained.rows] : [x, wte];
  return tape.record("head_loss", inputs, loss, [losses, targets], (_dy, into) => {
    let dx: { readonly tensor: Tensor; readonly accumulate: boolean } | undefined;
    let dwte: Tensor | undefined;
    into.write(x, (tensor, accumulate) => (dx = { tensor, accumulate }));
    into.write(wte, (tensor) => (dwte = tensor));
    byChunk((start, count, dlogits) => {
      const rows = (tensor: Tensor): Tensor => sliceRows(tensor, start, count);
      if (dx)
        matmul(batch, {
          a: dlogits,
          b: tape.weight(wte),
          out: rows(dx.tensor),
          layout: "nn",
          k: V,
          accumulate: dx.accumulate,
        });
      if (dwte) matmul(batch, { a: dlogits, b: rows(x.value), out: dwte, layout: "tn", m: V, accumulate: true });
      if (trained)
        into.write(trained.rows, (drows) => addHeadRows(batch, trained.indices, { dlogits, x: rows(x.value), drows }));
    }, factor);
  });
}
