// What a book's file may be: other formats told by their bytes, encodings told by evidence, several etexts, the small
// print before or after the text, Markdown; and time that grows with the file and not with its square.
import { describe, expect, it } from "vitest";
import { readBook } from "../src/infill/books/chapters.ts";
import { Characters } from "../src/infill/books/characters.ts";
import { decodeBook } from "../src/infill/books/decode.ts";
import { unwrapGutenberg } from "../src/infill/books/gutenberg.ts";

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const paragraph = (i: number): string =>
  `The miller walked down to the river before dawn on day ${i}, and the mist lay so thick on the water that he ` +
  `could\n` +
  `not see the far bank nor hear the wheel turning, until Anna called him from the bridge.`;
const paragraphs = (from: number, count: number): string =>
  Array.from({ length: count }, (_, i) => paragraph(from + i)).join("\n\n");
const days = (text: string): number[] =>
  readBook(text)
    .runs.flat()
    .map((each) => Number(/day (\d+)/.exec(each.text)?.[1]));
const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

describe("files that are no plain text", () => {
  const zip = (inside: string): Uint8Array => bytesOf(`PK\x03\x04\x14\0\0\0\0\0${inside}\0\0rest`);
  it.each([
    ["a PDF document", bytesOf("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj")],
    ["an EPUB book", zip("mimetypeapplication/epub+zip")],
    ["an EPUB book", zip("META-INF/container.xml")],
    ["a Word document", zip("[Content_Types].xml  word/document.xml")],
    ["an OpenDocument text", zip("mimetypeapplication/vnd.oasis.opendocument.text")],
    ["a ZIP archive", zip("book.txt")],
    ["a Rich Text document", bytesOf("{\\rtf1\\ansi\\deff0 The miller walked.}")],
    ["a gzip archive", bytesOf("\x1f\x8b\x08\0\0")],
    ["a bzip2 archive", bytesOf("BZh91AY&SY")],
    ["an xz archive", bytesOf("\xfd7zXZ\0\0")],
    ["an old Word document", bytesOf("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0")],
    ["a Kindle or Mobipocket book", bytesOf(`${"x".repeat(60)}BOOKMOBI`)],
    ["a picture", bytesOf("\x89PNG\r\n\x1a\n")],
    ["a web page", utf8("\uFEFF <!DOCTYPE html>\n<html><body><p>The miller.</p></body></html>")],
    ["a web page", utf8(Array.from({ length: 20 }, (_, i) => `<p class="x">${paragraph(i)}</p>`).join("\n"))],
    ["an XML file", utf8('<?xml version="1.0"?>\n<FictionBook><body/></FictionBook>')],
    ["a LaTeX source", utf8("% a book\n\\documentclass{book}\n\\begin{document}")],
    ["JSON Lines", utf8('{"p1": "a", "p2": "b", "p3": "c"}\n')],
  ])("%s: says what it is and what to do", (what, bytes) => {
    expect(() => decodeBook(bytes, "b")).toThrow(new RegExp(`^b: not a readable text but ${what}.*; .+\\.$`));
  });
  it("takes prose that speaks of such things", () => {
    for (const text of ["PK is short. %PDF is not.", "a < b and b > c", "He wrote <i>word</i> once.", "{rtf}"])
      expect(decodeBook(utf8(text), "b")).toBe(text);
  });
});

describe("encodings", () => {
  const CP437: Readonly<Record<string, number>> = { é: 0x82, è: 0x8a, à: 0x85, ç: 0x87, ê: 0x88, ù: 0x97, "─": 0xc4 };
  const CP850: Readonly<Record<string, number>> = { ...CP437, À: 0xb7, Ê: 0xd2 };
  const MAC: Readonly<Record<string, number>> = {
    é: 0x8e,
    è: 0x8f,
    à: 0x88,
    ç: 0x8d,
    "’": 0xd5,
    "—": 0xd1,
    "“": 0xd2,
    "”": 0xd3,
  };
  const WINDOWS: Readonly<Record<string, number>> = { "’": 0x92, "“": 0x93, "”": 0x94, œ: 0x9c, "—": 0x97 };
  const encode = (text: string, page: Readonly<Record<string, number>>): Uint8Array =>
    Uint8Array.from(text, (char) => page[char] ?? char.charCodeAt(0));
  it.each([
    ["cp437", "Il était très tard à l'école, et le garçon rêvait.", CP437],
    ["cp437", "It was a small café by the river.", CP437],
    ["cp437", "─────────\nIt was a small café.\n─────────", CP437],
    ["cp850", "À Paris, Être ou ne pas être, voilà où il était.", CP850],
    ["Mac Roman", "L’été, “dit-elle” — il était là, à l’école, et le garçon.", MAC],
    ["Windows-1252", "L’été, “dit-elle” — un cœur, ça va à l’école.", WINDOWS],
    ["Latin-1", "Der Fluß, die Mädchen, où était-ce, señor?", {}],
    ["Latin-9", "Le cœur et le café, où l'œil était déjà là.", { œ: 0xbd }],
  ])("%s: %s", (_name, text, page) => expect(decodeBook(encode(text, page), "b")).toBe(text));
  it.each([
    ["windows-1251", "Мельник спустился к реке ещё до рассвета. "],
    ["koi8-r", "Мельник спустился к реке ещё до рассвета. "],
    ["iso-8859-2", "Młynarz zszedł do rzeki przed świtem, a mgła leżała tak gęsto. "],
  ])("refuses what it would misread: %s", (label, text) => {
    const decoder = new TextDecoder(label);
    const bytes = new Map(Array.from({ length: 256 }, (_, i) => [decoder.decode(Uint8Array.of(i)), i]));
    const book = Uint8Array.from(text.repeat(20), (char) => bytes.get(char)!);
    expect(() => decodeBook(book, "b.txt")).toThrow(/^b\.txt: not UTF-8, and its letters make words in none/);
  });
  it("UTF-16 without its mark, either way round", () => {
    const text = "The miller walked, l’été.";
    const wide = (big: boolean): Uint8Array =>
      Uint8Array.from({ length: 2 * text.length }, (_, i) => {
        const unit = text.charCodeAt(i >> 1);
        return (i % 2 === 0) === big ? unit >> 8 : unit & 255;
      });
    expect([decodeBook(wide(false), "b"), decodeBook(wide(true), "b")]).toEqual([text, text]);
  });
});

describe("etexts", () => {
  const END = "End of the Project Gutenberg EBook of The Miller, by Nobody";
  const SMALL_PRINT = "*END THE SMALL PRINT! FOR PUBLIC DOMAIN EBOOKS*Ver.02/11/02*END*";
  const LICENCE =
    "Project Gutenberg is a registered trademark, and may not be used if you\n" +
    "charge for the eBooks, unless you receive specific permission for that.\n";
  it.each([
    ["small print at the end", `${paragraphs(1, 5)}\n\n${END}\n\n${SMALL_PRINT}`],
    [
      "small print at the end, whole",
      `${paragraphs(1, 5)}\n\n***START**THE SMALL PRINT!**START***\n${LICENCE}\n${SMALL_PRINT}`,
    ],
    [
      "the old header and small print under a marker of today",
      `*** START OF THE PROJECT GUTENBERG EBOOK THE MILLER ***\n\nThe Project Gutenberg Etext of The Miller\n\n` +
        `January, 1998  [Etext #1181]\n\n***START**THE SMALL PRINT!**START***\n${LICENCE}\n${SMALL_PRINT}\n\n` +
        `${paragraphs(1, 5)}\n\n${END}`,
    ],
    ["no end marker", `${paragraphs(1, 5)}\n\n${SMALL_PRINT}\n`],
    ["small print at the start", `${LICENCE}\n${SMALL_PRINT}\n\n${paragraphs(1, 5)}\n\n${END}`],
    ["licence behind the end", `${paragraphs(1, 5)}\n\n${END}\n\n${LICENCE}`],
    ["the", `${paragraphs(1, 5)}\n\nThe End of the Project Gutenberg Etext of X\n${LICENCE}`],
  ])("%s", (_name, text) => {
    const top =
      "The Project Gutenberg EBook of The Miller, by Nobody\n\nTitle: The Miller\nLanguage: French\n\n\n\nCHAPTER " +
      "I\n\n";
    expect(days(text.startsWith("Project") ? text : top + text)).toEqual(range(1, 5));
  });
  it("reads the fields at the top of such a text", () => {
    const { etexts } = unwrapGutenberg(
      `Title: The Miller\nAuthor: Nobody\n\nCHAPTER I\n\n${paragraphs(1, 5)}\n\n${END}`,
    );
    expect(etexts.map(({ header }) => header)).toEqual([{ title: "The Miller", author: "Nobody" }]);
  });
  it("reads all texts of a file, each with its header, and counts on through them", () => {
    const one = (from: number, title: string): string =>
      `Title: ${title}\n\n*** START OF THE PROJECT GUTENBERG EBOOK ***\n\nCHAPTER I\n\n${paragraphs(from, 5)}\n\n` +
      `*** END OF THE PROJECT GUTENBERG EBOOK ***\n\n${LICENCE}\n`;
    const text = one(1, "One") + one(6, "Two") + one(11, "Three");
    expect(days(text)).toEqual(range(1, 15));
    expect(readBook(text).parts.map(({ header }) => header.title)).toEqual(["One", "Two", "Three"]);
    expect(
      readBook(text)
        .runs.flat()
        .map(({ index }) => index),
    ).toEqual(range(0, 15));
    const old = (from: number): string =>
      `An Etext\n\n*END*${SMALL_PRINT}\n\nCHAPTER I\n\n${paragraphs(from, 5)}\n\n${END}\n\n\n`;
    expect(days(old(1) + old(6))).toEqual(range(1, 10));
  });
  it.each(["__proto__", "constructor", "toString", "Klingon"])("takes the language %s as it is written", (language) => {
    const { etexts } = unwrapGutenberg(`Language: ${language}\n\n*** START OF THE PROJECT GUTENBERG EBOOK ***\ntext`);
    expect(etexts[0]!.header).toEqual({ language: language.toLowerCase() });
  });
});

describe("Markdown", () => {
  const story = (heading: (n: number) => string): string =>
    `${heading(1)}\n\n${paragraphs(1, 5)}\n\n${heading(2)}\n\n${paragraphs(6, 5)}`;
  it.each([
    ["## Chapter 1", (n: number) => `## Chapter ${n}`],
    ["# Storm ##", (n: number) => `# The Storm of ${n} ##`],
    ["underlined", (n: number) => `The Storm of ${n}\n=========`],
    ["# THE END OF THE ROAD", (n: number) => `# THE END OF THE ROAD ${n}`],
    ["##The Storm", (n: number) => `##The Storm of ${n}`],
    ["## The Storm {#storm}", (n: number) => `## The Storm of ${n} {#storm}`],
    ["an anchor above", (n: number) => `<a name="x"></a>\n## The Storm of ${n}`],
    ["<h2>The Storm</h2>", (n: number) => `<h2 class="a">The Storm of ${n}</h2>`],
  ])("headings: %s", (_name, heading) => {
    const text = `# The Miller\n\n${story(heading)}`;
    expect(days(text)).toEqual(range(1, 10));
    expect(readBook(text).chapters).toBe(2);
  });
  it("lines in bold letters, where nothing else marks headings", () => {
    const bold = story((n) => `**The Storm of ${n}**`);
    expect(readBook(bold).chapters).toBe(2);
    expect(readBook(bold).leftOut.pieces("headings and synopses")).toBe(2);
    expect(readBook(bold.replaceAll("**", "__")).chapters).toBe(2);
    const sign = `${paragraphs(1, 3)}\n\n**The Blue Boar**\n\n${paragraphs(4, 3)}`;
    expect(readBook(sign).leftOut.pieces("headings and synopses")).toBe(0);
  });
  it("one sentence a line", () => {
    const text = `# One\n\n${range(1, 4)
      .map((i) => `${paragraph(i).replace("\n", " ")}\nNobody had seen him come.`)
      .join("\n\n")}`;
    expect(days(text)).toEqual(range(1, 4));
    expect(readBook(text).form).toBeUndefined();
    expect(readBook(text).runs.flat()[0]!.text).toMatch(/bridge\. Nobody/);
  });
  it("emphasis in HTML's tags does not make a web page of it", () => {
    const text = `# One\n\n${paragraphs(1, 12).replaceAll("Anna", "<em>Anna</em>")}`;
    expect(decodeBook(utf8(text), "b")).toBe(text);
    expect(readBook(text).runs.flat()[0]!.text).toContain("until Anna called");
    expect(() => decodeBook(utf8(text.replace("# One", "One")), "b")).toThrow("a web page");
  });
  it("emphasis, links, comments, pictures, quotes, escapes and rules", () => {
    const text = [
      "---\ntitle: The Miller\nauthor: Ann Bee\n---",
      "# One",
      "*Anna* called **him** a ***very*** _old_ man, and [he](http://x.y/z) said \\*no\\* to her ~~never~~.",
      "<!-- a comment\n\nover lines -->",
      "![a picture](boat.png)",
      "> The letter said that nobody would come before the winter was over.",
      "---",
      "::: {.letter}",
      "\\newpage",
      "Then `he` [went]{.smallcaps}&nbsp;home&#44; &#x61;nd &#0; __took__ it <br> and slept there until the " +
        "morning came.",
    ].join("\n\n");
    const { runs, header } = readBook(text);
    expect(header).toEqual({ title: "The Miller", author: "Ann Bee" });
    expect(runs.map((run) => run.map((each) => each.text))).toEqual([
      [
        "Anna called him a very old man, and he said no to her never.",
        "The letter said that nobody would come before the winter was over.",
      ],
      ["Then he went home, and &#0; took it and slept there until the morning came."],
    ]);
  });
  it("keeps paragraphs that begin with an emphasised word in plain text too", () => {
    const text = range(1, 4)
      .map((i) => `*Anna* ${paragraph(i)}`)
      .join("\n\n");
    expect(days(text)).toEqual(range(1, 4));
    expect(readBook(text).runs.flat()[0]!.text.slice(0, 8)).toBe("Anna The");
  });
});

describe("time", () => {
  const story = paragraphs(1, 10);
  it.each([
    ["spaces", (n: number) => `A word${" ".repeat(n)}and more.`],
    ["no-break spaces", (n: number) => `A word${"\u00a0".repeat(n)}and more.`],
    ["a paragraph of many lines", (n: number) => "one line of a very long paragraph\n".repeat(n / 10)],
    ["header lines", (n: number) => "Title: x\n".repeat(n / 5)],
    ["chapters", (n: number) => "CHAPTER 1\n\n".repeat(n / 10)],
    ["titles", (n: number) => "\n\nTHE BIG TITLE\n\n".repeat(n / 20)],
    ["numbers", (n: number) => "12\n\n".repeat(n / 10)],
    ["halves", (n: number) => "word\n\n".repeat(n / 10)],
    ["stops", (n: number) => `Well${".".repeat(n)}x`],
    ["titles of people", (n: number) => "Mr. ".repeat(n / 4)],
    ["brackets", (n: number) => "[Note x\n\n".repeat(n / 10)],
    ["stars", (n: number) => `a${"*".repeat(n)}b`],
    ["contents", (n: number) => `CONTENTS\n\n${"A Title . . . . 12\n\n".repeat(n / 20)}`],
    ["etexts", (n: number) => "*** START OF THE PROJECT GUTENBERG EBOOK X ***\n".repeat(n / 40)],
    ["Markdown images", (n: number) => `# A\n\n${"![".repeat(n / 2)}`],
    ["Markdown comments", (n: number) => `# A\n\n${"<!--".repeat(n / 4)}`],
  ])("grows with the file: %s", (_name, shape) => {
    const measure = (n: number): number => {
      const text = `${shape(n)}\n\n${story}`;
      const start = process.cpuUsage();
      const { runs } = readBook(decodeBook(utf8(text), "b"));
      const cast = new Characters(runs.flat().map((each) => each.text));
      for (const { text: each } of runs.flat()) cast.in(each);
      return process.cpuUsage(start).user / 1000;
    };
    measure(12_000); // compiled
    // Four times the size would take 16 times as long; processor time, because the machine may be at work.
    const best = (n: number): number => Math.min(measure(n), measure(n));
    const [small, large] = [best(12_000), best(48_000)];
    expect(large).toBeLessThan(10 * Math.max(small, 60));
  });
});
