// Where a returned text runs through the tree of its beam search.
import type { WatchedNode } from "./watcher.ts";

export interface BeamText {
  readonly generated: readonly number[];
  /** By token: the beam, numbered within the prompt, that it continued. */
  readonly parents: readonly number[];
  readonly ended: boolean;
  /** Over length^lengthPenalty. */
  readonly score: number;
}

/**
 * For each token the index of its node in that step. A text that ended does so in an ended node, whichever end token
 * that was (the text holds the first of the list): its score tells. Another one ends in a beam that was open when the
 * search stopped. Throws Error when the tree is of another search.
 */
export function beamPath(
  steps: readonly (readonly WatchedNode[])[],
  { generated, parents, ended, score }: BeamText,
): number[] {
  const last = generated.length - 1;
  return generated.map((token, t) => {
    const step = steps[t] ?? [];
    const fits = ({ node }: WatchedNode): boolean => {
      const open = node.ended === undefined;
      if (t > 0 && node.parent !== parents[t]) return false;
      if (t < last) return open && node.beam === parents[t + 1] && node.token === token;
      return ended ? !open : open && node.token === token;
    };
    const distance = ({ node }: WatchedNode): number => Math.abs((node.ended ?? score) - score);
    const found = step.filter(fits).sort((a, b) => distance(a) - distance(b))[0];
    const at = step.indexOf(found);
    if (at < 0)
      throw new Error(
        `beamPath: token ${t} continues beam ${parents[t]}, which the tree does not show; ` +
          "wanted the tree of the same search",
      );
    return at;
  });
}
