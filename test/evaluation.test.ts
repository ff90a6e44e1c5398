// The pure parts of the evaluation: estimates, what is withheld and exchanged, counts in texts, and how it is all
// shown.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { barChart } from "../src/evaluation/bar-chart.ts";
import { escapeHtml } from "../src/drawing/html.ts";
import { contextUse } from "../src/evaluation/context-use.ts";
import type { ContextUse } from "../src/evaluation/context-use.ts";
import { evaluationJson } from "../src/evaluation/evaluation-json.ts";
import { fitBounds, lengthOf, lengthRule, obeys, wantedClass } from "../src/evaluation/length-rule.ts";
import { htmlReport } from "../src/evaluation/report.ts";
import { markdownTable } from "../src/evaluation/markdown-table.ts";
import type { ScoredExample } from "../src/evaluation/score-examples.ts";
import { summaryRows } from "../src/evaluation/summary.ts";
import type { Evaluation, ModelEvaluation } from "../src/evaluation/summary.ts";
import { copied, distinct, hasName, ngrams, ngramSet, wordsOf } from "../src/evaluation/text-statistics.ts";
import { sumLosses, WRITTEN } from "../src/evaluation/token-losses.ts";
import { verdicts as verdictsOf } from "../src/evaluation/verdicts.ts";
import { presence, wantedValues } from "../src/evaluation/wanted.ts";
import { trainingOverlap, writtenFigures } from "../src/evaluation/written-figures.ts";
import type { WrittenText } from "../src/evaluation/written-figures.ts";
import { TOKEN_TYPE } from "../src/examples/encoded-example.ts";
import type { InfillExample, Meta } from "../src/infill/example.ts";
import { lengthClass } from "../src/infill/length-class.ts";
import { DEFAULT_TEMPLATE } from "../src/infill/template.ts";
import { Random } from "../src/random.ts";

const { special, context, target, end } = TOKEN_TYPE;
/** As they are printed. */
const verdicts = (use: ContextUse): string[] => verdictsOf(use).map(({ sentence }) => sentence);

describe("losses by kind of token", () => {
  it("are summed where the kind is; the first token has none", () => {
    const example = {
      ids: [7, 1, 7, 2, 7, 3, 4, 9],
      types: Uint8Array.of(special, context, special, context, special, target, target, end),
    };
    const losses = [100, 1, 2, 4, 8, 16, 32, 64];
    expect(sumLosses(example, losses, [context])).toEqual({ loss: 5, tokens: 2 });
    expect(sumLosses(example, losses, [target])).toEqual({ loss: 48, tokens: 2 });
    expect(sumLosses(example, losses, WRITTEN)).toEqual({ loss: 112, tokens: 3 });
    expect(sumLosses(example, losses, [special])).toEqual({ loss: 10, tokens: 2 });
  });

  /** The first of the others is another example's p3, all of them are of its book. */
  const scored = (loss: number, others: number[], p3 = loss + 4): ScoredExample => ({
    example: { p1: "", p2: "x", p3: "y" },
    context: { loss: 6, tokens: 3 },
    text: { loss: loss - 1, tokens: 3 },
    p2: { loss, tokens: 4 },
    without: { p3 },
    controls: { foreignP3: others.slice(0, 1), bookP3: others },
  });

  it("become perplexities, changes and retrieval", () => {
    const use = contextUse([scored(4, [5, 6]), scored(8, [7, 20]), scored(4, [4, 5]), scored(4, [])], { seed: 1 });
    expect(use.perplexity.context!.value).toBeCloseTo(Math.exp(2), 10);
    expect(use.perplexity.infill!.value).toBeCloseTo(Math.exp(20 / 16), 10);
    expect(use.perplexity.infillTextonly!.value).toBeCloseTo(Math.exp(16 / 12), 10);
    expect(use.change.p3).toEqual({ value: -1, low: -1, high: -1, clusters: 4 });
    expect(use.tokens).toEqual({ context: 12, infill: 16, infillTextonly: 12 });
    expect(use.change.foreignP3!.value).toBeCloseTo((4 - 5 + 8 - 7 + 4 - 4) / 12, 10);
    expect(use.change.p1).toBeUndefined();
    // Found; not found; one of two that are equal. The last has no p3 to be found.
    expect(use.retrieval.accuracy!.value).toBeCloseTo(1.5 / 3, 10);
    expect(use.retrieval.chance).toBeCloseTo(1 / 3, 10);
    expect(use.retrieval).toMatchObject({ fewest: 3, candidates: 3 });
    expect(use.change.bookP3!.value).toBeCloseTo((4 - 5.5 + 8 - 13.5 + 4 - 4.5) / 12, 10);
    expect(use.p2Retrieval).toEqual({ fewest: 0, candidates: 0, accuracy: undefined, chance: undefined });
  });

  it("say among how many was really chosen", () => {
    const of = (...foreign: number[][]) =>
      contextUse(
        foreign.map((losses) => scored(4, losses)),
        { seed: 1 },
      );
    expect(of([5], [5, 6, 7], []).retrieval).toMatchObject({ fewest: 2, candidates: 4, chance: (1 / 2 + 1 / 4) / 2 });
    expect(verdicts(of([5], [5, 6, 7])).join()).toContain("found among 2 to 4 in 100.0% (chance 37.5%)");
    expect(verdicts(of([5], [6])).join()).toContain("found among 2 in 100.0% (chance 50.0%)");
    expect(of([]).retrieval).toEqual({ fewest: 0, candidates: 0, accuracy: undefined, chance: undefined });
  });

  it("find the true p2 by its mean loss", () => {
    const inGap = (own: number, ...others: number[]): ScoredExample => ({ ...scored(4, []), inGap: { own, others } });
    const { p2Retrieval } = contextUse([inGap(2, 3, 4), inGap(2, 1, 4), inGap(2, 2, 4), scored(4, [])], { seed: 1 });
    expect(p2Retrieval).toMatchObject({ fewest: 3, candidates: 3, chance: 1 / 3 });
    expect(p2Retrieval.accuracy!.value).toBeCloseTo(1.5 / 3, 10);
  });
});

describe("counts in texts", () => {
  it("knows words in several languages", () => {
    expect(wordsOf("L’été, don't stop: 3 re-reads!")).toEqual(["l’été", "don't", "stop", "3", "re-reads"]);
    expect(wordsOf("—")).toEqual([]);
  });

  it("makes n-grams", () => {
    expect(ngrams(["a", "b", "c"], 2)).toEqual(["a b", "b c"]);
    expect(ngrams(["a"], 2)).toEqual([]);
    fc.assert(
      fc.property(fc.array(fc.constantFrom("x", "y")), fc.integer({ min: 1, max: 5 }), (words, n) => {
        expect(ngrams(words, n)).toHaveLength(Math.max(0, words.length - n + 1));
      }),
    );
  });

  it("tells varied from repeated", () => {
    expect(distinct(["the cat the dog", "the cat"], 1)).toBeCloseTo(3 / 6, 12);
    expect(distinct(["the cat the dog", "the cat"], 2)).toBeCloseTo(3 / 4, 12);
    expect(distinct(["", "a"], 2)).toBeUndefined();
  });

  it("finds copied runs, whatever the case", () => {
    expect(copied("He ran to the big house", 4, ngramSet(["She ran to the BIG door"], 4))).toEqual({
      amount: 1,
      weight: 3,
    });
    expect(copied("one two", 4, ngramSet(["one two"], 4))).toEqual({ amount: 0, weight: 0 });
    fc.assert(
      fc.property(fc.array(fc.constantFrom("p", "q", "r"), { minLength: 4, maxLength: 12 }), (words) => {
        const part = copied(words.join(" "), 4, ngramSet([`r ${words.join(", ")} p`], 4));
        expect(part.amount).toBe(part.weight);
      }),
    );
  });

  it("searches a training set for only what is asked", () => {
    const training = [{ p1: "a b c d e", p2: "f g h i", p3: "" }];
    expect([...trainingOverlap(["x a b c d", "f g h j"], training)]).toEqual(["a b c d"]);
  });

  it("finds names as whole words", () => {
    expect(["Ann", "Mr. Fox", "Zoé", "Annabel"].map((name) => hasName("So Ann met (Mr. Fox) and Zoé.", name))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(["An", "ann", "Zo"].map((name) => hasName("So Ann met Zoé.", name))).toEqual([false, false, false]);
    expect(wantedValues({ p1: "", p3: "", meta: { characters: "Mia,  Tom " } }, "characters")).toEqual(["Mia", "Tom"]);
    expect(wantedValues({ p1: "", p3: "", meta: { characters: ["Mia", "Tom"] } }, "characters")).toEqual([
      "Mia",
      "Tom",
    ]);
    expect(wantedValues({ p1: "", p3: "", meta: "about Mia" }, "characters")).toEqual([]);
  });

  it("counts a name in any of the forms that would meet the constraint", () => {
    const holmes = { p1: "", p3: "", meta: { characters: ["Holmes", "Watson"] }, aliases: { Holmes: ["Mr. Holmes"] } };
    expect(presence("So Mr.\nHolmes, and no doctor, came.", holmes, "characters")).toEqual({ amount: 1, weight: 2 });
    const lea = { p1: "", p3: "", meta: { characters: "Léa|Mlle Dupré, M. Fogg" }, aliases: { "M. Fogg": ["Fogg"] } };
    expect(presence("Mlle Dupré vit Fogg.", lea, "characters")).toEqual({ amount: 2, weight: 2 });
    expect(presence("Mlle Duprés vit Foggerty.", lea, "characters")).toEqual({ amount: 0, weight: 2 });
    const words = { p1: "", p3: "", meta: { keywords: ["walk(ed)", "Boat"], places: "Rouen|Le Havre, —" } };
    expect(presence("They WALKED to a boat — near Le Havre", words, "keywords")).toEqual({ amount: 2, weight: 2 });
    expect(presence("They WALKED to a boat — near Le Havre", words, "places")).toEqual({ amount: 1, weight: 1 });
  });
});

describe("length classes", () => {
  it("are the template's where it says so", () => {
    expect(lengthRule({ ...DEFAULT_TEMPLATE, lengthBounds: [10, 20] }, [])).toEqual({
      unit: "tokens",
      bounds: [10, 20],
      source: "template",
    });
    expect(lengthRule(DEFAULT_TEMPLATE, [])).toBeUndefined();
  });

  it("are read off examples otherwise, in the unit that fits", () => {
    const random = new Random(2);
    const real = Array.from({ length: 200 }, () => {
      const words = 10 + random.below(50);
      return { wanted: lengthClass(words, [30, 45]), length: { words, tokens: words + random.below(20) } };
    });
    expect(lengthRule(DEFAULT_TEMPLATE, real)).toEqual({ unit: "words", bounds: [30, 45], source: "examples" });
    const swapped = real.map(({ wanted, length }) => ({
      wanted,
      length: { words: length.tokens, tokens: length.words },
    }));
    expect(lengthRule(DEFAULT_TEMPLATE, swapped)).toEqual({ unit: "tokens", bounds: [30, 45], source: "examples" });
  });

  it("fit as well as any bounds do", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            wanted: fc.constantFrom("S" as const, "M" as const, "L" as const),
            size: fc.integer({ min: 1, max: 12 }),
          }),
          { minLength: 1, maxLength: 20 },
        ),
        (sizes) => {
          const { bounds, errors } = fitBounds(sizes);
          const count = (pair: readonly [number, number]): number =>
            sizes.filter(({ wanted, size }) => lengthClass(size, pair) !== wanted).length;
          expect(count(bounds)).toBe(errors);
          for (let small = 0; small <= 12; small++)
            for (let medium = small; medium <= 12; medium++) expect(errors).toBeLessThanOrEqual(count([small, medium]));
        },
      ),
    );
  });

  it("are obeyed or not", () => {
    const rule = { unit: "words", bounds: [2, 3], source: "examples" } as const;
    expect(["S", "M", "L"].map((wanted) => obeys(rule, wanted as "S", lengthOf(" one  two\nthree ", 9)))).toEqual([
      false,
      true,
      false,
    ]);
    expect(lengthOf("", 0)).toEqual({ tokens: 0, words: 0 });
    expect(
      ([{ length: "S" }, { length: "XL" }, {}, "S"] as Meta[]).map((meta) => wantedClass({ p1: "", p3: "", meta })),
    ).toEqual(["S", undefined, undefined, undefined]);
  });
});

describe("figures of written texts", () => {
  const gap = { p1: "Mia ran to the old red barn.", p3: "", p2: "x", meta: { length: "S", characters: "Mia, Tom" } };
  const written: WrittenText[] = [
    { example: gap, text: "Tom ran to the old well.", tokens: 8, specials: 0, ended: true },
    { example: { ...gap, meta: undefined }, text: "a a a a", tokens: 40, specials: 2, ended: false },
  ];

  it("count what was asked for, and only where it was", () => {
    const found = writtenFigures(written, {
      rule: { unit: "tokens", bounds: [10, 20], source: "template" },
      training: new Set(["a a a a"]),
      seed: 1,
    });
    expect(found).toMatchObject({
      texts: 2,
      specials: 2,
      ended: { value: 0.5 },
      tokens: { value: 24 },
      lengthObeyed: { value: 1 },
      // Tom of Mia and Tom; of the other gap's text neither.
      present: { characters: { own: { value: 0.5 }, others: { value: 0 } } },
    });
    expect(found.copiedFromContext!.value).toBeCloseTo(1 / 4, 12); // "ran to the old"
    expect(found.copiedFromTraining!.value).toBeCloseTo(1 / 4, 12);
    expect(found.distinct1).toBeCloseTo(7 / 10, 12);
    const long = writtenFigures([{ ...written[0], ended: false }], {
      rule: { unit: "tokens", bounds: [10, 20], source: "template" },
      training: undefined,
      seed: 1,
    });
    expect(long.lengthObeyed!.value).toBe(0);
    const bare = writtenFigures(written, { rule: undefined, training: undefined, seed: 1 });
    expect([bare.lengthObeyed, bare.copiedFromTraining]).toEqual([undefined, undefined]);
  });
});

describe("what is shown", () => {
  const example: InfillExample = {
    p1: "before <b>",
    p3: "after",
    p2: "between",
    meta: { theme: "a&b" },
    where: "t.jsonl, line 1",
  };
  const scored: ScoredExample[] = [4, 5, 7].map((loss, i) => ({
    example: i === 0 ? example : { ...example },
    context: { loss: 9, tokens: 3 },
    text: { loss, tokens: 3 },
    p2: { loss: loss + 0.1, tokens: 4 },
    without: { p1: loss + 1, p3: loss + 2 },
    controls: { foreignP3: [loss + 3], bookP3: [loss + 3, loss + 2] },
  }));
  const text: WrittenText = { example, text: "<script>alert(1)</script>", tokens: 5, specials: 1, ended: false };
  const figures = writtenFigures([text], { rule: undefined, training: undefined, seed: 1 });
  const model = (name: string, withTexts: boolean): ModelEvaluation => ({
    name,
    about: "tiny",
    scored,
    use: contextUse(scored, { seed: 1 }),
    written: withTexts
      ? {
          texts: [text],
          figures,
          real: writtenFigures([{ ...text, text: "between", specials: 0 }], {
            rule: undefined,
            training: undefined,
            seed: 1,
          }),
          rule: undefined,
        }
      : undefined,
  });
  const evaluation = (models: ModelEvaluation[]): Evaluation => ({
    testFile: "t.jsonl",
    trainFile: undefined,
    examples: 3,
    dropped: 1,
    seed: 1,
    search: "greedily",
    notes: ["A < B"],
    models,
  });

  it("says of two models by how much they differ, drawn together: in the table, the page and the JSON", () => {
    const placed = (shift: number): ScoredExample[] =>
      Array.from({ length: 8 }, (_, i) => {
        const loss = 12 + 4 * (i % 4) + shift * (1 + (i % 2) / 10);
        return {
          ...scored[0]!,
          text: { loss, tokens: 4 },
          p2: { loss, tokens: 4 },
          controls: { foreignP3: [loss + 1 + 4 * shift] },
          cluster: { book: `b${i}`, chapter: `b${i}` },
        };
      });
    const [before, after] = [placed(0), placed(-1)].map((each, i) => ({
      ...model(["before", "after"][i]!, false),
      scored: each,
      use: contextUse(each, { seed: 1 }),
    }));
    const both = evaluation([before!, after!]);
    const table = markdownTable(both).split("\n");
    expect(table[0]).toBe("|  | before | after | second less first |");
    const line = table.find((each) => each.includes("text alone"))!;
    // 1.0 to 1.1 nats in four tokens less for each, however different they are: exp(-1.05 / 4) - 1
    expect(line).toMatch(/\| -23\.1% \(-23\.\d% to -22\.\d%\) \|$/);
    expect(table.find((each) => each.includes("p3 of another example"))).toMatch(/ \+1\.000 /);
    const { differences } = JSON.parse(evaluationJson(both));
    expect(differences.find(({ figure }: { figure: string }) => figure.includes("text alone"))).toMatchObject({
      group: "perplexity",
      relative: true,
      clusters: 8,
    });
    const page = htmlReport(both, DEFAULT_TEMPLATE);
    expect(page).toContain("Where the two models differ");
    expect(page).toMatch(/<li>Perplexity, p2(?:&#39;|.)s text alone: from [\d.]+ to [\d.]+, -23\.1%/);
    expect(page).toContain("<th>second less first</th>");
    expect(htmlReport(evaluation([before!, before!]), DEFAULT_TEMPLATE)).toContain("None that these examples");
    const one = evaluation([before!]);
    expect([markdownTable(one), htmlReport(one, DEFAULT_TEMPLATE)].join()).not.toContain("second less first");
    expect(JSON.parse(evaluationJson(one)).differences).toBeUndefined();
    // other tokens: what is counted by the token says nothing
    const tokens = { ...after!, use: { ...after!.use, tokens: { ...after!.use.tokens, infillTextonly: 1 } } };
    expect(markdownTable(evaluation([before!, tokens])).split("\n")[0]).toBe("|  | before | after |");
  });

  it("is a table with a column for each model, and only the rows that have figures", () => {
    const table = markdownTable(evaluation([model("one|two", true), model("b", true)]));
    const lines = table.trimEnd().split("\n");
    expect(lines[0]).toBe("|  | one\\|two | b | real p2 |");
    expect(new Set(lines.map((line) => line.replaceAll("\\|", "").split("|").length))).toEqual(new Set([6]));
    expect(table).toContain("| special tokens leaked (must be 0) | 1 | 1 |  |");
    expect(table).not.toContain("without metadata");
    expect(markdownTable(evaluation([model("a", false)])).split("\n")[0]).toBe("|  | a |");
  });

  it("names beside each chart whose bars are in it, and says of texts in words what they lead to", () => {
    const one = evaluation([model("one", true)]);
    const { use: _, scored: __, ...other } = model("theirs.jsonl", true);
    const gain = { value: 0.2, low: 0.1, high: 0.3, clusters: 9 };
    const figure = { own: gain, real: gain, gain, realGain: gain };
    const judged = { p3: figure, seam_p1_p2: figure, seam_p2_p3: figure };
    const others = [{ ...other, written: { ...other.written!, judged } }];
    const page = htmlReport({ ...one, others }, DEFAULT_TEMPLATE);
    const keysOf = (title: string): string =>
      new RegExp(`<h2>${title}</h2>.*?<div class="keys">(.*?)</div>`).exec(page)![1]!;
    expect(keysOf("Perplexity")).toContain("one");
    expect(keysOf("Perplexity")).not.toContain("theirs.jsonl");
    expect(keysOf("Written texts")).toContain("theirs.jsonl");
    expect(page).toMatch(
      /<span class="badge used">they lead there<\/span><b>Its texts, .*<\/b> They fit their own gaps/,
    );
    expect(page).not.toContain("written texts:");
  });

  it("is one page that loads and runs nothing", () => {
    const page = htmlReport(evaluation([model("one", true), model("two", true)]), DEFAULT_TEMPLATE);
    expect(page).not.toMatch(/<script|https?:|<link|<img|@import|url\(|\son\w+=/i);
    expect(page).toContain(escapeHtml("<script>alert(1)</script>"));
    expect(page).toContain("before &#60;b&#62;");
    expect(page).toContain("A &#60; B");
    expect(page.match(/class="chart"/g)).toHaveLength(4);
    const bare = htmlReport(evaluation([model("one", false)]), DEFAULT_TEMPLATE);
    expect(bare.match(/class="chart"/g)).toHaveLength(3);
    expect(page).toMatch(/color-scheme: light dark[^]*prefers-color-scheme: dark/);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("shows the texts of other systems beside the model's, and says what is theirs", () => {
    const theirs = { name: "theirs.jsonl", about: "3 texts", written: model("x", true).written };
    const both = { ...evaluation([model("one", true)]), others: [theirs] };
    const table = markdownTable(both);
    expect(table.split("\n")[0]).toBe("|  | one | theirs.jsonl | real p2 |");
    expect(table).toMatch(/\| p2 with its end \| [\d.]+ .* \| – \| {2}\|/);
    expect(table).toContain("| special tokens leaked (must be 0) | 1 | 1 |  |");
    const page = htmlReport(both, DEFAULT_TEMPLATE);
    expect(page.match(/class="text s1"/g)).toHaveLength(1);
    const { other_texts: others } = JSON.parse(evaluationJson(both));
    expect(others).toMatchObject([
      { name: "theirs.jsonl", written: { texts: 1 }, texts: [{ where: "t.jsonl, line 1" }] },
    ]);
  });

  it("draws bars as long as their values", () => {
    const rows = summaryRows(evaluation([model("one", false)])).filter(({ group }) => group === "perplexity");
    const widths = (chart: string): number[] =>
      [...chart.matchAll(/class="fill" style="[^"]*width:([\d.]+)%/g)].map((match) => Number(match[1]));
    const [context, p2] = rows.map(({ figures }) => Math.log(figures[0]!.value));
    const [first, second] = widths(barChart(rows, "log", "x"));
    expect(second / first).toBeCloseTo(p2 / context, 2);
  });

  it("is JSON with every example's own numbers", () => {
    const json = JSON.parse(evaluationJson(evaluation([model("one", true)])));
    expect(json).toMatchObject({
      test_file: "t.jsonl",
      train_file: null,
      examples: 3,
      dropped: 1,
      interval: { level: 0.95 },
    });
    const [one] = json.models;
    expect(one.infill_textonly_ppl.value).toBeCloseTo(Math.exp(16 / 9), 10);
    expect(one.p2_log_likelihood_change_per_token).toMatchObject({
      without_metadata: null,
      without_p3: { value: expect.closeTo(-1.9 / 4, 10) },
    });
    expect(one.per_example).toHaveLength(3);
    expect(one.per_example[0]).toMatchObject({
      where: "t.jsonl, line 1",
      p2_loss: { with_foreign_p3: [7], with_p3_of_same_book_and_length: [7, 6], with_foreign_p1: null },
      written: { special_tokens: 1, eos_reached: false },
    });
    expect(one).toMatchObject({ context_count: 9, infill_textonly_loss: expect.closeTo(16 / 9, 10) });
    expect(one.verdicts[0]).toMatchObject({ claim: "p3", finding: "cannot tell", control: "with_foreign_p3" });
    expect(one.per_example[1].written).toBeUndefined();
  });
});
