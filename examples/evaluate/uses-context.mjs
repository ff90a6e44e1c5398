// Does a model use what it is given? node uses-context.mjs [folder or address of a model] [examples.jsonl]
// Each example's p2 is scored as it stands, then with p1, p3 or the metadata withheld: a model that listens loses by
// it.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { GPT2LMHeadModel, openFolder, PreTrainedTokenizer, requestDevice } from "gpt2-webgpu";
import { contextUse, scoreExamples } from "gpt2-webgpu/evaluate";
import { InfillEncoder, parseJsonl } from "gpt2-webgpu/infill";

const packageFolder = dirname(createRequire(import.meta.url).resolve("gpt2-webgpu/package.json"));
const [
  source = join(packageFolder, "weights", "demo"),
  file = join(packageFolder, "data", "sample", "validation.jsonl"),
] = process.argv.slice(2);

const device = await requestDevice();
try {
  const folder = await openFolder(source);
  const encoder = await InfillEncoder.fromPretrained(folder, await PreTrainedTokenizer.fromPretrained(folder));
  const model = await GPT2LMHeadModel.fromPretrained(device, folder);
  const examples = parseJsonl(await readFile(file, "utf8"), file).slice(0, 12);
  const scored = await scoreExamples(model, encoder, examples, { candidates: 3, batchSize: 8, seed: 1 });
  const { perplexity, change } = contextUse(scored, { seed: 1 });
  console.log(`perplexity of p2: ${perplexity.infill.value.toFixed(2)}`);
  for (const part of ["p1", "p3", "metadata"])
    console.log(`without ${part}: ${change[part].value.toFixed(3)} nats a token`);
} finally {
  device.destroy();
}
