// A row of an evaluation's table, which charts and sentences are made from too.
import type { Estimate } from "./estimate.ts";
import type { Figure } from "./format.ts";

export type Group = "perplexity" | "change" | "retrieval" | "written" | "judged" | "ranking" | "choice";

/** Of the second of two models from the first. */
export interface Difference {
  /** Of perplexities the relative change, else the second less the first. */
  readonly figure: Estimate;
  readonly format: (value: number) => string;
}

export interface Row {
  readonly group: Group;
  readonly label: string;
  /** A share, to be drawn from 0 to 1. */
  readonly share: boolean;
  /** One for each system. */
  readonly figures: readonly (Figure | undefined)[];
  /** Of the real p2. */
  readonly real?: Figure;
  /** What a model that knows nothing would reach. */
  readonly chance?: number;
  readonly difference?: Difference;
  readonly format: (value: number) => string;
}

export const GROUP_TITLES: Readonly<Record<Group, string>> = {
  perplexity: "Perplexity",
  change: "Change of p2's log-likelihood, nats a token",
  retrieval: "Finding the true passage among others of its book and length",
  written: "Written texts",
  judged: "Whether the texts lead from p1 to p3, nats a token",
  ranking: "Ranking: the true p2 found among passages of the same book and length",
  choice: "Choosing among candidates",
};
