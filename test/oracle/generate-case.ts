// The generate cases of the reference folders, for any Decoder: run one, compare its outcome.
import { parseGenerationConfig } from "../../src/generation/options/config-file.ts";
import type { Decoder } from "../../src/generation/device/decoder.ts";
import { generate } from "../../src/generation/generate.ts";
import type { GenerateOutput } from "../../src/generation/generate.ts";
import type { GenerateEntry, Rows } from "./fixtures.ts";

export function runGenerateCase(decoder: Decoder, entry: GenerateEntry): Promise<GenerateOutput> {
  const options = parseGenerationConfig(entry.kwargs, entry.name);
  return generate(decoder, { inputIds: entry.input_ids, attentionMask: entry.attention_mask, ...options });
}

/**
 * null when ids are exact and scores within tolerance of the reference, or of its alternative where two versions of
 * Hugging Face differ; else what differs.
 */
export function compareGenerate(
  entry: GenerateEntry,
  got: Pick<GenerateOutput, "sequences" | "sequencesScores">,
): string | null {
  const first = compareWith(entry.sequences, entry.sequences_scores, got);
  if (first === null || entry.agrees_vectorized_beam !== false || !entry.sequences_vectorized) return first;
  return compareWith(entry.sequences_vectorized, entry.sequences_scores_vectorized, got) && first;
}

function compareWith(
  ids: Rows,
  scores: readonly number[] | null | undefined,
  got: Pick<GenerateOutput, "sequences" | "sequencesScores">,
): string | null {
  if (JSON.stringify(got.sequences) !== JSON.stringify(ids))
    return `ids ${JSON.stringify(got.sequences)}, wanted ${JSON.stringify(ids)}`;
  if (!scores) return got.sequencesScores ? "scores without beam search" : null;
  const close =
    got.sequencesScores?.length === scores.length &&
    scores.every((want, i) => Math.abs(got.sequencesScores![i] - want) <= 1e-4 + 2e-5 * Math.abs(want));
  return close ? null : `scores ${got.sequencesScores}, wanted ${scores}`;
}
