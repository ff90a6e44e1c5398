// Every generate case of the reference folders, token for token, on the float64 decoder: the loops, processors and
// options of src/generation against Hugging Face's. Then every warper and processor case by itself.
import { describe, expect, test } from "vitest";
import { parseGenerationConfig } from "../src/generation/options/config-file.ts";
import { buildWarpers } from "../src/generation/scores/build-processors.ts";
import {
  ExponentialDecayLengthPenalty,
  ForcedEOSTokenLogitsProcessor,
  MinLengthLogitsProcessor,
  MinNewTokensLengthLogitsProcessor,
  SuppressTokensAtBeginLogitsProcessor,
} from "../src/generation/scores/length-processors.ts";
import { applyProcessors } from "../src/generation/scores/logits-processor.ts";
import type { LogitsProcessor, RowContext } from "../src/generation/scores/logits-processor.ts";
import { LogitNormalization } from "../src/generation/scores/row-processors.ts";
import {
  HammingDiversityLogitsProcessor,
  NoBadWordsLogitsProcessor,
  NoRepeatNGramLogitsProcessor,
  RepetitionPenaltyLogitsProcessor,
  SequenceBiasLogitsProcessor,
  SuppressTokensLogitsProcessor,
} from "../src/generation/scores/token-processors.ts";
import type { SequenceBias } from "../src/generation/options/options.ts";
import { resolveConfig } from "../src/generation/options/config.ts";
import { softmax } from "../src/generation/scores/scores.ts";
import { OracleDecoder } from "./oracle/decoder.ts";
import { compareGenerate, runGenerateCase } from "./oracle/generate-case.ts";
import { listCases, loadModelCase } from "./oracle/fixtures.ts";

for (const name of listCases("model")) {
  const model = await loadModelCase(name);
  const { reference, config } = model;

  describe(`generate: ${name}`, () => {
    const decoder = new OracleDecoder(config, model.weights);
    for (const entry of reference.generate) {
      test(`${entry.name}`, async () => {
        expect(compareGenerate(entry, await runGenerateCase(decoder, entry))).toBeNull();
      });
    }

    test("a wrong token or score is noticed", async () => {
      const entry = reference.generate.find(({ kwargs }) => Number(kwargs.num_beams) > 1)!;
      const wrong = entry.sequences.map((row) => [...row.slice(0, -1), row.at(-1)! + 1]);
      const scores = entry.sequences_scores!;
      expect(compareGenerate(entry, { sequences: entry.sequences, sequencesScores: scores })).toBeNull();
      expect(compareGenerate(entry, { sequences: wrong, sequencesScores: scores })).toContain("ids");
      expect(
        compareGenerate(entry, { sequences: entry.sequences, sequencesScores: scores.map((score) => score * 1.001) }),
      ).toContain("scores");
    });
  });

  describe(`warpers: ${name}`, () => {
    const logits = model.tensor(reference.warpers.logits);
    for (const entry of reference.warpers.cases) {
      test(`${entry.name} ${JSON.stringify(entry.options)}`, () => {
        const options = parseGenerationConfig({ top_k: 0, ...entry.options }, entry.name);
        const warpers = buildWarpers(resolveConfig({ ...options, doSample: true }));
        expect(warpers).toHaveLength(entry.order.length);
        const want = rowsOf(model.tensor(entry.probs), config.vocabSize);
        rowsOf(logits, config.vocabSize).forEach((row, r) => {
          const scores = Float64Array.from(row);
          applyProcessors(scores, warpers, contextOf([], r));
          const got = softmax(scores);
          expect(got.map((p) => Number(p > 0))).toEqual(Float64Array.from(want[r], (p) => Number(p > 0)));
          expect(got.filter((p) => p > 0)).toHaveLength(entry.kept[r]);
          expect(greatestDifference(got, want[r])).toBeLessThan(2e-6);
        });
      });
    }
  });

  describe(`processors: ${name}`, () => {
    const { logits, input_ids: inputIds, cases } = reference.processors;
    for (const entry of cases) {
      test(`${entry.name} ${JSON.stringify(entry.options)}`, () => {
        const want = rowsOf(model.tensor(entry.scores), config.vocabSize);
        rowsOf(model.tensor(logits), config.vocabSize).forEach((row, r) => {
          const scores = Float64Array.from(row);
          const { processor, context } = processorCase(entry, inputIds[r], r);
          applyProcessors(scores, [processor], context);
          expect(greatestDifference(scores, want[r])).toBeLessThan(1e-5);
        });
      });
    }
  });
}

/** Row `row`, whose prompt is all of `ids`. */
const contextOf = (ids: readonly number[], row: number): RowContext => ({
  ids,
  length: ids.length,
  promptLength: ids.length,
  maxLength: 1000,
  prompt: 0,
  row,
  earlierGroups: [],
});

/** A processor case's options are those of HF's classes, which are not those of generate(). */
function processorCase(
  entry: { name: string; options: Record<string, unknown> },
  ids: readonly number[],
  row: number,
): { processor: LogitsProcessor; context: RowContext } {
  const o = entry.options as Record<string, number>;
  const list = (name: string): number[] => entry.options[name] as number[];
  const whole = contextOf(ids, row);
  const context: RowContext = {
    ...whole,
    promptLength: o.prompt_length ?? o.begin_index ?? whole.promptLength,
    maxLength: o.max_length ?? whole.maxLength,
  };
  const eos = [o.eos_token_id];
  switch (entry.name) {
    case "repetition_penalty":
      return { processor: new RepetitionPenaltyLogitsProcessor(o.penalty), context };
    case "no_repeat_ngram":
      return { processor: new NoRepeatNGramLogitsProcessor(o.ngram_size), context };
    case "bad_words":
      return { processor: new NoBadWordsLogitsProcessor(entry.options.bad_words_ids as number[][], eos), context };
    case "sequence_bias":
      return { processor: new SequenceBiasLogitsProcessor(entry.options.sequence_bias as SequenceBias), context };
    case "min_length":
      return { processor: new MinLengthLogitsProcessor(o.min_length, eos), context };
    case "min_new_tokens":
      return { processor: new MinNewTokensLengthLogitsProcessor(o.min_new_tokens, eos), context };
    case "forced_eos":
      return { processor: new ForcedEOSTokenLogitsProcessor([o.forced_eos_token_id]), context };
    case "exponential_decay_length_penalty":
      return { processor: new ExponentialDecayLengthPenalty([o.start_index, o.decay_factor], eos), context };
    case "suppress_tokens":
      return { processor: new SuppressTokensLogitsProcessor(list("suppress_tokens")), context };
    case "begin_suppress_tokens":
      return { processor: new SuppressTokensAtBeginLogitsProcessor(list("begin_suppress_tokens")), context };
    case "hamming_diversity": {
      const group = (o.num_beams / o.num_beam_groups) * o.beam_group_idx;
      const earlierGroups = list("current_tokens").slice(row * o.num_beams, row * o.num_beams + group);
      return {
        processor: new HammingDiversityLogitsProcessor(o.diversity_penalty),
        context: { ...context, earlierGroups },
      };
    }
    case "log_softmax":
      return { processor: new LogitNormalization(), context };
    default:
      throw new Error(`no processor for reference case ${entry.name}`);
  }
}

function rowsOf(values: Float32Array, width: number): Float32Array[] {
  return Array.from({ length: values.length / width }, (_, r) => values.subarray(r * width, (r + 1) * width));
}

/** Infinite where one is infinite and the other is not. */
function greatestDifference(got: ArrayLike<number>, want: ArrayLike<number>): number {
  let most = got.length === want.length ? 0 : Infinity;
  for (let i = 0; i < got.length; i++) if (got[i] !== want[i]) most = Math.max(most, Math.abs(got[i] - want[i]));
  return most;
}
