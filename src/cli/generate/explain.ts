// --explain: what is refused before anything runs, and the page that is written when the text is there.
import { access, constants, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { UserError } from "../../errors.ts";
import { chooseLayers } from "../../explain/attention-size.ts";
import { explanationOf } from "../../explain/explain.ts";
import type { ExplainedSequence } from "../../explain/explanation.ts";
import { explanationPage } from "../../explain/page/page.ts";
import { Watcher } from "../../explain/watcher.ts";
import type { GPT2LMHeadModel } from "../../gpt2/model.ts";
import type { Written } from "./candidates.ts";
import type { GenerateValues } from "./flags.ts";
import type { Input } from "./input.ts";
import type { ModelFolder } from "../shared/load-model.ts";
import { promptInputs } from "./plan.ts";
import type { Plan } from "./plan.ts";
import { rankParts } from "./print.ts";

/** Throws UserError where there is nothing to explain or no place for the page. */
export async function checkExplain(
  { explain, explainLayers, document, p1File, p3File }: GenerateValues,
  given: ReadonlySet<string>,
  { kind }: Input,
): Promise<void> {
  if (explain === undefined) {
    if (given.has("explainLayers"))
      throw new UserError(
        `--explain_layers ${explainLayers.join(",")} says what the page of --explain holds; add --explain ` +
          "page.html, or leave it out.",
      );
    return;
  }
  if (kind === "gaps" || kind === "interactive")
    throw new UserError(
      "--explain shows one gap or prompt, and " +
        (kind === "gaps"
          ? "a .jsonl --input_file has many: give the one to look into with --p1 and --p3, "
          : "--interactive writes again and again: give the gap with --p1 and --p3 instead, ") +
        "or leave --explain out.",
    );
  if (!/\.html?$/i.test(explain))
    throw new UserError(
      `--explain is ${JSON.stringify(explain)}, expected the name of an HTML page to write; let it end in .html.`,
    );
  if ([document, p1File, p3File].some((file) => file !== undefined && resolve(file) === resolve(explain)))
    throw new UserError(`--explain is ${explain}, the input itself; choose another file.`);
  if (
    await stat(explain).then(
      (found) => found.isDirectory(),
      () => false,
    )
  )
    throw new UserError(`Cannot write ${explain}: it is a folder; choose another --explain.`);
  await access(dirname(resolve(explain)), constants.W_OK).catch((error: NodeJS.ErrnoException) => {
    throw new UserError(
      `Cannot write ${explain}: ` +
        `${error.code === "ENOENT" ? "its folder does not exist" : "its folder cannot be written to"}; ` +
        "choose another --explain.",
    );
  });
}

/** Throws UserError when the page could not hold the attention of texts as long as they may become. */
export function checkAttentionSize(
  { explain, explainLayers }: GenerateValues,
  { config: { nLayer, nHead } }: ModelFolder,
  { prompts, config }: Plan,
): void {
  if (explain === undefined) return;
  const [{ ids, limits }] = prompts;
  const generated = limits.maxNewTokens ?? config.maxNewTokens ?? config.maxLength - ids.length;
  const texts = Array.from({ length: config.numReturnSequences }, () => ({ prompt: ids.length, generated }));
  try {
    chooseLayers(texts, { nLayer, nHead, wanted: wantedLayers(explainLayers) });
  } catch (error) {
    throw error instanceof UserError
      ? new UserError(
          `${error.message.replace(/\.$/, "")} (--explain_layers, --max_new_tokens, --num_return_sequences).`,
        )
      : error;
  }
}

/** Watches a run and writes its page. */
export class Explainer {
  readonly watcher: Watcher;
  private readonly file: string;
  private readonly values: GenerateValues;
  private readonly folder: ModelFolder;
  private readonly plan: Plan;
  private readonly weights: GPT2LMHeadModel;

  constructor(
    file: string,
    { values, model, plan }: { readonly values: GenerateValues; readonly model: ModelFolder; readonly plan: Plan },
    weights: GPT2LMHeadModel,
  ) {
    this.file = file;
    this.values = values;
    this.folder = model;
    this.plan = plan;
    this.weights = weights;
    this.watcher = new Watcher(plan.config.lengthPenalty);
  }

  /**
   * Writes the page, over an older one; returns what to say of it. Throws UserError when it cannot be written: nothing
   * is then left.
   */
  async write({ candidates, rows, output }: Written): Promise<string> {
    const { file, plan, folder, values } = this;
    const kept = output.generated.map((ids) => ids.length);
    const rankings: ExplainedSequence["ranking"][] = [];
    candidates.flat().forEach(({ tokens, trimmed, ranked }, i) => {
      const row = rows.flat()[i];
      if (trimmed) kept[row] = tokens;
      if (ranked) rankings[row] = rankParts(ranked);
    });
    const explanation = await explanationOf({
      name: folder.folder.name,
      tokenizer: folder.tokenizer,
      model: this.weights,
      config: { ...plan.config, ...plan.prompts[0].limits },
      prompts: plan.prompts.map(({ ids }) => ids),
      tokenTypeIds: promptInputs(plan.prompts).tokenTypeIds,
      output,
      watcher: this.watcher,
      layers: wantedLayers(values.explainLayers),
      labels: this.labels(),
      kept,
      order: rows,
      rankings,
    });
    const part = `${file}.part`;
    try {
      await writeFile(part, explanationPage(explanation));
      await rename(part, file);
    } catch (error) {
      await rm(part, { force: true });
      throw new UserError(`Cannot write ${file}: ${(error as Error).message}; choose another --explain.`);
    }
    const { layers, modelLayers } = explanation.attention!;
    const some =
      layers.length < modelLayers
        ? `, with the attention of layers ${layers.join(", ")} of ${modelLayers}; --explain_layers chooses others`
        : "";
    return `${file}: a page to open in a browser${some}`;
  }

  /** What begins at the markers of a gap. */
  private labels(): Map<number, string> {
    const { encoder } = this.folder;
    if (!this.plan.inGap || !encoder) return new Map();
    const { p1, p3, p2 } = encoder.ids;
    return new Map([
      [p1, "Paragraph before"],
      [p3, "Paragraph after"],
      [p2, (this.values.prefix ?? "").trim() === "" ? "Written" : "Given beginning"],
    ]);
  }
}

function wantedLayers(layers: readonly number[]): readonly number[] | undefined {
  return layers.length > 0 ? layers : undefined;
}
