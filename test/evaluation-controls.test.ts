// What an evaluation withholds and exchanges: where the other texts come from, and that none is one of the example's
// own.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CONTROLS, Controls, without } from "../src/evaluation/controls.ts";
import type { Control } from "../src/evaluation/controls.ts";
import { clustersOf, tellingPieces } from "../src/evaluation/places.ts";
import type { InfillExample, Meta } from "../src/infill/example.ts";
import { DEFAULT_TEMPLATE, SUFFIX_FIRST_TEMPLATE } from "../src/infill/template.ts";

const OPTIONS = { template: DEFAULT_TEMPLATE, candidates: 4, seed: 9 };
const controlsOf = (pool: readonly InfillExample[]): Controls => new Controls(pool, OPTIONS);

/** The passage that stands there: long enough to be recognised, as long as its number says. */
const passage = (book: string, chapter: number, at: number): string =>
  `In ${book}, chapter ${chapter}, at place ${at}, they said${" so".repeat(at)}.`;

/** Examples of two books of three chapters of ten passages, as src/prepare.ts makes them. */
const books: InfillExample[] = ["one", "two"].flatMap((book) =>
  [1, 2, 3].flatMap((chapter) =>
    Array.from({ length: 8 }, (_, i): InfillExample => {
      const [p1, p2, p3] = [0, 1, 2].map((step) => passage(book, chapter, i + step));
      return {
        p1,
        p2,
        p3,
        meta: { title: book, length: "SML"[i % 3], characters: `${book}-${chapter}-${i}` },
        place: { book, chapter },
      };
    }),
  ),
);
const at = (book: string, chapter: number, i: number): InfillExample =>
  books[(book === "one" ? 0 : 24) + (chapter - 1) * 8 + i];

describe("what is withheld", () => {
  const example: InfillExample = { p1: "a", p3: "c", p2: "b", meta: { theme: "hope" } };

  it("takes one part away and leaves the rest; nothing where there is none", () => {
    expect(without("p1", example, DEFAULT_TEMPLATE)).toEqual({ ...example, p1: "" });
    expect(without("p3", example, DEFAULT_TEMPLATE)).toEqual({ ...example, p3: "" });
    expect(without("metadata", example, DEFAULT_TEMPLATE)).toEqual({ ...example, meta: undefined });
    const bare = { p1: " ", p3: "", p2: "b", meta: { theme: " " } };
    for (const part of ["p1", "p3", "metadata"] as const) expect(without(part, bare, DEFAULT_TEMPLATE)).toBeUndefined();
  });
});

describe("places", () => {
  it("are the file's, and else follow from shared paragraphs and titles", () => {
    expect(clustersOf([at("one", 2, 0), at("two", 2, 0)])).toEqual([
      { book: "one", chapter: "one, chapter 2" },
      { book: "two", chapter: "two, chapter 2" },
    ]);
    const bare = books.map(({ p1, p2, p3 }) => ({ p1, p2, p3 }));
    const found = clustersOf(bare).map(({ chapter }) => chapter);
    books.forEach(({ place }, i) =>
      books.forEach((other, j) =>
        expect(found[i] === found[j]).toBe(JSON.stringify(other.place) === JSON.stringify(place)),
      ),
    );
    const titled = clustersOf(bare.map((each, i) => ({ ...each, meta: { title: i < 24 ? "A" : "B", author: "C" } })));
    expect(new Set(titled.map(({ book }) => book))).toEqual(new Set(["A, C", "B, C"]));
    expect(new Set(titled.map(({ chapter }) => chapter)).size).toBe(6);
  });

  it("keep apart what only a short line joins", () => {
    const short = ["a", "b"].map((p1) => ({ p1, p2: "Yes, sir.", p3: "No." }));
    expect(new Set(clustersOf(short).map(({ chapter }) => chapter)).size).toBe(2);
  });
});

describe("what is exchanged", () => {
  it("comes from another chapter, and is drawn from all of them", () => {
    const controls = controlsOf(books);
    const chapters = new Set<string>();
    for (const example of books) {
      for (const [control, part] of [
        ["foreignP1", "p1"],
        ["foreignP3", "p3"],
      ] as const) {
        const [variant, ...more] = controls.variants(control, example);
        expect(more).toEqual([]);
        expect({ ...variant, [part]: example[part] }).toEqual(example);
        const from = books.find((other) => other[part] === variant[part])!;
        expect(from.place).not.toEqual(example.place);
        chapters.add(JSON.stringify([control, from.place]));
      }
      const [{ meta, ...rest }] = controls.variants("foreignMetadata", example);
      expect({ ...rest, meta: example.meta }).toEqual(example);
      expect(books.find((other) => other.meta === meta)!.place).not.toEqual(example.place);
    }
    expect(chapters.size).toBe(12);
  });

  it("gives p3 of the same book and of like length", () => {
    const example = at("two", 2, 4);
    const found = controlsOf(books)
      .variants("bookP3", example)
      .map(({ p3 }) => p3);
    expect(found).toHaveLength(3);
    const others = books.filter(({ place, p3 }) => place!.book === "two" && p3 !== example.p3);
    const gap = (text: string): number => Math.abs(text.length - example.p3.length);
    const worst = Math.max(...found.map(gap));
    for (const text of found) expect(others.map(({ p3 }) => p3)).toContain(text);
    for (const { p3 } of others.filter((other) => !tellingPieces([example.p1, example.p2]).includes(other.p3)))
      if (!found.includes(p3)) expect(gap(p3)).toBeGreaterThanOrEqual(worst);
  });

  it("gives the next passages of the chapter, and at its end those before", () => {
    const near = (i: number): string[] =>
      controlsOf(books)
        .variants("nearP3", at("one", 3, i))
        .map(({ p3 }) => p3);
    expect(near(2)).toEqual([passage("one", 3, 5), passage("one", 3, 6)]);
    expect(near(6)).toEqual([passage("one", 3, 9), passage("one", 3, 5)]);
    expect(near(7)).toEqual([passage("one", 3, 6), passage("one", 3, 5)]);
    const alone = { ...at("one", 1, 0), place: { book: "three", chapter: 1 } };
    expect(controlsOf([...books, alone]).variants("nearP3", alone)).toEqual([]);
  });

  it("asks for the other length classes", () => {
    const lengths = controlsOf(books)
      .variants("otherLength", at("one", 1, 1))
      .map(({ meta }) => meta);
    expect(lengths).toEqual(["S", "L"].map((length) => ({ ...(at("one", 1, 1).meta as object), length })));
    const askedOf = (meta: Meta | undefined) => {
      const example = { ...at("one", 1, 1), meta };
      return new Controls([example], { ...OPTIONS, template: SUFFIX_FIRST_TEMPLATE }).variants("otherLength", example);
    };
    for (const meta of [undefined, "M", { theme: "sea" }]) expect(askedOf(meta)).toEqual([]);
    expect(() => askedOf({ length: "XL" })).toThrow(/"length" is "XL", wanted S, M or L/);
  });

  it("never holds a paragraph of the example's own, not even inside a longer context", () => {
    const leaking = books.map((example, i) => {
      const next = books[i + 1] ?? books[0];
      return i % 2 === 0
        ? example
        : { ...example, p3: `${example.p3}\n${next.p3}`, p1: `${example.p1}\n${example.p2}` };
    });
    const controls = controlsOf(leaking);
    for (const example of leaking) {
      const own = new Set(tellingPieces([example.p1, example.p2, example.p3]));
      for (const [control, part] of [
        ["foreignP1", "p1"],
        ["foreignP3", "p3"],
        ["bookP3", "p3"],
        ["nearP3", "p3"],
      ] as const)
        for (const variant of controls.variants(control, example))
          expect(tellingPieces([variant[part]]).filter((piece) => own.has(piece))).toEqual([]);
    }
  });

  const words = fc.constantFrom("a", "b", "c", "d", "e", "");
  it("is different from its own, as many as there are, the same again, for any examples", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ p1: words, p2: words, p3: words }), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 2, max: 7 }),
        (examples, candidates) => {
          const all = new Set(examples.map(({ p3 }) => p3).filter((text) => text !== ""));
          const controls = new Controls(examples, { ...OPTIONS, candidates });
          const again = new Controls(examples, { ...OPTIONS, candidates });
          for (const example of examples) {
            const others = [...all].filter((text) => ![example.p1, example.p2, example.p3].includes(text));
            const texts = (control: Control): string[] => controls.variants(control, example).map(({ p3 }) => p3);
            const [foreign, book] = [texts("foreignP3"), texts("bookP3")];
            const has = example.p3 !== "";
            expect(foreign).toHaveLength(has ? Math.min(1, others.length) : 0);
            expect(book).toHaveLength(has ? Math.min(candidates - 1, others.length) : 0);
            expect(new Set(book).size).toBe(book.length);
            for (const text of [...foreign, ...book]) expect(others).toContain(text);
            for (const control of CONTROLS)
              expect(again.variants(control, example)).toEqual(controls.variants(control, example));
          }
        },
      ),
    );
  });

  it("draws each of the others alike", () => {
    const examples = Array.from({ length: 400 }, (_, i) => ({ p1: "", p2: "x", p3: "abcde"[i % 5] }));
    const controls = controlsOf(examples);
    const drawn = examples
      .filter((_, i) => i % 5 === 0)
      .map((example) => controls.variants("foreignP3", example)[0].p3);
    for (const text of "bcde") expect(drawn.filter((each) => each === text).length).toBeGreaterThan(8);
  });
});
