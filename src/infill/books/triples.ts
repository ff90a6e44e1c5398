// From passages in a row to examples: P2 is a passage, P1 and P3 are those beside it; where these are short, the next
// ones are added until there is something to go by. A passage that begins or ends in the middle of a speech is context
// only.
import { passagesOf } from "./passages.ts";
import type { PassageBounds } from "./passages.ts";
import { frameOf } from "./speech.ts";
import type { FrameMark } from "./speech.ts";
import type { Paragraph } from "./story.ts";

export interface TripleOptions extends PassageBounds {
  /** In tokens: a shorter p2 teaches nothing about writing ("Oh!"). */
  readonly minTokens: number;
  /** P1 and P3 grow to so many tokens, where the run has them. */
  readonly minContextTokens: number;
  /**
   * Whether no p2 may have fewer characters than minP2; else runs too short for three such passages give shorter
   * ones.
   */
  readonly strict: boolean;
}

/** 600 to 900 characters are the passages of the writers' tool of 2020 (about 100 to 250 tokens). */
export const DEFAULT_TRIPLES: TripleOptions = {
  minP2: 600,
  maxP2: 900,
  minTokens: 16,
  maxTokens: 400,
  minContextTokens: 32,
  strict: false,
};
/** Of minP2: what is shorter stays a context even in a short run. */
const SHORTEST = 1 / 12;

export interface Triple {
  readonly p1: string;
  readonly p2: string;
  readonly p3: string;
  /** Of p2. */
  readonly tokens: number;
  /** Line of the file where p2 begins, from 1. */
  readonly line: number;
  /** The chapter that all three stand in, from 1. */
  readonly chapter: number;
  /** Indices of the first and the last passage in it, counted through all runs. */
  readonly first: number;
  readonly last: number;
}

export interface TripleSet {
  readonly triples: Triple[];
  readonly passages: number;
  /** Passages of several paragraphs, and passages that are a part of a longer one. */
  readonly joined: number;
  readonly divided: number;
  /** Passages between two others that are too short, or too long, to be p2. */
  readonly tooShort: number;
  readonly tooLong: number;
  /** ... that begin or end in the middle of what somebody says. */
  readonly torn: number;
  /** The mark in which the whole book is told, and which therefore opens no speech; see makeTriples. */
  readonly frame: FrameMark | undefined;
  /** Passages in runs of fewer than three. */
  readonly alone: number;
}

/**
 * `runs`: paragraphs that follow one another without a break; a triple never leaves its run. Where more than half of
 * all p2 would be torn, the book is told inside quotation marks: then what these hold is no speech, but what marks of
 * another kind hold in it is.
 */
export function makeTriples(
  runs: readonly (readonly Paragraph[])[],
  countTokens: (text: string) => number,
  options: TripleOptions,
): TripleSet {
  const set = triplesIn(runs, countTokens, options, undefined);
  if (set.torn <= set.triples.length) return set;
  const frame = frameOf(runs.flatMap((run) => run.map(({ text }) => text)));
  return frame === undefined ? set : triplesIn(runs, countTokens, options, frame);
}

function triplesIn(
  runs: readonly (readonly Paragraph[])[],
  countTokens: (text: string) => number,
  options: TripleOptions,
  frame: FrameMark | undefined,
): TripleSet {
  const triples: Triple[] = [];
  let passages = 0,
    joined = 0,
    divided = 0,
    tooShort = 0,
    tooLong = 0,
    torn = 0,
    alone = 0;
  const leastCharacters = options.strict ? options.minP2 : Math.floor(options.minP2 * SHORTEST);
  for (const paragraphs of runs) {
    const offset = passages;
    const run = passagesOf(paragraphs, countTokens, options, { shorter: !options.strict, frame });
    passages += run.length;
    joined += run.filter((each) => each.paragraphs > 1).length;
    divided += run.filter((each) => each.isPart).length;
    if (run.length < 3) {
      alone += run.length;
      continue;
    }
    const tokens = run.map(({ text }) => countTokens(text));
    /** How far from `start`, going by `step`, the context reaches. */
    const reach = (start: number, step: 1 | -1): number => {
      let end = start;
      for (let sum = tokens[start]!; sum < options.minContextTokens && run[end + step]; sum += tokens[end]!)
        end += step;
      return end;
    };
    const text = (from: number, to: number): string =>
      run
        .slice(from, to + 1)
        .map((each) => each.text)
        .join("\n");
    for (let i = 1; i < run.length - 1; i++) {
      const { text: p2, line, isTorn } = run[i]!;
      if (tokens[i]! < options.minTokens || p2.length < leastCharacters) tooShort++;
      else if (tokens[i]! > options.maxTokens || p2.length > options.maxP2) tooLong++;
      else if (isTorn) torn++;
      else {
        const from = reach(i - 1, -1),
          to = reach(i + 1, 1);
        triples.push({
          p1: text(from, i - 1),
          p2,
          p3: text(i + 1, to),
          tokens: tokens[i]!,
          line,
          chapter: paragraphs[0]!.chapter,
          first: offset + from,
          last: offset + to,
        });
      }
    }
  }
  return { triples, passages, joined, divided, tooShort, tooLong, torn, frame, alone };
}
