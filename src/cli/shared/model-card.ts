// What the programs know of a model for its card, and where the card goes: beside the weights, unless a person wrote a
// README.md there.
import { stat } from "node:fs/promises";
import { basename, isAbsolute, resolve } from "node:path";
import { readText } from "../../files/folder.ts";
import type { Folder } from "../../files/folder.ts";
import { openFolder } from "../../files/open.ts";
import type { GPT2Config } from "../../gpt2/config.ts";
import { isRepoName } from "../../hub/access.ts";
import { InfillEncoder } from "../../infill/encode.ts";
import type { InfillRequest } from "../../infill/example.ts";
import { specialTokenList, TEMPLATE_FILE } from "../../infill/template.ts";
import type { InfillTemplate } from "../../infill/template.ts";
import type { GPT2Tokenizer } from "../../tokenizer/tokenizer.ts";
import { frontMatterTexts } from "../../training/card-front-matter.ts";
import type { CardAbout } from "../../training/card-front-matter.ts";
import type { CardUsage } from "../../training/card-usage.ts";
import { hasOthersReadme, MODEL_CARD_FILE } from "../../training/model-card.ts";
import { writeNote } from "./announce.ts";
import { DEMO_MODEL } from "./project-path.ts";

/** The card as a file of `folder`, which `path` names; none, and a note, where a person's README.md is there. */
export async function cardFile(folder: Folder, path: string, card: string): Promise<Map<string, string>> {
  if (!(await hasOthersReadme(folder))) return new Map([[MODEL_CARD_FILE, card]]);
  writeNote(`${path}/${MODEL_CARD_FILE} is not of this program and stays as it is: no model card was written.`);
  return new Map();
}

type Base = Pick<CardAbout, "origin" | "baseModel" | "license">;

/** OpenAI's models, whose card on the Hub says so. */
const MIT = /^(openai-community\/)?gpt2(-medium|-large|-xl)?$/;

/** Of what a model is made from: a name on the Hub, or a folder, whose own card may say more. */
export async function baseOf(nameOrPath: string): Promise<Base> {
  const isFolder = await stat(nameOrPath).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder && isRepoName(nameOrPath)) return { ...ofHub(nameOrPath), origin: nameOrPath };
  const origin = nameOrPath === DEMO_MODEL ? "the demo model of gpt2-webgpu" : basename(resolve(nameOrPath));
  const folder = isFolder ? await openFolder(nameOrPath) : undefined;
  if (!folder || !(await folder.has(MODEL_CARD_FILE))) return { origin };
  const card = await readText(folder, MODEL_CARD_FILE);
  const [baseModel] = frontMatterTexts(card, "base_model");
  const [license] = frontMatterTexts(card, "license");
  return { ...(baseModel !== undefined && ofHub(baseModel)), ...(license !== undefined && { license }), origin };
}

/** Of a base that may be a path of another machine. */
export function ofHub(name: string): Pick<Base, "baseModel" | "license"> {
  if (isAbsolute(name) || !isRepoName(name)) return {};
  return { baseModel: name, ...(MIT.test(name) && { license: "mit" }) };
}

const GAP = { p1: "The paragraph before.", p3: "The paragraph after." };
const OPENING = "Once upon a time";

export function cardUsage(
  { nPositions }: GPT2Config,
  tokenizer: GPT2Tokenizer,
  template: InfillTemplate | undefined,
): CardUsage {
  const maxNewTokens = Math.min(200, nPositions >> 1);
  if (!template) return { prompt: OPENING, maxNewTokens };
  const request: InfillRequest = {
    ...GAP,
    ...(template.metadataFields.includes("length") && { meta: { length: "M" } }),
  };
  const encoder = new InfillEncoder(template, tokenizer);
  const { ids } = encoder.encodePrompt(request, { maxLength: nPositions });
  return {
    prompt: tokenizer.decode(ids),
    maxNewTokens,
    template: {
      example: encoder.render({ ...request, p2: "The paragraph between." }),
      fields: template.metadataFields,
      file: TEMPLATE_FILE,
      ...(template.sectionTypes && { sectionMarkers: sectionMarkers(template) }),
    },
  };
}

function sectionMarkers(template: InfillTemplate): string[] {
  const { pad, eos } = template.specialTokens;
  return specialTokenList(template).filter((token) => token !== pad && token !== eos);
}
