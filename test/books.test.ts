// Books to paragraphs: encodings, Project Gutenberg's wrapping, page layouts, headings, and what is neither heading nor
// paragraph. The texts are made up, in the shapes that real files have.
import { describe, expect, it } from "vitest";
import { readBlocks } from "../src/infill/books/blocks.ts";
import { readBook } from "../src/infill/books/chapters.ts";
import { paragraphText } from "../src/infill/books/clean.ts";
import { decodeBook } from "../src/infill/books/decode.ts";
import { unwrapGutenberg } from "../src/infill/books/gutenberg.ts";
import { Headings } from "../src/infill/books/headings.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
/** Prose of so many words, hard-wrapped at 68 columns, each paragraph beginning with its name. */
function prose(name: string, words = 60, indent = ""): string {
  const lines = [`${indent}${name} said`];
  for (let i = 0; i < words; i++) {
    const word = ["nothing", "of", "the", "old", "lighthouse", "by", "noon", "and", "waited"][i % 9]!;
    if (lines.at(-1)!.length + word.length > 68) lines.push(indent + word);
    else lines.push(`${lines.pop()} ${word}`);
  }
  return `${lines.join("\n")}.`;
}
const names = (text: string): string[][] =>
  readBook(text).runs.map((run) => run.map((paragraph) => paragraph.text.split(" ")[0]!));
const textsIn = (text: string): string[] =>
  readBook(text)
    .runs.flat()
    .map((paragraph) => paragraph.text);

describe("decodeBook", () => {
  it("reads UTF-8 with and without a mark, UTF-16, Latin-1 with Windows' quotes, all line ends", () => {
    const text = "L’été, dit-elle.\n«Oui.»\nEnd";
    const wide = new Uint8Array(2 + 2 * text.length);
    wide.set([0xff, 0xfe]);
    for (let i = 0; i < text.length; i++) wide.set([text.charCodeAt(i) & 255, text.charCodeAt(i) >> 8], 2 + 2 * i);
    const latin1 = Uint8Array.from(text, (char) => (char === "’" ? 0x92 : char.charCodeAt(0)));
    for (const bytes of [
      utf8(text),
      utf8(`\uFEFF${text}`),
      utf8(text.replaceAll("\n", "\r\n")),
      utf8(text.replaceAll("\n", "\r")),
      wide,
      latin1,
    ]) {
      expect(decodeBook(bytes, "b.txt")).toBe(text);
    }
  });

  it("makes every space plain, joins accents to their letters and drops what has no width", () => {
    expect(decodeBook(utf8("a\u00a0b\u202f! co\u00adop\u200b e\u0301te\u0301"), "b.txt")).toBe(
      "a b ! coop \u00e9t\u00e9",
    );
  });

  it.each([
    [Uint8Array.of(0x50, 0x4b, 3, 4, 0, 1), /^b\.txt: not a readable text but a ZIP archive/],
    [Uint8Array.of(0x50, 0x4c, 3, 4, 0, 1), /^b\.txt: not a readable text \(control character 0x03 at character 2\)/],
    [utf8(" \n\n"), /^b\.txt: the file holds no text/],
    [Uint8Array.of(...utf8("école et déjà"), 0xe9, 0x20), /^b\.txt: not valid UTF-8 \(first bad byte at offset 16\)/],
    [Uint8Array.of(0x61, 0x81, 0x62), /not a readable text/],
  ])("refuses %s", (bytes, message) => expect(() => decodeBook(bytes, "b.txt")).toThrow(message));
});

describe("unwrapGutenberg", () => {
  const header =
    "The Project Gutenberg EBook of X\n\nTitle: A Long\n       Title\nAuthor: Ann Bee\nLanguage: French\n\n";

  it.each([
    ["a marker on one line", "*** START OF THIS PROJECT GUTENBERG EBOOK A LONG TITLE ***"],
    ["a marker over two lines", "*** START OF THIS PROJECT GUTENBERG EBOOK\nA LONG TITLE ***"],
    ["a marker of today", "*** START OF THE PROJECT GUTENBERG EBOOK 99 ***"],
    ["the small print", "*END THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*"],
  ])("cuts header and licence off: %s", (_name, marker) => {
    const {
      etexts: [etext, ...others],
    } = unwrapGutenberg(
      `${header}${marker}\nThe story.\n\nEnd of the Project Gutenberg EBook of X\n\n` +
        "*** END OF THIS PROJECT GUTENBERG EBOOK X ***\nlicence",
    );
    const { header: found, lines, skipped } = etext!;
    expect(others).toEqual([]);
    expect(lines.join("\n").trim()).toBe("The story.");
    expect(found).toEqual({ title: "A Long Title", author: "Ann Bee", language: "fr" });
    expect(`${header}${marker}\nThe story.`.split("\n")[skipped]).toBe("The story.");
  });

  it("leaves a file without markers whole", () => {
    expect(unwrapGutenberg("one\n\ntwo")).toEqual({
      etexts: [{ header: {}, lines: ["one", "", "two"], skipped: 0 }],
      wrapping: [],
    });
  });
});

describe("readBlocks", () => {
  const blocks = (text: string): string[][] =>
    readBlocks(text.split("\n")).blocks.map((block) => block.lines.map((line) => line.trim()));

  it("splits at blank lines and counts those above", () => {
    const {
      blocks: [first, second],
    } = readBlocks(["a", "b", "", "", "", "c"], 10);
    expect([first, second]).toEqual([
      { lines: ["a", "b"], blankBefore: 0, line: 10 },
      { lines: ["c"], blankBefore: 3, line: 15 },
    ]);
  });

  it("takes each line for a paragraph where lines are long and none is blank", () => {
    const long = "word ".repeat(40).trim();
    expect(blocks(`${long}\nShort.\n${long}\n${long}`)).toEqual([[long], ["Short."], [long], [long]]);
  });

  it("takes an indented line for the beginning of one where nothing else marks it", () => {
    const text = Array.from({ length: 12 }, (_, i) => `   ${prose(`N${i}`, 30)}`).join("\n");
    expect(blocks(text).map((lines) => lines[0]!.split(" ")[0])).toEqual(Array.from({ length: 12 }, (_, i) => `N${i}`));
  });

  it("leaves indented verse and letters between blank lines alone", () => {
    const text = Array.from({ length: 12 }, (_, i) => prose(`N${i}`)).join("\n\n");
    expect(blocks(`${text}\n\n   Sing ho,\n     the sea,\n   and me.`).length).toBe(13);
  });
});

describe("paragraphText", () => {
  it.each([
    [["a wrapped", "  line"], "a wrapped line"],
    [["the sun-", "beam, he came--", "and went—", "so"], "the sun-beam, he came--and went—so"],
    [["dit-il --", "et puis", "-- non -- bien"], "dit-il -- et puis -- non -- bien"],
    [["what", "--never"], "what--never"],
    [["Two  spaces. _Italic_ and _more of", "it_, Mr. ____."], "Two spaces. Italic and more of it, Mr. ____."],
    [["quatre marks[1]. Encore [12] une", "[Illustration: a boat]"], "quatre marks. Encore une"],
    [["this evening, * and [* Southern for", "afternoon] I'll", "bear.” *"], "this evening, and I'll bear.”"],
  ])("%j", (lines, want) => expect(paragraphText(lines)).toBe(want));
});

describe("headings", () => {
  const kind = (text: string, blankBefore = 3) =>
    new Headings().kindOf(text, { lines: text.split("\n"), blankBefore, line: 1 });

  it.each([
    "CHAPTER I. Down the Well",
    "Chapter 1.",
    "Chapter 12 THE SHADOW",
    "CHAPTER XXXV",
    "1. The Storm",
    "II",
    "-3-",
    "7",
    "PART TWO--The Cook",
    "PART I.",
    "BOOK ONE.—THE COMING",
    "I. THE EVE OF THE WAR.",
    "Epilogue",
    "CONCLUSION",
    "CHAPITRE PREMIER",
    "Chapitre IV - La fuite",
    "LIVRE DEUXIÈME",
    "Première partie",
    "THE SECOND BOOK",
    "Letter 4",
    "Stave Three",
  ])("takes %s for a chapter", (text) => expect(kind(text)).toBe("chapter"));

  it.each([
    ["Contents:", "contents"],
    ["TABLE DES MATIÈRES Chapitres", "contents"],
    ["ILLUSTRATIONS", "contents"],
    ["PREFACE", "front"],
    ["Introduction", "front"],
    ["THE END", "end"],
    ["FIN", "end"],
    ["ORIGINAL TRANSCRIBER’S NOTES:", "back"],
    ["FOOTNOTES", "back"],
    ["STORY OF THE DOOR", "title"],
  ])("takes %s for %s", (text, want) => expect(kind(text)).toBe(want));

  it.each([
    ["“TOM!”", 1],
    ["I went home.", 1],
    ["L. Frank Bee", 4],
    ["“LOCAL WONDER”", 2],
    ["Part one of the plan was done.", 1],
    ["Contents may differ.", 1],
    ["No answer.", 1],
    ["--Oui", 1],
    ["1. _Aunt Ann._", 1],
    ["Letter one was in his hand, and he read it through.", 1],
  ])("does not take %s for one", (text, blank) => expect(kind(text, blank)).toBeUndefined());
});

describe("readBook", () => {
  it("leaves out front matter, contents, headings, notes and back matter, and never runs over a chapter", () => {
    const text = [
      "Produced by Somebody",
      "THE LIGHTHOUSE",
      "by Ann Bee",
      "To my mother, who knows all of it already and will not read a word.",
      "CONTENTS",
      "CHAPTER I. The Storm\nCHAPTER II. The Calm",
      "PREFACE",
      prose("Preface"),
      "\n\nCHAPTER I.\nThe Storm",
      prose("One"),
      "[Illustration: The storm]",
      prose("Two"),
      "* * *",
      prose("Three"),
      prose("Four"),
      "\n\nCHAPTER II.",
      "The Calm",
      prose("Five"),
      prose("Six"),
      "\n\nTHE END",
      "\n\nTRANSCRIBER'S NOTES",
      prose("Note"),
    ].join("\n\n");
    expect(names(text)).toEqual([
      ["One", "Two"],
      ["Three", "Four"],
      ["Five", "Six"],
    ]);
    expect(readBook(text)).toMatchObject({ chapters: 2, notes: 1, displays: 1 });
  });

  it("knows chapters that only have titles, from the contents and from their capitals", () => {
    const list = "Contents\n\n\n FIRST LIGHT\n\n A VISIT\n\n\n";
    expect(names(`${list}\nFIRST LIGHT\n\n${prose("One")}\n\n\n\nA VISIT\n\n${prose("Two")}`)).toEqual([
      ["One"],
      ["Two"],
    ]);
  });

  it(
    "knows a number, a separator and a title in capitals as one heading; the number may come after the last " +
      "paragraph",
    () => {
      const long = (name: string): string =>
        `${name} ${"dit qu'il fallait partir avant le soir et ne plus revenir. ".repeat(4)}`;
      const text =
        `LE PHARE\n\n====\n\npar Ann Bee I\n\n\n\n* * *\n\n\n\nOÙ L'ON ` +
        `PART\n\n${Array.from({ length: 8 }, (_, i) => long(`A${i}`)).join("\n\n")}\n\nII\n\n\n\n* * ` +
        `*\n\n\n\nOÙ L'ON ARRIVE\n\n${long("B0")}\n\n${long("B1")}\n\nFIN\n\n\n\nTABLE DES MATIÈRES\n\nI. Où ` +
        `l'on part\n\nII. Où l'on arrive\n\n`;
      expect(names(text)).toEqual([
        ["A0", "A1", "A2", "A3", "A4", "A5", "A6", "A7"],
        ["B0", "B1"],
      ]);
    },
  );

  it("takes a book without headings for one chapter", () => {
    expect(names([prose("One"), prose("Two"), prose("Three")].join("\n\n"))).toEqual([["One", "Two", "Three"]]);
  });

  it("drops footnotes without breaking the text, and mends the paragraph that one cut", () => {
    const text = [
      "CHAPTER I",
      `${prose("One")}`.replace(/\.$/, "[1] and"),
      "[1] 2fr. 75c. environ.",
      "so he went home.",
      `${prose("Two")} Look.[2]`,
      "  2.  A note with a number\n  and nothing else.",
      prose("Three"),
    ].join("\n\n");
    const [first, second, third] = textsIn(text);
    expect(first).toMatch(/^One .* and so he went home\.$/);
    expect([second!.split(" ")[0], third!.split(" ")[0]]).toEqual(["Two", "Three"]);
    expect(readBook(text).notes).toBe(2);
  });

  it("gives a colon that stands alone back to its sentence", () => {
    expect(textsIn(["CHAPTER I", `${prose("One").slice(0, -1)} et dit`, ":", "« Oui. »"].join("\n\n"))[0]).toMatch(
      / et dit :$/,
    );
  });

  it("skips a transcriber's note of several paragraphs up to its bracket", () => {
    expect(
      names(
        [
          "CHAPTER I",
          prose("One"),
          "[Transcriber's note: odd spelling",
          prose("Hidden"),
          "is kept.]",
          prose("Two"),
        ].join("\n\n"),
      ),
    ).toEqual([["One", "Two"]]);
  });

  it("breaks at verse, tables and signs, and drops the half sentences around verse", () => {
    const verse = "  The sea is wide,\n  The sea is deep,\n  And all its ships\n  Are fast asleep.";
    const text = [
      "CHAPTER I",
      prose("One"),
      prose("Two").replace(/\.$/, " and sang,"),
      verse,
      "which is a song.",
      prose("Three"),
      "NO ENTRY",
      prose("Four"),
      "From here to there ........ 7 days",
      prose("Five"),
    ].join("\n\n");
    expect(names(text)).toEqual([["One"], ["Three"], ["Four"], ["Five"]]);
  });

  it("keeps dialogue, a shout and French dashes", () => {
    const text = [
      "I\n",
      prose("One"),
      "“TOM!”",
      "No answer.",
      "--Précisément",
      "-- Oui, monsieur.",
      "«Bon!»",
      prose("Two"),
    ].join("\n\n");
    expect(textsIn(text).slice(1, -1)).toEqual([
      "“TOM!”",
      "No answer.",
      "--Précisément",
      "-- Oui, monsieur.",
      "«Bon!»",
    ]);
  });

  it("counts lines from the beginning of the file", () => {
    const text = `Title: X\n*** START OF THE PROJECT GUTENBERG EBOOK X ***\n\nCHAPTER I\n\n${prose("One")}\n`;
    expect(readBook(text).runs[0]![0]!.line).toBe(6);
  });
});
