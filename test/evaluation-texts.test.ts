// Figures of written texts that need references of others: BLEU and ROUGE-L against published values, and what a judge
// says of texts in their own gaps and in those of others.
import { describe, expect, it } from "vitest";
import { bleuScore, bleuSums, mtevalTokens } from "../src/evaluation/bleu.ts";
import { judgedFigures } from "../src/evaluation/judge.ts";
import type { Judgement } from "../src/evaluation/judge.ts";
import { otherTexts } from "../src/evaluation/other-texts.ts";
import { rougeL } from "../src/evaluation/rouge.ts";
import { textVerdict } from "../src/evaluation/verdicts.ts";
import { writtenFigures } from "../src/evaluation/written-figures.ts";
import type { WrittenText } from "../src/evaluation/written-figures.ts";
import { Random } from "../src/random.ts";

const corpusBleu = (texts: readonly string[], references: readonly (readonly string[])[]): number => {
  const rows = texts.map((text, i) =>
    bleuSums(
      text,
      references.map((each) => each[i]),
    ),
  );
  return bleuScore(rows[0].map((_, s) => rows.reduce((sum, row) => sum + row[s], 0)));
};

describe("BLEU", () => {
  const texts = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."];
  const references = [
    ["The dog bit the man.", "It was not unexpected.", "The man bit him first."],
    ["The dog had bit the man.", "No one was surprised.", "The man had bitten the dog."],
  ];

  it("is the one that sacreBLEU's documentation gives: 48.53, 82.4/50.0/45.5/37.5, 17 against 18 tokens", () => {
    const rows = texts.map((text, i) => bleuSums(text, [references[0][i], references[1][i]]));
    expect(rows[0].map((_, s) => rows.reduce((sum, row) => sum + row[s], 0))).toEqual([
      17, 18, 14, 17, 7, 14, 5, 11, 3, 8,
    ]);
    expect(corpusBleu(texts, references)).toBeCloseTo(48.53, 2);
  });

  it("is 100 for the same text and 0 for another", () => {
    expect(corpusBleu(["a b c d e"], [["a b c d e"]])).toBeCloseTo(100, 10);
    expect(corpusBleu(["a b c d e"], [["v w x y z"]])).toBe(0);
    expect(corpusBleu([""], [["a"]])).toBe(0);
    // Smoothed where an order has no match: 4/5, 2/4, then 1/(2*3) and 1/(4*2); as long as the reference.
    expect(corpusBleu(["a b x d e"], [["a b c d e"]])).toBeCloseTo(100 * (0.8 * 0.5 * (1 / 6) * (1 / 8)) ** 0.25, 8);
    expect(corpusBleu(["a b c d"], [["a b c d e f g h"]])).toBeCloseTo(100 * Math.exp(1 - 8 / 4), 8);
  });

  it("takes punctuation apart as mteval-v13a does", () => {
    expect(mtevalTokens('He paid $1,000.50 - "no," she said;\nwell-known in 1999-2000.')).toEqual(
      'He paid $ 1,000.50 - " no , " she said ; well-known in 1999 - 2000 .'.split(" "),
    );
    expect(mtevalTokens("Don't &amp; &lt;")).toEqual(["Don't", "&", "<"]);
  });
});

describe("ROUGE-L", () => {
  it("is the one that rouge_score's documentation gives: precision 5/8, recall 5/9", () => {
    const [text, reference] = ["The quick brown dog jumps on the log.", "The quick brown fox jumps over the lazy dog"];
    expect(rougeL(text, reference)).toBeCloseTo((2 * (5 / 8) * (5 / 9)) / (5 / 8 + 5 / 9), 10);
  });

  it("looks at order, case aside, and at words of any alphabet", () => {
    expect(rougeL("a b c", "A B C")).toBe(1);
    expect(rougeL("c b a", "a b c")).toBeCloseTo(1 / 3, 10);
    expect(rougeL("l’été à Paris", "à l’été")).toBeCloseTo(2 / 5, 10);
    expect([rougeL("", "a"), rougeL("a", ""), rougeL("", "")]).toEqual([0, 0, 0]);
  });
});

const gap = (i: number): WrittenText["example"] => ({
  p1: `p1 ${i}`,
  p2: `alpha${i} beta${i} gamma${i}`,
  p3: `p3 ${i}`,
});
const text = (i: number, words: string): WrittenText => ({
  example: gap(i),
  text: words,
  tokens: 3,
  specials: 0,
  ended: true,
});

describe("the texts of other gaps", () => {
  it("are the nearest in length, never of the same gap, never the same", () => {
    const texts = ["aaaa", "bb", "cccccc", "aaaa", "ddd", ""].map((words, i) => text(i, words));
    expect(otherTexts(texts, 0)).toEqual(["ddd", "bb", "cccccc"]);
    expect(otherTexts([texts[0], { ...texts[0], text: "zz" }], 0)).toEqual([]);
    expect(otherTexts(texts.slice(0, 1), 0)).toEqual([]);
  });

  it("are what figures stand beside: texts that fit their own gaps, and texts that fit any", () => {
    const options = { rule: undefined, training: undefined, seed: 1 };
    const own = writtenFigures(
      Array.from({ length: 12 }, (_, i) => text(i, gap(i).p2)),
      options,
    );
    expect([own.rougeL!.own.value, own.rougeL!.others!.value]).toEqual([1, 0]);
    expect([own.bleu!.own.value > 0, own.bleu!.others!.value]).toEqual([false, 0]); // three words have no 4-gram
    const keyed = Array.from({ length: 12 }, (_, i): WrittenText => ({
      ...text(i, `Lamps shone in Rome${i}.`),
      example: {
        ...gap(i),
        meta: { keywords: ["LAMPS", "sea"], places: `Rome${i}`, misc: "Rome", characters: `Ann|Rome${i}, Kim` },
      },
    }));
    const { present } = writtenFigures(keyed, options);
    expect([present.keywords!.own.value, present.keywords!.others!.value]).toEqual([0.5, 0.5]); // says nothing
    expect([present.places!.own.value, present.places!.others!.value]).toEqual([1, 0]);
    expect([present.misc!.own.value, present.organisations]).toEqual([0, undefined]);
    expect([present.characters!.own.value, present.characters!.others!.value]).toEqual([0.5, 0]);
  });
});

describe("what a judge finds", () => {
  /** Judgements of 30 texts: p3 is likelier by `gain` after the own text, and all has noise. */
  const judgements = (gain: number): Judgement[] => {
    const random = new Random(3);
    const terms = (p3: number) => ({
      p2: -3,
      p3: p3 + 0.05 * random.normal(),
      seam_p1_p2: -2 + 0.05 * random.normal(),
      seam_p2_p3: -2.5 + 0.05 * random.normal(),
    });
    return Array.from({ length: 30 }, (_, i) => {
      const base = -4 + random.normal(); // some p3 are harder than others
      return {
        example: gap(i),
        own: terms(base + gain),
        real: terms(base + 0.4),
        others: [terms(base), terms(base), terms(base)],
      };
    });
  };

  it("is a gain over the texts of other gaps, and none where texts do not lead to p3", () => {
    const leads = judgedFigures(judgements(0.2), { seed: 1 });
    expect(leads.p3.gain!.value).toBeCloseTo(0.2, 1);
    expect(leads.p3.gain!.low).toBeGreaterThan(0);
    expect(leads.p3.realGain!.value).toBeCloseTo(0.4, 1);
    expect(leads.p3.own!.value - leads.p3.real!.value).toBeCloseTo(-0.2, 1);
    expect(textVerdict(leads)).toMatch(/^written texts: lead to p3; .* changes by 0\.\d+ nats .*; after the real p2/);
    for (const seam of ["seam_p1_p2", "seam_p2_p3"] as const) {
      expect(leads[seam].gain!.low).toBeLessThan(0);
      expect(leads[seam].gain!.high).toBeGreaterThan(0);
    }
    expect(textVerdict(judgedFigures(judgements(0), { seed: 1 }))).toMatch(
      /^written texts: no sign that they lead to p3; /,
    );
    expect(textVerdict(judgedFigures(judgements(-0.2), { seed: 1 }))).toMatch(/^written texts: lead away from p3; /);
    expect(textVerdict(judgedFigures(judgements(0.2).slice(0, 4), { seed: 1 }))).toMatch(/: cannot tell; /);
  });

  it("leaves out what an example has not", () => {
    const bare = judgements(0.2).map((each) => ({ ...each, example: { ...each.example, p3: " " }, others: [] }));
    const found = judgedFigures(bare, { seed: 1 });
    expect([found.p3.own, found.seam_p2_p3.own, found.seam_p1_p2.gain]).toEqual([undefined, undefined, undefined]);
    expect(found.seam_p1_p2.own).toBeDefined();
    expect(textVerdict(found)).toBeUndefined();
  });
});
