// Fine-tuning by the library, without a page: a model that fills gaps, a few examples, a few steps. Runs in Node too.
import { generate, GPT2Decoder, GPT2LMHeadModel, openFolder, PreTrainedTokenizer, requestDevice } from "gpt2-webgpu";
import { InfillEncoder } from "gpt2-webgpu/infill";
import { DEFAULT_ARGUMENTS, Trainer } from "gpt2-webgpu/train";

/**
 * A model with room for gradients on the GPU, until destroy().
 * @param {string} source folder or address of a model that fills gaps
 */
export async function openModel(source) {
  const device = await requestDevice();
  try {
    const folder = await openFolder(source);
    const tokenizer = await PreTrainedTokenizer.fromPretrained(folder);
    const encoder = await InfillEncoder.fromPretrained(folder, tokenizer);
    const model = await GPT2LMHeadModel.fromPretrained(device, folder, { gradients: true });
    return { device, model, tokenizer, encoder, destroy: () => device.destroy() };
  } catch (error) {
    device.destroy();
    throw error;
  }
}

/**
 * Trains on `examples` (`{ p1, p3, p2, meta }` each), all of them in every step. `onLoss(loss, step)` hears the loss
 * of each step, in nats a token of p2, as it was before that step changed the weights.
 */
export async function fineTune({ model, encoder }, examples, { steps = 5, learningRate = 1e-3, onLoss, signal }) {
  const { examples: train, dropped } = encoder.encodeAll(examples, { blockSize: model.config.nPositions });
  if (dropped > 0) throw new Error(`${dropped} of the examples are longer than the model can read.`);
  const trainer = new Trainer({
    model,
    train,
    padId: encoder.ids.pad,
    args: {
      ...DEFAULT_ARGUMENTS,
      perDeviceTrainBatchSize: train.length,
      maxSteps: steps,
      learningRate,
      lrSchedulerType: "constant",
      loggingSteps: 1,
      lossOn: "target",
    },
    onLog: ({ loss, step }) => {
      if (loss !== undefined) onLoss?.(loss, step); // other entries sum up the run
    },
  });
  try {
    return await trainer.train(signal);
  } finally {
    trainer.destroy();
  }
}

/** What the model, as it is now, writes into a gap. */
export async function fill({ model, tokenizer, encoder }, gap) {
  const maxNewTokens = 60;
  const inputs = encoder.generationInputs([gap], { maxLength: model.config.nPositions - maxNewTokens });
  const decoder = new GPT2Decoder(model);
  try {
    const { generated } = await generate(decoder, { ...inputs, maxNewTokens });
    return tokenizer.decode(generated[0], { skipSpecialTokens: true }).trim();
  } finally {
    decoder.dispose();
  }
}
