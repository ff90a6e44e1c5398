// The demo model through an engine in a worker, or over a channel in Node: a gap, and five training steps. What it
// returns must be the same everywhere, the text to the letter.
import type { Engine } from "../../src/worker/client.ts";

export interface EngineResult {
  readonly adapter: string;
  readonly text: string;
  readonly losses: readonly number[];
  /** Of the text, as it grew. */
  readonly told: number;
}

const TEXT = "Once upon a time, a mole named Jack lived in a village near the woods. ";

/** `weights`: path or address of the demo model's folder. */
export async function runEngine(engine: Engine, weights: string): Promise<EngineResult> {
  const { adapter } = await engine.load(weights);
  let told = 0;
  const gap = { p1: "Kim sat by the brook.", p3: "Then it rained.", options: { maxNewTokens: 24 } };
  const { text } = await engine.fill({ ...gap, onText: () => void told++ });
  const losses: number[] = [];
  await engine.train({
    text: TEXT.repeat(12),
    blockSize: 32,
    args: { maxSteps: 5, loggingSteps: 1, perDeviceTrainBatchSize: 1, learningRate: 1e-3, weightDecay: 0.01 },
    onLog: (entry) => {
      if (typeof entry.loss === "number") losses.push(entry.loss);
    },
  });
  return { adapter, text, losses, told };
}
