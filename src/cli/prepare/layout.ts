// The template that src/prepare.ts writes: what the flags name, else what ready examples record, else the default; and
// in the same order what the length classes mean.
import { basename, dirname } from "node:path";
import { UserError } from "../../errors.ts";
import { decodeUtf8 } from "../../files/folder.ts";
import { readJson } from "../../files/json.ts";
import { openFolder } from "../../files/open.ts";
import { isLengthBounds } from "../../infill/length-class.ts";
import type { LengthBounds } from "../../infill/length-class.ts";
import { recordedTemplate, requireSame } from "../../infill/recorded-template.ts";
import type { PlacedTemplate } from "../../infill/recorded-template.ts";
import { DEFAULT_TEMPLATE, parseTemplate, SUFFIX_FIRST_TEMPLATE } from "../../infill/template.ts";
import type { InfillTemplate } from "../../infill/template.ts";
import { templatePreset } from "../../infill/template-presets.ts";
import type { FlagValues } from "../shared/flags.ts";
import type { PrepareFlags } from "./flags.ts";
import { formatOf, readTextFile } from "./inputs.ts";
import type { InputFile } from "./inputs.ts";

type Flags = FlagValues<PrepareFlags>;

/** What --template or --layout name; undefined where neither is given. */
export async function namedLayout(
  { layout, template }: Flags,
  given: ReadonlySet<string>,
): Promise<InfillTemplate | undefined> {
  if (given.has("layout") && template !== undefined)
    throw new UserError("--layout and --template exclude each other; give one.");
  if (template !== undefined) return templatePreset(template) ?? (await readTemplate(template));
  if (!given.has("layout")) return undefined;
  return layout === "p3_first" ? SUFFIX_FIRST_TEMPLATE : DEFAULT_TEMPLATE;
}

/** The templates that ready examples among the inputs record. Throws UserError where a file contradicts itself. */
export async function recordedTemplates(inputs: readonly InputFile[], flags: Flags): Promise<PlacedTemplate[]> {
  const found: PlacedTemplate[] = [];
  for (const { path } of inputs) {
    if (formatOf(path, flags) !== "jsonl") continue;
    const recorded = recordedTemplate(decodeUtf8(await readTextFile(path), path), path);
    if (recorded) found.push(recorded);
  }
  return found;
}

/**
 * The template of this run, its length bounds left open where neither the flags nor the examples say them. With ILM's
 * documents it also says what kind of gap is to be filled. Throws UserError where recorded layouts differ and no flag
 * chooses.
 */
export function chooseLayout(
  named: InfillTemplate | undefined,
  recorded: readonly PlacedTemplate[],
  flags: Flags,
  given: ReadonlySet<string>,
): InfillTemplate {
  const layouts = recorded.map(({ template, name }) => ({ template: withoutBounds(template), name }));
  if (!named) for (const other of layouts) requireSame(layouts[0]!, other, "pass --template to choose one layout");
  const base = named ?? layouts[0]?.template ?? DEFAULT_TEMPLATE;
  const bounds = givenBounds(flags) ?? base.lengthBounds ?? agreedBounds(recorded);
  return {
    ...withoutBounds(base),
    metadataFields: [...new Set([...(flags.inputFormat === "ilm" ? ["gap"] : []), ...base.metadataFields])],
    ...(given.has("sectionTypes") && { sectionTypes: flags.sectionTypes }),
    ...(bounds && { lengthBounds: bounds }),
  };
}

function givenBounds({ lengthBounds }: Flags): LengthBounds | undefined {
  if (lengthBounds.length === 0) return undefined;
  if (isLengthBounds(lengthBounds)) return lengthBounds;
  throw new UserError(
    `--length_bounds is ${lengthBounds.join(",")}, wanted two whole numbers, the longest p2 of class S and of ` +
      "class M: 120,180.",
  );
}

/** Files of one run have the same; of several runs' files the classes are named anew. */
function agreedBounds(recorded: readonly PlacedTemplate[]): LengthBounds | undefined {
  const [first, ...others] = recorded.flatMap(({ template: { lengthBounds } }) => (lengthBounds ? [lengthBounds] : []));
  return others.every(([small, medium]) => small === first![0] && medium === first![1]) ? first : undefined;
}

function withoutBounds(template: InfillTemplate): InfillTemplate {
  const { lengthBounds, ...layout } = template;
  return lengthBounds ? layout : template;
}

async function readTemplate(file: string): Promise<InfillTemplate> {
  const folder = await openFolder(dirname(file));
  return parseTemplate(await readJson(folder, basename(file)), file);
}
