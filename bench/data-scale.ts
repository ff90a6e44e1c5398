// What reading text or infilling examples larger than memory costs: a file of so many megabytes, made by repeating some
// files, is tokenised into the cache, found there again, and read in a random order. Prints one JSON line: MB/s, and
// the most memory that the process had at each stage. `npx tsx bench/data-scale.ts --mb 1000 --threads 2 text.txt ...`
import { once } from "node:events";
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { parseArgs } from "node:util";
import { openExamples } from "../src/cli/train/data.ts";
import type { OpenedExamples } from "../src/cli/train/data.ts";
import { DataLoader } from "../src/examples/data-loader.ts";
import { exampleSet } from "../src/examples/example-set.ts";
import { DEFAULT_TEMPLATE, specialTokensToAdd } from "../src/infill/template.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mb: { type: "string", default: "100" },
    threads: { type: "string", default: String(availableParallelism()) },
    block: { type: "string", default: "1024" },
    dir: { type: "string", default: tmpdir() },
  },
});
if (positionals.length === 0) throw new Error("data-scale: name at least one text file to repeat");
const megabytes = Number(values.mb);
const blockSize = Number(values.block);
const folder = mkdtempSync(join(values.dir, "data-scale-"));
const file = join(folder, "text.txt");

const isJsonl = positionals.every((path) => path.endsWith(".jsonl"));
const template = isJsonl ? DEFAULT_TEMPLATE : undefined;

/** Each repetition begins with its number, or has it in all of its examples, so that no two are alike. */
async function writeText(): Promise<number> {
  const texts = positionals.map((path) => readFileSync(path));
  const stream = createWriteStream(file);
  let bytes = 0;
  for (let turn = 0; bytes < megabytes * 1e6; turn++) {
    const plain = texts[turn % texts.length];
    const head = Buffer.from(isJsonl ? "" : `\n\nCopy ${turn}\n\n`);
    const text = isJsonl ? Buffer.from(plain.toString().replaceAll('"p1":"', `"p1":"Copy ${turn}. `)) : plain;
    bytes += head.length + text.length;
    stream.write(head);
    if (!stream.write(text)) await once(stream, "drain");
  }
  stream.end();
  await finished(stream);
  return bytes;
}

interface Stage {
  readonly seconds: number;
  readonly mb_per_second: number;
  /** Of all threads: on a busy machine they say more than the clock. */
  readonly cpu_seconds: number;
  /** The process's peak so far, MB. */
  readonly peak_rss: number;
}

async function timed<R>(bytes: number, act: () => Promise<R>): Promise<[R, Stage]> {
  const started = performance.now();
  const before = process.cpuUsage();
  const result = await act();
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  const round = (value: number): number => Math.round(100 * value) / 100;
  const peak_rss = Math.round(process.resourceUsage().maxRSS / 1000);
  const rate = { seconds: round(seconds), mb_per_second: round(bytes / 1e6 / seconds) };
  return [result, { ...rate, cpu_seconds: round((user + system) / 1e6), peak_rss }];
}

try {
  const [bytes, written] = await timed(megabytes * 1e6, writeText); // its memory is none of what is measured
  const tokenizer = GPT2Tokenizer.default();
  if (template) tokenizer.addSpecialTokens(specialTokensToAdd(template));
  const use = { dir: join(folder, "cache"), always: true, overwrite: false, threads: Number(values.threads) };
  const choice = { tokenizer, blockSize, template, lineByLine: false };
  const open = (): Promise<OpenedExamples> => openExamples(file, choice, { limit: undefined }, use);
  const [, tokenise] = await timed(bytes, open);
  const [{ examples, tokens }, find] = await timed(bytes, open);
  const set = exampleSet(examples);
  const [, digest] = await timed(bytes, () => set.digest());
  const [, shuffled] = await timed(bytes, async () => {
    const loader = new DataLoader(set.lengths, { batchSize: 8, seed: 1 });
    let batches = 0;
    for (const { indices } of loader.batches()) {
      for (const index of indices) set.at(index);
      if (++batches === loader.batchesPerEpoch) return;
    }
  });
  const shape = { megabytes: Math.round(bytes / 1e6), threads: use.threads, tokens, blocks: set.length };
  process.stdout.write(`${JSON.stringify({ ...shape, written, tokenise, find, digest, shuffled })}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
