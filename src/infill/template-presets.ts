// Templates with a name, for --template.
import { UserError } from "../errors.ts";
import { printable } from "../files/quote.ts";
import { DEFAULT_TEMPLATE, SUFFIX_FIRST_TEMPLATE } from "./template.ts";
import type { InfillTemplate } from "./template.ts";

/**
 * The layout of the writers' tool of 2020 (CentraleSupelec 2019/2020):
 *   [P3] p3 [Sum] summary [T] genre - genre [Per] a - b [Org] .. [Loc] .. [Misc] .. [S] [P1] p1 [P2] p2 <|endoftext|>
 * each field optional with its marker, the size a marker of its own; p1 beside p2; of a context that does not fit, two
 * thirds of the room for p1's end and one third for p3's beginning; every position typed by its section's marker; only
 * p2 and its end are learned.
 */
export const ORIGIN_2020_TEMPLATE: InfillTemplate = {
  version: 1,
  order: ["p3", "metadata", "p1", "p2"],
  specialTokens: { pad: "[PAD]", eos: "<|endoftext|>", p1: "[P1]", p2: "[P2]", p3: "[P3]" },
  metadataFields: ["summary", "genre", "characters", "organisations", "places", "misc", "length"],
  p1Share: 2 / 3,
  fieldMarkers: {
    summary: "[Sum]",
    genre: "[T]",
    characters: "[Per]",
    organisations: "[Org]",
    places: "[Loc]",
    misc: "[Misc]",
  },
  valueMarkers: { length: { S: "[S]", M: "[M]", L: "[L]" } },
  listSeparator: " - ",
  sectionTypes: true,
  lossOn: "target",
};

/** By the name that --template takes. */
export const TEMPLATE_PRESETS: Readonly<Record<string, InfillTemplate>> = {
  default: DEFAULT_TEMPLATE,
  suffix_first: SUFFIX_FIRST_TEMPLATE,
  origin_2020: ORIGIN_2020_TEMPLATE,
};

/** The preset of that name; undefined for what looks like a file. Throws UserError for another name. */
export function templatePreset(name: string): InfillTemplate | undefined {
  if (Object.hasOwn(TEMPLATE_PRESETS, name)) return TEMPLATE_PRESETS[name];
  if (/[./\\]/.test(name)) return undefined;
  throw new UserError(
    `--template is ${printable(name)}, wanted one of ${Object.keys(TEMPLATE_PRESETS).join(", ")}, or a file.json.`,
  );
}
