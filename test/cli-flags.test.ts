// Command lines: how flags are read and refused, how help looks, how a program ends, and the small texts for people.
import { spawn } from "node:child_process";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, expectTypeOf, it } from "vitest";
import { defineFlags, helpText, HelpRequested, parseFlags } from "../src/cli/shared/flags.ts";
import { flagName } from "../src/cli/shared/flag-table.ts";
import { formatBytes, formatDuration, formatRate, wrapText } from "../src/cli/shared/format.ts";
import { ProgressBar, TrainingProgress } from "../src/cli/shared/progress.ts";
import { UserError } from "../src/errors.ts";

const flags = defineFlags({
  trainDataFile: { type: "string", placeholder: "path", group: "Data", help: "Text to train on." },
  blockSize: { type: "int", min: 1, max: 1024, default: 128, group: "Data", help: "Tokens in an example." },
  numBeams: {
    type: "int",
    min: 1,
    default: 1,
    aliases: ["beam"],
    group: "Search",
    help: "Beams kept at each step. ".repeat(8),
  },
  noRepeatNgramSize: { type: "int", min: 0, default: 0, group: "Search", help: "Forbids repeated n-grams." },
  topP: { type: "float", above: 0, max: 1, default: 1, group: "Search", help: "Nucleus." },
  badWordsIdsAsAVeryLongFlagNameIndeed: { type: "ints", group: "Search", help: "Token ids never chosen." },
  room: { type: "size", unit: "GB", min: 1e6, group: "Data", help: "Memory." },
  shardSize: { type: "size", unit: "bytes", defaultText: "5GB", group: "Data", help: "Bytes a file." },
  schedule: {
    type: "choice",
    choices: ["linear", "cosine"],
    default: "linear",
    group: "Training",
    help: "Shape of the rate.",
  },
  fp16: { type: "bool", group: "Training", help: "Save in half precision." },
  shuffle: { type: "bool", default: true, group: "Training", help: "Shuffle." },
  meta: { type: "pairs", group: "Infilling", help: "Metadata." },
  stop: { type: "list", group: "Infilling", help: "Stop texts." },
});
const program = {
  command: "npx tsx src/train.ts",
  summary: "Trains.",
  flags,
  examples: [{ args: "--beam 4", does: "With four beams." }],
};
const parse = (...argv: string[]) => parseFlags(program, argv);

describe("flags", () => {
  it("have defaults and types", () => {
    const { values, given, positionals } = parse();
    expect(values).toEqual({
      trainDataFile: undefined,
      blockSize: 128,
      numBeams: 1,
      noRepeatNgramSize: 0,
      topP: 1,
      badWordsIdsAsAVeryLongFlagNameIndeed: [],
      schedule: "linear",
      fp16: false,
      shuffle: true,
      meta: new Map(),
      stop: [],
    });
    expect([given.size, positionals.length]).toEqual([0, 0]);
    expectTypeOf(values.trainDataFile).toEqualTypeOf<string | undefined>();
    expectTypeOf(values.blockSize).toEqualTypeOf<number>();
    expectTypeOf(values.schedule).toEqualTypeOf<"linear" | "cosine">();
    expectTypeOf(values.meta).toEqualTypeOf<ReadonlyMap<string, string>>();
  });

  it.each<[string[], Record<string, unknown>]>([
    [["--train_data_file", "a b.txt"], { trainDataFile: "a b.txt" }],
    [["--train-data-file=x=y"], { trainDataFile: "x=y" }],
    [["--train-data_file="], { trainDataFile: "" }],
    [["--train_data_file", "-"], { trainDataFile: "-" }],
    [["--train_data_file", "- said he\n--and"], { trainDataFile: "- said he\n--and" }],
    [["--train_data_file", "--x"], { trainDataFile: "--x" }],
    [["--beam", "4"], { numBeams: 4 }],
    [["--block_size", "1e2"], { blockSize: 100 }],
    [["--no_repeat_ngram_size", "3"], { noRepeatNgramSize: 3 }],
    [["--no-repeat-ngram-size=3"], { noRepeatNgramSize: 3 }],
    [["--top-p", ".5"], { topP: 0.5 }],
    [["--schedule", "cosine"], { schedule: "cosine" }],
    [["--fp16"], { fp16: true }],
    [["--fp16", "True", "--shuffle", "false"], { fp16: true, shuffle: false }],
    [["--fp16=true", "--no-shuffle"], { fp16: true, shuffle: false }],
    [["--no_shuffle", "--beam=2"], { shuffle: false, numBeams: 2 }],
    [
      ["--meta", "length=M", "--meta", "theme=sea = storm"],
      {
        meta: new Map([
          ["length", "M"],
          ["theme", "sea = storm"],
        ]),
      },
    ],
    [["--room", "8", "--shard_size", "7"], { room: 8e9, shardSize: 7 }],
    [["--room=40MB", "--shard-size=1.5 kib"], { room: 40e6, shardSize: 1536 }],
    [["--room", ".5", "--shard_size", "2.TiB"], { room: 5e8, shardSize: 2 ** 41 }],
    [["--meta", "__proto__=x"], { meta: new Map([["__proto__", "x"]]) }],
    [["--stop", "a,b", "--stop=c"], { stop: ["a,b", "c"] }],
    [
      ["--bad_words_ids_as_a_very_long_flag_name_indeed", "1,2", "--bad-words-ids-as-a-very-long-flag-name-indeed=3"],
      { badWordsIdsAsAVeryLongFlagNameIndeed: [1, 2, 3] },
    ],
  ])("%j", (argv, expected) => {
    const { values, given } = parse(...argv);
    expect(values).toMatchObject(expected);
    expect([...given].sort()).toEqual(Object.keys(expected).sort());
  });

  it("tell a value given as the default from one left out", () => {
    expect(parse("--block_size", "128").given).toEqual(new Set(["blockSize"]));
  });

  it.each<[string[], RegExp]>([
    [["--blok-size", "3"], /^Unknown flag --blok-size; did you mean --block_size\? --help lists all flags\.$/],
    [["--blok_size=3"], /^Unknown flag --blok_size; did you mean --block_size\?/],
    [["--zzzzzz"], /^Unknown flag --zzzzzz\. --help lists all flags\.$/],
    [["-q"], /^Unknown flag -q\./],
    [["--no_block_size"], /^Unknown flag --no_block_size; did you mean/],
    [["--block_size"], /^--block_size needs a value: a whole number from 1 to 1024\.$/],
    [["--block_size", "--fp16"], /^--block_size needs a value: .*, but --fp16 follows/],
    [["--block_size", "0"], /^--block_size is "0", expected a whole number from 1 to 1024\.$/],
    [["--block_size", "1.5"], /is "1.5", expected a whole number/],
    [["--block_size", "0x10"], /is "0x10", expected a whole number/],
    [["--block_size", ""], /is "", expected a whole number/],
    [["--block_size", "9007199254740993"], /expected a whole number/],
    [["--beam", "-1"], /^--num_beams is "-1", expected a whole number of at least 1\.$/],
    [["--top_p", "0"], /^--top_p is "0", expected a number above 0 and at most 1\.$/],
    [["--top_p", "NaN"], /is "NaN", expected a number/],
    [["--top_p", "1e999"], /expected a number/],
    [
      ["--room", "40 parsecs"],
      /^--room is "40 parsecs", expected a size of at least 1\.0 MB such as 5GB, .*2GiB \(a number alone is in GB\)\.$/,
    ],
    [["--room", "40kB"], /^--room is "40kB", expected a size of at least 1\.0 MB/],
    [["--room"], /^--room needs a value: a size of at least 1\.0 MB such as/],
    [["--shard_size", "0.5"], /^--shard_size is "0.5", expected a size such as .* \(a number alone is in bytes\)\.$/],
    [["--shard_size", "99999999TB"], /expected a size/],
    [["--shard_size", "-1GB"], /expected a size/],
    [["--shard_size", "GB"], /expected a size/],
    [["--shard_size", "5 G"], /expected a size/],
    [["--schedule", "quad"], /^--schedule is "quad", expected one of linear, cosine\.$/],
    [["--fp16=maybe"], /^--fp16 is "maybe", expected true or false\.$/],
    [["--no_fp16=true"], /^--no_fp16 takes no value/],
    [["--block_size", "3", "--block-size=4"], /^--block_size is given twice \(3 and 4\); give it once\.$/],
    [["--block_size", "128", "--block_size", "128"], /given twice/],
    [["--fp16", "--no_fp16"], /^--fp16 is given twice/],
    [["--meta", "x"], /^--meta is "x", expected key=value\.$/],
    [["--meta", "=x"], /expected key=value/],
    [["--meta", "a=1", "--meta", "a=2"], /^--meta gives a twice \(1 and 2\)/],
    [["--bad_words_ids_as_a_very_long_flag_name_indeed", "1,,2"], /expected whole numbers separated by commas/],
    [["book.txt"], /^Unexpected argument "book.txt"/],
  ])("refuse %j", (argv, message) => {
    expect(() => parse(...argv)).toThrow(UserError);
    expect(() => parse(...argv)).toThrow(message);
  });

  it("leave arguments where a program takes them", () => {
    const { values, positionals } = parseFlags({ ...program, positionals: { name: "BOOK", help: "Books." } }, [
      "a.txt",
      "--fp16",
      "b.txt",
      "--",
      "--c",
    ]);
    expect([values.fp16, positionals]).toEqual([true, ["a.txt", "b.txt", "--c"]]);
  });

  it("carry any text and any spelling (property)", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        fc.integer({ min: 1, max: 1024 }),
        fc.infiniteStream(fc.boolean()),
        (text, size, dashes) => {
          const spell = (name: string) =>
            name.slice(0, 2) + name.slice(2).replace(/_/g, (mark) => (dashes.next().value ? "-" : mark));
          const { values } = parse(`${spell("--train_data_file")}=${text}`, spell("--block_size"), String(size));
          expect([values.trainDataFile, values.blockSize]).toEqual([text, size]);
        },
      ),
    );
  });

  it("are named in snake case", () =>
    expect(["numBeams", "p1", "topP", "fp16"].map(flagName)).toEqual(["--num_beams", "--p1", "--top_p", "--fp16"]));
});

describe("help", () => {
  it.each([["--help"], ["-h"], ["--fp16", "--help"]])("is asked for by %s %s", (...argv) => {
    expect(() => parse(...argv)).toThrow(HelpRequested);
  });

  it("shows every flag once, with range, choices, default and aliases, in 100 columns", () => {
    const text = helpText(program);
    for (const key of Object.keys(flags))
      expect(
        text.split("\n").filter((line) => line.startsWith(`  ${flagName(key)}`)),
        key,
      ).toHaveLength(1);
    for (const part of [
      "Data:\n",
      "from 1 to 1024; default: 128",
      "above 0 and at most 1; default: 1",
      "linear | cosine; default: linear",
      "2GiB; a number alone is in GB",
      "2GiB; a number alone is in bytes;",
      "also --beam",
      "default: on; --no_shuffle turns it off",
      "<path>",
      "Examples:\n  With four beams.\n    npx tsx src/train.ts --beam 4\n",
    ])
      expect(text).toContain(part);
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(text).not.toMatch(/\n\n\n|\s\n\n$/);
  });
});

describe("a program", () => {
  const root = fileURLToPath(new URL("..", import.meta.url));

  /** Runs the body of a main() in a process of its own; `onOutput` may act on it once it has written something. */
  function run(
    body: string,
    onOutput?: (child: ReturnType<typeof spawn>) => void,
  ): Promise<{ code: number | null; out: string; err: string }> {
    const code = `import { runCli } from "./src/cli/shared/run.ts"; import { UserError } from "./src/errors.ts";
      import { HelpRequested } from "./src/cli/shared/flags.ts";
      void UserError; void HelpRequested; await runCli(async ({ argv, signal }) => { ${body} });`;
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], { cwd: root });
    return new Promise((resolve) => {
      let out = "",
        err = "";
      child.stdout.once("data", () => onOutput?.(child)).on("data", (data) => (out += data));
      child.stderr.on("data", (data) => (err += data));
      child.on("close", (exit) => resolve({ code: exit, out, err }));
    });
  }

  it.each([
    [
      "ends although a timer is live, with all output out",
      'setInterval(() => {}, 1000); process.stdout.write("x".repeat(300_000));',
      0,
      /^x{300000}$/,
      /^$/,
    ],
    [
      "prints a user's mistake without a stack",
      'throw new UserError("No file x.");',
      1,
      /^$/,
      /^Error: No file x\.\n$/,
    ],
    ["prints its own mistake with a stack", 'throw new TypeError("oops");', 1, /^$/, /TypeError: oops\n\s+at /],
    ["prints help on stdout", 'throw new HelpRequested("usage\\n");', 0, /^usage\n$/, /^$/],
    ["returns its exit code", "return 3;", 3, /^$/, /^$/],
  ])("%s", async (_name, body, code, out, err) => {
    const ended = await run(body);
    expect(ended.code).toBe(code);
    expect(ended.out).toMatch(out);
    expect(ended.err).toMatch(err);
  });

  const untilStopped =
    'console.log("begun"); await new Promise((done) => { const t = setInterval(() => {}, 50); ' +
    'signal.addEventListener("abort", () => { clearInterval(t); done(); }); });';

  it("stops cleanly on the first Ctrl-C and says so", async () => {
    const { code, out, err } = await run(`${untilStopped} console.log("saved");`, (child) => child.kill("SIGINT"));
    expect([code, out]).toEqual([130, "begun\nsaved\n"]);
    expect(err).toContain("press Ctrl-C again");
  });

  it("stops at once on the second Ctrl-C, which is none when it comes within a second of the first", async () => {
    const { code, out } = await run(
      'signal.addEventListener("abort", () => console.log("aborted")); setTimeout(() => console.log("alive"), 800); ' +
        'setInterval(() => {}, 50); console.log("begun"); await new Promise(() => {});',
      (child) => {
        child.kill("SIGINT");
        child.stdout!.once("data", () => {
          child.kill("SIGINT");
          setTimeout(() => child.kill("SIGINT"), 1500);
        });
      },
    );
    expect([code, out]).toEqual([130, "begun\naborted\nalive\n"]);
  });

  it("takes an aborted operation as stopped, not as an error", async () => {
    const { code, err } = await run(`${untilStopped} signal.throwIfAborted();`, (child) => child.kill("SIGTERM"));
    expect([code, err]).toEqual([143, ""]);
  });

  it("stops when the reader of stdout goes away", async () => {
    const { code, err } = await run(
      'while (!signal.aborted) { console.log("line"); await new Promise((next) => setTimeout(next, 1)); }',
      (child) => child.stdout!.destroy(),
    );
    expect([code, err]).toEqual([141, ""]);
  });
});

describe("progress", () => {
  function sink(tty: boolean): Writable & { text: string } {
    const stream = Object.assign(
      new Writable({
        write(chunk, _encoding, done) {
          stream.text += String(chunk);
          done();
        },
      }),
      { text: "", isTTY: tty, columns: 90 },
    );
    return stream;
  }

  it("is a few plain lines where there is no terminal", () => {
    const stream = sink(false);
    const progress = new TrainingProgress({ totalSteps: 100, stream, lineSeconds: 3600 });
    for (let step = 1; step <= 100; step++)
      progress.step(step, { tokens: 64, loss: step === 50 ? 2.5 : undefined, learningRate: 5e-5 });
    progress.log("saved");
    progress.stop();
    const lines = stream.text.trimEnd().split("\n");
    expect(lines).toHaveLength(3);
    expect(lines[0]).toBe("train 1% · 1/100 steps · lr 5.0e-5");
    expect(lines[1]).toMatch(/^train 100% · 100\/100 steps · loss 2\.5000 · lr 5\.0e-5 · [\d.]+[kM]? tokens\/s$/);
    expect(lines[2]).toBe("saved");
  });

  it("tells of a training run all that is known", () => {
    const stream = sink(false);
    const progress = new TrainingProgress({ totalSteps: 4, stream, lineSeconds: 0 });
    progress.step(1, { tokens: 64, learningRate: 5e-5 });
    const known = { tokens: 64, loss: 2.5, learningRate: 5e-5, gradNorm: 0.51234, memory: 3.04e9 };
    progress.step(2, known);
    progress.step(3, { ...known, loss: undefined });
    const rest = / · [\d.]+ s left · loss 2\.5000 · lr 5\.0e-5 · norm 0\.512 · [\d.]+[kM]? tokens\/s · 3\.0 GB$/;
    const [first, ...others] = stream.text.trimEnd().split("\n");
    expect(first).toBe("train 25% · 1/4 steps · lr 5.0e-5");
    expect(others).toHaveLength(2);
    for (const line of others) expect(line).toMatch(rest);
  });

  it("leaves the bar out where the words need its room, then the least of them, whole", () => {
    const stream = sink(true);
    const progress = new TrainingProgress({ totalSteps: 10_000, stream });
    const metrics = { tokens: 64, loss: 2.5, learningRate: 5e-5, gradNorm: 0.5, memory: 3e9 };
    progress.step(1234, metrics);
    progress.step(1235, metrics);
    progress.stop();
    const line = stream.text
      .split("\u001b[")
      .map((part) => part.replace(/^\d+[A-Z]/, ""))
      .findLast((part) => part.startsWith("train"))!;
    expect(line).toMatch(/^train 12% · 1235\/10000 steps · .* left · loss 2\.5000 · lr 5\.0e-5 · norm 0\.500$/);
    expect(line.length).toBeLessThan(90);
  });

  it("is a bar on a terminal, and stops redrawing", async () => {
    const stream = sink(true);
    const progress = new ProgressBar({ label: "read", unit: "files", total: 4, stream });
    progress.update(2, "b.txt");
    progress.log("a.txt is empty");
    progress.stop();
    const { text } = stream;
    expect(text).toMatch(/read █{5}░{5} 50% · 2\/4 files · b\.txt/);
    expect(text).toContain("a.txt is empty\n");
    await new Promise((later) => setTimeout(later, 300));
    expect(stream.text).toBe(text);
  });
});

describe("format", () => {
  it("bytes", () =>
    expect([0, 999, 1000, 123456, 999_600, 5.5e9].map(formatBytes)).toEqual([
      "0 B",
      "999 B",
      "1.0 kB",
      "123 kB",
      "1.0 MB",
      "5.5 GB",
    ]));
  it("durations", () =>
    expect([0.84, 9.96, 59.6, 185, 3599.7, 7800, 360_000, Infinity, -1].map(formatDuration)).toEqual([
      "0.8 s",
      "10 s",
      "1 min 00 s",
      "3 min 05 s",
      "1 h 00 min",
      "2 h 10 min",
      "4 d 4 h",
      "-",
      "-",
    ]));
  it("rates", () =>
    expect([0.123, 8.26, 512.4, 8321, 1.5e6].map(formatRate)).toEqual(["0.12", "8.3", "512", "8.32k", "1.50M"]));
  it("wraps at spaces, keeps line breaks and long words", () => {
    expect(wrapText("one two three four\n\nfive", 24, "  ")).toBe("  one two three four\n\n  five");
    expect(wrapText("aaaa bbbb cccc dddd eeee", 20)).toBe("aaaa bbbb cccc dddd\neeee");
    expect(wrapText("x".repeat(30), 20)).toBe("x".repeat(30));
  });
});
