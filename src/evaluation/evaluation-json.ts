// An evaluation as plain JSON, under the snake_case names of Hugging Face's and ILM's result files: figures with their
// intervals, then every example's own numbers, so that other statistics need no new run.
import { LEVEL, RESAMPLES } from "./estimate.ts";
import type { ScoredExample } from "./context-use.ts";
import type { Evaluation, ModelEvaluation } from "./summary.ts";
import type { RerankFigures } from "./rerank-choices.ts";
import type { WrittenFigures, WrittenText } from "./written-figures.ts";

export function evaluationJson(evaluation: Evaluation): string {
  const { testFile, trainFile, examples, dropped, seed, search, notes, models } = evaluation;
  return `${JSON.stringify(
    {
      test_file: testFile,
      train_file: trainFile ?? null,
      examples,
      dropped,
      seed,
      search,
      notes,
      interval: { level: LEVEL, bootstrap_samples: RESAMPLES },
      models: models.map(modelJson),
    },
    null,
    1,
  )}\n`;
}

function modelJson({ name, about, scored, use, written, rerank }: ModelEvaluation): object {
  const { perplexity, change, retrieval } = use;
  return {
    model: name,
    about,
    context_ppl: orNull(perplexity.context),
    infill_ppl: orNull(perplexity.infill),
    infill_textonly_ppl: orNull(perplexity.infillTextonly),
    p2_log_likelihood_change_per_token: {
      without_p1: orNull(change.p1),
      without_p3: orNull(change.p3),
      without_metadata: orNull(change.metadata),
      with_foreign_p3: orNull(change.foreignP3),
    },
    p3_retrieval: {
      candidates: retrieval.candidates,
      fewest_candidates: retrieval.fewest,
      accuracy: orNull(retrieval.accuracy),
      chance: orNull(retrieval.chance),
    },
    ...(written && {
      written: { ...figuresJson(written.figures), real: figuresJson(written.real), length_rule: orNull(written.rule) },
    }),
    ...(rerank && { rerank: rerankJson(rerank) }),
    per_example: scored.map((each, i) => ({
      ...scoredJson(each),
      ...(written?.texts[i] && { written: textJson(written.texts[i]) }),
    })),
  };
}

function figuresJson(figures: WrittenFigures): object {
  return {
    texts: figures.texts,
    special_tokens_leaked: figures.specials,
    tokens_per_text: orNull(figures.tokens),
    eos_reached: orNull(figures.ended),
    length_obeyed: orNull(figures.lengthObeyed),
    characters_present: orNull(figures.charactersPresent),
    distinct_1: orNull(figures.distinct1),
    distinct_2: orNull(figures.distinct2),
    copied_from_context: orNull(figures.copiedFromContext),
    copied_from_training: orNull(figures.copiedFromTraining),
  };
}

function rerankJson({ trial, choices, weights, byParts }: RerankFigures): object {
  return {
    weights: weights.weights,
    fitted_by_parts: byParts,
    true_p2_found: {
      candidates: trial.candidates,
      fewest_candidates: trial.fewest,
      chance: orNull(trial.chance),
      ...Object.fromEntries(trial.found.map(([label, figure]) => [label.replaceAll(" ", "_"), orNull(figure)])),
    },
    ...(choices && {
      choices: {
        examples: choices.examples,
        word_f1: orNulls(choices.likeness),
        p3_log_prob_per_token: orNulls(choices.p3),
        chosen_less_first: { word_f1: orNull(choices.gain.likeness), p3_log_prob_per_token: orNull(choices.gain.p3) },
        words_apart: orNull(choices.apart),
      },
    }),
  };
}

/** Losses in nats, summed over tokens. */
function scoredJson({ context, text, p2, without, foreignP3 }: ScoredExample): object {
  return {
    context,
    p2_text: text,
    p2,
    p2_loss: {
      without_p1: orNull(without.p1),
      without_p3: orNull(without.p3),
      without_metadata: orNull(without.metadata),
      with_foreign_p3: foreignP3,
    },
  };
}

function textJson({ example, text, tokens, specials, ended }: WrittenText): object {
  return { where: example.where ?? null, text, tokens, special_tokens: specials, eos_reached: ended };
}

function orNulls(figures: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(figures).map(([name, figure]) => [name, orNull(figure)]));
}

const orNull = <T>(value: T | undefined): T | null => value ?? null;
