// This engine, as a program uses it.
import { readFileSync } from "node:fs";
import { generate } from "../../../src/generation/generate.ts";
import { GPT2Decoder } from "../../../src/generation/device/gpt2-decoder.ts";
import { GPT2LMHeadModel } from "../../../src/gpt2/model.ts";
import { requestDevice } from "../../../src/gpu/device.ts";
import { AdamW } from "../../../src/training/optimizer.ts";
import { TrainingStep } from "../../../src/training/step.ts";
import { StepClock } from "../../step-clock.ts";
import { comparedRows, encodeFloats, LOSSES } from "../protocol.ts";
import { serve, timed } from "../serve.ts";
import type { Prepared } from "../serve.ts";
import { tokenTime } from "../token-time.ts";
import type { Task } from "../work.ts";

const { version } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as {
  readonly version: string;
};

const PREPARE: Readonly<Record<Task["kind"], (model: GPT2LMHeadModel, task: Task) => Promise<Prepared>>> = {
  async forward(model, { inputIds, vocabulary }) {
    const forward = async (): Promise<Float32Array> => {
      const output = model.forward({ inputIds });
      const logits = await output.logits!.read();
      output.dispose();
      return logits;
    };
    const logits = encodeFloats(comparedRows(await forward(), inputIds[0].length, vocabulary));
    return { result: { logits }, run: () => timed(forward) };
  },

  async train(model, { inputIds, learningRate }) {
    const step = new TrainingStep(model, new AdamW(model.parameters));
    const train = async (): Promise<number> => {
      const { result } = await step.run([{ inputIds, labels: inputIds }], learningRate);
      const { loss, count } = await result;
      return loss / count;
    };
    const losses: number[] = [];
    for (let i = 0; i < LOSSES; i++) losses.push(await train());
    return { result: { losses }, run: () => timed(train) };
  },

  async prefill(model, { inputIds }) {
    const decoder = new GPT2Decoder(model);
    const prefill = (): Promise<Float32Array> => {
      decoder.prefill(inputIds, onesLike(inputIds), 1, inputIds[0].length + 1);
      return decoder.logits();
    };
    return { result: { logits: encodeFloats(await prefill()) }, run: () => timed(prefill) };
  },

  async decode(model, { inputIds, tokens }) {
    const decode = async () => {
      const decoder = new GPT2Decoder(model);
      const clock = new StepClock(decoder, () => 0);
      const { generated } = await generate(clock.decoder, { inputIds, maxNewTokens: tokens });
      decoder.dispose();
      return { ids: generated[0], ms: tokenTime(clock.steps.map(({ at }) => at)) };
    };
    return { result: { ids: (await decode()).ids }, run: async () => (await decode()).ms };
  },

  async start(model, { inputIds }) {
    const { generated } = await generate(new GPT2Decoder(model), { inputIds, maxNewTokens: 1 });
    return { result: { ids: generated[0] }, run: () => Promise.reject(new Error("start: a start is one process")) };
  },
};

const onesLike = (rows: Task["inputIds"]): number[][] => rows.map((row) => row.map(() => 1));

await serve(async () => {
  const device = await requestDevice();
  return {
    hello: { name: "gpt2-webgpu", version, device: device.description },
    async prepare(task) {
      const model = await GPT2LMHeadModel.fromPretrained(device, task.folder, { gradients: task.kind === "train" });
      return PREPARE[task.kind](model, task);
    },
  };
});
