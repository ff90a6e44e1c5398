// The engine on the GPU against Hugging Face's numbers: every case folder under REFERENCE_DIR, everything in it. Sizes,
// cases and options are read from the files.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { columnSum } from "../src/kernels/column-sum.ts";
import { generate } from "../src/generation/generate.ts";
import { parseGenerationConfig } from "../src/generation/options/config-file.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import { evaluateLoss } from "../src/training/evaluate.ts";
import { learningRateAt } from "../src/training/lr-schedule.ts";
import { AdamW, decayAllButBiases, decayMatrices } from "../src/training/optimizer.ts";
import { slidingWindows } from "../src/training/sliding-windows.ts";
import { TrainingStep } from "../src/training/step.ts";
import { openDevice } from "./check-kernel.ts";
import {
  compareFinalParams,
  compareForward,
  compareGenerated,
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
import { listCases, loadModelCase, loadScriptCase, scriptFlag } from "./oracle/fixtures.ts";
import type { LossEntry, ModelCase, Rows, ScriptRun, TrainingRun } from "./oracle/fixtures.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

/** Loads the case's model, lets `use` have it, and frees it. */
async function withModel<T>(
  from: { folder: ModelCase["folder"] },
  gradients: boolean,
  use: (model: GPT2LMHeadModel) => Promise<T>,
): Promise<T> {
  const model = await GPT2LMHeadModel.fromPretrained(device, from.folder, { gradients });
  try {
    return await use(model);
  } finally {
    model.destroy();
  }
}

async function readAll(
  names: Iterable<string>,
  read: (name: string) => Promise<Float32Array>,
): Promise<(name: string) => Float32Array> {
  const values = new Map<string, Float32Array>();
  for (const name of names) values.set(name, await read(name));
  return (name) => values.get(name)!;
}

async function lossAndGradients(model: GPT2LMHeadModel, entry: LossEntry, keepLogits: boolean) {
  model.parameters.zeroGrad();
  const output = model.forward({
    inputIds: entry.input_ids,
    labels: entry.labels,
    attentionMask: entry.attention_mask ?? undefined,
    positionIds: entry.position_ids ?? undefined,
    keepLogits,
  });
  const loss = await output.loss!.item();
  output.loss!.backward();
  output.dispose();
  const get = await readAll(Object.keys(entry.grads.params), (name) => device.read(model.parameters.get(name).grad!));
  let squares = 0;
  for (const { name } of model.parameters.all()) for (const value of get(name)) squares += value ** 2;
  return { loss, gradNorm: Math.sqrt(squares), get };
}

/** One micro-batch: forward, backward, and its loss added to `sum`. */
function accumulate(
  model: GPT2LMHeadModel,
  inputIds: Rows,
  lossScale: number,
  sum: ReturnType<Device["tensor"]>,
): void {
  const output = model.forward({ inputIds, labels: inputIds, lossScale, keepLogits: false });
  columnSum(device.batch, { x: { ...output.loss!.tensor, shape: [1, 1] }, out: sum, accumulate: true });
  output.loss!.backward();
  output.dispose();
}

async function train(model: GPT2LMHeadModel, run: TrainingRun): Promise<string[]> {
  const optimizer = new AdamW(model.parameters, {
    betas: run.betas,
    eps: run.eps,
    weightDecay: run.weight_decay,
    form: run.optimizer,
    decay: run.grouping === "trainer" ? decayMatrices : decayAllButBiases,
  });
  const step = new TrainingStep(model, optimizer, { maxGradNorm: run.max_grad_norm ?? 0 });
  const found: string[] = [];
  const accum = run.gradient_accumulation_steps;
  model.parameters.zeroGrad();
  for (let update = 0; update < run.steps; update++) {
    const microBatches = run.micro_batches.slice(update * accum, (update + 1) * accum);
    const lr = learningRateAt(
      { schedule: run.schedule, learningRate: run.learning_rate, warmupSteps: run.warmup_steps, totalSteps: run.steps },
      update,
    );
    const labelled = microBatches.map((inputIds) => ({ inputIds, labels: inputIds }));
    const { loss, count, gradNorm } = await (await step.run(labelled, lr)).result;
    found.push(...compareTrainingStep(run, update, { loss: loss / count, gradNorm: gradNorm!, lr }));
  }
  step.destroy();
  optimizer.destroy();
  return found;
}

for (const name of listCases("model")) {
  const fixture = await loadModelCase(name);
  const { reference } = fixture;

  describe(name, () => {
    test.each(reference.forward.map((entry) => [entry.name, entry] as const))("logits: %s", (_, entry) =>
      withModel(fixture, false, async (model) => {
        const output = model.forward({ inputIds: entry.input_ids });
        expect(compareForward(fixture, entry, await output.logits!.read())).toBeNull();
        output.dispose();
      }),
    );

    test("hidden states, from both models, and attention rows that sum to one", () =>
      withModel(fixture, false, async (model) => {
        const inputIds = reference.hidden_states.input_ids;
        const output = model.forward({ inputIds, outputHiddenStates: true, outputAttentions: true });
        expect(
          compareHiddenStates(fixture, await Promise.all(output.hiddenStates!.map((state) => state.read()))),
        ).toEqual([]);
        expect(
          compareTensor(await output.logits!.read(), fixture.tensor(reference.hidden_states.logits), TOLERANCE.logits),
        ).toBeNull();
        for (const attention of output.attentions!) {
          const [B, heads, T, S] = attention.shape;
          const rows = await attention.read();
          for (let row = 0; row < B * heads * T; row++)
            expect(rows.subarray(row * S, (row + 1) * S).reduce((a, b) => a + b)).toBeCloseTo(1, 5);
        }
        output.dispose();
        const raw = model.transformer.forward({ inputIds });
        expect(
          compareTensor(
            await raw.lastHiddenState.read(),
            fixture.tensor(reference.hidden_states.tensors.at(-1)!),
            TOLERANCE.hidden,
          ),
        ).toBeNull();
        raw.dispose();
      }));

    test("padded logits", () =>
      withModel(fixture, false, async (model) => {
        const {
          input_ids: inputIds,
          attention_mask: attentionMask,
          position_ids: positionIds,
        } = reference.padded_forward;
        const output = model.forward({ inputIds, attentionMask, positionIds });
        expect(comparePadded(fixture, await output.logits!.read())).toBeNull();
        output.dispose();
      }));

    test.each(reference.loss.map((entry) => [entry.name, entry] as const))("loss and all gradients: %s", (_, entry) =>
      withModel(fixture, true, async (model) => {
        for (const keepLogits of [true, false]) {
          const { loss, gradNorm, get } = await lossAndGradients(model, entry, keepLogits);
          expect(compareLoss(entry, { loss, gradNorm })).toEqual([]);
          expect(compareGradGroup(fixture, entry.grads, get)).toEqual([]);
        }
      }),
    );

    test.each(reference.training.map((run) => [run.name, run] as const))("training: %s", (_, run) =>
      withModel(fixture, true, async (model) => {
        expect(await train(model, run)).toEqual([]);
        const get = await readAll(Object.keys(run.final_params.params), (parameter) =>
          device.read(model.parameters.get(parameter).value),
        );
        expect(compareFinalParams(fixture, run, get)).toEqual([]);
      }),
    );

    test("perplexity by sliding windows", () =>
      withModel(fixture, false, async (model) => {
        const { perplexity } = reference;
        let total = 0,
          counted = 0;
        for (const { begin, end, trg_len, loss, n_counted } of perplexity.windows) {
          const ids = perplexity.input_ids.slice(begin, end);
          const labels = ids.map((id, i) => (i < ids.length - trg_len ? -100 : id));
          const output = model.forward({ inputIds: [ids], labels: [labels] });
          const got = await output.loss!.item();
          output.dispose();
          expect(compareNumber(got, loss, TOLERANCE.loss)).toBeNull();
          total += got * n_counted;
          counted += n_counted;
        }
        expect(counted).toBe(perplexity.n_tokens);
        expect(compareNumber(Math.exp(total / counted), perplexity.ppl_exact, TOLERANCE.perplexity)).toBeNull();

        // As src/train.ts --eval_only --stride measures it, several windows in a batch.
        const { input_ids: ids, max_length: length, stride } = perplexity;
        const windows = slidingWindows(ids, { length, stride });
        expect(windows.map((window) => window.ids)).toEqual(
          perplexity.windows.map(({ begin, end }) => ids.slice(begin, end)),
        );
        const measured = await evaluateLoss(model, windows, { batchSize: 4, padId: 0, lossOn: "target" });
        expect(measured.tokens).toBe(perplexity.n_tokens);
        expect(compareNumber(measured.perplexity, perplexity.ppl_exact, TOLERANCE.perplexity)).toBeNull();
      }));

    describe("generate", () => {
      let model: GPT2LMHeadModel;
      let decoder: GPT2Decoder;
      beforeAll(async () => {
        model = await GPT2LMHeadModel.fromPretrained(device, fixture.folder);
        decoder = new GPT2Decoder(model);
      });
      afterAll(() => {
        decoder.dispose();
        model.destroy();
      });
      test.each(reference.generate.map((entry) => [entry.name, entry] as const))("%s", async (_, entry) => {
        const options = parseGenerationConfig(entry.kwargs, entry.name);
        const output = await generate(decoder, {
          inputIds: entry.input_ids,
          attentionMask: entry.attention_mask,
          ...options,
        });
        expect(compareGenerated(entry, output.sequences, output.sequencesScores)).toBeNull();
      });
    });

    test("an altered number is noticed", () =>
      withModel(fixture, true, async (model) => {
        const entry = reference.loss[0];
        const { loss, gradNorm, get } = await lossAndGradients(model, entry, false);
        expect(compareLoss({ ...entry, loss: entry.loss + 1e-4 }, { loss, gradNorm })).not.toEqual([]);
        const [first] = Object.values(entry.grads.params);
        const flipped: ModelCase = {
          ...fixture,
          tensor: (key) =>
            fixture.tensor(key).map((value, i) => (key === first.tensor && i === 1 ? value + 1e-3 : value)),
        };
        expect(compareGradGroup(flipped, entry.grads, get)).not.toEqual([]);
        const [generated] = reference.generate;
        expect(
          compareGenerated(
            generated,
            generated.sequences.map((row) => [...row.slice(0, -1), row.at(-1)! + 1]),
            undefined,
          ),
        ).not.toBeNull();
      }));
  });
}

/** The batches of a run of the 2020 script, in its order, with its update rhythm; then its evaluation. */
async function replay(model: GPT2LMHeadModel, run: ScriptRun): Promise<void> {
  const accum = scriptFlag(run, "--gradient_accumulation_steps", 1);
  const optimizer = new AdamW(model.parameters, {
    form: "hf_adamw_2020",
    eps: scriptFlag(run, "--adam_epsilon", 1e-8),
    weightDecay: scriptFlag(run, "--weight_decay", 0),
    decay: decayAllButBiases,
  });
  const sum = device.pool.acquire([1]);
  optimizer.zeroGrad();
  for (const [i, { input_ids: inputIds, loss_f64 }] of run.train_forward.entries()) {
    device.batch.clear(sum);
    accumulate(model, inputIds, 1 / accum, sum);
    const [loss] = await device.read(sum);
    expect(compareNumber(loss * accum, loss_f64, TOLERANCE.scriptLoss), `loss ${i}`).toBeNull();
    const update = run.update_after_n_train_forwards.indexOf(i + 1);
    if (update < 0) continue; // what is left at an epoch's end leaks into the next, as it did
    optimizer.step(run.lr_used[update], { maxGradNorm: scriptFlag(run, "--max_grad_norm", 1) });
    expect(
      compareNumber((await device.read(optimizer.gradNorm))[0], run.grad_norms_preclip[update], TOLERANCE.gradNorm),
      `norm ${update}`,
    ).toBeNull();
    optimizer.zeroGrad();
  }
  device.pool.release(sum);
  optimizer.destroy();
  const last = run.eval_forward.findLastIndex(
    ({ input_ids }) => String(input_ids) === String(run.eval_forward[0].input_ids),
  );
  const batches = run.eval_forward.slice(last);
  let mean = 0;
  for (const { input_ids: inputIds } of batches) {
    const output = model.forward({ inputIds, labels: inputIds, grad: false });
    mean += (await output.loss!.item()) / batches.length;
    output.dispose();
  }
  expect(compareNumber(Math.exp(mean), run.perplexity, TOLERANCE.scriptPerplexity)).toBeNull();
}

for (const name of listCases("script")) {
  const script = await loadScriptCase(name);
  describe(name, () => {
    test.each(Object.entries(script.reference.runs))("%s", (_, run) =>
      withModel(script, true, async (model) => {
        await replay(model, run);
        const final = await script.finalParams(run.final_params);
        const get = await readAll(final.keys(), (parameter) => device.read(model.parameters.get(parameter).value));
        expect(compareScriptFinalParams(script.config.nEmbd, final, get)).toEqual([]);
      }),
    );
  });
}
