// Every way a file comes into this engine, each with whole files to damage and the code that reads them as the programs
// do, a step further than the loader itself: what a loader let through is used once.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openModel } from "../src/cli/shared/load-model.ts";
import { findInputs } from "../src/cli/prepare/inputs.ts";
import { decodeUtf8, readStream } from "../src/files/folder.ts";
import type { FileData, Folder } from "../src/files/folder.ts";
import { readJson } from "../src/files/json.ts";
import { safetensorsFiles } from "../src/files/safetensors-write.ts";
import { resolveConfig } from "../src/generation/options/config.ts";
import { loadGenerationConfig } from "../src/generation/options/config-file.ts";
import { parameterShapes, readCheckpoint, readConfig } from "../src/gpt2/checkpoint-files.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { bookSource } from "../src/infill/books/book-source.ts";
import { decodeBook } from "../src/infill/books/decode.ts";
import { TokenCounter } from "../src/infill/books/measure.ts";
import { documentSource, jsonlSource, placeExamples } from "../src/infill/books/sources.ts";
import type { SourceOptions } from "../src/infill/books/sources.ts";
import { DEFAULT_TRIPLES } from "../src/infill/books/triples.ts";
import { parseDocument } from "../src/infill/document.ts";
import { InfillEncoder } from "../src/infill/encode.ts";
import { parseRequests } from "../src/infill/example.ts";
import { DEFAULT_MASKS } from "../src/infill/ilm.ts";
import type { LengthBounds } from "../src/infill/length-class.ts";
import { DEFAULT_TEMPLATE, parseTemplate, TEMPLATE_FILE, templateToJson } from "../src/infill/template.ts";
import { Random } from "../src/random.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { DEFAULT_ARGUMENTS } from "../src/training/arguments.ts";
import { resume } from "../src/training/checkpoint.ts";
import type { AdamW } from "../src/training/optimizer.ts";
import { stateText } from "../src/training/trainer-state.ts";
import type { RunShape } from "../src/training/trainer-state.ts";

export interface Loader {
  readonly name: string;
  /** Sound files, which `load` reads without complaint. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Those of them that are damaged; default: all. */
  readonly damaged?: readonly string[];
  load(folder: Folder): unknown;
}

const BOOK = `Chapter I. The Mill

"You came late," said Anna, and she put the lamp on the table. Nobody answered her for a while, and the rain went on.

Her brother took off his coat; it was wet to the lining. He had walked from the station, three miles along the river.

"There was no carriage," he said at last. "And Mr. Hall would not lend me his horse, although I asked him twice."

Chapter II. The River

In the morning the water stood in the lower field. Anna counted the hens, and two of them were missing since the night.

She went down to the bridge with a stick, and the boy from the farm went with her, because he had seen something there.

They found the door of the old mill open. Inside it was dark, and somebody had lit a fire not long ago, and left it.
`;
const BOUNDS: LengthBounds = [40, 120];
const EXAMPLES = [
  { p1: "It rained.", p3: "They slept.", p2: "She shut the window.", meta: { length: "S", theme: ["hope", "home"] } },
  { p1: "", p3: "He left.", p2: "He took his hat and said nothing more." },
  { p1: "The bell rang.", p3: "", p2: "Nobody came to the door.", meta: "a short one" },
];

/** The loaders, in a temporary folder of their own until `end` is called. */
export async function mutateLoaders(): Promise<{ loaders: readonly Loader[]; end: () => Promise<void> }> {
  const disk = await mkdtemp(join(tmpdir(), "mutate-"));
  await writeFile(join(disk, "book.txt"), BOOK);
  const tokenizer = GPT2Tokenizer.default().truncate(200);
  const { pad, eos, p1, p2, p3 } = DEFAULT_TEMPLATE.specialTokens;
  tokenizer.addSpecialTokens({ padToken: pad, eosToken: eos, additionalSpecialTokens: [p1, p2, p3] });
  const config = new GPT2Config({
    vocabSize: tokenizer.vocabSize,
    nPositions: 64,
    nEmbd: 8,
    nLayer: 2,
    nHead: 2,
    eosTokenId: tokenizer.eosTokenId,
  });
  const shapes = parameterShapes(config);
  const zeros = (name: string): Float32Array => new Float32Array((shapes.get(name) ?? [0]).reduce((a, b) => a * b));
  const single = await bytesOf(safetensorsFiles("model", shapes, zeros, { maxShardBytes: 1e9 }));
  const sharded = await bytesOf(safetensorsFiles("model", shapes, zeros, { maxShardBytes: 8000 }));
  const configFile: [string, FileData] = ["config.json", JSON.stringify(config.toJson())];
  const tokenizerFiles = tokenizer.save();
  const only = (names: readonly string[]): Map<string, string> =>
    new Map([...tokenizerFiles].filter(([name]) => names.includes(name)));
  const generation = {
    _from_model_config: true,
    eos_token_id: [1, 2],
    do_sample: true,
    top_k: 5,
    bad_words_ids: [[5]],
    chat_format: "raw",
    penalty_alpha: null,
  };
  const template: [string, FileData] = [TEMPLATE_FILE, templateToJson(DEFAULT_TEMPLATE)];
  const encoder = new InfillEncoder(DEFAULT_TEMPLATE, tokenizer);
  const metadataFields = ["gap", ...DEFAULT_TEMPLATE.metadataFields];
  const options: SourceOptions = {
    counter: new TokenCounter({ ...DEFAULT_TEMPLATE, metadataFields }, tokenizer),
    form: "auto",
    triples: { ...DEFAULT_TRIPLES, minTokens: 4, minContextTokens: 4 },
    found: new Set(["characters"]),
    masks: { ...DEFAULT_MASKS, probability: 0.01 }, // each gap has the whole document around it
  };
  const run: RunShape = {
    args: DEFAULT_ARGUMENTS,
    totalSteps: 100,
    batchesPerEpoch: 10,
    positionAfter: (step) => ({ epoch: Math.floor(step / 10), batch: step % 10 }),
  };
  const fingerprint = { seed: 42, dropout: 0.1, optim: "adamw_torch" };
  const pending = { loss: 2.5, count: 7, skipped: 0, gradNorm: 0.5 };
  const logHistory = [{ step: 10, epoch: 1, loss: 3.5 }];
  const state = {
    step: 12,
    dropoutStep: 12,
    optimizerStep: 12,
    skippedUpdates: 0,
    skippedInARow: 0,
    pending,
    logHistory,
  };
  const moments = new Map([...shapes].map(([name, shape]) => [`exp_avg.${name}`, shape]));
  const read = (name: string): Float32Array => zeros(name.replace("exp_avg.", ""));
  const optimizer = async (limit: number): Promise<ReadonlyMap<string, Uint8Array>> =>
    bytesOf(safetensorsFiles("optimizer", moments, read, { maxShardBytes: limit }));
  /** What AdamW.load does without its GPU: every moment is read. */
  const reader = {
    load: async ({ shapes: found, read: one }: Parameters<AdamW["load"]>[0]): Promise<void> => {
      for (const name of found.keys()) await one(name);
    },
  } as unknown as AdamW;
  const resumeFrom = (folder: Folder): Promise<unknown> => resume(folder, reader, fingerprint, run);
  const text = async (folder: Folder, file: string): Promise<string> => decodeUtf8(await folder.read(file), file);

  const loaders: Loader[] = [
    {
      name: "config.json",
      files: await bytesOf(new Map([configFile])),
      load: async (folder) => GPT2Config.fromJson((await readConfig(folder)).toJson()),
    },
    {
      name: "safetensors",
      files: await bytesOf(new Map([configFile, ...single])),
      load: async (folder) => readCheckpoint(folder, await readConfig(folder), () => {}),
    },
    {
      name: "safetensors in shards",
      files: await bytesOf(new Map([configFile, ...sharded])),
      load: async (folder) => readCheckpoint(folder, await readConfig(folder), () => {}),
    },
    {
      name: "generation_config.json",
      files: await bytesOf(new Map([["generation_config.json", JSON.stringify(generation)]])),
      load: async (folder) => resolveConfig({}, await loadGenerationConfig(folder)),
    },
    {
      name: "tokenizer.json",
      files: await bytesOf(only(["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"])),
      load: useTokenizer,
    },
    {
      name: "vocab.json and merges.txt",
      files: await bytesOf(only(["vocab.json", "merges.txt", "added_tokens.json", "special_tokens_map.json"])),
      load: useTokenizer,
    },
    {
      name: "model folder",
      files: await bytesOf(
        new Map<string, FileData>([
          configFile,
          ...single,
          ...only(["tokenizer.json", "tokenizer_config.json"]),
          ["generation_config.json", JSON.stringify(generation)],
          template,
          ["trainer_state.json", stateText(state, fingerprint, run)],
        ]),
      ),
      damaged: ["config.json", "tokenizer_config.json", "generation_config.json", TEMPLATE_FILE, "trainer_state.json"],
      load: (folder) => openModel(folder, undefined, { onNote: checkText }),
    },
    {
      name: TEMPLATE_FILE,
      files: await bytesOf(new Map([template])),
      load: async (folder) => {
        const made = new InfillEncoder(parseTemplate(await readJson(folder, TEMPLATE_FILE), TEMPLATE_FILE), tokenizer);
        for (const { meta: _, ...example } of EXAMPLES) made.encodeExample(example, { blockSize: 64 });
      },
    },
    {
      name: "trainer_state.json and optimizer",
      files: await bytesOf(
        new Map<string, FileData>([
          ["trainer_state.json", stateText(state, fingerprint, run)],
          ...(await optimizer(1e9)),
        ]),
      ),
      load: resumeFrom,
    },
    {
      name: "optimizer in shards",
      files: await bytesOf(
        new Map<string, FileData>([
          ["trainer_state.json", stateText(state, fingerprint, run)],
          ...(await optimizer(8000)),
        ]),
      ),
      load: resumeFrom,
    },
    {
      name: "examples.jsonl",
      files: await bytesOf(new Map([["examples.jsonl", EXAMPLES.map((each) => JSON.stringify(each)).join("\n")]])),
      load: async (folder) => {
        const source = jsonlSource(await text(folder, "examples.jsonl"), "examples.jsonl", {}, options);
        for (const { example } of placeExamples(source, BOUNDS, options.counter).examples)
          encoder.encodeExample(example, { blockSize: 64 });
      },
    },
    {
      name: "requests.jsonl",
      files: await bytesOf(new Map([["requests.jsonl", EXAMPLES.map((each) => JSON.stringify(each)).join("\n")]])),
      load: async (folder) => {
        for (const request of parseRequests(await text(folder, "requests.jsonl"), "requests.jsonl"))
          encoder.encodePrompt(request, { maxLength: 48 });
      },
    },
    {
      name: "book.txt",
      files: await bytesOf(new Map([["book.txt", BOOK]])),
      load: async (folder) => {
        const book = decodeBook(await folder.read("book.txt"), "book.txt");
        const source = bookSource(book, "book.txt", { genre: "novel" }, options);
        for (const line of [source.summary, ...source.details]) checkText(line);
        placeExamples(source, BOUNDS, options.counter);
      },
    },
    {
      name: "documents.txt",
      files: await bytesOf(new Map([["documents.txt", `${BOOK}\n\n\n${BOOK}`]])),
      load: async (folder) => {
        const documents = decodeBook(await folder.read("documents.txt"), "documents.txt");
        const source = documentSource(documents, "documents.txt", {}, options, new Random(1));
        placeExamples(source, BOUNDS, options.counter);
      },
    },
    {
      name: "document.txt with a gap",
      files: await bytesOf(new Map([["document.txt", BOOK.replace("In the", "[[length=M; theme=hope]]\n\nIn the")]])),
      load: async (folder) => {
        const { request } = parseDocument(await text(folder, "document.txt"), "document.txt");
        encoder.encodePrompt(request, { maxLength: 48 });
      },
    },
    {
      name: "manifest.json",
      files: await bytesOf(
        new Map([["manifest.json", JSON.stringify([{ file: "book.txt", title: "The Mill", genre: ["novel", 1] }])]]),
      ),
      load: async (folder) => {
        const manifest = join(disk, "manifest.json");
        await writeFile(manifest, await folder.read("manifest.json"));
        await findInputs([], manifest, DEFAULT_TEMPLATE.metadataFields);
      },
    },
  ];
  return { loaders, end: () => rm(disk, { recursive: true }) };
}

/** Throws unless a sentence for people is short and free of control characters. */
export function checkText(sentence: string): void {
  const control = /\p{Cc}/u.exec(sentence.replaceAll("\n", " "));
  if (control) throw new Error(`a message holds the control character ${JSON.stringify(control[0])}`);
  if (sentence.length > 2000) throw new Error(`a message has ${sentence.length} characters`);
}

async function useTokenizer(folder: Folder): Promise<void> {
  const tokenizer = await GPT2Tokenizer.fromPretrained(folder);
  tokenizer.decode(tokenizer.encode(`${BOOK} <|endoftext|>[P1]\u{1F600}`));
  tokenizer.save();
}

async function bytesOf(files: ReadonlyMap<string, FileData>): Promise<ReadonlyMap<string, Uint8Array>> {
  const whole = new Map<string, Uint8Array>();
  for (const [name, data] of files) whole.set(name, await readStream(data));
  return whole;
}
