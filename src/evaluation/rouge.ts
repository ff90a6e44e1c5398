// ROUGE-L (Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004): how much of two texts is one common
// subsequence of words, as the F1 of Google's rouge_score; without its stemmer, which is of English alone, and with
// letters of all alphabets.
import { wordsOf } from "./text-statistics.ts";

/** From 0 to 1; two texts without words are 0 alike, as there. */
export function rougeL(text: string, reference: string): number {
  const [own, other] = [wordsOf(text), wordsOf(reference)];
  const common = longestCommonSubsequence(own, other);
  return common === 0 ? 0 : (2 * common) / (own.length + other.length);
}

function longestCommonSubsequence(a: readonly string[], b: readonly string[]): number {
  let above = new Uint32Array(b.length + 1);
  for (const word of a) {
    const row = new Uint32Array(b.length + 1);
    for (let j = 0; j < b.length; j++) row[j + 1] = word === b[j] ? above[j] + 1 : Math.max(above[j + 1], row[j]);
    above = row;
  }
  return above[b.length];
}
