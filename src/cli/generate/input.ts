// What src/generate.ts is to write from: one gap, a file of gaps, a prompt, or a gap that is asked for at the terminal.
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../../errors.ts";
import { decodeUtf8 } from "../../files/folder.ts";
import { quote } from "../../files/quote.ts";
import { normalizeLineEnds } from "../../text/normalize.ts";
import { withAliases } from "../../infill/constraints/character-forms.ts";
import { parseDocument } from "../../infill/document.ts";
import { parseRequestLines, parseRequests } from "../../infill/example.ts";
import type { InfillRequest, Meta } from "../../infill/example.ts";
import type { InfillTemplate } from "../../infill/template.ts";
import { flagName } from "../shared/flag-table.ts";
import type { GenerateValues } from "./flags.ts";
import { readInputFile } from "../shared/input-file.ts";
import { parseShard, shardName, shardRange } from "../shared/shard.ts";

export type Input =
  | {
      readonly kind: "gap";
      readonly gap: InfillRequest;
      readonly sample?: boolean;
      readonly around?: { readonly before: string; readonly after: string };
    }
  /** `lines`: each gap's whole object, in the order of the file. With --shard its part of them, perhaps none. */
  | {
      readonly kind: "gaps";
      readonly file: string;
      readonly gaps: readonly InfillRequest[];
      readonly lines: readonly object[];
      /** "shard 3/16 of ", or "". */
      readonly part: string;
      /** The file's first, for looking at the options where there is none. */
      readonly first: InfillRequest;
    }
  | { readonly kind: "prompt"; readonly text: string }
  /** `gap`: where the first round begins, if the flags say. */
  | { readonly kind: "interactive"; readonly gap?: InfillRequest };

type Key = keyof GenerateValues & string;
const BY_PARAGRAPHS = ["p1", "p1File", "p3", "p3File"] as const satisfies readonly Key[];
const SAMPLE = new URL("../../../data/sample/validation.jsonl", import.meta.url);

/**
 * Throws UserError for inputs that exclude each other, flags that belong to another input, and files that cannot be
 * read.
 */
export async function readInput(values: GenerateValues, given: ReadonlySet<string>): Promise<Input> {
  checkInput(values, given);
  if (values.prompt !== undefined)
    return { kind: "prompt", text: nonEmpty(normalizeLineEnds(values.prompt), "--prompt") };
  if (values.inputFile !== undefined) return readInputs(values.inputFile, values.shard);
  const gap =
    values.document === undefined
      ? await gapOfFlags(values, given)
      : parseDocument(nonEmpty(await readRaw(values.document), values.document), values.document);
  const withFlags = (request: InfillRequest): InfillRequest =>
    withAliases({ ...request, meta: mergedMeta(request.meta, values.meta) });
  if (values.interactive) return { kind: "interactive", gap: gap && withFlags("request" in gap ? gap.request : gap) };
  if (gap === undefined) return { kind: "gap", gap: withFlags(await sampleGap()), sample: true };
  if (!("request" in gap)) return { kind: "gap", gap: withFlags(gap) };
  const { request, before, after } = gap;
  return { kind: "gap", gap: withFlags(request), around: { before, after } };
}

/** The sample is written for the demo model: fields that another template does not know are left out. */
export function knownFieldsOnly(gap: InfillRequest, template: InfillTemplate): InfillRequest {
  if (typeof gap.meta !== "object") return gap;
  return {
    ...gap,
    meta: Object.fromEntries(Object.entries(gap.meta).filter(([field]) => template.metadataFields.includes(field))),
  };
}

function checkInput(values: GenerateValues, given: ReadonlySet<string>): void {
  const has = (key: Key): boolean => given.has(key);
  const kinds: Key[] = [
    ...BY_PARAGRAPHS.filter(has).slice(0, 1),
    ...(["document", "prompt", "inputFile"] as const).filter(has),
  ];
  if (kinds.length > 1)
    throw new UserError(`${flagName(kinds[0])} and ${flagName(kinds[1])} are two different inputs; give one.`);
  for (const [text, file] of [
    ["p1", "p1File"],
    ["p3", "p3File"],
  ] as const) {
    if (has(text) && has(file))
      throw new UserError(`${flagName(text)} and ${flagName(file)} give the same paragraph; give one of them.`);
  }
  const [kind] = kinds;
  const lines = kind === "inputFile" && isJsonl(values.inputFile!);
  const onlyGaps = (key: Key): void => {
    if (has(key) && kind === "prompt")
      throw new UserError(
        `${flagName(key)} is for filling a gap, and --prompt is plain text; ` +
          `${key === "prefix" ? "write the words at the end of the prompt" : "leave one of them out"}.`,
      );
    if (has(key) && kind === "inputFile" && !lines)
      throw new UserError(
        `${flagName(key)} is for filling a gap, and ${values.inputFile} is a plain prompt (gaps come as ` +
          ".jsonl); leave it out.",
      );
  };
  onlyGaps("meta");
  onlyGaps("prefix");
  if (has("meta") && lines)
    throw new UserError('--meta is for one gap; the lines of --input_file carry their own "meta".');
  if (values.interactive && kind !== undefined && (kind === "prompt" || kind === "inputFile"))
    throw new UserError(
      `--interactive asks for its paragraphs, or starts from --p1, --p3 or --document; ${flagName(kind)} ` +
        "is another input: leave one out.",
    );
  if (values.interactive && values.json)
    throw new UserError("--interactive talks to you, --json to a program; leave one out.");
  for (const key of ["batchSize", "shard"] as const)
    if (has(key) && !lines)
      throw new UserError(`${flagName(key)} is for the gaps of a .jsonl --input_file; leave it out.`);
  if (values.shard !== undefined) parseShard(values.shard);
  if (has("outputFile")) {
    if ((!lines && kind !== "document") || values.interactive)
      throw new UserError(
        "--output_file goes with a .jsonl --input_file or with --document; other text goes to stdout: write " +
          "> file after the command.",
      );
    if (values.json) throw new UserError("--output_file and --json both say where the result goes; give one.");
    const input = (values.inputFile ?? values.document)!;
    if (resolve(values.outputFile!) === resolve(input))
      throw new UserError(`--output_file is ${input}, the input itself; choose another file.`);
  }
}

const isJsonl = (file: string): boolean => /\.(jsonl|ndjson)$/i.test(file);

async function readInputs(file: string, shardText: string | undefined): Promise<Input> {
  const text = await readText(file);
  if (!isJsonl(file)) return { kind: "prompt", text: nonEmpty(text.replace(/\n$/, ""), file) };
  const all = parseRequestLines(text, file);
  const shard = shardText === undefined ? undefined : parseShard(shardText);
  const { first, end } = shard ? shardRange(all.length, shard) : { first: 0, end: all.length };
  const lines = all.slice(first, end);
  return {
    kind: "gaps",
    file,
    gaps: lines.map(({ gap }) => gap),
    lines: lines.map(({ fields }) => fields),
    part: shard ? `shard ${shardName(shard)} of ` : "",
    first: all[0].gap,
  };
}

async function gapOfFlags(values: GenerateValues, given: ReadonlySet<string>): Promise<InfillRequest | undefined> {
  if (!BY_PARAGRAPHS.some((key) => given.has(key))) return undefined;
  const paragraph = async (text: string | undefined, file: string | undefined): Promise<string> =>
    file === undefined ? (text ?? "") : (await readText(file)).trim();
  const gap = {
    p1: await paragraph(values.p1, values.p1File),
    p3: await paragraph(values.p3, values.p3File),
    where: "The gap",
  };
  if (gap.p1.trim() === "" && gap.p3.trim() === "")
    throw new UserError("The paragraphs before and after the gap are both empty; give --p1 or --p3 some text.");
  return gap;
}

function mergedMeta(own: Meta | undefined, flags: ReadonlyMap<string, string>): Meta | undefined {
  if (flags.size === 0) return own;
  if (typeof own === "string")
    throw new UserError(
      `The gap holds the sentence ${quote(own)}, which --meta cannot be added to; ` +
        "write its fields as key=value, or leave --meta out.",
    );
  return { ...own, ...Object.fromEntries(flags) };
}

async function sampleGap(): Promise<InfillRequest> {
  const name = fileURLToPath(SAMPLE);
  return parseRequests(
    decodeUtf8(
      await readFile(SAMPLE).catch(() => {
        throw new UserError(`The sample in ${name} is missing; give a gap with --p1 and --p3.`);
      }),
      name,
    ),
    name,
  )[0];
}

/** UTF-8 text without a byte-order mark, its line ends "\n", as training reads plain text. */
async function readText(file: string): Promise<string> {
  return nonEmpty(normalizeLineEnds(await readRaw(file)), file);
}

async function readRaw(file: string): Promise<string> {
  return decodeUtf8(await readInputFile(file), file);
}

function nonEmpty(text: string, what: string): string {
  if (text.trim() === "") throw new UserError(`${what} is empty; wanted some text to write from.`);
  return text;
}
