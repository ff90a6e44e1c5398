// All of a run of src/generate.ts that needs no GPU: flags, input, model folder, options, prompts. Most mistakes end
// here, in a second, before the weights are read.
import { stat } from "node:fs/promises";
import { UserError } from "../../errors.ts";
import type { GenerationOptions, OptionName } from "../../generation/options/options.ts";
import { severalCandidates } from "./several.ts";
import { checkAttentionSize, checkExplain } from "./explain.ts";
import { modelHash } from "../shared/content-hash.ts";
import { parseFlags } from "../shared/flags.ts";
import type { Settings } from "../shared/journal.ts";
import { flagName } from "../shared/flag-table.ts";
import { GENERATE } from "./flags.ts";
import type { GenerateValues } from "./flags.ts";
import { knownFieldsOnly, readInput } from "./input.ts";
import type { Input } from "./input.ts";
import { readRerankWeights, UNFITTED_WEIGHTS } from "../../rerank/weights.ts";
import type { RerankWeights } from "../../rerank/weights.ts";
import { resolveModel } from "../shared/model-source.ts";
import { needEncoder, openModel } from "../shared/load-model.ts";
import type { ModelFolder } from "../shared/load-model.ts";
import { givenOptions } from "./options.ts";
import { wishesOf, withBeams } from "./wishes.ts";
import { planGaps, planPrompt } from "./plan.ts";
import type { Plan, PlanSettings } from "./plan.ts";

export interface Setup {
  readonly values: GenerateValues;
  readonly input: Input;
  readonly model: ModelFolder;
  readonly settings: PlanSettings;
  /** For the input; with --interactive only a trial of the options. */
  readonly plan: Plan;
  /** With --rerank. */
  readonly rerank: RerankWeights | undefined;
}

/** Flags on which no answer to a file's gaps depends. */
const NO_SETTINGS: ReadonlySet<string> = new Set<keyof GenerateValues>([
  ...(["modelNameOrPath", "revision", "offline", "cacheDir", "inputFile", "outputFile", "batchSize"] as const),
  ...(["p1", "p3", "p1File", "p3File", "document", "meta", "interactive", "prompt"] as const),
  ...(["json", "explain", "explainLayers", "profile", "trace"] as const),
]);

/** What decides the answers to a file's gaps. */
export async function fillSettings({ values, model, rerank }: Setup): Promise<Settings> {
  return {
    model: await modelHash(model.folder),
    ...Object.fromEntries(Object.entries(values).filter(([key]) => !NO_SETTINGS.has(key))),
    ...(rerank && { rerankWeights: rerank }),
  };
}

const RECORDS: readonly OptionName[] = ["outputScores", "outputLogits", "outputAttentions", "outputHiddenStates"];

/**
 * `demo`: the model folder to use when the flags name none. Throws UserError for anything the user got wrong,
 * HelpRequested on --help.
 */
export async function setUp(argv: readonly string[], demo: string, signal?: AbortSignal): Promise<Setup> {
  const { values, given } = parseFlags(GENERATE, argv);
  const record = RECORDS.find((name) => given.has(name));
  const options: GenerationOptions = givenOptions(values, given);
  const read = await readInput(values, given);
  if (record && (!values.json || read.kind === "gaps"))
    throw new UserError(
      `${flagName(record)} is returned in the object that --json ` +
        `prints${read.kind === "gaps" ? ", for one gap or prompt" : "; add --json"}, or leave it out.`,
    );
  if (
    values.document !== undefined &&
    values.outputFile !== undefined &&
    (await stat(values.outputFile).then(
      () => true,
      () => false,
    ))
  ) {
    throw new UserError(
      `${values.outputFile} exists already, and a document is not written over; choose another --output_file.`,
    );
  }
  await checkExplain(values, given, read);
  const { modelNameOrPath, revision, offline, cacheDir } = values;
  const source =
    modelNameOrPath === undefined ? demo : await resolveModel(modelNameOrPath, { revision, offline, cacheDir, signal });
  const model = await openModel(source, values.tokenizerName, { offline, cacheDir, signal });
  const input =
    read.kind === "gap" && read.sample
      ? { ...read, gap: knownFieldsOnly(read.gap, needEncoder(model).template) }
      : read;
  const { rerank } = values;
  if (rerank && input.kind === "prompt")
    throw new UserError(
      "--rerank looks at the paragraphs around a gap, and this is a plain prompt; leave it out, or give --p1 and --p3.",
    );
  const wishes = wishesOf(values);
  const interactive = input.kind === "interactive";
  const search = withBeams(options, wishes, interactive);
  const settings = {
    wishes,
    options: input.kind === "prompt" ? search : severalCandidates(search, model.defaults, { interactive, rerank }),
    allowSpecialTokens: values.allowSpecialTokens,
  };
  const plan = await planInput(model, input, values.prefix ?? "", settings);
  checkAttentionSize(values, model, plan);
  const weights = rerank ? ((await readRerankWeights(model.folder)) ?? UNFITTED_WEIGHTS) : undefined;
  return { values, input, model, settings, plan, rerank: weights };
}

function planInput(model: ModelFolder, input: Input, prefix: string, settings: PlanSettings): Promise<Plan> {
  switch (input.kind) {
    case "prompt":
      return planPrompt(model, input.text, settings);
    case "gaps":
      return planGaps(model, input.gaps.length > 0 ? input.gaps : [input.first], prefix, settings);
    case "gap":
      return planGaps(model, [input.gap], prefix, settings);
    case "interactive":
      // Whose characters and which length are required is known once a gap is.
      return input.gap
        ? planGaps(model, [input.gap], prefix, settings)
        : planGaps(model, [{ p1: "", p3: "" }], prefix, {
            ...settings,
            wishes: settings.wishes && { ...settings.wishes, requireCharacters: false, requireLength: false },
          });
    default:
      return input satisfies never;
  }
}
