// What speaks for a candidate p2, as numbers: how likely it is in the gap, how likely it makes p3, and how well its two
// seams join. All are mean log-probabilities a token, in nats, by the infilling model itself: the higher, the better.
// Two passes over all candidates give them: one in the template's layout, one in reading order.
import { UserError } from "../errors.ts";
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import type { InfillEncoder } from "../infill/encode.ts";
import type { InfillRequest } from "../infill/example.ts";
import { continuationLosses, joined } from "./continuation-losses.ts";
import type { ContinuationOptions, Tokens } from "./continuation-losses.ts";

/**
 * p2: log P(p2 and its end | p1, p3, metadata), in the template's layout.
 * p3: log P(p3 | p1, p2), in reading order.
 * seam_p1_p2: log P(the first SEAM_TOKENS of p2 | p1), in reading order.
 * seam_p2_p3: log P(the first SEAM_TOKENS of p3 | p1, p2), in reading order.
 */
export const TERMS = ["p2", "p3", "seam_p1_p2", "seam_p2_p3"] as const;
export type Term = (typeof TERMS)[number];
/** For people. */
export const TERM_NAMES: Readonly<Record<Term, string>> = {
  p2: "p2",
  p3: "p3",
  seam_p1_p2: "seam p1-p2",
  seam_p2_p3: "seam p2-p3",
};
export type Terms = Readonly<Record<Term, number>>;

/** About half a sentence: what comes later hardly knows of the seam. */
export const SEAM_TOKENS = 8;

/** Tokens beside a candidate's: the markers and the end, and in reading order a token of p3. */
const BESIDES = 4;

/** Characters: few tokens of prose have as many. */
const LONG_TOKEN = 32;

export type TermOptions = Pick<ContinuationOptions, "batchSize" | "signal">;
const OPTIONS: FieldsOf<TermOptions> = { batchSize: true, signal: true };

/**
 * The terms of each text as p2 of the gap. All see the same context, cut for the longest of them; terms of a p3 that is
 * empty are 0. Throws UserError when a text does not fit into the model's positions, when the model gives no numbers,
 * or when there is not the memory.
 */
export async function candidateTerms(
  model: GPT2LMHeadModel,
  encoder: InfillEncoder,
  gap: InfillRequest,
  texts: readonly string[],
  options: TermOptions = {},
): Promise<Terms[]> {
  expectFields("candidateTerms()", options, OPTIONS);
  const candidates = texts.map((text) => encoder.textIds(text));
  const longest = longestOf(candidates, model);
  const inSection = sectionsOf(encoder);
  const inGap = await lossesInGap(model, encoder, gap, texts, options);
  const { before, section, after: p3 } = readingOrder(encoder, gap, model.config.nPositions - longest);
  const inOrder = await continuationLosses(
    model,
    before,
    candidates.map((ids) => joined(inSection(ids, section), p3)),
    { padId: encoder.ids.pad, ...options },
  );
  return candidates.map(({ length }, c) => {
    const after = inOrder[c].subarray(length + 1); // the marker is no part of p3
    return {
      p2: meanLogProb(inGap[c]),
      p3: meanLogProb(after),
      seam_p1_p2: meanLogProb(inOrder[c].subarray(0, Math.min(length, SEAM_TOKENS))),
      seam_p2_p3: meanLogProb(after.subarray(0, SEAM_TOKENS)),
    };
  });
}

/**
 * The losses of each text's tokens and its end as p2 of the gap, in the template's layout; all see the same context.
 * Throws UserError as candidateTerms() does.
 */
export async function lossesInGap(
  model: GPT2LMHeadModel,
  encoder: InfillEncoder,
  gap: InfillRequest,
  texts: readonly string[],
  options: TermOptions = {},
): Promise<Float32Array[]> {
  const { eos, pad } = encoder.ids;
  const candidates = texts.map((text) => encoder.textIds(text));
  const prompt = encoder.encodePrompt(gap, { maxLength: model.config.nPositions - longestOf(candidates, model) - 1 });
  const inSection = sectionsOf(encoder);
  const rows = candidates.map((ids) => inSection([...ids, eos], "p2"));
  return continuationLosses(model, prompt, rows, { padId: pad, ...options });
}

/** Tokens of the longest. Throws UserError where it leaves no room for the markers, the end and a token of p3. */
function longestOf(candidates: readonly (readonly number[])[], { config: { nPositions } }: GPT2LMHeadModel): number {
  const longest = candidates.reduce((most, ids) => Math.max(most, ids.length), 0);
  if (!fitsAsCandidate(longest, nPositions))
    throw new UserError(
      `A candidate has ${longest} tokens, and the context ${nPositions} positions, of which ${BESIDES} are needed ` +
        "for markers and the end; shorten it.",
    );
  return longest;
}

/** Whether a text of so many tokens can be judged as p2. */
export function fitsAsCandidate(tokens: number, nPositions: number): boolean {
  return tokens + BESIDES <= nPositions;
}

/** Ids with their types, where the template has section types. */
function sectionsOf({ template, ids: markers }: InfillEncoder) {
  return (ids: readonly number[], section: "p1" | "p2" | "p3"): Tokens => ({
    ids,
    ...(template.sectionTypes && { tokenTypeIds: ids.map(() => markers[section]) }),
  });
}

interface ReadingOrder {
  /** Up to p2's first token. */
  readonly before: Tokens;
  /** That p2 stands in. */
  readonly section: "p1" | "p2";
  /** p3 with its marker. */
  readonly after: Tokens;
}

/**
 * The gap's surroundings in at most `room` tokens: of what does not fit, p1's beginning and p3's end go. A model that
 * was trained on reading order has [P1] p1 [P2] p2 [P3] p3 (see InfillEncoder.encodeReadingOrder); another knows p3
 * after p1 only, so for it p2 goes on in p1's section: [P1] p1 p2 [P3] p3.
 */
function readingOrder(encoder: InfillEncoder, { p1, p3 }: InfillRequest, room: number): ReadingOrder {
  const { ids } = encoder;
  const trained = (encoder.template.orderMix ?? 0) > 0;
  const inSection = sectionsOf(encoder);
  const left = room - (trained ? 3 : 2);
  // A part that is sure to fill the room is enough of a text that is longer.
  const enough = LONG_TOKEN * left;
  const whole1 = encoder.textIds(p1.trimEnd().slice(-enough));
  const whole3 = encoder.textIds(p3.trimStart().slice(0, enough));
  const forP3 = Math.min(whole3.length, Math.max(Math.ceil(left / 2), left - whole1.length));
  const start = Math.max(0, whole1.length - (left - forP3));
  const p1Section = inSection([ids.p1, ...whole1.slice(start)], "p1");
  return {
    before: trained ? joined(p1Section, inSection([ids.p2], "p2")) : p1Section,
    section: trained ? "p2" : "p1",
    after: inSection([ids.p3, ...whole3.slice(0, forP3)], "p3"),
  };
}

function meanLogProb(losses: Float32Array): number {
  return losses.length === 0 ? 0 : -losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}
