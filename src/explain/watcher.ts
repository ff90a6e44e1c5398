// Watches a generation and keeps, of every step, the few figures that a page shows; the rows of the vocabulary are let
// go.
import type {
  GenerationObserver,
  ObservedBeams,
  ObservedChoice,
  ObservedExtension,
} from "../generation/loops/observer.ts";
import { choiceDetails, finite } from "./distribution.ts";
import type { BeamNode, TokenChoiceDetail } from "./explanation.ts";

/** A node of the tree, and what its token was chosen from. */
export interface WatchedNode {
  readonly node: BeamNode;
  readonly choice: TokenChoiceDetail;
}

/** Below this a beam's score is that of a row's filling (-1e9), not of a text. */
const FILLING = -1e8;

/** Give it to generate() as `observer`, once. */
export class Watcher implements GenerationObserver {
  /** Without beams: by sequence, its tokens' figures in order. */
  readonly choices: TokenChoiceDetail[][] = [];
  /** With beams: by prompt and step, the kept beams of all groups, then the ended ones. */
  readonly searches: WatchedNode[][][] = [];
  private readonly lengthPenalty: number;

  /** `lengthPenalty`: the option, which ranks texts that ended. */
  constructor(lengthPenalty = 1) {
    this.lengthPenalty = lengthPenalty;
  }

  token({ sequence, token, ...row }: ObservedChoice): void {
    (this.choices[sequence] ??= []).push(choiceDetails(row)(token));
  }

  beams({ prompt, first, step, rows, kept, ended }: ObservedBeams): void {
    const search = (this.searches[prompt] ??= []);
    const details = rows.map(choiceDetails);
    const watched = (extension: ObservedExtension, beam: number, end?: number | null): WatchedNode => {
      const { parent, token, score } = extension;
      const added = finite(rows[parent].scores[token]);
      return {
        node: {
          token,
          beam,
          parent: step === 0 ? -1 : first + parent,
          score: score > FILLING ? finite(score) : null,
          added,
          ...(end !== undefined && { ended: end }),
        },
        choice: { ...details[parent](token), added },
      };
    };
    const open = kept.map((extension, i) => watched(extension, first + i));
    const over = ended.map((extension) =>
      watched(extension, first + extension.parent, finite(extension.score / (step + 1) ** this.lengthPenalty)),
    );
    const before = search[step] ?? [];
    const isOpen = ({ node }: WatchedNode): boolean => node.ended === undefined;
    search[step] = [...before.filter(isOpen), ...open, ...before.filter((each) => !isOpen(each)), ...over];
  }
}
