// The optimizers and schedules of the reference runs, in float64: torch.optim.AdamW, the AdamW of transformers 2.x,
// clip_grad_norm_, and linear or cosine decay after a linear warm-up.

export type Gradients = ReadonlyMap<string, Float64Array>;

export interface AdamWOptions {
  readonly form: "adamw_torch" | "hf_adamw_2020";
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
  readonly decays: (name: string) => boolean;
}

export class OracleAdamW {
  private readonly options: AdamWOptions;
  private readonly moments = new Map<string, { m: Float64Array; v: Float64Array }>();
  private t = 0;

  constructor(options: AdamWOptions) {
    this.options = options;
  }

  /** Changes `parameters` in place. The two forms differ in where eps stands and in when the decay is applied. */
  step(parameters: ReadonlyMap<string, Float64Array>, gradients: Gradients, learningRate: number): void {
    const {
      form,
      betas: [beta1, beta2],
      eps,
      weightDecay,
      decays,
    } = this.options;
    this.t++;
    const correction1 = 1 - beta1 ** this.t,
      correction2 = 1 - beta2 ** this.t;
    for (const [name, p] of parameters) {
      const g = gradients.get(name)!;
      const decay = decays(name) ? learningRate * weightDecay : 0;
      const { m, v } = this.moments.get(name) ?? { m: new Float64Array(p.length), v: new Float64Array(p.length) };
      this.moments.set(name, { m, v });
      for (let i = 0; i < p.length; i++) {
        m[i] = beta1 * m[i] + (1 - beta1) * g[i];
        v[i] = beta2 * v[i] + (1 - beta2) * g[i] ** 2;
        if (form === "adamw_torch") {
          p[i] *= 1 - decay;
          p[i] -= ((learningRate / correction1) * m[i]) / (Math.sqrt(v[i]) / Math.sqrt(correction2) + eps);
        } else {
          p[i] -= (((learningRate * Math.sqrt(correction2)) / correction1) * m[i]) / (Math.sqrt(v[i]) + eps);
          p[i] *= 1 - decay;
        }
      }
    }
  }
}

/**
 * Parameters that decay: "trainer" leaves out biases and layer norms; the 2020 script's filter misses GPT-2's norms, so
 * they decay.
 */
export function decaysUnder(grouping: "trainer" | "2020_script"): (name: string) => boolean {
  return (name) => !name.endsWith(".bias") && (grouping === "2020_script" || !/\.ln_(1|2|f)\./.test(name));
}

/** Norm of all gradients together. */
export function gradientNorm(gradients: Gradients): number {
  let squares = 0;
  for (const values of gradients.values()) for (const g of values) squares += g * g;
  return Math.sqrt(squares);
}

/** Scales the gradients in place by maxNorm / (norm + 1e-6) where that is below 1; returns the norm before. */
export function clipGradients(gradients: Gradients, maxNorm: number | null): number {
  const norm = gradientNorm(gradients);
  const scale = maxNorm === null ? 1 : Math.min(1, maxNorm / (norm + 1e-6));
  for (const values of gradients.values()) for (let i = 0; i < values.length; i++) values[i] *= scale;
  return norm;
}

/**
 * Mean of micro-batch gradients; `count` may differ from their number, as where the 2020 script carries left-over ones
 * on.
 */
export function meanGradients(parts: readonly Gradients[], count: number = parts.length): Map<string, Float64Array> {
  return new Map(
    [...parts[0].keys()].map((name) => {
      const mean = new Float64Array(parts[0].get(name)!.length);
      for (const part of parts) part.get(name)!.forEach((g, i) => void (mean[i] += g / count));
      return [name, mean];
    }),
  );
}

/** Rate of update `step` (from 0): a warm-up from 0, then down to 0 at `steps`. */
export function learningRateAt(
  step: number,
  { peak, warmup, steps, schedule }: { peak: number; warmup: number; steps: number; schedule: "linear" | "cosine" },
): number {
  if (step < warmup) return (peak * step) / warmup;
  const progress = (step - warmup) / (steps - warmup);
  return peak * (schedule === "linear" ? 1 - progress : 0.5 * (1 + Math.cos(Math.PI * progress)));
}
