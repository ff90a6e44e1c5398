// Weights of --rerank for the trained model, fitted on the validation authors' books (src/rerank/fit.ts).
import { readFileSync } from "node:fs";
import { fittedWeights, rerankTrials } from "../../src/evaluation/rerank-trial.ts";
import { openFolder } from "../../src/files/open.ts";
import { GPT2LMHeadModel } from "../../src/gpt2/model.ts";
import { requestDevice } from "../../src/gpu/device.ts";
import { InfillEncoder } from "../../src/infill/encode.ts";
import { parseJsonl } from "../../src/infill/example.ts";
import { Random } from "../../src/random.ts";
import { RERANK_FILE, rerankToJson } from "../../src/rerank/weights.ts";
import { GPT2Tokenizer } from "../../src/tokenizer/tokenizer.ts";

/** Passages among which the true p2 is told from the others. */
const CANDIDATES = 10;

/** Writes infill_rerank.json into the model's folder, where it is not there yet. */
export async function fitRerank(
  folder: string,
  validationFile: string,
  samples: number,
  seed: number,
  signal: AbortSignal,
): Promise<void> {
  const from = await openFolder(folder);
  if (await from.has(RERANK_FILE)) return;
  const pool = parseJsonl(readFileSync(validationFile, "utf8"), validationFile);
  const examples = new Random(seed).shuffle([...pool]).slice(0, samples);
  process.stderr.write(`\n> weights of ${RERANK_FILE}, on ${examples.length} examples of ${validationFile}\n`);
  const encoder = await InfillEncoder.fromPretrained(from, await GPT2Tokenizer.fromPretrained(from));
  using device = await requestDevice();
  using model = await GPT2LMHeadModel.fromPretrained(device, from);
  const trials = await rerankTrials(model, encoder, examples, { candidates: CANDIDATES, pool, signal });
  await from.write(new Map([[RERANK_FILE, rerankToJson(fittedWeights(trials))]]));
}
