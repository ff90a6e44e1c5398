// An evaluation as plain JSON, under the snake_case names of Hugging Face's and ILM's result files: figures with their
// intervals, then every example's own numbers, so that other statistics need no new run.
import type { ContextUse, Retrieval } from "./context-use.ts";
import { LEVEL, levels, RESAMPLES } from "./estimate.ts";
import type { Estimate } from "./estimate.ts";
import type { ScoredExample } from "./score-examples.ts";
import { JUDGED } from "./judge.ts";
import { summaryRows } from "./summary.ts";
import type { Evaluation, ModelEvaluation, WrittenEvaluation } from "./summary.ts";
import type { RerankFigures } from "./rerank-choices.ts";
import { textVerdict, verdicts } from "./verdicts.ts";
import { WANTED } from "./wanted.ts";
import type { Beside, WrittenFigures, WrittenText } from "./written-figures.ts";

export function evaluationJson(evaluation: Evaluation): string {
  const { testFile, trainFile, examples, dropped, seed, search, judge, notes, models, others = [] } = evaluation;
  return `${JSON.stringify(
    {
      test_file: testFile,
      train_file: trainFile ?? null,
      examples,
      dropped,
      seed,
      search,
      judge: orNull(judge),
      notes,
      interval: {
        level: LEVEL,
        bootstrap_samples: RESAMPLES,
        ...levels(models[0].scored.map(({ cluster }) => cluster)),
      },
      models: models.map(modelJson),
      ...(models.length > 1 && { differences: differencesJson(evaluation) }),
      other_texts: others.map(({ name, about, written }) => ({
        name,
        about,
        ...(written && { written: writtenJson(written) }),
        texts: written?.texts.map((text) => ({ where: text.example.where ?? null, ...textJson(text) })) ?? [],
      })),
    },
    null,
    1,
  )}\n`;
}

/** Of the second model from the first, each with the interval of a paired bootstrap. */
function differencesJson(evaluation: Evaluation): object[] {
  return summaryRows(evaluation).flatMap(({ group, label, difference }) =>
    difference ? [{ group, figure: label, relative: group === "perplexity", ...difference.figure }] : [],
  );
}

function modelJson({ name, about, scored, use, written, rerank }: ModelEvaluation): object {
  return {
    model: name,
    about,
    ...ilmJson(use),
    p2_log_likelihood_change_per_token: namedJson((part) => orNull(use.change[part])),
    p3_retrieval: retrievalJson(use.retrieval),
    p2_retrieval: retrievalJson(use.p2Retrieval),
    verdicts: verdicts(use).map(({ claim, finding, control, sentence }) => ({
      claim,
      finding,
      control: CHANGE_NAMES[control],
      sentence,
    })),
    ...(written && { written: writtenJson(written) }),
    ...(rerank && { rerank: rerankJson(rerank) }),
    per_example: scored.map((each) => {
      const text = written?.texts.find(({ example }) => example === each.example);
      return { ...scoredJson(each), ...(text && { written: textJson(text) }) };
    }),
  };
}

/** Of p2's probability, by what was withheld or exchanged. */
const CHANGE_NAMES = {
  p1: "without_p1",
  p3: "without_p3",
  metadata: "without_metadata",
  foreignP1: "with_foreign_p1",
  foreignP3: "with_foreign_p3",
  bookP3: "with_p3_of_same_book_and_length",
  nearP3: "with_next_passages_as_p3",
  foreignMetadata: "with_foreign_metadata",
  otherLength: "with_other_length_class",
} as const satisfies Readonly<Record<keyof ContextUse["change"], string>>;

function namedJson(valueOf: (part: keyof typeof CHANGE_NAMES) => unknown): object {
  const parts = Object.keys(CHANGE_NAMES) as (keyof typeof CHANGE_NAMES)[];
  return Object.fromEntries(parts.map((part) => [CHANGE_NAMES[part], valueOf(part)]));
}

/** Under ILM's names: context_ppl, infill_ppl and infill_textonly_ppl, each with its loss and its count of tokens. */
function ilmJson({ perplexity, tokens }: ContextUse): object {
  const names = { context: "context", infill: "infill", infillTextonly: "infill_textonly" } as const;
  const loss = (figure: Estimate | undefined): number | undefined => figure && Math.log(figure.value);
  return Object.fromEntries(
    (Object.keys(names) as (keyof typeof names)[]).flatMap((kind) => [
      [`${names[kind]}_ppl`, orNull(perplexity[kind])],
      [`${names[kind]}_loss`, orNull(loss(perplexity[kind]))],
      [`${names[kind]}_count`, tokens[kind]],
    ]),
  );
}

function retrievalJson({ candidates, fewest, accuracy, chance }: Retrieval): object {
  return { candidates, fewest_candidates: fewest, accuracy: orNull(accuracy), chance: orNull(chance) };
}

function writtenJson({ figures, real, rule, judged }: WrittenEvaluation): object {
  return {
    ...figuresJson(figures),
    real: figuresJson(real),
    length_rule: orNull(rule),
    ...(judged && {
      judged_log_prob_per_token: Object.fromEntries(
        JUDGED.map((term) => [
          term,
          {
            after_text: orNull(judged[term].own),
            after_real_p2: orNull(judged[term].real),
            above_texts_of_other_gaps: orNull(judged[term].gain),
            real_p2_above_texts_of_other_gaps: orNull(judged[term].realGain),
          },
        ]),
      ),
      verdict: orNull(textVerdict(judged)),
    }),
  };
}

function besideJson(figure: Beside | undefined): object | null {
  return figure ? { ...figure.own, in_other_gaps: orNull(figure.others) } : null;
}

function figuresJson(figures: WrittenFigures): object {
  return {
    texts: figures.texts,
    special_tokens_leaked: figures.specials,
    tokens_per_text: orNull(figures.tokens),
    eos_reached: orNull(figures.ended),
    length_obeyed: orNull(figures.lengthObeyed),
    ...Object.fromEntries(WANTED.map((field) => [`${field}_present`, besideJson(figures.present[field])])),
    bleu: besideJson(figures.bleu),
    rouge_l: besideJson(figures.rougeL),
    wishes_held: orNull(figures.held),
    wishes_cost_per_token: orNull(figures.cost),
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
function scoredJson({ example, cluster, context, text, p2, without, controls, inGap }: ScoredExample): object {
  const all: Readonly<Partial<Record<keyof typeof CHANGE_NAMES, number | readonly number[]>>> = {
    ...without,
    ...controls,
  };
  return {
    where: example.where ?? null,
    ...cluster,
    context,
    p2_text: text,
    p2,
    p2_loss: namedJson((part) => orNull(all[part])),
    mean_loss_in_gap: orNull(inGap),
  };
}

function textJson({ text, tokens, specials, ended }: WrittenText): object {
  return { text, tokens, special_tokens: specials, eos_reached: ended };
}

function orNulls(figures: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(figures).map(([name, figure]) => [name, orNull(figure)]));
}

const orNull = <T>(value: T | undefined): T | null => value ?? null;
