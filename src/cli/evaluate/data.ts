// What src/evaluate.ts needs before a GPU is opened: models with their templates, examples that fit into all of them,
// and a free place for the results.
import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { UserError } from "../../errors.ts";
import { clustersOf } from "../../evaluation/places.ts";
import type { Cluster } from "../../evaluation/places.ts";
import { decodeUtf8 } from "../../files/folder.ts";
import type { InfillEncoder } from "../../infill/encode.ts";
import { parseJsonl } from "../../infill/example.ts";
import type { InfillExample } from "../../infill/example.ts";
import { fieldsLeftOut, withKnownFields } from "../../infill/known-fields.ts";
import type { LengthBounds } from "../../infill/length-class.ts";
import { recordedTemplate } from "../../infill/recorded-template.ts";
import { TEMPLATE_FILE } from "../../infill/template.ts";
import { Random } from "../../random.ts";
import { drawInOrder } from "../shared/draw.ts";
import { openModel } from "../shared/load-model.ts";
import type { ModelFolder } from "../shared/load-model.ts";
import { resolveModel } from "../shared/model-source.ts";
import type { SourceOptions } from "../shared/model-source.ts";
import { readInputFile } from "../shared/input-file.ts";

export const RESULT_FILES = { json: "evaluation.json", html: "report.html" } as const;

export type InfillModel = ModelFolder & {
  readonly encoder: InfillEncoder;
  /** Its weights are drawn anew. */
  readonly fresh?: boolean;
};

/** The name of a model with fresh weights, where no folder has it. */
export const UNTRAINED = "untrained";

/**
 * The models of these names, in their order; `revision` is of the first. Throws UserError as openInfillModel() does,
 * where every name is UNTRAINED, and for a revision of that.
 */
export async function openInfillModels(
  names: readonly string[],
  { revision, ...options }: SourceOptions = {},
): Promise<InfillModel[]> {
  const fresh = await Promise.all(names.map(async (name) => name === UNTRAINED && !(await isFolder(name))));
  const model = fresh.indexOf(false);
  if (model < 0)
    throw new UserError(
      `${UNTRAINED} is a model with fresh weights beside a trained one, and there is no trained one; name it with ` +
        "--compare or --model.",
    );
  if (fresh[0] && revision !== undefined)
    throw new UserError(`--revision is of --model_name_or_path, which is ${UNTRAINED}; leave it out.`);
  const opened: InfillModel[] = [];
  for (const [i, name] of names.entries()) {
    const source = i === 0 ? { ...options, revision } : options;
    opened.push(
      fresh[i]
        ? {
            ...(await openInfillModel(names[model], model === 0 ? { ...options, revision } : options)),
            fresh: true,
            history: `, untrained, as ${names[model]} is built`,
          }
        : await openInfillModel(name, source),
    );
  }
  return opened;
}

/** Throws UserError when there is no such model, or it was never shown a gap. */
export async function openInfillModel(name: string, options: SourceOptions = {}): Promise<InfillModel> {
  const path = await resolveModel(name, options);
  const model = await openModel(path, undefined, { ...options, revision: undefined });
  const { encoder } = model;
  if (!encoder)
    throw new UserError(
      `${name} has no ${TEMPLATE_FILE}: this model was not trained to fill gaps, and there is nothing to ` +
        `evaluate; fine-tune it with src/train.ts --model_name_or_path ${name} --train_file examples.jsonl.`,
    );
  return { ...model, encoder };
}

/** Whether a folder of that name is on this disk. */
export async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

export interface TestFile {
  readonly path: string;
  readonly examples: readonly InfillExample[];
  /** By which its length classes were named, where it records them. */
  readonly lengthBounds: LengthBounds | undefined;
}

/** The file's examples. Throws UserError with file, line and field at fault. */
export async function readExampleFile(path: string): Promise<readonly InfillExample[]> {
  return (await readTestFile(path)).examples;
}

/** The same with what the file records beside them. */
export async function readTestFile(path: string): Promise<TestFile> {
  const text = decodeUtf8(await readInputFile(resolve(path)), path);
  const lengthBounds = recordedTemplate(text, path)?.template.lengthBounds;
  return { path, examples: parseJsonl(text, path), lengthBounds };
}

/** Where model and file mean other lengths by S, M and L, a sentence that says so. */
export function boundsNote({ path, lengthBounds: own }: TestFile, { encoder }: InfillModel): string | undefined {
  const { lengthBounds: known } = encoder.template;
  if (!own || !known || (own[0] === known[0] && own[1] === known[1])) return undefined;
  return (
    `${path} names lengths S and M up to ${own.join(" and ")} tokens of p2, the model learned up to ` +
    `${known.join(" and ")}: prepare the file with --length_bounds ${known.join(",")} to ask for what it knows.`
  );
}

/** A file's examples as each model knows them. */
export interface Examples {
  /** For each model, all whose p2 fits into every model: what controls are made of. */
  readonly pools: readonly (readonly InfillExample[])[];
  /** Those that are scored, and of those the ones that p2 is written for, as numbers of a pool. */
  readonly scored: readonly number[];
  readonly written: readonly number[];
  /** Where each of a pool stands. */
  readonly clusters: readonly Cluster[];
  /** Left out because p2 does not fit. */
  readonly dropped: number;
  /** What the models' templates have no field for, a clause each. */
  readonly notes: readonly string[];
}

export interface Amounts {
  /** Of examples that are scored; undefined for all. */
  readonly scored: number | undefined;
  readonly written: number;
  /** Those that texts can be judged for, where not all can. */
  readonly judged?: (example: InfillExample) => boolean;
  /** Draws them. */
  readonly seed: number;
}

/** Seed words, so that the two draws have nothing in common. */
const SCORED_DRAWS = 0x73636f72,
  WRITTEN_DRAWS = 0x77726974;

/** Metadata fields that a template lacks are left out, as in training. Throws UserError where no example fits. */
export function chooseExamples(
  { path, examples: all }: Pick<TestFile, "path" | "examples">,
  models: readonly InfillModel[],
  amounts: Amounts,
): Examples {
  const left = models.map(() => new Map<string, number>());
  const known = models.map(({ encoder }, m) => all.map((each) => withKnownFields(encoder.template, each, left[m])));
  const fits = all.map((_, i) => models.every((model, m) => fitsInto(model, known[m][i])));
  const pools = known.map((examples) => examples.filter((_, i) => fits[i]));
  if (pools[0].length === 0)
    throw new UserError(
      `${path}: p2 alone is longer than the model's context ` +
        `(${Math.min(...models.map(({ config }) => config.nPositions))} positions) in all ${all.length} ` +
        "examples; use shorter paragraphs or a model with more positions.",
    );
  const { scored = Infinity, written, judged, seed } = amounts;
  const indices = pools[0].map((_, i) => i);
  const chosen = drawInOrder(indices, scored, new Random(seed, SCORED_DRAWS));
  return {
    pools,
    scored: chosen,
    written: drawInOrder(
      chosen.filter((i) => judged?.(pools[0][i]) ?? true),
      written,
      new Random(seed, WRITTEN_DRAWS),
    ),
    clusters: clustersOf(pools[0]),
    dropped: all.length - pools[0].length,
    notes: [...new Set(left.flatMap((fields) => fieldsLeftOut(fields)))],
  };
}

function fitsInto({ encoder, config }: InfillModel, example: InfillExample): boolean {
  return encoder.encodeExample(example, { blockSize: config.nPositions }) !== undefined;
}

/**
 * `wanted`, refused when files of `results` stand in it and `overwrite` is false; without it the next free
 * output/evaluation-<n>.
 */
export async function chooseResultFolder(
  wanted: string | undefined,
  overwrite: boolean,
  results: readonly string[] = Object.values(RESULT_FILES),
): Promise<string> {
  if (wanted === undefined) {
    for (let n = 1; ; n++) {
      const folder = join("output", `evaluation-${n}`);
      if ((await filesIn(folder)).length === 0) return folder;
    }
  }
  const there = (await filesIn(wanted)).filter((file) => results.includes(file));
  if (there.length > 0 && !overwrite)
    throw new UserError(
      `${wanted} holds ${there.join(" and ")} already; choose another --output_dir, or pass --overwrite_output_dir.`,
    );
  return wanted;
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new UserError(
      `Cannot use ${folder} as the output folder: ${(error as Error).message}; choose another --output_dir.`,
    );
  }
}
