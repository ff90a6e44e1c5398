// One evaluation of one or more models on the same examples, and its figures as rows: the table, the charts and the
// verdict are all made from these rows, so they cannot disagree.
import { withDifferences } from "./comparison.ts";
import type { ContextUse, Retrieval } from "./context-use.ts";
import { among, nats, number, percent, signedShare } from "./format.ts";
import type { Figure } from "./format.ts";
import type { Judged, JudgedFigures } from "./judge.ts";
import type { LengthRule } from "./length-rule.ts";
import type { ChoiceFigures, RerankFigures } from "./rerank-choices.ts";
import { TERM_SETS } from "./rerank-trial.ts";
import type { Row } from "./row.ts";
import type { ScoredExample } from "./score-examples.ts";
import { COPY_WORDS } from "./text-statistics.ts";
import { WANTED } from "./wanted.ts";
import type { WrittenFigures, WrittenText } from "./written-figures.ts";

/** The texts of one system, and what came of them. */
export interface WrittenEvaluation {
  readonly texts: readonly WrittenText[];
  readonly figures: WrittenFigures;
  /** The same of the real p2 of the same examples. */
  readonly real: WrittenFigures;
  readonly rule: LengthRule | undefined;
  readonly judged?: JudgedFigures;
}

/** Whose texts are judged: a model that is evaluated, what ranking chooses of it, or another system. */
export interface System {
  readonly name: string;
  /** "1.06M parameters, trained for 900 steps". */
  readonly about: string;
  readonly written?: WrittenEvaluation;
}

export interface ModelEvaluation extends System {
  readonly scored: readonly ScoredExample[];
  readonly use: ContextUse;
  readonly rerank?: RerankFigures;
}

export interface Evaluation {
  readonly testFile: string;
  readonly trainFile: string | undefined;
  /** Scored, and left out because p2 does not fit into the context. */
  readonly examples: number;
  readonly dropped: number;
  readonly seed: number;
  /** How texts were written: "greedily", "by 4 beams". */
  readonly search: string;
  /** The model that judged all texts; absent where there are none. */
  readonly judge?: string;
  /** What must be known to read the figures. */
  readonly notes: readonly string[];
  /** One, or two side by side; all on the same examples in the same order. */
  readonly models: readonly ModelEvaluation[];
  /** Of which there are only texts, in gaps of these examples. */
  readonly others?: readonly System[];
}

/** In the order of the columns of tables and charts. */
export function systemsOf({ models, others = [] }: Evaluation): System[] {
  return [...models, ...others];
}

export function summaryRows(evaluation: Evaluation): Row[] {
  const { models } = evaluation;
  const systems = systemsOf(evaluation);
  const figures = (of: (model: ModelEvaluation) => Figure | undefined): (Figure | undefined)[] => [
    ...models.map(of),
    ...systems.slice(models.length).map(() => undefined),
  ];
  const perplexity = (label: string, kind: keyof ContextUse["perplexity"]): Row => ({
    group: "perplexity",
    label,
    share: false,
    figures: figures(({ use }) => use.perplexity[kind]),
    format: number,
  });
  const change = (label: string, kind: keyof ContextUse["change"]): Row => ({
    group: "change",
    label,
    share: false,
    figures: figures(({ use }) => use.change[kind]),
    format: nats,
  });
  const found = (part: string, kind: "retrieval" | "p2Retrieval"): Row => {
    const { chance, ...size }: Retrieval = models[0].use[kind];
    return {
      group: "retrieval",
      label: `true ${part} found among ${among(size)}`,
      share: true,
      figures: figures(({ use }) => use[kind].accuracy),
      chance,
      format: percent,
    };
  };
  const rows: Row[] = [
    perplexity("context (p1, p3, metadata)", "context"),
    perplexity("p2 with its end", "infill"),
    perplexity("p2's text alone", "infillTextonly"),
    change("without p1", "p1"),
    change("without p3", "p3"),
    change("without metadata", "metadata"),
    change("with the p1 of another example", "foreignP1"),
    change("with the p3 of another example", "foreignP3"),
    change("with a p3 of the same book and length", "bookP3"),
    change("with the next passages of the chapter", "nearP3"),
    change("with the metadata of another example", "foreignMetadata"),
    change("with another length class", "otherLength"),
    found("p3", "retrieval"),
    found("p2", "p2Retrieval"),
  ];
  rows.push(
    ...writtenRows(systems),
    ...judgedRows(systems),
    ...rankingRows(models, figures),
    ...choiceRows(models, figures),
  );
  return withDifferences(
    rows.filter((row) => row.figures.some((figure) => figure !== undefined)),
    models.map(({ use }) => use.tokens),
    evaluation.seed,
  );
}

function writtenRows(systems: readonly System[]): Row[] {
  const real = systems.find(({ written }) => written)?.written?.real;
  if (!real) return [];
  const row = (
    label: string,
    of: (figures: WrittenFigures) => Figure | number | undefined,
    format: Row["format"],
    options: { readonly ownOnly?: boolean; readonly chance?: (figures: WrittenFigures) => Figure | undefined } = {},
  ): Row => {
    const figure = (figures: WrittenFigures | undefined): Figure | undefined => {
      const value = figures && of(figures);
      return typeof value === "number" ? { value } : value;
    };
    return {
      group: "written",
      label,
      share: format === percent,
      figures: systems.map(({ written }) => figure(written?.figures)),
      real: options.ownOnly ? undefined : figure(real),
      chance: systems.map(({ written }) => written && options.chance?.(written.figures)).find(Boolean)?.value,
      format,
    };
  };
  const ownOnly = true;
  return [
    row("came to its end", ({ ended }) => ended, percent, { ownOnly }),
    row("all that was asked for", ({ held }) => held, percent, { ownOnly }),
    row("length class obeyed", ({ lengthObeyed }) => lengthObeyed, percent),
    ...WANTED.map((field) =>
      row(`requested ${field} present`, ({ present }) => present[field]?.own, percent, {
        chance: ({ present }) => present[field]?.others,
      }),
    ),
    row("ROUGE-L with the true p2", ({ rougeL }) => rougeL?.own, percent, {
      ownOnly,
      chance: ({ rougeL }) => rougeL?.others,
    }),
    row("distinct-1", ({ distinct1 }) => distinct1, percent),
    row("distinct-2", ({ distinct2 }) => distinct2, percent),
    row(`${COPY_WORDS}-word runs copied from p1 or p3`, ({ copiedFromContext }) => copiedFromContext, percent),
    row(
      `${COPY_WORDS}-word runs copied from the training set`,
      ({ copiedFromTraining }) => copiedFromTraining,
      percent,
    ),
    row("BLEU with the true p2, of 100", ({ bleu }) => bleu?.own, number, {
      ownOnly,
      chance: ({ bleu }) => bleu?.others,
    }),
    row("special tokens leaked (must be 0)", ({ specials }) => specials, String, { ownOnly }),
    row("tokens a text", ({ tokens }) => tokens, number),
    row("cost of what was asked for, nats a token", ({ cost }) => cost, nats, { ownOnly }),
  ];
}

/** Differences from other gaps' texts, which have the same length and come from the same system. */
function judgedRows(systems: readonly System[]): Row[] {
  if (!systems.some(({ written }) => written?.judged)) return [];
  // The real p2 is above the texts of each system by another amount; above those that come nearest to it is what says
  // something: beside an untrained model's noise anything fits.
  const least = (term: Judged): Figure | undefined =>
    systems
      .flatMap(({ written }) => written?.judged?.[term].realGain ?? [])
      .reduce<Figure | undefined>((best, each) => (best && best.value <= each.value ? best : each), undefined);
  const row = (label: string, term: Judged): Row => ({
    group: "judged",
    label,
    share: false,
    figures: systems.map(({ written }) => written?.judged?.[term].gain),
    real: least(term),
    format: nats,
  });
  return [
    row("p3's log-likelihood, above that after another gap's text", "p3"),
    row("the seam p1-p2, above that of another gap's text", "seam_p1_p2"),
    row("the seam p2-p3, above that of another gap's text", "seam_p2_p3"),
  ];
}

type PerModel = (of: (model: ModelEvaluation) => Figure | undefined) => (Figure | undefined)[];

function rankingRows(models: readonly ModelEvaluation[], figures: PerModel): Row[] {
  const trial = models[0].rerank?.trial;
  if (!trial) return [];
  return TERM_SETS.map(([label], i) => ({
    group: "ranking",
    label: `${label}, among ${among(trial)}`,
    share: true,
    figures: figures(({ rerank }) => rerank?.trial.found[i][1]),
    chance: trial.chance,
    format: percent,
  }));
}

function choiceRows(models: readonly ModelEvaluation[], figures: PerModel): Row[] {
  const row = (label: string, format: Row["format"], of: (choices: ChoiceFigures) => Figure | undefined): Row => ({
    group: "choice",
    label,
    share: format === percent,
    figures: figures(({ rerank }) => rerank?.choices && of(rerank.choices)),
    format,
  });
  const real = models[0].rerank?.choices?.p3.real;
  return [
    row("word F1 of the first candidate with the true p2", percent, ({ likeness }) => likeness.first),
    row("word F1 of the chosen one", percent, ({ likeness }) => likeness.chosen),
    row("word F1 of the best of them", percent, ({ likeness }) => likeness.best),
    row("chosen less first", signedShare, ({ gain }) => gain.likeness),
    { ...row("log P(p3), nats a token, after the first", nats, ({ p3 }) => p3.first), real },
    { ...row("log P(p3), nats a token, after the chosen one", nats, ({ p3 }) => p3.chosen), real },
    row("chosen less first, nats a token", nats, ({ gain }) => gain.p3),
    row("words that candidates differ by", percent, ({ apart }) => apart),
  ];
}
