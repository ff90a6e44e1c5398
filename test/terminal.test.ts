// What a terminal shows: no word of the driver before ours, lines measured in columns, colour where it is wanted, and
// one sentence when the system refuses a file or a write. Programs run as processes of their own.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import stringWidth from "string-width";
import { afterAll, describe, expect, it } from "vitest";
import { TextRequested, defineFlags, parseFlags } from "../src/cli/shared/flags.ts";
import { cutToWidth, wrapText } from "../src/cli/shared/format.ts";
import { hasColour } from "../src/cli/shared/style.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "terminal-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a shell line; $NODE runs TypeScript. */
function shell(line: string, env: Record<string, string> = {}): Promise<Ended> {
  const child = spawn("bash", ["-c", line], {
    cwd: root,
    env: { ...process.env, NODE: `${process.execPath} --import tsx`, ...env },
  });
  return new Promise((resolve) => {
    let out = "";
    let err = "";
    child.stdout.on("data", (data) => (out += data));
    child.stderr.on("data", (data) => (err += data));
    child.on("close", (code) => resolve({ code, out, err }));
  });
}

/** A program as text for `$NODE -e`: writes on descriptor 2 as native code would, in and outside a quiet call. */
const CHATTER = `
  import { writeSync } from "node:fs";
  import { quietCalls } from "./src/gpu/driver-output.ts";
  const quietly = await quietCalls();
  process.stderr.write("before ");
  const { value, said } = quietly(() => (writeSync(2, "Warning: reduced\\\\n"), 42));
  process.stderr.write("after ");
  try { quietly(() => { writeSync(2, "lost"); throw new Error("thrown"); }); }
  catch (error) { process.stderr.write(error.message); }
  process.stdout.write("[" + value + " " + said + "]");
`;
const inProgram = (body: string): string => `$NODE --input-type=module -e '${body.replaceAll("'", "'\\''")}'`;

describe.skipIf(process.platform === "win32")("the driver's own output", () => {
  const run = inProgram(CHATTER.replaceAll("\\\\n", "\\n"));

  it("is kept apart on a pipe, and handed over", async () => {
    expect(await shell(run)).toEqual({ code: 0, out: "[42 Warning: reduced]", err: "before after thrown" });
  });

  it("leaves a log shared with stdout and the shell in order", async () => {
    const log = join(folder, "log");
    await shell(`(echo first; ${run}; echo last) > ${log} 2>&1`);
    expect(readFileSync(log, "utf8")).toBe("first\nbefore after thrown[42 Warning: reduced]last\n");
  });

  it("cannot be moved when no file may be opened, and nothing breaks", async () => {
    const { code, err } = await shell(
      inProgram(
        CHATTER.replaceAll("\\\\n", " ").replace(
          "const quietly = await quietCalls();",
          `const quietly = await quietCalls();
           const { openSync } = await import("node:fs");
           try { for (;;) openSync("/dev/null", "r"); } catch {}`,
        ),
      ).replace("$NODE", "ulimit -n 256; $NODE"),
    );
    expect([code, err]).toEqual([0, "before Warning: reduced after lostthrown"]);
  });

  it("does not stand before the first line of a program", async () => {
    const env = { GPT2_WEBGPU_ADAPTER: "" }; // all drivers of the machine are asked, which is when Dawn complains
    const { code, err } = await shell(
      inProgram(`
        import { requestDevice } from "./src/gpu/device.ts";
        const device = await requestDevice();
        process.stderr.write(device.description);
        process.exit(0);
      `),
      env,
    );
    expect(code).toBe(0);
    expect(err).toMatch(/^[^\n]+$/);
    expect(err).not.toMatch(/Warning|reduced/);
  });
});

describe.skipIf(process.platform !== "linux")("what the system refuses", () => {
  const program = (body: string): string =>
    inProgram(`import { runCli } from "./src/cli/shared/run.ts"; await runCli(async ({ signal }) => { ${body} });`);

  it("a full disk behind stdout is one sentence, and the program may still save", async () => {
    const body =
      `process.stdout.write("text\\n"); await new Promise((next) => setTimeout(next, 20)); ` +
      `process.stderr.write(signal.aborted ? "saving\\n" : "");`;
    const { code, err } = await shell(`${program(body)} > /dev/full`);
    expect([code, err]).toEqual([
      1,
      "Error: Cannot write to stdout: No space is left on the disk; make room and run again.\nsaving\n",
    ]);
  });

  it("help for a full disk too", async () => {
    const { code, err } = await shell("$NODE src/generate.ts --help > /dev/full");
    expect([code, err]).toEqual([1, expect.stringMatching(/^Error: Cannot write to stdout: [^\n]*\n$/)]);
  });

  it.each([
    ["EMFILE", /^Error: Too many files are open: .*ulimit -n 1024\)\.\n$/],
    ["ENOSPC", /^Error: No space is left on the disk; .*\(x\)\.\n$/],
    ["EACCES", /^Error: Access is denied; .*\(x\)\.\n$/],
    ["ESRCH", /\n\s+at /], // a fault of the program keeps its stack
  ])("%s", async (code, message) => {
    const file = code === "EMFILE" ? "" : ', path: "x"';
    const thrown =
      `throw new Error("outer", { cause: Object.assign(new Error("raw"), { code: "${code}", syscall: ` +
      `"open"${file} }) });`;
    const ended = await shell(program(thrown));
    expect(ended.code).toBe(1);
    expect(ended.err).toMatch(message);
  });

  it("a message is cut, and steers no terminal", async () => {
    const { err } = await shell(
      `$NODE --input-type=module -e 'import { runCli } from "./src/cli/shared/run.ts"; import { UserError } from ` +
        `"./src/errors.ts"; await runCli(async () => { throw new UserError("\\x1b[2J" + "x".repeat(1e6)); });'`,
    );
    expect(err).toMatch(/^Error: \\u001b\[2Jx+\.\.\.\n$/);
    expect(err.length).toBeLessThan(5000);
  });

  it("64 open files are enough to open a device", async () => {
    const { code, err } = await shell(
      `ulimit -n 64; ${inProgram(`
        import { requestDevice } from "./src/gpu/device.ts";
        await requestDevice();
        process.exit(0);
      `)}`,
    );
    expect([code, err]).toEqual([0, ""]);
  });
});

describe("--version", () => {
  it("is known to every program", () => {
    const flags = defineFlags({ x: { type: "bool", group: "X", help: "X." } });
    for (const argv of [["--version"], ["--x", "--version"]])
      expect(() => parseFlags({ command: "x", summary: "x", flags }, argv)).toThrow(
        new TextRequested(
          `gpt2-webgpu ${(JSON.parse(readFileSync("package.json", "utf8")) as { version: string }).version}\n`,
        ),
      );
  });
});

describe("colour", () => {
  it.each([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: "1" }, false],
    [true, { NO_COLOR: "" }, true],
    [true, { TERM: "dumb" }, false],
    [false, { FORCE_COLOR: "1" }, true],
    [false, { FORCE_COLOR: "true" }, true],
    [true, { FORCE_COLOR: "0" }, false],
    [true, { FORCE_COLOR: "false" }, false],
    [false, { FORCE_COLOR: "" }, false],
    [false, { FORCE_COLOR: "3", NO_COLOR: "1" }, true],
  ])("on a terminal: %s, with %j: %s", (isTTY, env, wanted) => expect(hasColour({ isTTY }, env)).toBe(wanted));
});

describe("lines of a terminal", () => {
  const widest = (text: string): number => Math.max(...text.split("\n").map((line) => stringWidth(line)));

  it.each([
    ["Chinese", "春天的早晨，两个朋友走在小溪边。他们听到了悲伤的叫声：“妈妈在哪里？”"],
    ["Japanese", "むかしむかし、あるところに「おじいさん」とおばあさんが住んでいました。"],
    ["Thai", "กาลครั้งหนึ่งนานมาแล้วมีตุ่นตัวหนึ่งอาศัยอยู่ในหมู่บ้านใกล้ป่า"],
    ["emoji", "👩‍🚀🚀🌍🎉🧑🏽‍🌾🐇🦊🐢🎻🌲🌳🌧️👩‍🚀🚀🌍🎉"],
    ["accents", "Éste e\u0301s un cu\u0301ento de la nin\u0303a que perdio\u0301 su jardi\u0301n"],
  ])("hold %s", (_name, text) => {
    for (const width of [12, 20, 33, 80]) {
      const wrapped = wrapText(text, width, "│ ");
      expect(widest(wrapped)).toBeLessThanOrEqual(width);
      expect(wrapped.replaceAll(/\n?│ /g, "").replaceAll(" ", "")).toBe(text.replaceAll(" ", "")); // nothing is lost
    }
    if (stringWidth(text) > 24) expect(wrapText(text, 20).split("\n").length).toBeLessThan(stringWidth(text) / 10 + 2);
  });

  it("begin with no closing mark", () => {
    const wrapped = wrapText("一二三四五六七八九，十。「一二三」", 10);
    expect(wrapped).not.toMatch(/^[，。」]/m);
    expect(wrapped).not.toMatch(/「$/m);
  });

  it("keep words whole, and joined graphemes (property)", () => {
    const word = fc.stringMatching(/^[a-zé]{1,9}$/u);
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), fc.integer({ min: 10, max: 60 }), (words, width) => {
        const wrapped = wrapText(words.join(" "), width);
        expect(wrapped.split(/\s/)).toEqual(words);
        expect(widest(wrapped)).toBeLessThanOrEqual(width);
        for (const [i, line] of wrapped.split("\n").entries()) {
          const next = wrapped.split("\n")[i + 1]?.split(" ", 1)[0];
          if (next !== undefined) expect(stringWidth(line) + 1 + stringWidth(next)).toBeGreaterThan(width); // full
        }
      }),
    );
  });

  it("are cut between graphemes", () => {
    expect(cutToWidth("ab👩‍🚀c", 3)).toBe("ab");
    expect(cutToWidth("ab👩‍🚀c", 4)).toBe("ab👩‍🚀");
    expect(cutToWidth("e\u0301e\u0301", 1)).toBe("e\u0301");
    expect(cutToWidth("日本語", 5)).toBe("日本");
  });

  it("of help fit any terminal", async () => {
    for (const columns of [30, 48, 72, 200]) {
      const { out } = await shell(
        inProgram(`
          Object.assign(process.stdout, { isTTY: true, columns: ${columns} });
          const { helpText } = await import("./src/cli/shared/flags.ts");
          const { TRAIN } = await import("./src/cli/train/flags.ts");
          process.stdout.write(helpText(TRAIN));
        `),
        { NO_COLOR: "1" },
      );
      const lines = out.split("\n").slice(1); // without "Usage: npx tsx src/train.ts [flags]"
      const broken = lines.filter((line) => stringWidth(line) > Math.min(columns, 100));
      // Only what has no space to break at may be longer: the name of a flag, a path.
      expect(broken.filter((line) => /\S \S/.test(line.trim().replace(/^(--\S+) (<.*>|\S+)( \\)?$/, "$1")))).toEqual(
        [],
      );
    }
  });
});
