// What is said while a run is opened: the device, the model and what of it is trained, how good it is before.
import type { Device } from "../../gpu/device.ts";
import type { GPT2LMHeadModel } from "../../gpt2/model.ts";
import { evaluateLoss } from "../../training/evaluate.ts";
import { announce } from "../shared/announce.ts";
import { describeModel } from "../shared/describe-model.ts";
import { formatBytes } from "../shared/format.ts";
import type { Job } from "./job.ts";
import { print } from "./program.ts";
import type { Program } from "./program.ts";
import type { Start } from "./setup.ts";
import { described } from "./trainable.ts";

export async function openDevice({ profiling }: Program): Promise<Device> {
  const device = await profiling.openDevice();
  announce(device);
  return device;
}

export function describe({ origin }: Start, model: GPT2LMHeadModel): void {
  const { parameters, trained } = model;
  const bytes = parameters.trainingBytes + (trained === parameters ? 0 : trained.trainingBytes);
  print(
    `Model    ${origin}: ${describeModel(model)}, vocabulary ${model.config.vocabSize}; ` +
      `${formatBytes(bytes)} for weights, gradients and moments${trainedText(model)}`,
  );
}

/** What is trained where that is not all of it. */
function trainedText({ parameters, trained, adapter }: GPT2LMHeadModel): string {
  const count = trained.trainableCount;
  if (count === parameters.elementCount) return "";
  const what = adapter ? `(an adapter: ${described(adapter.config)})` : "of them";
  return `; trained are ${(count / 1e6).toFixed(2)}M ${what}`;
}

export async function printLossBefore({ evaluation, args, start, mpi }: Job, model: GPT2LMHeadModel): Promise<void> {
  if (!evaluation) return;
  const settings = { batchSize: 8, padId: start.padId, lossOn: args.lossOn, ranks: mpi?.ranks };
  const { loss } = await evaluateLoss(model, evaluation.examples, settings);
  print(`Before   evaluation loss ${loss.toFixed(4)}`);
}
