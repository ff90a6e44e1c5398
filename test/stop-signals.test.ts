// The command tsx kills a program that does not answer a signal within 60 ms. Ours, which compute for longer, hear
// every signal nevertheless and end by themselves. The program here computes for 300 ms at a time.
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "stop-signals-"));
afterAll(() => rmSync(folder, { recursive: true }));

const ours = (path: string): string => pathToFileURL(join(root, "src/cli/shared", path)).href;
const program = join(folder, "busy.mts");
writeFileSync(
  program,
  `import "${ours("beside-tsx.ts")}";
   import { runCli } from "${ours("run.ts")}";
   const compute = () => { for (const end = performance.now() + 300; performance.now() < end; ); };
   await runCli(async ({ signal }) => {
     process.stdout.write("begun below " + process.ppid + "\\n");
     while (!signal.aborted) { compute(); await new Promise((next) => setImmediate(next)); }
     for (let i = 0; i < (process.argv[2] ?? 1); i++) { compute(); await new Promise((next) => setImmediate(next)); }
     process.stdout.write("saved\\n");
   });`,
);
const tsx = [process.execPath, join(root, "node_modules/tsx/dist/cli.mjs"), program];

/** Runs it, does `act` once it computes, and waits until its output is closed: until every process of it has ended. */
function run(
  [command, ...args]: readonly string[],
  act: (child: ChildProcess, said: string) => void,
): Promise<{ code: number | null; said: string }> {
  const child = spawn(command, args, { cwd: root, stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  child.stdout.on("data", (data) => {
    const begun = said.includes("begun");
    said += data;
    if (!begun && said.includes("begun")) setTimeout(act, 100, child, said);
  });
  child.stderr.on("data", (data) => (said += data));
  return new Promise((done) => {
    child.on("close", (code) => done({ code, said }));
  });
}

const aboveOf = (said: string): number => Number(/begun below (\d+)/.exec(said)![1]);

describe.skipIf(process.platform === "win32")("a program below the command tsx, told to stop", () => {
  it("by a signal to tsx", async () => {
    const ended = await run(tsx, (child) => child.kill("SIGTERM"));
    expect(ended.said).toContain("saved");
    expect(ended.code).toBe(143);
  });

  it("by one to the process above it alone", async () => {
    const ended = await run(tsx, (_child, said) => process.kill(aboveOf(said), "SIGHUP"));
    expect(ended.said).toContain("saved");
    expect(ended.code).toBe(129);
  });

  it("at once by a second signal to tsx, which is none within a second of the first", async () => {
    const started: number[] = [];
    const ended = await run([...tsx, "30"], (child) => {
      started.push(performance.now());
      for (const after of [0, 300, 1500]) setTimeout(() => child.kill("SIGTERM"), after);
    });
    const seconds = (performance.now() - started[0]) / 1000;
    expect(ended.said).not.toContain("saved");
    expect(ended.code).toBe(143);
    expect(seconds).toBeGreaterThan(1.5);
  });

  it("when the process above it was killed", async () => {
    const ended = await run(tsx, (_child, said) => process.kill(aboveOf(said), "SIGKILL"));
    expect(ended.said).toContain("saved");
  });

  const hasTerminals = spawnSync("script", ["-qec", "true", "/dev/null"]).status === 0;
  it.runIf(hasTerminals)("by Ctrl-C on a terminal, which all of its processes hear", async () => {
    const ended = await run(["script", "-qefc", tsx.join(" "), "/dev/null"], (child) => child.stdin!.write("\x03"));
    expect(ended.said).toContain("Stopping");
    expect(ended.said).toContain("saved");
    expect(ended.code).toBe(130);
  });
});
