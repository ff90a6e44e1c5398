// BLEU (Papineni et al., "BLEU: a Method for Automatic Evaluation of Machine Translation", 2002) in the form that
// sacreBLEU gives it (Post, "A Call for Clarity in Reporting BLEU Scores", 2018): of a whole corpus, case as it is,
// tokens by mteval-v13a, exponential smoothing. Kept as sums over texts, so that it can be resampled.

const ORDERS = 4;

/** Of one text: its length, its reference's, then for each order the n-grams that match and all n-grams. */
export type BleuSums = readonly number[];

/**
 * `references`: one or more of the same text. A reference's n-gram counts once for each time that it stands there; the
 * length compared with is that of the reference nearest in length, the shorter of two.
 */
export function bleuSums(text: string, references: readonly string[]): BleuSums {
  const own = mtevalTokens(text);
  const others = references.map(mtevalTokens);
  const nearest = others
    .map(({ length }) => length)
    .sort((a, b) => Math.abs(a - own.length) - Math.abs(b - own.length) || a - b)[0];
  const orders = Array.from({ length: ORDERS }, (_, i) => {
    const counts = countGrams(own, i + 1);
    const known = others.map((tokens) => countGrams(tokens, i + 1));
    let matches = 0;
    for (const [gram, count] of counts)
      matches += Math.min(count, Math.max(...known.map((each) => each.get(gram) ?? 0)));
    return [matches, Math.max(0, own.length - i)];
  });
  return [own.length, nearest, ...orders.flat()];
}

/** 0 to 100, of the sums of a corpus. */
export function bleuScore([length, reference, ...orders]: BleuSums): number {
  if (length === 0 || orders[0] === 0) return 0;
  let logs = 0;
  let smoothing = 1;
  for (let i = 0; i < ORDERS; i++) {
    const [matches, total] = orders.slice(2 * i, 2 * i + 2);
    if (total === 0) return 0;
    if (matches === 0) smoothing *= 2;
    logs += Math.log(matches === 0 ? 1 / (smoothing * total) : matches / total);
  }
  const brevity = length < reference ? Math.exp(1 - reference / length) : 1;
  return 100 * brevity * Math.exp(logs / ORDERS);
}

/** The tokens of NIST's mteval-v13a: punctuation apart, but for points and commas inside numbers. */
export function mtevalTokens(text: string): string[] {
  const apart = text
    .replaceAll("<skipped>", "")
    .replaceAll("-\n", "")
    .replaceAll("\n", " ")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">");
  return ` ${apart} `
    .replace(/([{-~[-` -&(-+:-@/])/g, " $1 ")
    .replace(/([^0-9])([.,])/g, "$1 $2 ")
    .replace(/([.,])([^0-9])/g, " $1 $2")
    .replace(/([0-9])(-)/g, "$1 $2 ")
    .split(/\s+/)
    .filter((token) => token !== "");
}

function countGrams(tokens: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= tokens.length; i++) {
    const gram = tokens.slice(i, i + n).join(" ");
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}
