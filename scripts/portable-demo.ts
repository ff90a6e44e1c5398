// The demo model by the public API alone, so that any runtime can run it: a gap filled by beam search, once more by the
// model kept as f16, and five training steps. What it returns must be the same everywhere, the text to the letter.
import {
  AdamW,
  generate,
  GPT2Decoder,
  GPT2LMHeadModel,
  GPT2Tokenizer,
  InfillEncoder,
  openFolder,
  requestDevice,
} from "../src/index.ts";

export interface DemoResult {
  readonly adapter: string;
  readonly text: string;
  /** Of the model kept as f16. */
  readonly half: string;
  readonly losses: readonly number[];
}

/** `weights`: path or address of the demo model's folder. */
export async function runDemo(weights: string): Promise<DemoResult> {
  const device = await requestDevice();
  const folder = await openFolder(weights);
  const tokenizer = await GPT2Tokenizer.fromPretrained(folder);
  const model = await GPT2LMHeadModel.fromPretrained(device, folder, { gradients: true });
  const encoder = await InfillEncoder.fromPretrained(folder, tokenizer);

  const gap = encoder.generationInputs([{ p1: "Kim sat by the brook.", p3: "Then it rained." }], { maxLength: 120 });
  const write = async (by: GPT2LMHeadModel): Promise<string> => {
    const { generated } = await generate(new GPT2Decoder(by), { ...gap, numBeams: 4, maxNewTokens: 24 });
    return tokenizer.decode(generated[0]);
  };
  const text = await write(model);
  const half = await write(await GPT2LMHeadModel.fromPretrained(device, folder, { dtype: "f16" }));

  const ids = tokenizer.encode("Once upon a time, a mole named Jack lived in a village near the woods.");
  const optimizer = new AdamW(model.parameters, { weightDecay: 0.01 });
  const losses: number[] = [];
  for (let step = 0; step < 5; step++) {
    const output = model.forward({ inputIds: [ids], labels: [ids] });
    losses.push(await output.loss!.item());
    output.loss!.backward();
    optimizer.step(1e-3, { maxGradNorm: 1 });
    output.dispose();
  }
  return { adapter: device.description, text, half, losses };
}
