// gpt2-webgpu/books: the same files as the program's, from strings and bytes; and what is refused.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { prepare } from "../src/cli/prepare/run.ts";
import { prepareBooks } from "../src/entries/books.ts";
import { UserError } from "../src/errors.ts";
import { parseJsonl } from "../src/infill/example.ts";

const NAMES = ["Ella", "Tom", "Mrs. Hale", "the old doctor"];
const sentence = (i: number): string =>
  `On day ${i} ${NAMES[i % 4]} walked along the river to the mill and found ${i * 7} stones under the bridge there.`;
const paragraph = (i: number): string => Array.from({ length: 4 }, (_, k) => sentence(4 * i + k)).join(" ");
const book = `Chapter 1\n\n${Array.from({ length: 90 }, (_, i) => paragraph(i)).join("\n\n")}\n`;
const lines = Array.from({ length: 90 }, (_, i) => `<p>${paragraph(i + 200)}</p>`);
const page = `<html><body>${lines.join("")}</body></html>`;

describe("prepareBooks", () => {
  it("makes the program's files of the same books, byte for byte", async () => {
    const folder = await mkdtemp(join(tmpdir(), "books-"));
    try {
      await writeFile(join(folder, "a.txt"), book);
      await writeFile(join(folder, "b.html"), page);
      const argv = [
        join(folder, "a.txt"),
        join(folder, "b.html"),
        "--output_dir",
        join(folder, "out"),
        "--genre",
        "tale",
      ];
      await prepare(argv, { print: () => {}, color: false, width: 80 });
      const notes: string[] = [];
      const fields = { genre: "tale" };
      const { files, train, validation, test, template } = await prepareBooks(
        [
          { name: "a.txt", data: book, fields },
          { name: "b.html", data: new TextEncoder().encode(page), fields },
        ],
        { onNote: (note) => void notes.push(note) },
      );
      for (const [file, text] of files) expect(text, file).toBe(await readFile(join(folder, "out", file), "utf8"));
      expect([...files.keys()]).toEqual(["train.jsonl", "validation.jsonl", "test.jsonl", "infill_template.json"]);
      expect(train.length).toBeGreaterThan(50);
      expect([validation.length > 0, test.length > 0, template.lengthBounds?.length]).toEqual([true, true, 2]);
      const lengths = train.map(({ meta }) => (meta as { length?: string }).length).sort();
      expect([...new Set(lengths)]).toEqual(["L", "M", "S"]);
      expect(parseJsonl(files.get("train.jsonl")!, "train").map(({ p2 }) => p2)).toEqual(train.map(({ p2 }) => p2));
      expect(notes[0]).toMatch(/^a\.txt: .*paragraphs/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("looks for no names where it is told to, and follows seed and shares", async () => {
    const books = [{ name: "a.txt", data: book }];
    const plain = await prepareBooks(books, { findNames: false, validation: 0.2, test: 0 });
    expect(plain.train.some(({ meta }) => Object.hasOwn(meta as object, "characters"))).toBe(false);
    expect([plain.test.length, plain.validation.length > 5]).toEqual([0, true]);
    const other = await prepareBooks(books, { findNames: false, validation: 0.2, test: 0, seed: 7 });
    expect(other.validation).not.toEqual(plain.validation);
  });

  it.each([
    ["no book", [], {}, /has no book to read/],
    ["a picture", [{ name: "a.png", data: Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10, 0) }], {}, /^a\.png/],
    ["too short a book", [{ name: "a.txt", data: "One.\n\nTwo." }], { findNames: false }, /^a\.txt/],
    ["shares that leave nothing", [{ name: "a.txt", data: book }], { validation: 0.6, test: 0.5 }, /leave something/],
    ["an unknown option", [{ name: "a.txt", data: book }], { findName: 1 }, /did you mean findNames/],
  ])("refuses %s in one sentence", async (_name, books, options, message) => {
    const preparing = prepareBooks(books, options as never);
    await expect(preparing).rejects.toThrow(message);
    await expect(preparing).rejects.toBeInstanceOf(UserError);
  });
});
