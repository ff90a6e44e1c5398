// GPT-2's operations forward and backward in float64, each as short as its formula allows: what the shaders are tested
// against. Arrays are row-major; letters as everywhere: B batch, T sequence, N = B*T rows, C channels, NH heads of HS,
// V vocabulary.

export type Numbers = ArrayLike<number>;

/** y[N, O] = x[N, I] w[I, O] + b[O]; `w` is stored [in, out], as Conv1D's. */
export function linear(x: Numbers, w: Numbers, b: Numbers | null, N: number): Float64Array {
  const I = x.length / N,
    O = w.length / I;
  const y = new Float64Array(N * O);
  for (let n = 0; n < N; n++) {
    for (let o = 0; o < O; o++) y[n * O + o] = b ? b[o] : 0;
    const row = y.subarray(n * O, (n + 1) * O);
    for (let i = 0; i < I; i++) {
      const xi = x[n * I + i];
      for (let o = 0, at = i * O; o < O; o++, at++) row[o] += xi * w[at];
    }
  }
  return y;
}

/** dx = dy w^T, dw = x^T dy, db = column sums of dy. */
export function linearBackward(
  dy: Numbers,
  x: Numbers,
  w: Numbers,
  N: number,
): { dx: Float64Array; dw: Float64Array; db: Float64Array } {
  const I = x.length / N,
    O = dy.length / N;
  const dx = new Float64Array(N * I),
    dw = new Float64Array(I * O),
    db = new Float64Array(O);
  for (let n = 0; n < N; n++) {
    for (let o = 0; o < O; o++) db[o] += dy[n * O + o];
    for (let i = 0; i < I; i++) {
      const xi = x[n * I + i];
      let sum = 0;
      for (let o = 0, y = n * O, at = i * O; o < O; o++, y++, at++) {
        sum += dy[y] * w[at];
        dw[at] += xi * dy[y];
      }
      dx[n * I + i] = sum;
    }
  }
  return { dx, dw, db };
}

export interface LayerNormResult {
  y: Float64Array;
  xhat: Float64Array;
  rstd: Float64Array;
}

/**
 * y = xhat weight + bias, xhat = (x - mean) rstd, rstd = 1 / sqrt(variance + eps), over each row of C = weight.length.
 */
export function layerNorm(x: Numbers, weight: Numbers, bias: Numbers, eps: number): LayerNormResult {
  const C = weight.length,
    N = x.length / C;
  const y = new Float64Array(N * C),
    xhat = new Float64Array(N * C),
    rstd = new Float64Array(N);
  for (let n = 0; n < N; n++) {
    let mean = 0,
      variance = 0;
    for (let c = 0; c < C; c++) mean += x[n * C + c] / C;
    for (let c = 0; c < C; c++) variance += (x[n * C + c] - mean) ** 2 / C;
    rstd[n] = 1 / Math.sqrt(variance + eps);
    for (let c = 0; c < C; c++) {
      xhat[n * C + c] = (x[n * C + c] - mean) * rstd[n];
      y[n * C + c] = xhat[n * C + c] * weight[c] + bias[c];
    }
  }
  return { y, xhat, rstd };
}

/**
 * dx = rstd (g - mean(g) - xhat mean(g xhat)) with g = dy weight; dweight and dbias sum dy xhat and dy over the rows.
 */
export function layerNormBackward(
  dy: Numbers,
  weight: Numbers,
  saved: { xhat: Numbers; rstd: Numbers },
): { dx: Float64Array; dweight: Float64Array; dbias: Float64Array } {
  const C = weight.length,
    N = dy.length / C;
  const { xhat, rstd } = saved;
  const dx = new Float64Array(N * C),
    dweight = new Float64Array(C),
    dbias = new Float64Array(C);
  for (let n = 0; n < N; n++) {
    let meanG = 0,
      meanGXhat = 0;
    for (let c = 0, i = n * C; c < C; c++, i++) {
      meanG += (dy[i] * weight[c]) / C;
      meanGXhat += (dy[i] * weight[c] * xhat[i]) / C;
      dweight[c] += dy[i] * xhat[i];
      dbias[c] += dy[i];
    }
    for (let c = 0, i = n * C; c < C; c++, i++) dx[i] = rstd[n] * (dy[i] * weight[c] - meanG - xhat[i] * meanGXhat);
  }
  return { dx, dweight, dbias };
}

const GELU_SCALE = Math.sqrt(2 / Math.PI);

/** gelu_new: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). */
export function gelu(x: number): number {
  return 0.5 * x * (1 + Math.tanh(GELU_SCALE * (x + 0.044715 * x ** 3)));
}

export function geluDerivative(x: number): number {
  const tanh = Math.tanh(GELU_SCALE * (x + 0.044715 * x ** 3));
  return 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh * tanh) * GELU_SCALE * (1 + 3 * 0.044715 * x * x);
}

export interface AttentionSizes {
  B: number;
  T: number;
  NH: number;
  HS: number;
}

/**
 * Causal attention over qkv[B, T, 3, NH, HS], scores scaled by 1/sqrt(HS). Position t attends to s <= t with mask[b, s]
 * != 0; a row with nothing to attend to (a left pad) gives zeros. Returns y[B, T, NH, HS] and the probabilities [B, NH,
 * T, T].
 */
export function attention(
  qkv: Numbers,
  mask: Numbers | null,
  { B, T, NH, HS }: AttentionSizes,
): { y: Float64Array; probs: Float64Array } {
  const C = NH * HS;
  const y = new Float64Array(B * T * C),
    probs = new Float64Array(B * NH * T * T);
  for (let b = 0; b < B; b++)
    for (let h = 0; h < NH; h++)
      for (let t = 0; t < T; t++) {
        const row = ((b * NH + h) * T + t) * T,
          q = (b * T + t) * 3 * C + h * HS,
          out = (b * T + t) * C + h * HS;
        let max = -Infinity,
          sum = 0;
        for (let s = 0; s <= t; s++) {
          const k = (b * T + s) * 3 * C + C + h * HS;
          let score = 0;
          for (let d = 0; d < HS; d++) score += qkv[q + d] * qkv[k + d];
          probs[row + s] = !mask || mask[b * T + s] ? score / Math.sqrt(HS) : -Infinity;
          max = Math.max(max, probs[row + s]);
        }
        for (let s = 0; s <= t; s++) sum += probs[row + s] = max === -Infinity ? 0 : Math.exp(probs[row + s] - max);
        for (let s = 0; s <= t && sum > 0; s++) {
          const v = (b * T + s) * 3 * C + 2 * C + h * HS;
          probs[row + s] /= sum;
          for (let d = 0; d < HS; d++) y[out + d] += probs[row + s] * qkv[v + d];
        }
      }
  return { y, probs };
}

/**
 * dscore = p (dp - sum(p dp)) with dp = dy . v; then dq = dscore k, dk = dscore q (both scaled), dv = p dy. Returns
 * dqkv.
 */
export function attentionBackward(
  dy: Numbers,
  qkv: Numbers,
  probs: Numbers,
  { B, T, NH, HS }: AttentionSizes,
): Float64Array {
  const C = NH * HS;
  const dqkv = new Float64Array(qkv.length),
    dp = new Float64Array(T);
  for (let b = 0; b < B; b++)
    for (let h = 0; h < NH; h++)
      for (let t = 0; t < T; t++) {
        const row = ((b * NH + h) * T + t) * T,
          q = (b * T + t) * 3 * C + h * HS,
          out = (b * T + t) * C + h * HS;
        let mean = 0;
        for (let s = 0; s <= t; s++) {
          const v = (b * T + s) * 3 * C + 2 * C + h * HS;
          dp[s] = 0;
          for (let d = 0; d < HS; d++) {
            dp[s] += dy[out + d] * qkv[v + d];
            dqkv[v + d] += probs[row + s] * dy[out + d];
          }
          mean += probs[row + s] * dp[s];
        }
        for (let s = 0; s <= t; s++) {
          const k = (b * T + s) * 3 * C + C + h * HS;
          const dscore = (probs[row + s] * (dp[s] - mean)) / Math.sqrt(HS);
          for (let d = 0; d < HS; d++) {
            dqkv[q + d] += dscore * qkv[k + d];
            dqkv[k + d] += dscore * qkv[q + d];
          }
        }
      }
  return dqkv;
}

/**
 * Mean of -log softmax(logits[b, t])[labels[b, t + 1]] over the labels that are not -100, and its gradient in the
 * logits [B, T, V]: (softmax - one-hot) / count. The last position predicts nothing. NaN when no label counts, as in
 * torch.
 */
export function crossEntropy(
  logits: Numbers,
  labels: Numbers,
  T: number,
): { loss: number; dlogits: Float64Array; count: number } {
  const N = labels.length,
    V = logits.length / N;
  const dlogits = new Float64Array(N * V);
  const rows = Array.from({ length: N }, (_, n) => n).filter((n) => n % T < T - 1 && labels[n + 1] !== -100);
  let loss = 0;
  for (const n of rows) {
    let max = -Infinity,
      sum = 0;
    for (let i = n * V; i < (n + 1) * V; i++) max = Math.max(max, logits[i]);
    for (let i = n * V; i < (n + 1) * V; i++) sum += dlogits[i] = Math.exp(logits[i] - max);
    for (let i = n * V; i < (n + 1) * V; i++) dlogits[i] /= sum * rows.length;
    const target = n * V + labels[n + 1];
    dlogits[target] -= 1 / rows.length;
    loss += (max + Math.log(sum) - logits[target]) / rows.length;
  }
  return { loss: rows.length > 0 ? loss : NaN, dlogits, count: rows.length };
}
