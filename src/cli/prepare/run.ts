// What src/prepare.ts does with its command line: reads all inputs, splits and measures the examples, and only then
// writes.
import { basename, join } from "node:path";
import { UserError } from "../../errors.ts";
import { parseFlags } from "../shared/flags.ts";
import type { FlagValues } from "../shared/flags.ts";
import { formatDuration } from "../shared/format.ts";
import { openTokenizer } from "../shared/model-source.ts";
import { chooseFields, fieldsToFind, gazetteerFor } from "./fields.ts";
import { PREPARE } from "./flags.ts";
import type { PrepareFlags } from "./flags.ts";
import { findInputs, formatOf, readTextFile } from "./inputs.ts";
import type { InputFile } from "./inputs.ts";
import { chooseLayout, namedLayout, recordedTemplates } from "./layout.ts";
import { blockReport, classReport, histogram, splitReport } from "./report.ts";
import { decodeUtf8 } from "../../files/folder.ts";
import { openFolder } from "../../files/open.ts";
import { readBookFile } from "../../infill/books/read-file.ts";
import { refuseForeignBytes } from "../../infill/books/formats.ts";
import { TokenCounter } from "../../infill/books/measure.ts";
import { bookSource } from "../../infill/books/book-source.ts";
import { divideSources, preparedFiles } from "../../infill/books/prepare-books.ts";
import { documentSource, jsonlSource } from "../../infill/books/sources.ts";
import type { Fields, ReadSource, SourceOptions } from "../../infill/books/sources.ts";
import { InfillEncoder } from "../../infill/encode.ts";
import { GRANULARITIES } from "../../infill/ilm.ts";
import type { Granularity } from "../../infill/ilm.ts";
import { DEFAULT_TRIPLES } from "../../infill/books/triples.ts";
import type { TripleOptions } from "../../infill/books/triples.ts";
import { LEGEND, previewLines } from "../../infill/preview.ts";
import { SPLITS } from "../../infill/split.ts";
import type { PlacedExample, SplitExamples } from "../../infill/split.ts";
import { DEFAULT_TEMPLATE, specialTokensToAdd, TEMPLATE_FILE } from "../../infill/template.ts";
import type { InfillTemplate } from "../../infill/template.ts";
import { fieldsLeftOut, withKnownFields } from "../../infill/known-fields.ts";
import { Random } from "../../random.ts";
import { GPT2Tokenizer } from "../../tokenizer/tokenizer.ts";

type Flags = FlagValues<PrepareFlags>;

/** Seed words, so that drawing masks does not move the split, whose is 1. */
const MASK_DRAWS = 2,
  PREVIEW_DRAWS = 3;

export interface Terminal {
  readonly print: (line: string) => void;
  /** Of the preview. */
  readonly color: boolean;
  readonly width: number;
  readonly signal?: AbortSignal;
}

/** Throws UserError on whatever is wrong with flags or inputs; then nothing has been written. */
export async function prepare(argv: readonly string[], terminal: Terminal): Promise<void> {
  const { print, signal } = terminal;
  const started = performance.now();
  const { values: flags, given, positionals } = parseFlags(PREPARE, argv);
  const triples = tripleOptions(flags);
  const granularities = chosenGranularities(flags);
  if (flags.validationShare + flags.testShare >= 1)
    throw new UserError("--validation_share and --test_share leave nothing for training; make them smaller.");
  const named = await namedLayout(flags, given);
  const known = [...new Set([...(named?.metadataFields ?? []), ...DEFAULT_TEMPLATE.metadataFields])];
  const inputs = await findInputs(positionals, flags.manifest, known);
  const recorded = await recordedTemplates(inputs, flags);
  const layout = chooseFields(chooseLayout(named, recorded, flags, given), flags.metadataFields);
  const folder = await chosenFolder(flags);

  const { tokenizerName, offline, cacheDir } = flags;
  const tokenizer =
    tokenizerName === undefined
      ? GPT2Tokenizer.default()
      : await openTokenizer(tokenizerName, { offline, cacheDir, signal });
  tokenizer.addSpecialTokens(specialTokensToAdd(layout));
  const counter = new TokenCounter(layout, tokenizer);
  const found = fieldsToFind(layout, flags);
  const options: SourceOptions = {
    counter,
    triples,
    found,
    gazetteer: await gazetteerFor(found),
    form: flags.form,
    masks: { granularities, probability: flags.ilmProbability, passes: flags.ilmPasses },
  };
  const sources: ReadSource[] = [];
  const left = new Map<string, number>();
  for (const input of inputs) {
    const source = await readSource(input, flags, options, new Random(flags.seed, MASK_DRAWS, sources.length));
    sources.push({ ...source, drafts: source.drafts.map((draft) => withKnown(layout, draft, left)) });
    print(`Read     ${input.path}: ${source.summary}`);
    for (const detail of source.details) print(`         ${detail}`);
    signal?.throwIfAborted();
  }

  for (const clause of fieldsLeftOut(left)) print(`         ${clause}`);

  const shares = { validation: flags.validationShare, test: flags.testShare };
  const { template, split } = divideSources(sources, layout, counter, shares, flags.seed);
  checkParts(split, flags);
  const all = SPLITS.flatMap((name) => split.parts[name]);
  print(splitReport(split));
  print(
    classReport(
      all.map(({ tokens }) => tokens),
      template.lengthBounds!,
    ),
  );
  for (const line of histogram(
    all.map(({ total }) => total),
    "an example with its markers",
  ))
    print(line);
  print(blockReport(all, flags.blockSize));

  await (await openFolder(folder)).write(preparedFiles(split.parts, template));
  print(
    `Saved    ${[...SPLITS.map((name) => `${name}.jsonl`), TEMPLATE_FILE].join(", ")} in ${folder}, ` +
      `${formatDuration((performance.now() - started) / 1000)}`,
  );
  preview(split.parts.train, new InfillEncoder(template, tokenizer), tokenizer, flags, terminal);
  const validation = split.parts.validation.length > 0 ? ` --validation_file ${join(folder, "validation.jsonl")}` : "";
  print(`Train    npx tsx src/train.ts --train_file ${join(folder, "train.jsonl")}${validation}`);
}

/** One bound of p2 that is given moves the other where that is not. */
function tripleOptions(flags: Flags): TripleOptions {
  const { minTokens, minContextTokens } = flags;
  const shortest = flags.maxP2 === undefined ? Infinity : Math.max(1, Math.floor((2 / 3) * flags.maxP2));
  const minP2 = flags.minP2 ?? Math.min(DEFAULT_TRIPLES.minP2, shortest);
  const maxP2 = flags.maxP2 ?? Math.max(DEFAULT_TRIPLES.maxP2, Math.ceil(1.5 * minP2));
  const maxTokens = flags.maxTokens ?? Math.max(DEFAULT_TRIPLES.maxTokens, Math.ceil(maxP2 / 2));
  if (minP2 > maxP2)
    throw new UserError(`--min_p2 is ${minP2} and --max_p2 ${maxP2}; the first must not be above the second.`);
  if (minTokens > maxTokens)
    throw new UserError(
      `--min_tokens is ${minTokens} and --max_tokens ${maxTokens}; the first must not be above the second.`,
    );
  return { minP2, maxP2, minTokens, maxTokens, minContextTokens, strict: flags.minP2 !== undefined };
}

function chosenGranularities({ ilmGranularity }: Flags): Granularity[] {
  const wrong = ilmGranularity.find((name) => !(GRANULARITIES as readonly string[]).includes(name));
  if (wrong !== undefined)
    throw new UserError(`--ilm_granularity is ${JSON.stringify(wrong)}, expected one of ${GRANULARITIES.join(", ")}.`);
  return GRANULARITIES.filter((name) => ilmGranularity.length === 0 || ilmGranularity.includes(name));
}

function withKnown<D extends ReadSource["drafts"][number]>(
  layout: InfillTemplate,
  draft: D,
  left: Map<string, number>,
): D {
  return { ...draft, example: withKnownFields(layout, draft.example, left) };
}

/** The output folder, refused where it holds one of the files already. */
async function chosenFolder({ outputDir, overwriteOutputDir }: Flags): Promise<string> {
  if (outputDir === undefined) throw new UserError("--output_dir is not given; name the folder where the examples go.");
  const folder = await openFolder(outputDir);
  for (const file of [...SPLITS.map((name) => `${name}.jsonl`), TEMPLATE_FILE]) {
    if (!overwriteOutputDir && (await folder.has(file)))
      throw new UserError(
        `${outputDir} already holds ${file}; choose another --output_dir, or pass --overwrite_output_dir.`,
      );
  }
  return outputDir;
}

async function readSource(
  { path, fields }: InputFile,
  flags: Flags,
  options: SourceOptions,
  random: Random,
): Promise<ReadSource> {
  const bytes = await readTextFile(path);
  const { genre, title, author, language } = flags;
  const known: Fields = {
    ...fields,
    ...(genre && { genre }),
    ...(title && { title }),
    ...(author && { author }),
    ...(language && { language }),
  };
  const name = basename(path);
  const format = formatOf(path, flags);
  if (format === "book") return bookSource(await readBookFile(bytes, name), name, known, options);
  refuseForeignBytes(bytes, name);
  switch (format) {
    case "jsonl":
      return jsonlSource(decodeUtf8(bytes, name), name, known, options);
    case "ilm":
      return documentSource(
        decodeUtf8(bytes, name)
          .replace(/^\uFEFF/, "")
          .replace(/\r\n?/g, "\n"),
        name,
        known,
        options,
        random,
      );
    default:
      return format satisfies never;
  }
}

function checkParts({ parts }: SplitExamples, { validationShare, testShare }: Flags): void {
  const wanted = { train: 1, validation: validationShare, test: testShare };
  const empty = SPLITS.find((name) => wanted[name] > 0 && parts[name].length === 0);
  if (empty === undefined) return;
  const total = SPLITS.reduce((sum, name) => sum + parts[name].length, 0);
  throw new UserError(
    `The input gives ${total} examples and none for ${empty}.jsonl; add books, ` +
      "or change --validation_share and --test_share (0 makes none).",
  );
}

function preview(
  examples: readonly PlacedExample[],
  encoder: InfillEncoder,
  tokenizer: GPT2Tokenizer,
  flags: Flags,
  { print, color, width }: Terminal,
): void {
  if (flags.preview === 0) return;
  print(`Preview  ${LEGEND}`);
  for (const { example, source } of new Random(flags.seed, PREVIEW_DRAWS)
    .shuffle([...examples])
    .slice(0, flags.preview)) {
    const encoded = encoder.encodeExample(example, { blockSize: flags.blockSize });
    print(`\n${source}${encoded?.trimmed ? " (context trimmed)" : ""}`);
    if (!encoded) print(`p2 does not fit into ${flags.blockSize} tokens: left out`);
    else for (const line of previewLines(encoded, { tokenizer, lossOn: flags.lossOn, color, width })) print(line);
  }
  print("");
}
