// From paragraphs in a row to examples. P2 is always one paragraph of the book, neither very short (an "Oh!" teaches
// nothing about writing) nor longer than a model can write at once. P1 and P3 are the paragraphs beside it; where those
// are short, as in dialogue, the next ones are added, a line each, until there is something to go by.
import type { Paragraph } from "./chapters.ts";

export interface TripleOptions {
  /** Bounds of p2 in tokens. */
  readonly minTokens: number;
  readonly maxTokens: number;
  /** P1 and P3 grow to so many tokens, where the run of paragraphs has them. */
  readonly minContextTokens: number;
}

export const DEFAULT_TRIPLES: TripleOptions = { minTokens: 16, maxTokens: 400, minContextTokens: 32 };

export interface Triple {
  readonly p1: string;
  readonly p2: string;
  readonly p3: string;
  /** Of p2. */
  readonly tokens: number;
  /** Line of the file where p2 begins, from 1. */
  readonly line: number;
  /** Indices of the first and the last paragraph in it. */
  readonly first: number;
  readonly last: number;
}

export interface TripleSet {
  readonly triples: Triple[];
  /** Paragraphs between two others that are too short, or too long, to be p2. */
  readonly tooShort: number;
  readonly tooLong: number;
}

/**
 * `runs`: paragraphs that follow one another without a break; a triple never leaves its run. `countTokens`: of a
 * paragraph.
 */
export function makeTriples(
  runs: readonly (readonly Paragraph[])[],
  countTokens: (text: string) => number,
  options: TripleOptions,
): TripleSet {
  const triples: Triple[] = [];
  let tooShort = 0,
    tooLong = 0;
  for (const run of runs) {
    if (run.length < 3) continue;
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
        .map((paragraph) => paragraph.text)
        .join("\n");
    for (let i = 1; i < run.length - 1; i++) {
      if (tokens[i]! < options.minTokens) tooShort++;
      else if (tokens[i]! > options.maxTokens) tooLong++;
      else {
        const from = reach(i - 1, -1),
          to = reach(i + 1, 1);
        triples.push({
          p1: text(from, i - 1),
          p2: run[i]!.text,
          p3: text(i + 1, to),
          tokens: tokens[i]!,
          line: run[i]!.line,
          first: run[from]!.index,
          last: run[to]!.index,
        });
      }
    }
  }
  return { triples, tooShort, tooLong };
}
