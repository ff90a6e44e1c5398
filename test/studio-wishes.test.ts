// What the studio asks of the engine for what a writer asks of it, and what its scores become.
import { describe, expect, it } from "vitest";
import { sharesOf, surprise } from "../studio/src/write/shares.ts";
import { DEFAULT_DRAWING, fillRequest, lineFields, openingOf, wordsAndGaps } from "../studio/src/write/wishes.ts";

const KNOWN = ["length", "genre", "theme", "characters"];
const gap = { p1: "One.", p3: "Two." };

describe("fillRequest", () => {
  it("gives the fields that the model knows and that are not empty, and draws", () => {
    const wishes = { length: "S", genre: " tale ", theme: "", places: ["Rome"], characters: ["Kim", "Jack"] };
    expect(fillRequest({ ...gap, wishes, drawing: DEFAULT_DRAWING }, KNOWN)).toEqual({
      ...gap,
      meta: { length: "S", genre: "tale", characters: ["Kim", "Jack"] },
      candidates: 3,
      options: { doSample: true, temperature: 1, topP: 0.9 },
    });
  });

  it("searches where names must occur, all that were picked, but for those that it begins with", () => {
    const wishes = { characters: ["Kim"], places: ["Rome", "Kim"], beginsWith: "Then Kim" };
    const drawing = { ...DEFAULT_DRAWING, mustOccur: true, seed: 4, repetitionPenalty: 1.2, avoid: ["very"] };
    const request = fillRequest({ ...gap, wishes, drawing }, KNOWN);
    expect(request).toMatchObject({ forceWords: ["Rome"], beginsWith: "Then Kim", badWords: ["very"] });
    expect(request.options).toEqual({ repetitionPenalty: 1.2 });
    const drawn = fillRequest(
      { ...gap, wishes: { beginsWith: "So" }, drawing, candidates: 1, beginsWith: "Now" },
      KNOWN,
    );
    expect(drawn).toMatchObject({ beginsWith: "Now", candidates: 1, options: { doSample: true, seed: 4 } });
    expect(drawn.forceWords).toBeUndefined();
  });

  it("shows the template's other fields as lines", () => {
    expect(lineFields([...KNOWN, "places", "summary"])).toEqual(["genre", "theme", "summary"]);
  });
});

describe("texts", () => {
  it("open with a third of their words, two at least and twelve at most", () => {
    expect(openingOf("One two three four five six.")).toBe("One two");
    expect(openingOf("one ".repeat(60).trim())).toBe("one ".repeat(12).trim());
    expect([openingOf("Hush!"), openingOf("")]).toEqual(["Hush!", ""]);
  });

  it("are their words and what is between", () => {
    const text = "“Don’t,” said Jean-Luc — twice.";
    const pieces = wordsAndGaps(text);
    expect(pieces.map((piece) => piece.text).join("")).toBe(text);
    expect(pieces.filter(({ isWord }) => isWord).map((piece) => piece.text)).toEqual([
      "Don’t",
      "said",
      "Jean-Luc",
      "twice",
    ]);
    for (const piece of pieces) expect(text.startsWith(piece.text, piece.at)).toBe(true);
  });
});

describe("scores", () => {
  const score = (value: number) => ({ score: value, terms: {} });
  it("are shares of all that have one", () => {
    const shares = sharesOf([score(0), undefined, score(Math.log(3))]);
    expect(shares[0]).toBeCloseTo(0.25);
    expect(shares[1]).toBeUndefined();
    expect(shares[2]).toBeCloseTo(0.75);
    expect(sharesOf([score(900), score(-900)])).toEqual([1, 0]);
    expect(sharesOf([score(1)])).toEqual([undefined]);
  });
  it("surprise is a number of words", () => expect(surprise(Math.log(1 / 8))).toBeCloseTo(8));
});
