// What the kernels that are tuned should give, in float64 and in the plainest way: for a few small tensors, on whatever
// machine the program runs. (The tests have oracles for everything; these come along with the package.)

export type Numbers = ArrayLike<number>;

/** a [m, k] times b [k, n]; the layouts say which is stored transposed, as kernels/product.ts has them. */
export function product(layout: "nn" | "nt" | "tn", [m, n, k]: readonly number[], a: Numbers, b: Numbers): number[] {
  const A = (i: number, x: number): number => (layout === "tn" ? a[x * m + i] : a[i * k + x]);
  const B = (x: number, j: number): number => (layout === "nt" ? b[j * k + x] : b[x * n + j]);
  return grid(m, n, (i, j) => sum(k, (x) => A(i, x) * B(x, j)));
}

/** y and (mean, rstd) of each row of x [rows, C]. */
export function layerNorm(
  [rows, C]: readonly number[],
  {
    x,
    weight,
    bias,
    eps,
  }: { readonly x: Numbers; readonly weight: Numbers; readonly bias: Numbers; readonly eps: number },
): { readonly y: number[]; readonly stats: number[] } {
  const y: number[] = [],
    stats: number[] = [];
  for (let row = 0; row < rows; row++) {
    const at = (c: number): number => x[row * C + c];
    const mean = sum(C, at) / C;
    const rstd = 1 / Math.sqrt(sum(C, (c) => (at(c) - mean) ** 2) / C + eps);
    for (let c = 0; c < C; c++) y.push((at(c) - mean) * rstd * weight[c] + bias[c]);
    stats.push(mean, rstd);
  }
  return { y, stats };
}

export interface AttentionSizes {
  readonly length: number;
  readonly heads: number;
  readonly headSize: number;
}

/** Causal attention of one sequence, qkv [T, 3C]; with `dout` [T, C] also the gradient by qkv. */
export function attention(
  { length: T, heads: NH, headSize: HS }: AttentionSizes,
  qkv: Numbers,
  dout: Numbers = new Float64Array(T * NH * HS),
): { readonly out: Float64Array; readonly dqkv: Float64Array } {
  const C = NH * HS,
    scale = 1 / Math.sqrt(HS);
  const out = new Float64Array(T * C),
    dqkv = new Float64Array(T * 3 * C);
  for (let h = 0; h < NH; h++) {
    const at = (part: number, t: number, c: number): number => t * 3 * C + part * C + h * HS + c;
    for (let t = 0; t < T; t++) {
      const scores = range(t + 1, (s) => scale * sum(HS, (c) => qkv[at(0, t, c)] * qkv[at(1, s, c)]));
      const largest = Math.max(...scores);
      const powers = scores.map((score) => Math.exp(score - largest));
      const total = sum(powers.length, (s) => powers[s]);
      const weights = powers.map((power) => power / total);
      const d = (c: number): number => dout[t * C + h * HS + c];
      const dweights = weights.map((_, s) => sum(HS, (c) => d(c) * qkv[at(2, s, c)]));
      const mean = sum(weights.length, (s) => weights[s] * dweights[s]);
      for (const [s, weight] of weights.entries()) {
        const dscore = scale * weight * (dweights[s] - mean);
        for (let c = 0; c < HS; c++) {
          out[t * C + h * HS + c] += weight * qkv[at(2, s, c)];
          dqkv[at(0, t, c)] += dscore * qkv[at(1, s, c)];
          dqkv[at(1, s, c)] += dscore * qkv[at(0, t, c)];
          dqkv[at(2, s, c)] += weight * d(c);
        }
      }
    }
  }
  return { out, dqkv };
}

const range = (count: number, at: (i: number) => number): number[] => Array.from({ length: count }, (_, i) => at(i));

function sum(count: number, at: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += at(i);
  return total;
}

const grid = (m: number, n: number, at: (i: number, j: number) => number): number[] =>
  range(m * n, (i) => at(Math.floor(i / n), i % n));
