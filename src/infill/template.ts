// How an infilling example becomes one line of tokens. The template is one plain object, saved as infill_template.json
// beside the weights and read back by generation, so that the two can never disagree. As text, with its default:
//   [P1] The paragraph before.[P3] The paragraph after.\nlength: M; theme: hope[P2] The paragraph between.[EOS]
// A field may have a marker of its own instead of its name, or a marker for each value: template-presets.ts has some.
// Whitespace, exactly: none around a marker; every text is trimmed and takes one leading space, so that its first word
// has the token it has inside a sentence; metadata takes a leading newline, which no GPT-2 token joins to the text
// before it. Encoding part by part therefore gives the ids that Hugging Face gives for the whole string.
import { UserError } from "../errors.ts";
import { printable, quote } from "../files/quote.ts";
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import { isLengthBounds } from "./length-class.ts";
import type { LengthBounds } from "./length-class.ts";
import { LAYOUT_FIELDS, parseLayoutFields } from "./template-fields.ts";
import type { LayoutFields } from "./template-fields.ts";

export const TEMPLATE_FILE = "infill_template.json";

const PARTS = ["p1", "p3", "metadata", "p2"] as const;
export type Part = (typeof PARTS)[number];
const SPECIALS = ["pad", "eos", "p1", "p2", "p3"] as const;
export type Special = (typeof SPECIALS)[number];

export interface InfillTemplate extends LayoutFields {
  readonly version: 1;
  /** Each part once, p2 last: the model must have read the rest before it writes. */
  readonly order: readonly Part[];
  readonly specialTokens: Readonly<Record<Special, string>>;
  /** Metadata fields it knows, in the order they are written in. */
  readonly metadataFields: readonly string[];
  /**
   * When the context is too long: the share of the room left for p1 and p3 that goes to p1 (what one does not need, the
   * other gets).
   */
  readonly p1Share: number;
  /**
   * What the values of the field "length" mean, where the data says so: S up to the first number of p2's tokens, M up
   * to the second, L beyond.
   */
  readonly lengthBounds?: LengthBounds;
}

const FIELDS: FieldsOf<InfillTemplate> = {
  version: true,
  order: true,
  specialTokens: true,
  metadataFields: true,
  p1Share: true,
  lengthBounds: true,
  ...LAYOUT_FIELDS,
};

export const DEFAULT_TEMPLATE: InfillTemplate = {
  version: 1,
  order: ["p1", "p3", "metadata", "p2"],
  specialTokens: { pad: "[PAD]", eos: "[EOS]", p1: "[P1]", p2: "[P2]", p3: "[P3]" },
  metadataFields: [
    "length",
    "genre",
    "theme",
    "characters",
    "places",
    "organisations",
    "misc",
    "keywords",
    "title",
    "author",
    "language",
    "summary",
  ],
  p1Share: 0.5,
};

/** The other layout: the paragraph after comes first, so that p1 runs on into p2 with only metadata between. */
export const SUFFIX_FIRST_TEMPLATE: InfillTemplate = { ...DEFAULT_TEMPLATE, order: ["p3", "p1", "metadata", "p2"] };

/** The ids that no p2 holds: all special tokens but its end. `markers`: of metadata. */
export function forbiddenSpecialIds({ pad, p1, p2, p3 }: SpecialIds, markers: ReadonlyMap<string, number>): number[] {
  return [pad, p1, p2, p3, ...markers.values()];
}

/**
 * What the template needs of a tokenizer: `encode` turns a special token anywhere in the text into its one id, unless
 * `allowSpecial` is false: then all of the text is plain text, as what users write should be.
 */
export interface TemplateTokenizer {
  encode(text: string, options?: { readonly allowSpecial?: boolean }): number[];
  tokenToId(token: string): number | undefined;
}

export type SpecialIds = Readonly<Record<Special, number>>;

/** All special tokens, in the order in which they are added to a tokenizer: [PAD] [EOS] [P1] [P2] [P3], metadata's. */
export function specialTokenList(template: InfillTemplate): string[] {
  return [...SPECIALS.map((name) => template.specialTokens[name]), ...metadataMarkers(template)];
}

/** The same as GPT2Tokenizer.addSpecialTokens takes them. */
export function specialTokensToAdd(template: InfillTemplate): {
  padToken: string;
  eosToken: string;
  additionalSpecialTokens: string[];
} {
  const [padToken, eosToken, ...additionalSpecialTokens] = specialTokenList(template) as [string, string, ...string[]];
  return { padToken, eosToken, additionalSpecialTokens };
}

/**
 * Ids of the special tokens; of metadata's markers see markerIds. Throws UserError when one of all of them is not in
 * the vocabulary, is split or swallows the spaces around it, or shares its id with another: a pad that is also the end
 * would be masked from the loss, and the model would never stop.
 */
export function specialIds(template: InfillTemplate, tokenizer: TemplateTokenizer): SpecialIds {
  const owners = new Map<number, string>();
  const ids = specialTokenList(template).map((token) => {
    const id = tokenizer.tokenToId(token);
    const shown = printable(token);
    if (id === undefined) {
      throw new UserError(
        `The tokenizer has no special token ${shown}, which the infilling template needs; add the template's ` +
          "tokens to " +
          "it (training does) or use the tokenizer saved with the model.",
      );
    }
    const other = owners.get(id);
    if (other)
      throw new UserError(
        `The special tokens ${printable(other)} and ${shown} share the id ${id}, wanted one id each; correct the ` +
          "tokenizer's added tokens.",
      );
    owners.set(id, token);
    const got = tokenizer.encode(`a ${token} a`);
    const want = [...tokenizer.encode("a "), id, ...tokenizer.encode(" a")];
    if (got.length !== want.length || got.some((x, i) => x !== want[i])) {
      throw new UserError(
        `The tokenizer reads "a ${shown} a" as ${quote(got)}, wanted ${quote(want)}: register ${shown} as ` +
          "one special " +
          "token, without spaces and without stripping.",
      );
    }
    return id;
  });
  return Object.fromEntries(SPECIALS.map((name, i) => [name, ids[i]!])) as Record<Special, number>;
}

/** Ids of metadata's markers, which specialIds has checked. */
export function markerIds(template: InfillTemplate, tokenizer: TemplateTokenizer): ReadonlyMap<string, number> {
  return new Map(metadataMarkers(template).map((token) => [token, tokenizer.tokenToId(token)!]));
}

/** Markers of metadata fields and of their values, in the order of the fields. */
function metadataMarkers({ metadataFields: fields, fieldMarkers = {}, valueMarkers = {} }: InfillTemplate): string[] {
  return fields.flatMap((field) => [
    ...(Object.hasOwn(fieldMarkers, field) ? [fieldMarkers[field]!] : []),
    ...(Object.hasOwn(valueMarkers, field) ? Object.values(valueMarkers[field]!) : []),
  ]);
}

/** The fields that are written as text: "length: M". */
export function plainFields({
  metadataFields: fields,
  fieldMarkers = {},
  valueMarkers = {},
}: InfillTemplate): string[] {
  return fields.filter((field) => !Object.hasOwn(fieldMarkers, field) && !Object.hasOwn(valueMarkers, field));
}

export function templateToJson(template: InfillTemplate): string {
  return `${JSON.stringify(template, null, 2)}\n`;
}

/** The template in parsed JSON. Throws UserError naming the file and the field at fault. */
export function parseTemplate(json: unknown, name: string): InfillTemplate {
  const fail = (field: string, wanted: string): never => {
    throw new UserError(`${name}: field "${field}" is wrong, wanted ${wanted}; restore the file saved with the model.`);
  };
  if (typeof json !== "object" || json === null || Array.isArray(json)) return fail("(top)", "an object");
  expectFields(name, json, FIELDS);
  const {
    version,
    order,
    specialTokens,
    metadataFields: fields,
    p1Share,
    lengthBounds,
    ...layout
  } = json as Record<keyof InfillTemplate, unknown>;
  if (version !== 1) fail("version", "1");
  if (
    !isStringList(order) ||
    order.length !== PARTS.length ||
    !PARTS.every((part) => order.includes(part)) ||
    order.at(-1) !== "p2"
  ) {
    fail("order", `each of ${PARTS.join(", ")} once, p2 last`);
  }
  const tokens = SPECIALS.map((special) => (specialTokens as Record<string, unknown> | null | undefined)?.[special]);
  if (!isStringList(tokens) || tokens.some((token) => token === "" || /\s/u.test(token))) {
    fail("specialTokens", `a token without spaces for each of ${SPECIALS.join(", ")}`);
  }
  if (!isStringList(fields) || new Set(fields).size !== fields.length || fields.includes(""))
    fail("metadataFields", "a list of different names");
  if (typeof p1Share !== "number" || !(p1Share >= 0 && p1Share <= 1)) fail("p1Share", "a number from 0 to 1");
  if (lengthBounds !== undefined && !isLengthBounds(lengthBounds))
    fail("lengthBounds", "two whole numbers from 1 up, the second above the first");
  const named = Object.fromEntries(SPECIALS.map((special, i) => [special, tokens[i]]));
  const template = {
    version: 1,
    order,
    specialTokens: named,
    metadataFields: fields,
    p1Share,
    ...(lengthBounds === undefined ? {} : { lengthBounds }),
    ...parseLayoutFields(layout, fields as string[], fail),
  } as InfillTemplate;
  const all = specialTokenList(template);
  if (all.some((token, i) => all.some((other, j) => i !== j && other.includes(token))))
    fail("specialTokens", "tokens, metadata's markers among them, that do not contain one another");
  return template;
}

function isStringList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
