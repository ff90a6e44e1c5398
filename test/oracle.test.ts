// The float64 oracle against Hugging Face's numbers (what others are tested against must itself be right), and the
// comparisons against altered numbers (a comparison that cannot fail proves nothing). Larger cases
// train for a few updates only: the oracle would take seconds.
import { describe, expect, test } from "vitest";
import {
  compareFinalParams,
  compareForward,
  compareGradGroup,
  compareHiddenStates,
  compareLoss,
  compareNumber,
  comparePadded,
  compareScriptFinalParams,
  compareTensor,
  compareTrainingStep,
  TOLERANCE,
} from "./oracle/compare.ts";
import {
  clipGradients,
  decaysUnder,
  gradientNorm,
  learningRateAt,
  meanGradients,
  OracleAdamW,
} from "./oracle/adamw.ts";
import { listCases, loadModelCase, loadScriptCase, scriptFlag } from "./oracle/fixtures.ts";
import type { ModelCase, ScriptCase, ScriptRun, TrainingRun } from "./oracle/fixtures.ts";
import { OracleGPT2 } from "./oracle/gpt2.ts";

const cases = await Promise.all(listCases("model").map((name) => loadModelCase(name)));
const oracleOf = (model: ModelCase): OracleGPT2 => new OracleGPT2(model.config, model.weights);

function train(model: ModelCase, run: TrainingRun, steps: number): string[] {
  const oracle = oracleOf(model);
  const decays = decaysUnder(run.grouping);
  const adamw = new OracleAdamW({
    form: run.optimizer,
    betas: run.betas,
    eps: run.eps,
    weightDecay: run.weight_decay,
    decays,
  });
  const found: string[] = [];
  for (let step = 0; step < steps; step++) {
    const accumulate = run.gradient_accumulation_steps;
    const parts = run.micro_batches
      .slice(step * accumulate, (step + 1) * accumulate)
      .map((inputIds) => oracle.lossAndGradients({ inputIds }, inputIds));
    const gradients = meanGradients(parts.map((part) => part.gradients));
    const gradNorm = clipGradients(gradients, run.max_grad_norm);
    const lr = learningRateAt(step, {
      peak: run.learning_rate,
      warmup: run.warmup_steps,
      steps: run.steps,
      schedule: run.schedule,
    });
    adamw.step(oracle.parameters, gradients, lr);
    found.push(
      ...compareTrainingStep(run, step, {
        loss: parts.reduce((sum, part) => sum + part.loss, 0) / accumulate,
        gradNorm,
        lr,
      }),
    );
  }
  expect([...oracle.parameters.keys()].filter(decays).sort()).toEqual([...run.decay_params].sort());
  return steps < run.steps
    ? found
    : [...found, ...compareFinalParams(model, run, (name) => oracle.parameters.get(name)!)];
}

describe.each(cases.map((model) => [model.name, model] as const))("%s", (_, model) => {
  const { reference } = model;

  test.each(reference.forward.map((entry) => [entry.name, entry] as const))("logits: %s", (_name, entry) => {
    expect(compareForward(model, entry, oracleOf(model).forward({ inputIds: entry.input_ids }).logits)).toBeNull();
  });

  test("hidden states, and attention rows that sum to one", () => {
    const { hiddenStates, logits, attentions } = oracleOf(model).forward({
      inputIds: reference.hidden_states.input_ids,
    });
    expect(compareHiddenStates(model, hiddenStates)).toEqual([]);
    expect(compareTensor(logits, model.tensor(reference.hidden_states.logits), TOLERANCE.logits)).toBeNull();
    const T = reference.hidden_states.input_ids[0].length;
    for (const probs of attentions)
      for (let i = 0; i < probs.length; i += T)
        expect(probs.subarray(i, i + T).reduce((a, b) => a + b)).toBeCloseTo(1, 12);
  });

  test("padded logits", () => {
    const { input_ids: inputIds, attention_mask: attentionMask, position_ids: positionIds } = reference.padded_forward;
    expect(comparePadded(model, oracleOf(model).forward({ inputIds, attentionMask, positionIds }).logits)).toBeNull();
  });

  test.each(reference.loss.map((entry) => [entry.name, entry] as const))("loss and gradients: %s", (_name, entry) => {
    const { loss, count, gradients } = oracleOf(model).lossAndGradients(
      { inputIds: entry.input_ids, attentionMask: entry.attention_mask, positionIds: entry.position_ids },
      entry.labels,
    );
    expect(compareLoss(entry, { loss, count, gradNorm: gradientNorm(gradients) })).toEqual([]);
    expect(loss).toBeCloseTo(entry.loss, 10); // both are float64
    expect(compareGradGroup(model, entry.grads, (name) => gradients.get(name)!)).toEqual([]);
  });

  test.each(reference.training.map((run) => [run.name, run] as const))("training: %s", (_name, run) => {
    expect(train(model, run, reference.meta.n_params < 200_000 ? run.steps : 3)).toEqual([]);
  });
});

/** Every update of a run of the 2020 script, then its evaluation. */
async function replay(script: ScriptCase, run: ScriptRun): Promise<string[]> {
  const oracle = new OracleGPT2(script.config, script.weights);
  const accumulate = scriptFlag(run, "--gradient_accumulation_steps", 1);
  const adamw = new OracleAdamW({
    form: "hf_adamw_2020",
    betas: [0.9, 0.999],
    eps: 1e-8,
    weightDecay: scriptFlag(run, "--weight_decay", 0),
    decays: decaysUnder("2020_script"),
  });
  // since the last update: the script lets an epoch's left-over leak into the next
  let pending: ReadonlyMap<string, Float64Array>[] = [];
  run.train_forward.forEach(({ input_ids: inputIds, loss_f64 }, i) => {
    const { loss, gradients } = oracle.lossAndGradients({ inputIds }, inputIds);
    expect(compareNumber(loss, loss_f64, TOLERANCE.scriptLoss), `loss ${i}`).toBeNull();
    pending.push(gradients);
    const update = run.update_after_n_train_forwards.indexOf(i + 1);
    if (update < 0) return;
    const mean = meanGradients(pending, accumulate);
    expect(
      compareNumber(clipGradients(mean, 1), run.grad_norms_preclip[update], TOLERANCE.gradNorm),
      `norm ${update}`,
    ).toBeNull();
    adamw.step(oracle.parameters, mean, run.lr_used[update]);
    pending = [];
  });
  const batches = run.eval_forward.slice(
    run.eval_forward.findLastIndex(({ input_ids }) => String(input_ids) === String(run.eval_forward[0].input_ids)),
  );
  const mean = batches.reduce(
    (sum, { input_ids: inputIds }) => sum + oracle.loss({ inputIds }, inputIds) / batches.length,
    0,
  );
  expect(compareNumber(Math.exp(mean), run.perplexity, TOLERANCE.scriptPerplexity)).toBeNull();
  return compareScriptFinalParams(script.config.nEmbd, await script.finalParams(run.final_params), (name) =>
    oracle.parameters.get(name)!,
  );
}

describe.each(listCases("script"))("%s", async (name) => {
  const script = await loadScriptCase(name);
  test.each(Object.entries(script.reference.runs))("%s, and altered final parameters are noticed", async (_, run) => {
    expect(await replay(script, run)).toEqual([]);
    const final = await script.finalParams(run.final_params);
    expect(
      compareScriptFinalParams(script.config.nEmbd, final, (parameter) => script.weights.get(parameter)!),
    ).not.toEqual([]);
  });
});

describe("an altered number is noticed", () => {
  const model = cases[0];
  const entry = model.reference.loss[0];
  const { loss, count, gradients } = oracleOf(model).lossAndGradients(
    { inputIds: entry.input_ids, attentionMask: entry.attention_mask, positionIds: entry.position_ids },
    entry.labels,
  );
  const gradNorm = gradientNorm(gradients);
  const altered = (key: string, index: number, by: number): ModelCase => ({
    ...model,
    tensor: (name) =>
      name === key ? model.tensor(name).map((value, i) => (i === index ? value + by : value)) : model.tensor(name),
  });

  test("in loss, label count and gradient norm", () => {
    expect(compareLoss(entry, { loss, count, gradNorm })).toEqual([]);
    expect(compareLoss({ ...entry, loss: entry.loss + 1e-4 }, { loss, count, gradNorm })).toHaveLength(1);
    expect(compareLoss({ ...entry, n_label_tokens: entry.n_label_tokens - 1 }, { loss, count, gradNorm })).toHaveLength(
      1,
    );
    expect(compareLoss({ ...entry, grad_norm: entry.grad_norm * 1.001 }, { loss, count, gradNorm })).toHaveLength(1);
    expect(compareLoss(entry, { loss: NaN })).toHaveLength(1);
  });

  test("in every gradient, the key bias and the summaries", () => {
    const get = (name: string): Float64Array => gradients.get(name)!;
    for (const [name, { tensor }] of Object.entries(entry.grads.params)) {
      expect(compareGradGroup(altered(tensor, 0, 1e-3), entry.grads, get)).toEqual([expect.stringContaining(name)]);
    }
    const bias = entry.grads.params["transformer.h.0.attn.c_attn.bias"];
    const key = bias.tensor,
      keyIndex = Math.ceil(model.config.nEmbd / bias.stride);
    expect(compareGradGroup(altered(key, keyIndex, 5e-6), entry.grads, get)).toEqual([
      expect.stringContaining("key part"),
    ]);
    for (const [field, by] of [
      ["l2", 1e-2],
      ["sum", 1],
      ["absmax", 1e-4],
    ] as const) {
      const group = structuredClone(entry.grads);
      group.params["transformer.wte.weight"][field] += by;
      expect(compareGradGroup(model, group, get)).toHaveLength(1);
    }
  });

  test("in logits and hidden states", () => {
    const first = model.reference.forward[0];
    const { logits } = oracleOf(model).forward({ inputIds: first.input_ids });
    expect(compareForward(altered(first.logits, 5, 1e-3), first, logits)).toContain("1 of");
    expect(compareForward(model, first, logits.subarray(1))).not.toBeNull();
    const hidden = model.reference.hidden_states;
    const states = oracleOf(model).forward({ inputIds: hidden.input_ids }).hiddenStates;
    expect(compareHiddenStates(altered(hidden.tensors[1], 0, 1e-3), states)).toHaveLength(1);
    expect(compareHiddenStates(model, states.slice(1))).toHaveLength(1);
  });

  test("in final parameters, beyond the few that may wander", () => {
    const run = model.reference.training[0];
    const stored = new Map(
      Object.entries(run.final_params.params)
        .filter(([, { stride }]) => stride === 1)
        .map(([name, { tensor }]) => [name, model.tensor(tensor)]),
    );
    const name = [...stored.keys()].find((parameter) => parameter.endsWith("mlp.c_fc.bias"))!;
    const part = { ...run, final_params: { ...run.final_params, params: { [name]: run.final_params.params[name] } } };
    expect(compareFinalParams(model, part, (parameter) => stored.get(parameter)!)).toEqual([]);
    expect(
      compareFinalParams(model, part, (parameter) =>
        stored.get(parameter)!.map((value, i) => (i === 3 ? value + 2e-3 : value)),
      ),
    ).not.toEqual([]);
    expect(
      compareFinalParams(model, part, (parameter) => stored.get(parameter)!.map((value) => value + 2e-4)),
    ).not.toEqual([]);
    expect(
      compareTrainingStep({ ...run, lr: run.lr.map((lr) => lr + 1e-6) }, 0, {
        loss: run.loss[0],
        gradNorm: run.grad_norm[0],
        lr: run.lr[0],
      }),
    ).toHaveLength(1);
  });
});
