// Where a text can be cut so that its parts, encoded one after the other, have the ids of the whole: before white space
// that follows something that is not white space. No word of GPT-2's split pattern (bpe.ts) goes on over such a place,
// and the pattern looks at nothing before a word, and behind it only past white space. What added tokens add to that is
// kept by looking for each of those that could reach over the place, or be found beside it only in the whole.
import type { AddedToken } from "./added-tokens.ts";

const SPACE = /\p{White_Space}/u;
const isSpace = (text: string, at: number): boolean => SPACE.test(text.charAt(at));

/** A token whose text, with its first `before` UTF-16 units before a place, forbids a cut there. */
interface Crossing {
  readonly content: string;
  readonly before: number;
}

export class TextCutter {
  private readonly crossings: readonly Crossing[];
  /** UTF-16 units behind a place that must be seen to know that no token reaches over it. */
  private readonly reach: number;
  /** A space is put before a part that has none, so it must have one. */
  private readonly spaceOnly: boolean;

  constructor(tokens: readonly AddedToken[], addPrefixSpace: boolean) {
    this.crossings = tokens.flatMap(crossingsOf);
    this.reach = Math.max(0, ...this.crossings.map(({ content, before }) => content.length - before));
    this.spaceOnly = addPrefixSpace;
  }

  /**
   * The last place at which `text`, the beginning of a longer one or its next part, can be cut, from `start` on;
   * undefined without one: then every place up to `examined(text)` is known to be none.
   */
  lastCut(text: string, start = 1): number | undefined {
    for (let at = this.examined(text) - 1; at >= Math.max(1, start); at--) {
      if (isSpace(text, at) && !isSpace(text, at - 1) && this.allows(text, at)) return at;
    }
    return undefined;
  }

  /** Places before this one can be judged, whatever follows the text. */
  examined(text: string): number {
    return text.length - this.reach;
  }

  private allows(text: string, at: number): boolean {
    if (this.spaceOnly && text[at] !== " ") return false;
    return !this.crossings.some(({ content, before }) => at >= before && text.startsWith(content, at - before));
  }
}

function crossingsOf({ content, rstrip, singleWord }: AddedToken): Crossing[] {
  const places: number[] = [];
  // It would be found in the part alone, where it has nothing before it, and not in the whole.
  if (singleWord && isSpace(content, 0)) places.push(0);
  for (let at = 1; at < content.length; at++) {
    if (isSpace(content, at) && !isSpace(content, at - 1)) places.push(at);
  }
  // It swallows the white space behind it.
  if (rstrip && !isSpace(content, content.length - 1)) places.push(content.length);
  return places.map((before) => ({ content, before }));
}
