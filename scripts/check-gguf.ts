// npm run check:gguf: the demo model as GGUF in llama.cpp itself, which node-llama-cpp brings, and read back by Hugging
// Face's parser. Token ids must be equal; so must greedy text in F32, for gaps filled through the fill-in-the-middle
// tokens as llama-server's /infill puts them together; logits must agree within a tolerance for each type.
// Both packages are those of scripts/gguf/package.json: npm ci of the project installs neither, this does.
// Skipped, and said so, where their binary does not run (it is for Linux on x64). Types on the command line, f32 f16
// q8_0, are those that are checked; default all.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { runCli } from "../src/cli/shared/run.ts";
import { generate, GPT2Decoder, GPT2LMHeadModel, GPT2Tokenizer, InfillEncoder } from "../src/index.ts";
import { openFolder, parseJsonl, requestDevice } from "../src/index.ts";
import { npmInstall } from "./npm-install.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PACKAGES = join(ROOT, "scripts", "gguf");
const MODEL = join(ROOT, "weights", "demo");

/**
 * Largest difference of a logit, which span about 30 (measured: 0.004, 0.012, 0.31). llama.cpp's processor code is
 * not exact in F32 either: its GELU comes from a table of half-precision values. F16: products of half-precision
 * numbers. Q8_0: weights and what they are multiplied with have 8 bits.
 */
const LOGIT_TOLERANCE = { f32: 0.02, f16: 0.05, q8_0: 0.5 } as const;
const OUTTYPES = ["f32", "f16", "q8_0"] as const;
const NEW_TOKENS = 48;

/** What is used of node-llama-cpp, whose types are not here when the project is checked. */
interface Sequence {
  clearHistory(): Promise<void>;
  controlledEvaluate(
    input: (number | [number, { generateNext: { logits: true } }])[],
  ): Promise<({ next: { logits?: Map<number, number> } } | undefined)[]>;
}
interface LlamaModel {
  readonly tokens: {
    readonly eos: number | null;
    readonly shouldPrependBosToken: boolean;
    readonly infill: { readonly prefix: number | null; readonly suffix: number | null; readonly middle: number | null };
  };
  tokenize(text: string, specialTokens: boolean): readonly number[];
  detokenize(tokens: readonly number[], specialTokens?: boolean): string;
  createContext(options: object): Promise<{ getSequence(): Sequence; dispose(): Promise<void> }>;
  dispose(): Promise<void>;
}
interface LlamaCpp {
  getLlama(options: object): Promise<{ loadModel(options: { modelPath: string }): Promise<LlamaModel> }>;
}
interface HubGguf {
  gguf(
    path: string,
    options: { allowLocalFile: true },
  ): Promise<{
    metadata: Record<string, unknown>;
    tensorInfos: { name: string; shape: bigint[]; dtype: number; offset: bigint }[];
  }>;
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function load<T>(name: string): Promise<T> {
  const path = createRequire(join(PACKAGES, "package.json")).resolve(name);
  return (await import(pathToFileURL(path).href)) as T;
}

/** Texts whose ids must be the same: prose, what the pre-tokenizer's pattern tells apart, markers, strange letters. */
const TEXTS = [
  "Once upon a time, a mole named Jack lived in a village near the woods.",
  "[P1] It's they'll I'd we've DON'T'S 1234 a1b2  three   spaces \n\n\tTab\r\n end  ",
  "[P1] Hi[P3] x\nlength: M; theme: hope[P2][EOS]<|endoftext|>[PAD]",
  "naïve café — “quotes” … 日本語 Привет ẞ 👩‍👩‍👧 ½ ² Ⅷ \u00a0nbsp",
  "",
  " ",
  "'",
];

interface Ours {
  readonly tokenizer: GPT2Tokenizer;
  readonly infill: InfillEncoder;
  readonly gaps: readonly { readonly p1: string; readonly p3: string }[];
  readonly prompts: readonly (readonly number[])[];
  /** By prompt: of the token after it, and what greedy search writes. */
  readonly logits: readonly Float32Array[];
  readonly greedy: readonly (readonly number[])[];
}

async function ours(): Promise<Ours> {
  const device = await requestDevice();
  const folder = await openFolder(MODEL);
  const tokenizer = await GPT2Tokenizer.fromPretrained(folder);
  const model = await GPT2LMHeadModel.fromPretrained(device, folder);
  const infill = await InfillEncoder.fromPretrained(folder, tokenizer);
  const examples = parseJsonl(readFileSync(join(ROOT, "data", "sample", "validation.jsonl"), "utf8"), "validation");
  const gaps = examples.slice(0, 3).map(({ p1, p3 }) => ({ p1, p3 }));
  const prompts = [
    ...gaps.map((gap) => infill.generationInputs([gap], { maxLength: model.config.nPositions }).inputIds[0]),
    tokenizer.encode("Once upon a time"),
  ];
  const logits: Float32Array[] = [];
  const greedy: (readonly number[])[] = [];
  const decoder = new GPT2Decoder(model);
  for (const ids of prompts) {
    const output = model.forward({ inputIds: [ids] });
    logits.push((await output.logits!.read()).slice(-model.config.vocabSize));
    output.dispose();
    const { generated } = await generate(decoder, {
      inputIds: [ids],
      maxNewTokens: NEW_TOKENS,
      eosTokenId: infill.ids.eos,
      padTokenId: infill.ids.pad,
    });
    greedy.push(generated[0]);
  }
  decoder.dispose();
  await device.finish();
  return { tokenizer, infill, gaps, prompts, logits, greedy };
}

/** As llama-server puts a request to /infill together. */
function infillPrompt(model: LlamaModel, p1: string, p3: string): number[] {
  const { prefix, suffix, middle } = model.tokens.infill;
  return [prefix!, ...model.tokenize(` ${p1}`, false), suffix!, ...model.tokenize(` ${p3}`, false), middle!];
}

async function nextLogits(sequence: Sequence, ids: readonly number[]): Promise<Map<number, number>> {
  const last = ids.length - 1;
  const results = await sequence.controlledEvaluate([
    ...ids.slice(0, last),
    [ids[last], { generateNext: { logits: true } }],
  ]);
  return results[last]!.next.logits!;
}

/** The most likely token again and again, up to the end or `NEW_TOKENS`; and the logits of the first. */
async function greedySearch(
  sequence: Sequence,
  prompt: readonly number[],
  eos: number,
): Promise<{ ids: number[]; first: Map<number, number> }> {
  await sequence.clearHistory();
  const first = await nextLogits(sequence, prompt);
  const ids: number[] = [];
  for (let logits = first; ; logits = await nextLogits(sequence, ids.slice(-1))) {
    const [best] = [...logits].reduce((a, b) => (b[1] > a[1] ? b : a));
    ids.push(best);
    if (best === eos || ids.length === NEW_TOKENS) return { ids, first };
  }
}

await runCli(async ({ argv }) => {
  if (process.platform !== "linux" || process.arch !== "x64") {
    print(`skip  the llama.cpp of this check runs on Linux x64, and this is ${process.platform} ${process.arch}.`);
    return 0;
  }
  // Without the optional packages: those are llama.cpp for other machines and graphics cards.
  await npmInstall(PACKAGES, "--omit=optional", "--no-package-lock", "--ignore-scripts");
  let failed = 0;
  const report = (what: string, right: boolean, otherwise = ""): void => {
    print(right ? `ok    ${what}` : `FAIL  ${what}: ${otherwise}`);
    if (!right) failed++;
  };
  const want = await ours();
  const { getLlama } = await load<LlamaCpp>("node-llama-cpp");
  const { gguf } = await load<HubGguf>("@huggingface/gguf");
  const llama = await getLlama({
    gpu: false,
    build: "never",
    skipDownload: true,
    progressLogs: false,
    logLevel: "error",
  });
  const folder = mkdtempSync(join(tmpdir(), "check-gguf-"));
  try {
    for (const outtype of OUTTYPES.filter((type) => argv.length === 0 || argv.includes(type))) {
      const file = join(folder, `${outtype}.gguf`);
      const argv = ["--import", "tsx", "src/export.ts", MODEL, "--outtype", outtype, "--output_file", file];
      execFileSync(process.execPath, argv, { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] });
      const { metadata, tensorInfos } = await gguf(file, { allowLocalFile: true });
      const embedding = tensorInfos.find(({ name }) => name === "token_embd.weight");
      const type = { f32: 0, f16: 1, q8_0: 8 }[outtype];
      report(
        `${outtype}: Hugging Face's parser reads 52 tensors of a gpt2`,
        metadata["general.architecture"] === "gpt2" && tensorInfos.length === 52 && embedding?.dtype === type,
        `${String(metadata["general.architecture"])}, ${tensorInfos.length} tensors, type ${embedding?.dtype}`,
      );
      const model = await llama.loadModel({ modelPath: file });
      // One thread: those of llama.cpp wait for each other by spinning, which a busy machine turns into minutes.
      const context = await model.createContext({ contextSize: 512, threads: 1, flashAttention: false });
      await compare(outtype, model, context.getSequence(), want, report);
      await context.dispose();
      await model.dispose();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  print(failed === 0 ? "All checks in llama.cpp passed." : `${failed} checks in llama.cpp failed.`);
  return failed === 0 ? 0 : 1;
});

async function compare(
  outtype: keyof typeof LOGIT_TOLERANCE,
  model: LlamaModel,
  sequence: Sequence,
  want: Ours,
  report: (what: string, right: boolean, otherwise?: string) => void,
): Promise<void> {
  const { tokenizer, infill } = want;
  const texts = [...TEXTS, ...want.gaps.map(({ p1, p3 }) => `[P1] ${p1}[P3] ${p3}[P2]`)];
  const differing = texts.flatMap((text) =>
    [true, false].flatMap((special) => {
      const [got, ids] = [model.tokenize(text, special), tokenizer.encode(text, { allowSpecial: special })];
      return got.join() === ids.join() ? [] : [`${JSON.stringify(text)} is ${got.join()}, not ${ids.join()}`];
    }),
  );
  report(`${outtype}: ids of ${texts.length} texts, with and without markers`, differing.length === 0, differing[0]);
  report(
    `${outtype}: nothing is put before a text, [EOS] ends it`,
    !model.tokens.shouldPrependBosToken && model.tokens.eos === infill.ids.eos,
    `${model.tokens.shouldPrependBosToken}, ${model.tokens.eos}`,
  );
  const prompts = want.prompts.map((ids, i) =>
    i < want.gaps.length ? infillPrompt(model, want.gaps[i].p1, want.gaps[i].p3) : ids,
  );
  report(`${outtype}: /infill makes the template's prompts`, String(prompts) === String(want.prompts), String(prompts));
  let largest = 0;
  const otherTexts: string[] = [];
  for (const [i, prompt] of want.prompts.entries()) {
    const { ids, first } = await greedySearch(sequence, prompt, infill.ids.eos);
    for (const [id, logit] of first) largest = Math.max(largest, Math.abs(logit - want.logits[i][id]));
    if (String(ids) !== String(want.greedy[i]))
      otherTexts.push(
        `${JSON.stringify(tokenizer.decode(ids))}, not ${JSON.stringify(tokenizer.decode(want.greedy[i]))}`,
      );
  }
  const tolerance = LOGIT_TOLERANCE[outtype];
  report(`${outtype}: logits within ${tolerance} (${largest.toFixed(4)})`, largest <= tolerance, largest.toFixed(4));
  if (outtype === "f32") report("f32: greedy texts are the same", otherTexts.length === 0, otherTexts[0]);
  else {
    const same = want.prompts.length - otherTexts.length;
    print(`      ${outtype}: ${same} of ${want.prompts.length} greedy texts are the same`);
  }
}
