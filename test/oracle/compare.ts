// Comparisons with reference cases, at the tolerances of test/fixtures/reference/README.md, section 4. Each returns
// what is wrong as text (null or an empty list: nothing), so that any runner, and a test that alters a number, can use
// them.
import type { ForwardEntry, GenerateEntry, GradGroup, LossEntry, ModelCase, Rows, TrainingRun } from "./fixtures.ts";
import type { Numbers } from "./ops.ts";

export interface Tolerance {
  readonly atol: number;
  readonly rtol?: number;
  readonly relL2?: number;
}

/** Float32 engines against float64 references. */
export const TOLERANCE = {
  logits: { atol: 2e-4 },
  /** With weights kept as f16, and the perplexity's: measured 1.5e-2 and 5.2e-5 at most, on logits of up to 9. */
  logitsOfHalves: { atol: 2e-2 },
  perplexityOfHalves: { atol: 0, rtol: 1e-4 },
  hidden: { atol: 2e-4 },
  loss: { atol: 2e-5 },
  gradient: { atol: 1e-5, relL2: 1e-4 },
  keyBiasGradient: { atol: 1e-6 },
  gradNorm: { atol: 0, rtol: 1e-4 },
  lr: { atol: 1e-9 },
  trainingLoss: { adamw_torch: { atol: 5e-5 }, hf_adamw_2020: { atol: 1e-4 } },
  finalParams: { adamw_torch: { atol: 5e-5, relL2: 1e-5 }, hf_adamw_2020: { atol: 3e-4, relL2: 2e-5 } },
  scriptLoss: { atol: 5e-5 },
  scriptFinalParams: { atol: 5e-5 },
  probabilities: { atol: 2e-6 },
  processorScores: { atol: 1e-5 },
  sequenceScores: { atol: 1e-4, rtol: 2e-5 },
  perplexity: { atol: 0, rtol: 1e-5 },
  scriptPerplexity: { atol: 0, rtol: 1e-4 },
} as const;

/**
 * Parameters whose gradient is near zero wander under Adam: this share of a group's elements may be off by this much.
 */
const WANDER = { share: 0.001, atol: 1e-3 };

/**
 * Elementwise |got - want| <= atol + rtol |want| (infinities must be equal, NaN never passes), and ||got - want|| <=
 * relL2 ||want||.
 */
export function compareTensor(
  got: Numbers,
  want: Numbers,
  tolerance: Tolerance,
  shape: readonly number[] = [],
): string | null {
  if (got.length !== want.length) return `has ${got.length} elements, wanted ${want.length}`;
  const { atol, rtol = 0, relL2 } = tolerance;
  let off = 0,
    worst = -1,
    worstExcess = 0,
    squares = 0,
    wantSquares = 0;
  for (let i = 0; i < want.length; i++) {
    if (got[i] === want[i]) {
      wantSquares += Number.isFinite(want[i]) ? want[i] ** 2 : 0;
      continue;
    }
    const difference = Math.abs(got[i] - want[i]);
    squares += difference ** 2;
    wantSquares += want[i] ** 2;
    const ratio = difference / (atol + rtol * Math.abs(want[i]));
    if (ratio <= 1) continue; // false for NaN
    off++;
    const excess = Number.isNaN(ratio) ? Infinity : ratio;
    if (excess > worstExcess) [worst, worstExcess] = [i, excess];
  }
  if (off > 0)
    return (
      `${off} of ${want.length} elements are off, the worst at ${indexText(worst, shape)}: got ${got[worst]}, ` +
      `wanted ${want[worst]}, ${worstExcess.toPrecision(3)} times the tolerance ` +
      `${atol}${rtol ? ` + ${rtol} |wanted|` : ""}`
    );
  if (relL2 !== undefined && !(Math.sqrt(squares) <= relL2 * Math.sqrt(wantSquares)))
    return `relative L2 error ${Math.sqrt(squares / wantSquares).toExponential(2)}, allowed ${relL2}`;
  return null;
}

export function compareNumber(got: number, want: number, tolerance: Tolerance): string | null {
  return Math.abs(got - want) <= tolerance.atol + (tolerance.rtol ?? 0) * Math.abs(want) || got === want
    ? null
    : `got ${got}, wanted ${want} within ${tolerance.atol}${tolerance.rtol ? ` + ${tolerance.rtol} |wanted|` : ""}`;
}

/** Logits [B, T, V] of one forward entry; the reference may hold only some positions. */
export function compareForward(
  model: ModelCase,
  entry: ForwardEntry,
  logits: Numbers,
  tolerance: Tolerance = TOLERANCE.logits,
): string | null {
  const V = model.config.vocabSize,
    T = entry.input_ids[0].length;
  const positions = entry.positions ?? Array.from({ length: T }, (_, t) => t);
  return compareRows(
    logits,
    model.tensor(entry.logits),
    V,
    entry.input_ids.flatMap((_, b) => positions.map((t) => b * T + t)),
    tolerance,
  );
}

/** Logits [B, T, V] where the mask is not 0. */
export function comparePadded(model: ModelCase, logits: Numbers): string | null {
  const { attention_mask, logits: key } = model.reference.padded_forward;
  const V = model.config.vocabSize,
    want = model.tensor(key);
  if (logits.length !== want.length) return `has ${logits.length} elements, wanted ${want.length}`;
  const rows = realRows(attention_mask);
  const wanted = rows.flatMap((row) => [...want.subarray(row * V, (row + 1) * V)]);
  return compareRows(logits, wanted, V, rows, TOLERANCE.logits);
}

/** All hidden states, in the order of OracleOutput.hiddenStates, each [1, T, C]. */
export function compareHiddenStates(model: ModelCase, states: readonly Numbers[]): string[] {
  const { tensors } = model.reference.hidden_states;
  if (states.length !== tensors.length) return [`${states.length} hidden states, wanted ${tensors.length}`];
  return failures(tensors.map((key, i) => [key, compareTensor(states[i], model.tensor(key), TOLERANCE.hidden)]));
}

/** Loss, label count and total gradient norm of one loss entry (`compareGradGroup` has the gradients). */
export function compareLoss(entry: LossEntry, got: { loss: number; count?: number; gradNorm?: number }): string[] {
  return failures([
    ["loss", compareNumber(got.loss, entry.loss, TOLERANCE.loss)],
    ["label count", got.count === undefined ? null : compareNumber(got.count, entry.n_label_tokens, { atol: 0 })],
    [
      "gradient norm",
      got.gradNorm === undefined ? null : compareNumber(got.gradNorm, entry.grad_norm, TOLERANCE.gradNorm),
    ],
  ]);
}

/** Every gradient of a group: the stored elements, and norm, sum and largest magnitude of the whole tensor. */
export function compareGradGroup(model: ModelCase, group: GradGroup, getGrad: (name: string) => Numbers): string[] {
  const { atol, relL2 } = TOLERANCE.gradient;
  return Object.entries(group.params).flatMap(([name, { tensor, stride, l2, sum, absmax }]) => {
    const grad = getGrad(name);
    const [rest, keyBias] = splitKeyBias(name, sampled(grad, stride), model.config.nEmbd, stride);
    const [wantRest, wantKeyBias] = splitKeyBias(name, model.tensor(tensor), model.config.nEmbd, stride);
    const whole = summary(grad);
    return failures([
      [name, compareTensor(rest, wantRest, TOLERANCE.gradient)],
      [`${name} (key part)`, compareTensor(keyBias, wantKeyBias, TOLERANCE.keyBiasGradient)],
      [`${name} norm`, compareNumber(whole.l2, l2, { atol: 1e-6, rtol: relL2 })],
      // Cauchy-Schwarz
      [`${name} sum`, compareNumber(whole.sum, sum, { atol: relL2 * l2 * Math.sqrt(grad.length) + 1e-6 })],
      [`${name} largest`, compareNumber(whole.absmax, absmax, { atol })],
    ]);
  });
}

/** One update of a training run: mean loss, gradient norm before clipping, learning rate. */
export function compareTrainingStep(
  run: TrainingRun,
  step: number,
  got: { loss: number; gradNorm: number; lr: number },
): string[] {
  return failures([
    [`${run.name} step ${step} loss`, compareNumber(got.loss, run.loss[step], TOLERANCE.trainingLoss[run.optimizer])],
    [`${run.name} step ${step} gradient norm`, compareNumber(got.gradNorm, run.grad_norm[step], TOLERANCE.gradNorm)],
    [`${run.name} step ${step} learning rate`, compareNumber(got.lr, run.lr[step], TOLERANCE.lr)],
  ]);
}

/** Parameters after a training run, all but the key biases (their exact gradient is 0: Adam makes noise of noise). */
export function compareFinalParams(model: ModelCase, run: TrainingRun, getParam: (name: string) => Numbers): string[] {
  const tolerance = TOLERANCE.finalParams[run.optimizer];
  const entries = Object.entries(run.final_params.params);
  const found = compareParameters(
    entries.map(([name, { tensor, stride }]) => ({
      name,
      got: splitKeyBias(name, sampled(getParam(name), stride), model.config.nEmbd, stride)[0],
      want: splitKeyBias(name, model.tensor(tensor), model.config.nEmbd, stride)[0],
    })),
    tolerance,
  );
  const summaries = entries
    .filter(([name]) => !isKeyBias(name))
    .flatMap(([name, { l2, sum, absmax }]) => {
      const whole = summary(getParam(name)),
        n = getParam(name).length;
      const error = tolerance.relL2 * l2 + Math.sqrt(WANDER.share * n) * WANDER.atol; // of the whole tensor, in L2
      return failures([
        [`${name} norm`, compareNumber(whole.l2, l2, { atol: error })],
        [`${name} sum`, compareNumber(whole.sum, sum, { atol: error * Math.sqrt(n) })],
        [`${name} largest`, compareNumber(whole.absmax, absmax, { atol: WANDER.atol })],
      ]);
    });
  return [...found, ...summaries];
}

/** Parameters after a run of the 2020 script, all but the key biases. */
export function compareScriptFinalParams(
  nEmbd: number,
  want: ReadonlyMap<string, Numbers>,
  getParam: (name: string) => Numbers,
): string[] {
  return compareParameters(
    [...want].map(([name, values]) => ({
      name,
      got: splitKeyBias(name, getParam(name), nEmbd, 1)[0],
      want: splitKeyBias(name, values, nEmbd, 1)[0],
    })),
    TOLERANCE.scriptFinalParams,
  );
}

/**
 * As compareTensor for each, but the allowed share of all elements together may wander; those are left out of the L2
 * error.
 */
function compareParameters(
  tensors: readonly { name: string; got: Numbers; want: Numbers }[],
  tolerance: Tolerance,
): string[] {
  let total = 0,
    wandering = 0;
  const found = failures(
    tensors.map(({ name, got, want }) => {
      if (got.length !== want.length) return [name, compareTensor(got, want, tolerance)];
      const settled = Array.from(got, (value, i) => {
        const distance = Math.abs(value - want[i]);
        const wanders = distance > tolerance.atol && distance <= WANDER.atol;
        if (wanders) wandering++;
        return wanders ? want[i] : value;
      });
      total += want.length;
      return [name, compareTensor(settled, want, tolerance)];
    }),
  );
  return wandering > WANDER.share * total
    ? [
        ...found,
        `${wandering} of ${total} parameters are off by more than ${tolerance.atol}, allowed ${WANDER.share * 100}%`,
      ]
    : found;
}

/** Ids exactly and beam scores within tolerance; where two versions of Hugging Face differ, either will do. */
export function compareGenerated(
  entry: GenerateEntry,
  sequences: Rows,
  scores: readonly number[] | undefined,
): string | null {
  const against = (wantIds: Rows, wantScores: readonly number[] | null | undefined): string | null => {
    if (JSON.stringify(sequences) !== JSON.stringify(wantIds))
      return `ids ${JSON.stringify(sequences)}, wanted ${JSON.stringify(wantIds)}`;
    if (!wantScores) return scores === undefined ? null : "scores without beam search";
    return scores ? compareTensor(scores, wantScores, TOLERANCE.sequenceScores) : "no scores";
  };
  const first = against(entry.sequences, entry.sequences_scores);
  if (first === null || entry.agrees_vectorized_beam !== false || !entry.sequences_vectorized) return first;
  return against(entry.sequences_vectorized, entry.sequences_scores_vectorized) === null ? null : first;
}

function compareRows(
  got: Numbers,
  want: Numbers,
  V: number,
  rows: readonly number[],
  tolerance: Tolerance,
): string | null {
  const picked = new Float64Array(rows.length * V);
  rows.forEach((row, r) => {
    for (let v = 0; v < V; v++) picked[r * V + v] = got[row * V + v];
  }); // too short: NaN, which fails
  return compareTensor(picked, want, tolerance, [rows.length, V]);
}

function realRows(mask: Rows): number[] {
  return mask.flat().flatMap((real, row) => (real ? [row] : []));
}

function sampled(values: Numbers, stride: number): Numbers {
  return stride === 1
    ? values
    : Array.from({ length: Math.ceil(values.length / stride) }, (_, i) => values[i * stride]);
}

function isKeyBias(name: string): boolean {
  return name.endsWith("attn.c_attn.bias");
}

/** [query and value part, key part] of a c_attn.bias; everything and nothing for other tensors. */
function splitKeyBias(name: string, values: Numbers, nEmbd: number, stride: number): [Numbers, Numbers] {
  if (!isKeyBias(name)) return [values, []];
  const isKey = (_: number, i: number): boolean => Math.floor((i * stride) / nEmbd) === 1;
  const all = Array.from(values);
  return [all.filter((value, i) => !isKey(value, i)), all.filter(isKey)];
}

function summary(values: Numbers): { l2: number; sum: number; absmax: number } {
  let squares = 0,
    sum = 0,
    absmax = 0;
  for (let i = 0; i < values.length; i++) {
    squares += values[i] ** 2;
    sum += values[i];
    absmax = Math.max(absmax, Math.abs(values[i]));
  }
  return { l2: Math.sqrt(squares), sum, absmax };
}

function failures(checks: readonly (readonly [string, string | null])[]): string[] {
  return checks.flatMap(([what, failure]) => (failure === null ? [] : [`${what}: ${failure}`]));
}

/** 130 in [2, 3, 64] -> [0, 2, 2] */
function indexText(index: number, shape: readonly number[]): string {
  const indices: number[] = [];
  for (const size of shape.toReversed()) {
    indices.unshift(index % size);
    index = Math.floor(index / size);
  }
  return `[${(indices.length > 0 ? indices : [index]).join(", ")}]`;
}
