// Page numbers and running heads: in all their forms, inside and between paragraphs, with what must stay a heading
// beside them. The book is read whole each time; right is what comes out of the same book without the marks.
import { describe, expect, it } from "vitest";
import { readBook } from "../src/infill/books/chapters.ts";
import { removePageMarks } from "../src/infill/books/pages.ts";

const sentence = (i: number): string =>
  `The miller walked down to the river before dawn on day ${i}, and the mist lay so thick on the water that he could ` +
  `not see the far bank nor hear the wheel turning, until somebody called him by his name from the bridge at ` +
  `noon ${i}.`;
function wrap(text: string): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    if (lines.at(-1)!.length + word.length > 66) lines.push(word);
    else lines.push(`${lines.pop()} ${word}`.trim());
  }
  return lines;
}
/** A book of two chapters; `cut` stands inside every third paragraph, `between` behind every third. */
function book(cut: (i: number) => string[], between: (i: number) => string[], heading = "CHAPTER"): string {
  const lines: string[] = [];
  for (let i = 0; i < 12; i++) {
    if (i % 6 === 0) lines.push("", "", `${heading} ${["I", "II"][i / 6]}`.trim(), "");
    const text = wrap(sentence(i));
    if (i % 3 === 1) text.splice(2, 0, ...cut(10 + i));
    lines.push(...text, "");
    if (i % 3 === 2) lines.push(...between(10 + i));
  }
  return lines.join("\n");
}
const texts = (text: string): string[] =>
  readBook(text)
    .runs.flat()
    .map((paragraph) => paragraph.text);
const plain = texts(
  book(
    () => [],
    () => [],
  ),
);

describe("page numbers", () => {
  const FORMS: readonly (readonly [name: string, form: (n: number) => string])[] = [
    ["12", (n) => `${n}`],
    ["12.", (n) => `${n}.`],
    ["[12]", (n) => `[${n}]`],
    ["(12)", (n) => `(${n})`],
    ["{12}", (n) => `{${n}}`],
    ["<12>", (n) => `<${n}>`],
    ["12)", (n) => `${n})`],
    ["- 12 -", (n) => `- ${n} -`],
    ["—12—", (n) => `—${n}—`],
    ["* 12 *", (n) => `* ${n} *`],
    ["p. 12", (n) => `p. ${n}`],
    ["Page 12", (n) => `Page ${n}`],
    ["[Pg 12]", (n) => `[Pg ${n}]`],
    ["[p. 12]", (n) => `[p. ${n}]`],
    ["Page 12 of 300", (n) => `Page ${n} of 300`],
    ["12/300", (n) => `${n}/300`],
    ["deep in the line", (n) => `${" ".repeat(34)}${n}`],
    ["roman", (n) => ["x", "xi", "xii", "xiii", "xiv", "xv", "xvi", "xvii", "xviii", "xix", "xx", "xxi"][n - 10]!],
    ["THE MILLER 12", (n) => `THE MILLER ${n}`],
    ["12 THE MILLER", (n) => `${n}   THE MILLER`],
    ["12 | The Old Miller", (n) => `${n} | The Old Miller`],
    ["Page 12 THE MILLER", (n) => `Page ${n}   THE MILLER`],
    ["Page | 12", (n) => `Page | ${n}`],
    ["Página 12 de 300", (n) => `Página ${n} de 300`],
    ["— page 12 —", (n) => `— page ${n} —`],
    ["... 12 ...", (n) => `... ${n} ...`],
    ["_12_", (n) => `_${n}_`],
    ["#12", (n) => `#${n}`],
    ["THE MILLER", () => "THE MILLER"],
  ];

  it.each(FORMS)("%s inside a paragraph, set off by blank lines", (_name, form) => {
    expect(
      texts(
        book(
          (n) => ["", form(n), ""],
          () => [],
        ),
      ),
    ).toEqual(plain);
  });
  it.each(FORMS)("%s inside a paragraph, between its lines", (_name, form) => {
    expect(
      texts(
        book(
          (n) => [form(n)],
          () => [],
        ),
      ),
    ).toEqual(plain);
  });
  it.each(FORMS)("%s inside and between paragraphs", (_name, form) => {
    const marked = book(
      (n) => ["", form(n), ""],
      (n) => [form(n), ""],
    );
    expect(texts(marked)).toEqual(plain);
    expect(readBook(marked).chapters).toBe(2);
    expect(readBook(marked).leftOut.pieces("page numbers and running heads")).toBe(8);
  });
  it("a number and a running head one below the other, with and without blank lines", () => {
    for (const gap of [[""], []]) {
      const cut = (n: number): string[] => [...gap, `${n}`, ...gap, "THE MILLER", ...gap];
      expect(texts(book(cut, () => []))).toEqual(plain);
      const once = (n: number): string[] => (n === 14 ? cut(n) : []);
      expect(texts(book(once, () => []))).toEqual(plain);
    }
  });
  it("a single running head with its number, in a title's spelling", () => {
    for (const head of ["The Old Miller 14", "14   The Old Miller", "The Old Miller | 14"]) {
      const once = (n: number): string[] => (n === 14 ? ["", head, ""] : []);
      expect(texts(book(once, () => []))).toEqual(plain);
    }
  });
  it("a running head that names the chapter", () => {
    const marked = book(
      (n) => ["", `CHAPTER ONE ${n}`, ""],
      () => [],
    );
    expect(texts(marked)).toEqual(plain);
    expect(readBook(marked).chapters).toBe(2);
  });
  it("a single one, in a text whose lines are paragraphs", () => {
    const [before, after] = ["He counted them a third time because the", "second sum had been different."];
    const filler = Array.from({ length: 6 }, (_, i) => sentence(i));
    for (const gap of ["\n12\n", "\n\n12\n\n", "\n\n[12]\n\n"])
      expect(texts([...filler, before + gap + after, ...filler].join("\n\n"))).toContain(`${before} ${after}`);
  });
  it("in the line", () => {
    expect(texts(`I\n\n${sentence(1)} He saw {12} the [Pg 13] boat.`)[0]).toMatch(/He saw the boat\.$/);
  });
});

describe("what looks like a page number and is a heading", () => {
  it.each([
    ["I, II", ["I", "II"]],
    ["1, 2", ["1", "2"]],
    ["[1], [2]", ["[1]", "[2]"]],
    ["(1), (2)", ["(1)", "(2)"]],
    ["- 1 -, - 2 -", ["- 1 -", "- 2 -"]],
    ["2, 3 where the first has none", ["2", "3"]],
    ["7, 8 at the top of an excerpt", ["7", "8"]],
  ])("%s", (_name, numbers) => {
    const text = numbers.map((number) => `\n\n\n${number}\n\n${sentence(1)}\n\n${sentence(2)}\n\n${sentence(3)}`);
    expect(readBook(text.join("\n"))).toMatchObject({ chapters: 2 });
    expect(readBook(text.join("\n")).leftOut.pieces("page numbers and running heads")).toBe(0);
  });
  it("chapters in bare numbers among pages in bare numbers", () => {
    const marked = book(
      (n) => ["", `${n}`, ""],
      () => [],
      "",
    )
      .replace("\nI\n", "\n1\n")
      .replace("\nII\n", "\n2\n");
    expect(texts(marked)).toEqual(plain);
    expect(readBook(marked).chapters).toBe(2);
  });
  it("chapters in bare numbers close to their text, among pages that cut sentences", () => {
    const page = (n: number): string => `${wrap(sentence(n)).slice(0, 2).join("\n")}\n\n${n}\n\nand on.`;
    const chapter = (n: number): string => `${n}\n\n${sentence(n)}\n\n${page(20 + n)}\n\n${sentence(n)}`;
    const book = readBook([chapter(1), chapter(2), chapter(3)].join("\n\n"));
    expect(book.chapters).toBe(3);
    expect(book.leftOut.pieces("page numbers and running heads")).toBe(3);
  });
  it("sections that begin at one in every chapter", () => {
    const section = (n: number): string => `${n}\n\n${sentence(n)}\n\n${sentence(n + 1)}`;
    const text = ["CHAPTER I", section(1), section(2), "CHAPTER II", section(1), section(2)].join("\n\n\n");
    expect(removePageMarks(text.split("\n")).removed).toEqual([]);
  });
  it("a number in a sentence, a year, an address", () => {
    const wrapped =
      "and they came to her port on a day in\n1850, a year of volumes and of parts and the\nyear of rain.";
    expect(removePageMarks(wrapped.split("\n")).removed).toEqual([]);
    for (const line of ["12 men came.", "It was 12", "No. 12", "Baker Street 221"])
      expect(removePageMarks([sentence(1), "", line, "", sentence(2)]).removed).toEqual([]);
    expect(removePageMarks(["By Ann Bee", "", "1905", "", "CHAPTER I", "", sentence(1)]).removed).toEqual([]);
  });
});
