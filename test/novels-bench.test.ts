// bench/novels.ts: its split by author, the weights that copy, and the whole of it in small, from made books to the
// table, which is run again after it was stopped.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { booksOf } from "../bench/novels/books.ts";
import { writeCopyingWeights } from "../bench/start/copying-weights.ts";
import type { Results } from "../bench/novels/results.ts";
import { splitByAuthor } from "../bench/novels/split.ts";
import type { Book } from "../bench/novels/split.ts";
import { UserError } from "../src/errors.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { requestDevice } from "../src/gpu/device.ts";
import type { Device } from "../src/gpu/device.ts";
import { Random } from "../src/random.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "novels-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("splitByAuthor", () => {
  const library = fc
    .array(fc.record({ author: fc.constantFrom(..."abcdefghij"), size: fc.integer({ min: 1, max: 1000 }) }), {
      minLength: 3,
      maxLength: 40,
    })
    .filter((books) => new Set(books.map(({ author }) => author)).size >= 3)
    .map((books) => books.map((book, i): Book => ({ ...book, file: `${i}.txt`, title: `${i}` })));
  const shares = { validation: 0.1, test: 0.2 };

  it("puts every book into one part, and all of an author into the same", () => {
    fc.assert(
      fc.property(library, fc.nat(), (books, seed) => {
        const split = splitByAuthor(books, shares, seed);
        const all = [...split.train, ...split.validation, ...split.test];
        expect(all.map(({ file }) => file).sort()).toEqual(books.map(({ file }) => file).sort());
        const authors = [split.train, split.validation, split.test].map(
          (part) => new Set(part.map(({ author }) => author)),
        );
        for (const [i, one] of authors.entries()) {
          expect(one.size).toBeGreaterThan(0);
          for (const other of authors.slice(i + 1)) expect([...one].filter((author) => other.has(author))).toEqual([]);
        }
      }),
    );
  });

  it("is the same for the same seed, in whatever order the books come", () => {
    fc.assert(
      fc.property(library, fc.nat(), (books, seed) => {
        const titles = (all: readonly Book[]): string[] => all.map(({ title }) => title).sort();
        const [one, other] = [books, [...books].reverse()].map((each) => splitByAuthor(each, shares, seed));
        expect(titles(other!.test)).toEqual(titles(one!.test));
        expect(titles(other!.validation)).toEqual(titles(one!.validation));
      }),
    );
  });

  it("refuses books by two authors", () => {
    const books = ["a", "b", "b"].map((author, i) => ({ author, size: 9, file: `${i}.txt`, title: `${i}` }));
    expect(() => splitByAuthor(books, shares, 1)).toThrow(UserError);
  });
});

describe("weights that copy", () => {
  const sizes = { nLayer: 2, nHead: 6, nEmbd: 96, nPositions: 128, vocabSize: 300, bosTokenId: null, eosTokenId: null };
  const config = new GPT2Config({ ...sizes, embdPdrop: 0, attnPdrop: 0, residPdrop: 0 });
  let device: Device;
  beforeAll(async () => {
    device = await requestDevice();
  });
  afterAll(() => device.destroy());

  /** Mean log-probability of tokens drawn at random: of what comes the first time, and of the repetition. */
  async function repeated(model: GPT2LMHeadModel): Promise<{ first: number; again: number; before: number }> {
    const random = new Random(5);
    const passage = Array.from({ length: 50 }, () => random.below(sizes.vocabSize));
    const ids = [...passage, ...passage];
    using output = model.forward({ inputIds: [ids], outputAttentions: true });
    const logits = await output.logits!.read();
    const logProb = (t: number): number => {
      const row = logits.subarray(t * sizes.vocabSize, (t + 1) * sizes.vocabSize);
      const most = Math.max(...row);
      const sum = row.reduce((all, x) => all + Math.exp(x - most), 0);
      return row[ids[t + 1]!]! - most - Math.log(sum);
    };
    const mean = (from: number, to: number, of: (t: number) => number): number =>
      Array.from({ length: to - from }, (_, i) => of(from + i)).reduce((all, x) => all + x, 0) / (to - from);
    const weights = await output.attentions![0]!.read(); // [1, NH, T, T]: head 0 of layer 0
    return {
      first: mean(0, 49, logProb),
      again: mean(51, 99, logProb),
      before: mean(1, 100, (t) => weights[t * ids.length + t - 1]!),
    };
  }

  it("tell a repetition before any training, which weights as GPT-2 draws them do not", async () => {
    using model = GPT2LMHeadModel.fromConfig(device, config, { seed: 3, gradients: false });
    const drawn = await repeated(model);
    expect(Math.abs(drawn.again - drawn.first)).toBeLessThan(0.05);
    await writeCopyingWeights(model, 3);
    const copying = await repeated(model);
    expect(copying.before).toBeGreaterThan(0.7); // the head for the token before
    expect(copying.again - copying.first).toBeGreaterThan(0.3);
  });

  it("are refused where there is no room for them", async () => {
    using model = GPT2LMHeadModel.fromConfig(device, config.with({ nHead: 3 }), { gradients: false });
    await expect(writeCopyingWeights(model, 3)).rejects.toThrow(UserError);
  });
});

describe("the whole in small", () => {
  const books = ["Ann Ash", "Bob Birch", "Cid Cedar", "Dan Dogwood"];
  const stages = (stderr: string): string[] => [...stderr.matchAll(/^> src\/(\w+)\.ts/gmu)].map(([, name]) => name!);
  const run = (): { stdout: string; stderr: string; status: number | null } =>
    spawnSync(
      process.execPath,
      [
        ["--import", "tsx", join(root, "bench/novels.ts"), join(folder, "books"), "--output_dir", join(folder, "out")],
        ["--test_share", "0.3", "--validation_share", "0.2", "--min_p2", "150", "--max_p2", "300"],
        ["--config_overrides", "n_layer=2,n_head=4,n_embd=16,n_positions=320", "--vocab_merges", "200"],
        ["--max_steps", "4", "--save_steps", "2", "--batch_size", "2", "--fit_samples", "3", "--gaps", "2"],
        ["--before_samples", "2", "--max_eval_samples", "3", "--shown", "1"],
      ].flat(),
      { encoding: "utf8", cwd: root },
    );

  it("trains, judges, writes and prints; goes on with what is missing, and then has nothing to do", () => {
    const shelf = join(folder, "books");
    writeBooks(shelf, books);
    const first = run();
    expect(first.status, first.stderr).toBe(0);
    expect(stages(first.stderr)).toEqual([
      "prepare",
      "prepare",
      "prepare",
      "train",
      "evaluate",
      "generate",
      "generate",
      "generate",
      "evaluate",
    ]);
    const results = JSON.parse(readFileSync(join(folder, "out/results.json"), "utf8")) as Results;
    const authors = Object.values(results.books).flatMap((part) => part.map(({ author }) => author));
    expect([...authors].sort()).toEqual(books);
    expect(results.trainingLosses.length).toBeGreaterThan(0);
    for (const model of [results.before, results.after]) {
      expect(model.infill_textonly_ppl!.value).toBeGreaterThan(1);
      for (const control of ["with_foreign_p3", "with_p3_of_same_book_and_length", "with_next_passages_as_p3"])
        expect(model.p2_log_likelihood_change_per_token[control]).toHaveProperty("low");
      expect(model.p3_retrieval.accuracy).toHaveProperty("value");
    }
    expect(results.after.rerank!.true_p2_found).toHaveProperty("without_p3");
    for (const way of ["first", "chosen", "best", "bounded", "characters"] as const)
      expect(results.texts[way].wordF1).toHaveProperty("value");
    expect(results.texts.best.wordF1!.value).toBeGreaterThanOrEqual(results.texts.first.wordF1!.value);
    expect(results.gaps).toHaveLength(2);
    expect(first.stdout).toContain("| true p3 among");
    expect(first.stdout).toContain("**the true P2**");

    const answers = join(folder, "out/ranked.jsonl");
    const length = statSync(answers).size;
    truncateSync(answers, readFileSync(answers, "utf8").indexOf("\n") + 1);
    const second = run();
    expect(stages(second.stderr)).toEqual(["generate"]);
    expect(statSync(answers).size).toBe(length);
    expect(second.stdout).toBe(first.stdout);

    const third = run();
    expect(stages(third.stderr)).toEqual([]);
    expect(third.stdout).toBe(first.stdout);
  }, 300_000);

  it("knows books by their headers or their manifest, and asks for authors", () => {
    const shelf = join(folder, "more");
    writeBooks(shelf, books.slice(0, 1));
    expect(booksOf(shelf)).toMatchObject([{ author: "Ann Ash", title: "The Book of Ann" }]);
    writeFileSync(join(shelf, "novels.json"), JSON.stringify([{ file: "0.txt", title: "Other", author: "Else" }]));
    expect(booksOf(shelf)).toMatchObject([{ author: "Else", title: "Other" }]);
    writeFileSync(join(shelf, "novels.json"), JSON.stringify([{ file: "0.txt", title: "Other" }]));
    expect(() => booksOf(shelf)).toThrow(/author/u);
  });
});

/** Small novels with Project Gutenberg's header. */
function writeBooks(shelf: string, authors: readonly string[]): void {
  mkdirSync(shelf, { recursive: true });
  for (const [i, author] of authors.entries()) {
    const random = new Random(11, i);
    const pick = (words: string): string => words.split(" ")[random.below(words.split(" ").length)]!;
    const [name] = author.split(" ") as [string];
    const sentence = (): string => {
      const who = random.below(2) === 0 ? name : pick("Harriet Edmund Margaret");
      const end = `${pick("garden river window letter")} ${pick("before after without")} ${pick("noon rain supper")}`;
      return `${who} ${pick("walked looked spoke waited went")} ${pick("slowly gladly again twice")} to the ${end}.`;
    };
    const paragraph = (): string => Array.from({ length: 3 + random.below(4) }, sentence).join(" ");
    const chapters = ["I", "II"].map(
      (number) => `CHAPTER ${number}\n\n\n${Array.from({ length: 12 }, paragraph).join("\n\n")}`,
    );
    const header = `Title: The Book of ${name}\n\nAuthor: ${author}\n\nLanguage: English`;
    const marker = (what: string): string => `*** ${what} OF THE PROJECT GUTENBERG EBOOK THE BOOK OF ${name} ***`;
    writeFileSync(
      join(shelf, `${i}.txt`),
      `${header}\n\n${marker("START")}\n\n\n${chapters.join("\n\n\n\n")}\n\n\n${marker("END")}\n`,
    );
  }
}
