// Gaps in a manuscript: what a model reads around them, and what accepting a text changes.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gapAt, insertionFor } from "../studio/src/write/gap.ts";
import { blocksOf, escapeMarks, runsOf, separatorOf, textOfRuns } from "../studio/src/write/markdown.ts";

const LONG = "The rain fell on the roofs and on the river. ".repeat(8).trim();

/** The gap at "|", or between two of them. */
function at(marked: string) {
  const text = marked.replaceAll("|", "");
  const from = marked.indexOf("|");
  const second = marked.indexOf("|", from + 1);
  const gap = gapAt(text, from, second < 0 ? from : second - 1);
  const { from: start, to, insert } = insertionFor(text, gap, "NEW");
  return { ...gap, filled: text.slice(0, start) + insert + text.slice(to) };
}

describe("gapAt and insertionFor", () => {
  it.each([
    ["an empty line between paragraphs", "One.\n\n|\n\nTwo.", "One.", "Two.", "One.\n\nNEW\n\nTwo."],
    ["the end of a paragraph", "One.|\n\nTwo.", "One.", "Two.", "One.\n\nNEW\n\nTwo."],
    ["the beginning of a paragraph", "One.\n\n|Two.", "One.", "Two.", "One.\n\nNEW\n\nTwo."],
    ["the middle of a paragraph", "One. |Two.", "One.", "Two.", "One.\n\nNEW\n\nTwo."],
    ["the document's end", "One.\n\nTwo.\n\n|", "One.\nTwo.", "", "One.\n\nTwo.\n\nNEW"],
    ["the document's beginning", "|\n\nOne.", "", "One.", "NEW\n\nOne."],
    ["an empty document", "|", "", "", "NEW"],
    ["a paragraph a line", "One.\n|\nTwo.\nThree.", "One.", "Two.\nThree.", "One.\nNEW\nTwo.\nThree."],
    ["a selected paragraph", "One.\n\n|Old.|\n\nTwo.", "One.", "Two.", "One.\n\nNEW\n\nTwo."],
    ["a selection with the breaks around it", "One.|\n\nOld.\n\n|Two.", "One.", "Two.", "One.\n\nNEW\n\nTwo."],
    ["a sentence within a paragraph", "One. |Old.| Two.", "One.", "Two.", "One. NEW Two."],
    ["the first sentence of a paragraph", "One.\n\n|Old.| Two.", "One.", "Two.", "One.\n\nNEW Two."],
    ["the last sentence of a paragraph", "One. |Old.|\n\nTwo.", "One.", "Two.", "One. NEW\n\nTwo."],
    ["a marker", "One.\n\n[[len|gth=S]]\n\nTwo.", "One.", "Two.", "One.\n\nNEW\n\nTwo."],
    ["marks of emphasis", "**One** _and_ <u>two</u>.\n\n|\n\n*Three*.", "One and two.", "Three.", undefined],
    ["a heading before", "Old part.\n\n# Two\n\n|\n\nNext.", "", "Next.", "Old part.\n\n# Two\n\nNEW\n\nNext."],
    ["a break behind", "One.\n\n|\n\n* * *\n\nElsewhere.", "One.", "", undefined],
    ["a wrapped paragraph", "0.\n\nOne\ntwo.\n\n|\n\nThree\nfour.", "0.\nOne two.", "Three four.", undefined],
  ])("%s", (_, marked, p1, p3, filled) => {
    const found = at(marked);
    expect([found.p1, found.p3]).toEqual([p1, p3]);
    if (filled !== undefined) expect(found.filled).toBe(filled);
  });

  it("says what is replaced, and what a marker asks for", () => {
    expect(at("One.\n\n|Old.|\n\nTwo.").replaced).toBe("Old.");
    expect(at("One.\n\n[[theme=ho|pe]]\n\nTwo.")).toMatchObject({ replaced: "", marker: "[[theme=hope]]" });
    expect(at("One. [[...]] Two.\n\n|\n\n[[...]]\n\nThree.").p1).toBe("One.  Two.");
  });

  it("takes enough of short paragraphs, and of long ones no more than that", () => {
    const { p1, p3 } = at(`far\n\n${LONG}\n\n"Yes."\n\n${LONG}\n\n|\n\n${LONG}\n\n${LONG}\n\nfar`);
    expect(p1).toBe(`${LONG}\n"Yes."\n${LONG}`);
    expect(p3).toBe(`${LONG}\n${LONG}`);
  });

  it("finds the same in the midst of a novel", () => {
    const novel = `${LONG}\n\n`.repeat(200);
    const [before, after] = [`${LONG} One.\n\n${LONG} Two.`, `${LONG} Three.\n\n${LONG} Four.`];
    const own = at(`# Part\n\n${before}\n\n[[a|b]]\n\n${after}\n\n***`);
    const among = at(`${novel}# Part\n\n${before}\n\n[[a|b]]\n\n${after}\n\n***\n\n${novel}`);
    expect([among.p1, among.p3, among.marker]).toEqual([own.p1, own.p3, "[[ab]]"]);
    expect(among.from - own.from).toBe(novel.length);
  });

  it("cuts no line, however long it is", () => {
    const line = `Begin. ${"The rain fell. ".repeat(2000)}End.`;
    const found = at(`One.\n\n${line}\n\n|\n\n${line}\n\nTwo.`);
    expect([found.p1, found.p3]).toEqual([line, line]);
  });

  it("changes nothing but white space beside what it replaces", () => {
    const pieces = fc.array(fc.constantFrom("One.", " ", "\n", "\n\n", "Two two.", "# H", "***"), { maxLength: 12 });
    fc.assert(
      fc.property(pieces, fc.nat(), fc.nat(), (parts, a, b) => {
        const text = parts.join("");
        const gap = gapAt(text, a % (text.length + 1), b % (text.length + 1));
        const { from, to, insert, start } = insertionFor(text, gap, "NEW");
        const squeezed = (part: string): string => part.replace(/\s+/g, "");
        expect(squeezed(text.slice(0, from) + gap.replaced + text.slice(to))).toBe(squeezed(text));
        expect(insert.slice(start, start + 3)).toBe("NEW");
        expect(insert.replace("NEW", "").trim()).toBe("");
      }),
    );
  });
});

describe("a document's blocks", () => {
  it("are paragraphs, headings and breaks, in their places", () => {
    const text = "# One\n\nA *b*\nc.\n\n---\n\nD.";
    const blocks = blocksOf(text);
    expect(blocks.map(({ kind }) => kind)).toEqual(["heading", "paragraph", "break", "paragraph"]);
    expect(blocks.map(({ from, to }) => text.slice(from, to).trim())).toEqual(["# One", "A *b*\nc.", "---", "D."]);
    expect(separatorOf("a\nb")).toBe("\n");
    expect(separatorOf("a\n\nb\nc")).toBe("\n\n");
  });

  it.each([
    ["a **b** c", ["a ", "b", " c"], [{}, { bold: true }, {}]],
    ["**a _b_**", ["a ", "b"], [{ bold: true }, { bold: true, italic: true }]],
    ["<u>a</u>", ["a"], [{ underline: true }]],
    ["snake_case_name", ["snake_case_name"], [{}]],
    ["3 * 4 * 5", ["3 * 4 * 5"], [{}]],
    ["a *lonely mark", ["a *lonely mark"], [{}]],
    ["\\*no\\*", ["*no*"], [{}]],
    ["é*🙂*", ["é", "🙂"], [{}, { italic: true }]],
  ])("runs of %s", (text, texts, styles) => {
    const runs = runsOf(text);
    expect(runs.map((run) => run.text)).toEqual(texts);
    expect(runs.map((run) => ({ ...run, text: undefined }))).toEqual(
      styles.map((style) => ({ ...style, text: undefined })),
    );
  });

  it("takes escaped text for what it is", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a*_#<u>/ \\-]{1,20}$/), (text) => {
        fc.pre(text.trim() !== "");
        expect(textOfRuns(runsOf(escapeMarks(text)))).toBe(text);
      }),
    );
  });
});
