// What an editor set into the sentences of a book to explain its words: "their coracles [simple boat]". An author's own
// brackets look alike, but are whole sentences as a rule ("[Groan.]") and few: only a book that is full of small ones
// has glosses.
import type { Block } from "./blocks.ts";

/** Behind a word: a few words in small letters. */
const SMALL = /(?<=[\p{L}.,!?'"’”] ?)\[\p{Ll}[^[\]]{1,150}\]/gu;
/** Any: of a book that has glosses, those in capitals are no different: "Kashi [Benares]". */
const GLOSS = /\s?\[[^[\]]{2,200}\](?!\p{L})/gu;
/** In a book that has glosses. */
const FEWEST = 10;

/** Whether a book explains its words. */
export function hasGlosses(blocks: readonly Block[]): boolean {
  let found = 0;
  for (const { lines } of blocks) {
    if (lines.some((line) => line.includes("["))) found += lines.join(" ").match(SMALL)?.length ?? 0;
    if (found >= FEWEST) return true;
  }
  return false;
}

/** A paragraph of such a book without them, and what was taken out. */
export function withoutGlosses(text: string): { readonly text: string; readonly glosses: readonly string[] } {
  const glosses: string[] = [];
  const left = text.replace(GLOSS, (gloss) => {
    glosses.push(gloss.trim());
    return "";
  });
  return { text: left.trim(), glosses };
}
