// Infilling examples of a file, all in memory or out of the cache: the same examples, and the same words on them.
import { UserError } from "../../errors.ts";
import { InfillEncoder } from "../../infill/encode.ts";
import { parseJsonl } from "../../infill/example.ts";
import { fieldsLeftOut, withKnownFields } from "../../infill/known-fields.ts";
import { recordedTemplate, requireSameBounds } from "../../infill/recorded-template.ts";
import type { InfillTemplate } from "../../infill/template.ts";
import { varyExamples } from "../../infill/vary.ts";
import type { Variation } from "../../infill/vary.ts";
import { cachedGaps } from "./data-cache/cached-gaps.ts";
import type { Caching } from "./data-cache/file-encoding.ts";
import type { DataChoice, DataLimits, OpenedExamples } from "./data-choice.ts";
import { countTokens, limited } from "./some-examples.ts";
import type { Encoded } from "./some-examples.ts";

type GapChoice = DataChoice & { readonly template: InfillTemplate };

/** Of the file's whole text. Throws UserError naming the line and field at fault, and where no example fits. */
export function encodeGaps(
  text: string,
  file: string,
  { tokenizer, blockSize, template }: GapChoice,
  { limit, drawSeed, knownFieldsOnly = false, variation }: DataLimits,
): Encoded {
  const recorded = recordedTemplate(text, file);
  if (recorded)
    requireSameBounds(recorded, { template, name: "the template of this run" }, "prepare all files in one run");
  const left = new Map<string, number>();
  const parsed = limited(parseJsonl(text, file), limit, drawSeed).map((example) =>
    knownFieldsOnly ? withKnownFields(template, example, left) : example,
  );
  const encoder = new InfillEncoder(template, tokenizer);
  const fitting = parsed.flatMap((example) => {
    const encoded = encoder.encodeExample(example, { blockSize });
    return encoded ? [{ example, encoded }] : [];
  });
  const examples = fitting.map(({ encoded }) => encoded);
  if (examples.length === 0) throw noneFits(file, blockSize, parsed.length);
  const counted = {
    count: examples.length,
    tokens: countTokens(examples),
    trimmed: examples.filter((example) => example.trimmed).length,
    dropped: parsed.length - examples.length,
    left,
  };
  const sources = fitting.map(({ example }) => example);
  return {
    examples,
    ...(variation && { varied: varyExamples(encoder, sources, examples, blockSize, variation) }),
    gaps: sources,
    summary: gapSummary(file, counted, variation),
  };
}

/** The same through the cache. */
export async function openGaps(
  file: string,
  choice: GapChoice,
  { limit, drawSeed, knownFieldsOnly = false, variation }: DataLimits,
  caching: Caching,
): Promise<OpenedExamples> {
  const { tokenizer, template, blockSize } = choice;
  const options = { tokenizer, template, blockSize, limit, drawSeed, knownFieldsOnly };
  const { examples, taken, left, tokens, source } = await cachedGaps(file, options, caching);
  if (examples.length === 0) throw noneFits(file, blockSize, taken);
  const { length: count, trimmed } = examples;
  const gaps = { at: (number: number) => examples.textsAt(number) };
  const encoder = new InfillEncoder(template, tokenizer);
  const summary = gapSummary(file, { count, tokens, trimmed, dropped: taken - count, left }, variation);
  return {
    examples,
    ...(variation && { varied: varyExamples(encoder, gaps, examples, blockSize, variation) }),
    gaps,
    file,
    tokens,
    source,
    summary: `${summary}, from ${caching.dir}`,
  };
}

interface Counted {
  readonly count: number;
  readonly tokens: number;
  /** With their context cut. */
  readonly trimmed: number;
  /** Left out because p2 does not fit. */
  readonly dropped: number;
  /** Metadata fields that were left out, and of how many examples. */
  readonly left: ReadonlyMap<string, number>;
}

function gapSummary(
  file: string,
  { count, tokens, trimmed, dropped, left }: Counted,
  variation: Variation | undefined,
): string {
  const notes = [
    trimmed > 0 ? `${trimmed} with their context trimmed to fit` : "",
    dropped > 0 ? `${dropped} left out because p2 does not fit` : "",
    ...fieldsLeftOut(left),
    variation && variation.orderMix > 0 ? `${percent(variation.orderMix)} in reading order` : "",
  ].filter(Boolean);
  return `${file}: ${count} examples, ${tokens} tokens${notes.map((note) => `, ${note}`).join("")}`;
}

const percent = (share: number): string => `${(100 * share).toFixed(0)}%`;

const noneFits = (file: string, blockSize: number, count: number): UserError =>
  new UserError(
    `${file}: p2 alone is longer than ${blockSize} tokens in all ${count} examples, ` +
      `and it is never cut; use a larger --block_size or shorter paragraphs.`,
  );
