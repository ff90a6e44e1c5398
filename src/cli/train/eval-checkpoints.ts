// --eval_all_checkpoints, as the 2020 run_language_modeling.py has it: each folder of weights in a run's folder, and
// that itself where it holds a model, is evaluated, and gets its eval_results.txt.
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { ADAPTER_WEIGHTS } from "../../gpt2/adapter-files.ts";
import { GPT2LMHeadModel } from "../../gpt2/model.ts";
import type { Device } from "../../gpu/device.ts";
import { listCheckpoints } from "../../training/checkpoint.ts";
import type { Evaluation } from "../../training/evaluate.ts";
import { writeNote } from "../shared/announce.ts";
import { openModelFolder } from "../shared/model-source.ts";
import type { RunFolder } from "./run-folder.ts";

const WEIGHTS = ["model.safetensors", "model.safetensors.index.json", ADAPTER_WEIGHTS];

/**
 * Names of the sub-folders with weights, the oldest first; "" for the run's own, which comes last. Throws UserError
 * when there is none.
 */
export async function foldersWithWeights(run: RunFolder): Promise<string[]> {
  const found: string[] = [];
  for (const name of [...(await listCheckpoints(run)), ""]) {
    const folder = await run.open(name);
    const has = await Promise.all(WEIGHTS.map((file) => folder.has(file)));
    if (has.includes(true)) found.push(name);
  }
  if (found.length > 0) return found;
  throw new UserError(
    `${run.path} has no checkpoint to evaluate (checkpoint-<step>, or model.safetensors); check --output_dir.`,
  );
}

export interface FoldersToEvaluate {
  readonly run: RunFolder;
  /** As foldersWithWeights() gives them. */
  readonly names: readonly string[];
  readonly evaluate: (model: GPT2LMHeadModel) => Promise<Evaluation>;
  /** Whether this process is the one that writes. */
  readonly writes: boolean;
  readonly signal: AbortSignal;
  readonly print: (line: string) => void;
}

/** Evaluates the model of each folder, prints a line and writes eval_results.txt beside it. */
export async function evaluateFolders(
  device: Device,
  { run, names, evaluate, writes, signal, print }: FoldersToEvaluate,
): Promise<void> {
  for (const name of names) {
    signal.throwIfAborted();
    const folder = await run.open(name);
    const model = await GPT2LMHeadModel.fromPretrained(device, await openModelFolder(folder), { onNote: writeNote });
    try {
      const { loss, perplexity } = await evaluate(model);
      const text = `eval_loss = ${loss}\nperplexity = ${perplexity}\n`;
      if (writes) await folder.write(new Map([["eval_results.txt", text]]));
      print(`Result   ${join(run.path, name)}: loss ${loss.toFixed(4)}, perplexity ${perplexity.toFixed(2)}`);
    } finally {
      model.destroy();
    }
  }
}
