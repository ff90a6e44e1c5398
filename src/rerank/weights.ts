// The weights of a model's terms, in one small file beside its weights and template: fitted to the model on gaps whose
// p2 is known (src/evaluate.ts --fit_rerank), read back wherever candidates are ranked.
import { UserError } from "../errors.ts";
import type { Folder } from "../files/folder.ts";
import { isObject, readJson } from "../files/json.ts";
import { SEAM_TOKENS, TERMS } from "./terms.ts";
import type { Term, Terms } from "./terms.ts";

export const RERANK_FILE = "infill_rerank.json";

export interface RerankWeights {
  readonly version: 1;
  /** What a nat a token of each term counts; 0 leaves it out. */
  readonly weights: Terms;
  /** Tokens of a seam. */
  readonly seamTokens: typeof SEAM_TOKENS;
  /** What they were fitted on: gaps, and candidates in each, the true p2 among them. Absent: they were not fitted. */
  readonly fittedOn?: { readonly examples: number; readonly candidates: number };
}

/** For a model without the file: both directions count alike, as in Bayes' rule, and their seams are left to them. */
export const UNFITTED_WEIGHTS: RerankWeights = {
  version: 1,
  weights: { p2: 1, p3: 1, seam_p1_p2: 0, seam_p2_p3: 0 },
  seamTokens: SEAM_TOKENS,
};

/** The sum of a candidate's terms by their weights. */
export function scoreOf(terms: Terms, { weights }: Pick<RerankWeights, "weights">): number {
  return TERMS.reduce((sum, term) => sum + (weights[term] === 0 ? 0 : weights[term] * terms[term]), 0);
}

export function rerankToJson(weights: RerankWeights): string {
  return `${JSON.stringify(weights, null, 2)}\n`;
}

/** The weights of a model's folder; undefined without the file. Throws UserError when it is damaged. */
export async function readRerankWeights(folder: Folder): Promise<RerankWeights | undefined> {
  if (!(await folder.has(RERANK_FILE))) return undefined;
  return parseRerankWeights(await readJson(folder, RERANK_FILE), `${folder.name}/${RERANK_FILE}`);
}

/** The weights in parsed JSON. Throws UserError naming the file and the field at fault. */
export function parseRerankWeights(json: unknown, name: string): RerankWeights {
  const fail = (field: string, wanted: string): never => {
    throw new UserError(
      `${name}: field "${field}" is wrong, wanted ${wanted}; restore the file, or fit it again with ` +
        "src/evaluate.ts --fit_rerank.",
    );
  };
  if (!isObject(json)) return fail("(top)", "an object");
  const { version, weights, seamTokens, fittedOn } = json;
  if (version !== 1) return fail("version", "1");
  if (seamTokens !== SEAM_TOKENS) return fail("seamTokens", String(SEAM_TOKENS));
  if (!isObject(weights) || Object.keys(weights).some((term) => !(TERMS as readonly string[]).includes(term)))
    return fail("weights", `a number for each of ${TERMS.join(", ")}`);
  const weightOf = (term: Term): number => {
    const value = Object.hasOwn(weights, term) ? weights[term] : undefined;
    return typeof value === "number" && Number.isFinite(value) ? value : fail(`weights.${term}`, "a finite number");
  };
  const numbers = Object.fromEntries(TERMS.map((term) => [term, weightOf(term)])) as Terms;
  if (fittedOn === undefined) return { version: 1, weights: numbers, seamTokens: SEAM_TOKENS };
  const counts = isObject(fittedOn) ? [fittedOn["examples"], fittedOn["candidates"]] : [];
  if (counts.length === 0 || !counts.every((count) => Number.isSafeInteger(count) && (count as number) >= 1))
    return fail("fittedOn", "whole numbers from 1 up for examples and candidates");
  const [examples, candidates] = counts as number[];
  return { version: 1, weights: numbers, seamTokens: SEAM_TOKENS, fittedOn: { examples, candidates } };
}
