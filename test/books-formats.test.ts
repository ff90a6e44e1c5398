// EPUB, DOCX, HTML and Markdown give the same examples as plain text; what is no story stays out; and whatever is wrong
// with a file is said in one sentence, in a short time.
import JSZip from "jszip";
import { describe, expect, it } from "vitest";
import { UserError } from "../src/errors.ts";
import { Archive } from "../src/infill/books/archive.ts";
import { bookSource } from "../src/infill/books/book-source.ts";
import type { BookText } from "../src/infill/books/book-text.ts";
import { readBook } from "../src/infill/books/chapters.ts";
import { TokenCounter } from "../src/infill/books/measure.ts";
import { readBookFile } from "../src/infill/books/read-file.ts";
import type { SourceOptions } from "../src/infill/books/sources.ts";
import { DEFAULT_MASKS, GRANULARITIES } from "../src/infill/ilm.ts";
import { DEFAULT_TRIPLES } from "../src/infill/books/triples.ts";
import { DEFAULT_TEMPLATE, specialTokensToAdd } from "../src/infill/template.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { asDocx, asEpub, asHtml, asMarkdown, asText, BOOK, chapterHtml, utf8 } from "./book-files.ts";

const tokenizer = GPT2Tokenizer.default();
tokenizer.addSpecialTokens(specialTokensToAdd(DEFAULT_TEMPLATE));
const options: SourceOptions = {
  counter: new TokenCounter(DEFAULT_TEMPLATE, tokenizer),
  triples: { ...DEFAULT_TRIPLES, minP2: 1 },
  masks: { ...DEFAULT_MASKS, granularities: GRANULARITIES },
  form: "auto",
};
const triples = (book: BookText): string[][] =>
  bookSource(book, "book", {}, options).drafts.map(({ example: { p1, p2, p3 } }) => [p1, p2, p3]);
const read = (content: string | Uint8Array, name: string): Promise<BookText> =>
  readBookFile(typeof content === "string" ? utf8(content) : content, name);
const paragraphsOf = (book: BookText): string[] => readBook(book).runs.flatMap((run) => run.map(({ text }) => text));
const html = async (body: string, name = "a.html"): Promise<string[]> =>
  paragraphsOf(await read(`<!DOCTYPE html><html><body>${body}</body></html>`, name));
const sentence = (i: number): string => `The boat number ${i} lay in the bay for a year, and nobody went near it.`;

describe("the same book", () => {
  const whole = triples({ text: asText(BOOK) });
  it("as plain text gives what it should", () => {
    expect(readBook(asText(BOOK)).chapters).toBe(3);
    expect(whole).toHaveLength(3 * 2 * 4);
    expect(whole.flat().join("\n")).not.toMatch(/[_*[\]]|Chapter|burnt/);
    expect(whole.flat().join("\n")).toContain("and nobody who");
  });
  it.each<[string, () => string | Promise<Uint8Array>, string]>([
    ["Markdown", () => asMarkdown(BOOK), "book.md"],
    ["HTML", () => asHtml(BOOK), "book.html"],
    ["HTML without its name", () => asHtml(BOOK), "book.txt"],
    ["DOCX", () => asDocx(BOOK), "book.docx"],
    ["EPUB", () => asEpub(BOOK), "book.epub"],
    ["EPUB by another name", () => asEpub(BOOK), "book.docx"],
  ])("as %s gives the same examples", async (_, make, name) => {
    const book = await read(await make(), name);
    expect(triples(book)).toEqual(whole);
    expect(readBook(book).chapters).toBe(3);
  });
  it("brings its title, author and language, where these are to be trusted", async () => {
    const known = { title: BOOK.title, author: "Nobody Known", language: "en" };
    expect(readBook(await read(asHtml(BOOK), "b")).header).toEqual(known);
    expect(readBook(await read(await asEpub(BOOK), "b")).header).toEqual(known);
    expect(readBook(await read(await asDocx(BOOK), "b")).header).toEqual({});
    const page = (title: string): string =>
      `<html lang="fr-FR"><title>${title}</title><meta name="author" content="A. B."><h1>The ` +
      `Mill</h1><p>${sentence(1)}</p>`;
    expect((await read(page("The Mill"), "b")).markup!.header).toEqual({
      title: "The Mill",
      author: "A. B.",
      language: "fr",
    });
    expect((await read(page("The Mill | Books"), "b")).markup!.header).toEqual({ author: "A. B.", language: "fr" });
  });
  it("says what was left out", async () => {
    const report = readBook(await read(asHtml(BOOK), "b"))
      .leftOut.report(1000)
      .join("\n");
    expect(report).toMatch(/header and licence.*contents.*notes of transcribers.*page numbers/);
  });
});

describe("HTML", () => {
  const [one, two] = [sentence(1), sentence(2)];
  it.each([
    ["paragraphs that nobody closed", `<p>${one}<p>${two}`],
    ["lines that two breaks end", `${one}<br><br>${two}`],
    ["a layout table", `<table><tr><td><p>${one}</p><p>${two}</p></td></tr></table>`],
    ["capitals, comments and spaces", `<P CLASS=x>\n ${one.replaceAll(" ", "\n  ")}<!-- no --></P ><DIV>${two}</DIV>`],
    ["named and numbered characters", `<p>${one.replace("boat", "b&#111;&#x61;t")}</p><p>&nbsp;</p><p>${two}&shy;</p>`],
    ["a large initial that is a picture", `<p><img src="t.png" alt="T">${one.slice(1)}</p><p>${two}</p>`],
    ["text that is not shown", `<p>${one}</p><p hidden>No.</p><p style="display: none">No.</p><del>No.</del>${two}`],
    ["a mark that stands high", `<p>${one}<sup>1</sup></p><p>${two} <sup>*</sup></p>`],
    [
      "marks of notes, and notes",
      `<p>${one}<a href="#n"><sup>a</sup></a></p><p>${two}</p><p><a id="n"></a>${sentence(3)}</p>`,
    ],
    [
      "notes in a list",
      `<p>${one}<sup><a href="#n">1</a></sup></p><p>${two}</p><ol><li id="n"><p>${sentence(3)}</p></li></ol>`,
    ],
    [
      "captions and numbers",
      `<p>${one}</p><figure><figcaption>${sentence(3)}</figcaption></figure><p>${two}<span class="pageno">7</span></p>`,
    ],
  ])("reads %s", async (_, body) => expect(await html(body)).toEqual([one, two]));
  it("keeps what only looks like a note: ordinals, links to chapters, what a note leads back to", async () => {
    expect(await html(`<p>Le 1<sup>er</sup> mai, M<sup>lle</sup> Anna dit que rien n'arriverait.</p>`)).toEqual([
      "Le 1er mai, Mlle Anna dit que rien n'arriverait.",
    ]);
    const chapter = `<div id="c1"><h2>Chapter 1</h2><p>${one}</p></div>`;
    expect(await html(`<p><a href="#c1">[1]</a></p>${chapter}<p>${two}</p>`)).toEqual([one, two]);
    const note = `<p id="n1"><a href="#r1">[1]</a> ${sentence(3)}</p>`;
    const back = `<p id="r1">${one}<a href="#n1">[1]</a></p><p>${two}</p>${note}`;
    expect(await html(back)).toEqual([one, two]);
  });
  it("leaves contents out that are known by their links alone, and no links inside the text", async () => {
    const entries = [1, 2, 3].map(
      (i) => `<p><a href="#c${i}">How the boat was found, and who saw it the ${i}.</a></p>`,
    );
    expect(
      await html(`${entries.join("")}<h2>I</h2><p>${one}</p><p>${two.replace("boat", '<a href="#b">boat</a>')}</p>`),
    ).toEqual([one, two]);
  });
  it("knows verse by its classes", async () => {
    const line = (text: string): string => `<div class="line">${text}</div>`;
    const stanza = `<div class="stanza">${line("The sea is wide,")}${line("the boat is old,")}</div>`;
    const poem = `<div class="poem">${stanza}</div>`;
    const book = readBook(await read(`<html><p>${one}</p>${poem}<p>${two}</p></html>`, "a"));
    expect(book.runs.map((run) => run.map(({ text }) => text))).toEqual([[one], [two]]);
  });
  it("is read in the encoding that it names", async () => {
    const text = `<html><meta charset="koi8-r"><p>aaa</p></html>`;
    const bytes = utf8(text).map((byte) => (byte === 0x61 && text.includes("aaa") ? byte : byte));
    const at = text.indexOf("aaa");
    bytes.set([0xcd, 0xcf, 0xd2], at);
    expect((await read(bytes, "a.html")).text).toBe("мор");
  });
});

describe("Markdown by its name", () => {
  it("needs no heading to have its images, links, comments and emphasis understood", async () => {
    const text =
      `![A boat](boat_(old).png)\n\n${sentence(1)} <!-- no -->\n\n[The *boat*](x.html) came <img ` +
      `src="a.png"> home.\n`;
    expect(paragraphsOf(await read(text, "a.md"))).toEqual([sentence(1), "The boat came home."]);
  });
  it("may hold HTML", async () => {
    const part = (i: number): string => `<div align="center"><a name="p${i}"></a></div>\n\n${sentence(i)}`;
    const text = `## One\n\n${[1, 2, 3, 4, 5, 6].map(part).join("\n\n")}`;
    expect(paragraphsOf(await read(text, "a.md"))).toHaveLength(6);
  });
});

describe("EPUB", () => {
  it("takes headings that only its contents know", async () => {
    const page = (i: number): string =>
      chapterHtml(BOOK.chapters[i]!, i, "../notes.xhtml#n1")
        .replace(/<(\/?)h2/g, '<$1div class="x"')
        .replace(/Chapter \d\. /, "");
    const files = ["z", "m", "a"];
    const links = files.map((file, i) => `<a href="text/${file}%20.xhtml">${BOOK.chapters[i]!.title}</a>`);
    const parts = {
      ...Object.fromEntries(files.map((file, i) => [`OEBPS/text/${file} .xhtml`, `<html>${page(i)}</html>`])),
      "OEBPS/nav.xhtml": `<html><nav epub:type="toc">${links.join("")}</nav></html>`,
    };
    const book = await read(await asEpub(BOOK, { parts }), "b.epub");
    expect(readBook(book).chapters).toBe(3);
    expect(triples(book)).toEqual(triples({ text: asText(BOOK) }));
  });
});

describe("refuses with one sentence", () => {
  const docx = (document: string): Promise<Uint8Array> => asDocx(BOOK, document);
  const broken = async (bytes: Promise<Uint8Array>): Promise<Uint8Array> => (await bytes).slice(0, -60);
  const flipped = async (bytes: Promise<Uint8Array>): Promise<Uint8Array> =>
    (await bytes).map((byte, i) => (i > 300 && i < 900 ? byte ^ 0x55 : byte));
  const encryption = (algorithm: string): string =>
    `<encryption><EncryptedData><EncryptionMethod Algorithm="${algorithm}"/></EncryptedData></encryption>`;
  it.each<[string, () => Uint8Array | Promise<Uint8Array>, RegExp]>([
    ["an EPUB cut short", () => broken(asEpub(BOOK)), /damaged or cut short/],
    ["a DOCX cut short", () => broken(asDocx(BOOK)), /damaged or cut short/],
    ["a damaged EPUB", () => flipped(asEpub(BOOK)), /damaged/],
    [
      "an EPUB without its package",
      () => asEpub(BOOK, { parts: { "OEBPS/book.opf": null } }),
      /no part OEBPS\/book\.opf/,
    ],
    [
      "one without a chapter",
      () => asEpub(BOOK, { parts: { "OEBPS/text/m .xhtml": null } }),
      /no part OEBPS\/text\/m \.xhtml/,
    ],
    [
      "an EPUB with copy protection",
      () =>
        asEpub(BOOK, {
          parts: { "META-INF/encryption.xml": encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc") },
        }),
      /copy protection \(DRM\)/,
    ],
    ["a licence beside it", () => asEpub(BOOK, { parts: { "META-INF/license.lcpl": "{}" } }), /copy protection/],
    [
      "a path out of the archive",
      () => asEpub(BOOK, { parts: { "META-INF/container.xml": '<rootfile full-path="../../../etc/passwd"/>' } }),
      /no part etc\/passwd/,
    ],
    [
      "a package nested without end",
      () => asEpub(BOOK, { parts: { "OEBPS/book.opf": "<a>".repeat(100_000) } }),
      /nested deeper/,
    ],
    ["an EPUB without text", () => asEpub(BOOK, { parts: { "OEBPS/book.opf": "<package/>" } }), /lists no documents/],
    ["a DOCX of no document", () => docx("<html/>"), /no document that Word could read/],
    ["a DOCX of no XML", () => docx("x".repeat(1000)), /no document that Word could read/],
    [
      "a DOCX nested without end",
      () => docx(`<w:document xmlns:w="w"><w:body>${"<w:p>".repeat(50_000)}`),
      /no document|nested deeper/,
    ],
    [
      "a locked DOCX",
      () =>
        new Uint8Array([
          0xd0,
          0xcf,
          0x11,
          0xe0,
          0xa1,
          0xb1,
          0x1a,
          0xe1,
          ...new Uint8Array(600),
          ...[..."EncryptedPackage"].flatMap((c) => [c.charCodeAt(0), 0]),
        ]),
      /a password locks/,
    ],
    ["a page nested without end", () => utf8(`<html>${"<div>".repeat(200_000)}`), /nested more than 1000 deep/],
    ["a page without text", () => utf8("<html><body><script>1</script></body></html>"), /holds no text/],
    ["an empty file", () => new Uint8Array(), /holds no text/],
    ["a PDF", () => utf8("%PDF-1.7 ..."), /a PDF document/],
    ["RTF", () => utf8("{\\rtf1 text}"), /a Rich Text document \(RTF\)/],
    [
      "a ZIP archive of something else",
      async () => new JSZip().file("a.txt", "x").generateAsync({ type: "uint8array" }),
      /a ZIP archive/,
    ],
  ])("%s", { timeout: 60_000 }, async (_, make, message) => {
    const error = await read(await make(), "book.epub").then(triples, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).toMatch(/^book\.epub[^\n]*\.$/);
    expect((error as Error).message).toMatch(message);
  });
  it("a ZIP bomb, as soon as it is too large", async () => {
    const zip = new JSZip();
    for (const part of ["a", "b"]) zip.file(part, new Uint8Array(700_000));
    const archive = await Archive.open(
      await zip.generateAsync({ type: "uint8array", compression: "DEFLATE" }),
      "b",
      2 ** 20,
    );
    expect(await archive.read("a")).toHaveLength(700_000);
    await expect(archive.read("b")).rejects.toThrow(/^b: unpacked, it is larger than a book can be \(more than 1 MiB/);
  });
  it("entities that grow", async () => {
    const bomb = `<!DOCTYPE html [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "${"&a;".repeat(1000)}">]>`;
    const text = (await read(`${bomb}<html><p>${"&b;".repeat(1000)} ${sentence(1)}</p></html>`, "a.html")).text;
    expect(text.length).toBeLessThan(10_000);
  });
  it("fonts that are locked are no copy protection", async () => {
    const parts = { "META-INF/encryption.xml": encryption("http://www.idpf.org/2008/embedding") };
    expect(triples(await read(await asEpub(BOOK, { parts }), "b"))).toHaveLength(24);
  });
});
