// What is said of a whole book (genre, title, author, language, theme): from its header, the manifest and the flags of
// src/prepare.ts to the words that the model reads, in English and in French.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { prepare } from "../src/cli/prepare/run.ts";
import { InfillEncoder } from "../src/infill/encode.ts";
import { parseJsonl } from "../src/infill/example.ts";
import { languageCode } from "../src/infill/books/language-code.ts";
import { parseTemplate, specialTokensToAdd } from "../src/infill/template.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";

const ENGLISH = (i: number): string =>
  `The boat number ${i} lay in the bay for ${i} days, and nobody went near it until another had come in with the tide.`;
const FRENCH = (i: number): string =>
  `Le bateau numéro ${i} resta dans la baie pendant ${i} jours, et personne ne s'en approcha avant la marée suivante.`;

function etext(header: string, chapter: string, sentence: (i: number) => string): string {
  const chapters = [1, 2, 3].map(
    (c) => `${chapter} ${c}\n\n${Array.from({ length: 24 }, (_, i) => sentence(100 * c + i)).join("\n\n")}`,
  );
  return (
    `The Project Gutenberg EBook of a book\n\n${header}\n\n*** START OF THE PROJECT GUTENBERG EBOOK 1 ***\n\n\n` +
    `${chapters.join("\n\n\n\n")}\n\n*** END OF THE PROJECT GUTENBERG EBOOK 1 ***\n`
  );
}

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "book-metadata-"));
  const english = "Title: The Bay\nAuthor: Ann Bee\nRelease Date: May, 1999\nLanguage: English";
  const french = "Title: La Baie\n       des brumes\nAuthor: Hélène Dé\nLanguage: French";
  await writeFile(at("bay.txt"), etext(english, "CHAPTER", ENGLISH));
  await writeFile(at("baie.txt"), etext(french, "CHAPITRE", FRENCH));
  await writeFile(at("bare.txt"), etext("", "CHAPITRE", FRENCH).split("***")[2]!);
  const entries = [
    { file: "bay.txt", genre: "sea story", author: "A. Bee", theme: "patience" },
    { file: "baie.txt", genre: "roman maritime", title: "La Baie", theme: "la patience" },
    { file: "bare.txt", genre: ["conte", "mer"], language: "French" },
  ];
  await writeFile(at("books.json"), JSON.stringify(entries));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The metadata as the model reads it, of each book's examples, which all say the same. */
async function linesOf(...flags: string[]): Promise<Record<string, string>> {
  const out = await mkdtemp(join(folder, "out-"));
  const shares = [
    "--validation_share",
    "0",
    "--test_share",
    "0",
    "--metadata_fields",
    "genre,theme,title,author,language",
  ];
  await prepare([...flags, ...shares, "--output_dir", out], { print: () => {}, color: false, width: 100 });
  const template = parseTemplate(JSON.parse(await readFile(join(out, "infill_template.json"), "utf8")), "template");
  const tokenizer = GPT2Tokenizer.default();
  tokenizer.addSpecialTokens(specialTokensToAdd(template));
  const encoder = new InfillEncoder(template, tokenizer);
  const found = new Map<string, Set<string>>();
  const examples = parseJsonl(await readFile(join(out, "train.jsonl"), "utf8"), "train.jsonl");
  expect(examples.length).toBeGreaterThan(5);
  for (const example of examples) {
    const { ids } = encoder.encodeExample(example, { blockSize: 1024 })!;
    const read = tokenizer.decode(ids.slice(0, ids.indexOf(tokenizer.tokenToId("[P2]")!)));
    const line = /\[P3\][^]*\n([^\n]*)$/.exec(read)?.[1] ?? "";
    const { book } = example.place!;
    found.set(book, (found.get(book) ?? new Set()).add(line));
  }
  return Object.fromEntries([...found].map(([book, lines]) => [book, [...lines].join(" / ")]));
}

describe("what is said of a book", () => {
  it("comes from its own header", async () => {
    expect(await linesOf(at("bay.txt"), at("baie.txt"))).toEqual({
      "bay.txt": "title: The Bay; author: Ann Bee; language: en",
      "baie.txt": "title: La Baie des brumes; author: Hélène Dé; language: fr",
    });
  });

  it("comes from the manifest before the header", async () => {
    expect(await linesOf("--manifest", at("books.json"))).toEqual({
      "bay.txt": "genre: sea story; theme: patience; title: The Bay; author: A. Bee; language: en",
      "baie.txt": "genre: roman maritime; theme: la patience; title: La Baie; author: Hélène Dé; language: fr",
      "bare.txt": "genre: conte, mer; language: French",
    });
  });

  it("comes from the flags before the manifest", async () => {
    const flags = ["--genre", "récit", "--title", "Été", "--author", "É. Zo", "--language", "fr"];
    const all = "title: Été; author: É. Zo; language: fr";
    expect(await linesOf("--manifest", at("books.json"), ...flags)).toEqual({
      "bay.txt": `genre: récit; theme: patience; ${all}`,
      "baie.txt": `genre: récit; theme: la patience; ${all}`,
      "bare.txt": `genre: récit; ${all}`,
    });
  });

  it.each([
    ["French", "fr"],
    ["français", "fr"],
    ["FRE", "fr"],
    ["fr_CA", "fr"],
    ["en-GB", "en"],
    ["German", "de"],
    ["spa", "es"],
    ["Norwegian", "no"],
    ["Old Martian", "old martian"],
  ])("has a code for the language %s", (written, code) => expect(languageCode(written)).toBe(code));
});
