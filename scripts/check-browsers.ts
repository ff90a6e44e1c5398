// npm run check:browsers: the packed package in pages of Chromium and Firefox, by its addresses alone, no bundler
// between: the demo's text must be Node's to the letter, the README's paragraph what stands there, and five training
// losses Node's within 1e-5, in the page and in a worker; the page must go on drawing while the worker works; what a
// page keeps must come once; what fails must say so. The first browser visits the pages of examples/ besides, by Vite's
// development server. A browser that is not installed, or has no WebGPU adapter, is skipped by name. Names on the
// command line choose browsers; --write_matrix puts what was seen into the README's table.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { runCli } from "../src/cli/shared/run.ts";
import { connectEngine, serveEngine } from "../src/entries/worker.ts";
import type { EngineEndpoint } from "../src/entries/worker.ts";
import { BROWSERS, findBrowser, launch, notInstalled } from "./browsers/launch.ts";
import type { BrowserName } from "./browsers/launch.ts";
import { runEngine } from "./browsers/portable-engine.ts";
import { readmeGap } from "./browsers/readme-gap.ts";
import { serve } from "./browsers/serve.ts";
import { visit } from "./browsers/visit.ts";
import type { Seen, Task, Wanted } from "./browsers/visit.ts";
import { ROOT } from "./package/build-js.ts";
import { runDemo } from "./portable-demo.ts";

/** Of one call, on a busy machine: a page that hangs ends the check. */
const PATIENCE_MS = 480_000;
const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function inNode(): Promise<Wanted> {
  const weights = join(ROOT, "weights", "demo");
  const { port1, port2 } = new MessageChannel();
  serveEngine(port2 as unknown as EngineEndpoint);
  const engine = connectEngine(port1 as unknown as EngineEndpoint);
  try {
    const readme = readmeGap(await readFile(join(ROOT, "README.md"), "utf8"));
    return { demo: await runDemo(weights), engine: await runEngine(engine, weights), readme };
  } finally {
    await engine.dispose();
    port1.close();
  }
}

async function unpacked(folder: string): Promise<string> {
  const run = (command: string, ...argv: string[]) =>
    promisify(execFile)(command, argv, { cwd: ROOT, maxBuffer: 1e8, timeout: PATIENCE_MS, killSignal: "SIGKILL" });
  await run("npm", "run", "build");
  const { stdout } = await run("npm", "pack", "--json", "--ignore-scripts", "--pack-destination", folder);
  await run("tar", "-xzf", join(folder, /[\w.-]+\.tgz/.exec(stdout)![0]), "-C", folder);
  return join(folder, "package");
}

/** undefined where it is skipped. */
async function tryBrowser(which: BrowserName, task: Task): Promise<Seen | undefined> {
  const path = findBrowser(which);
  if (path === undefined) {
    print(`skip  ${notInstalled(which)}`);
    return undefined;
  }
  const browser = await launch(which, path, PATIENCE_MS).catch((error: Error) => error);
  if (browser instanceof Error) {
    print(`FAIL  ${BROWSERS[which].name} cannot be started: ${browser.message.split("\n")[0]}`);
    return { browser: BROWSERS[which].name, rows: [], failed: 1 };
  }
  try {
    const version = (await browser.version())
      .replace(/^(?:Headless)?Chrome/, "Chromium")
      .replace(/^firefox/i, "Firefox");
    const page = await browser.newPage();
    page.on("pageerror", (error) => print(`page  ${String(error)}`));
    return await visit(page, task, version.replace("/", " "));
  } finally {
    await Promise.race([browser.close(), new Promise((done) => setTimeout(done, 10_000))]);
    browser.process()?.kill("SIGKILL");
  }
}

const MATRIX = /(<!-- browsers -->\n)[^]*?(<!-- \/browsers -->)/;

async function writeMatrix(seen: readonly Seen[]): Promise<void> {
  const file = join(ROOT, "README.md");
  const whats = [...new Set(seen.flatMap(({ rows }) => rows.map(([what]) => what)))];
  const cell = ({ rows }: Seen, what: string): string => rows.find(([each]) => each === what)?.[1] ?? "not tried";
  const lines = [
    ["", ...seen.map(({ browser }) => browser)],
    ["---", ...seen.map(() => "---")],
    ...whats.map((what) => [what, ...seen.map((each) => cell(each, what))]),
  ];
  const table = lines.map((cells) => `| ${cells.join(" | ")} |\n`).join("");
  const readme = await readFile(file, "utf8");
  if (!MATRIX.test(readme)) throw new Error("README.md has no place for the table of browsers");
  await writeFile(
    file,
    readme.replace(MATRIX, (_all, begin: string, end: string) => `${begin}${table}${end}`),
  );
}

await runCli(async ({ argv }) => {
  const names = (Object.keys(BROWSERS) as BrowserName[]).filter(
    (name) => argv.every((word) => word.startsWith("-")) || argv.includes(name),
  );
  const folder = await mkdtemp(join(tmpdir(), "check-browsers-"));
  try {
    const packageFolder = await unpacked(folder);
    const site = await serve(packageFolder);
    try {
      const wanted = await inNode();
      const task = { address: site.address, wanted, patienceMs: PATIENCE_MS, print };
      const seen: Seen[] = [];
      for (const name of names) {
        const examples = seen.length === 0 ? packageFolder : undefined;
        const found = await tryBrowser(name, { ...task, examples });
        if (found) seen.push(found);
      }
      if (argv.includes("--write_matrix")) await writeMatrix(seen);
      const failed = seen.reduce((sum, each) => sum + each.failed, 0);
      print(failed === 0 ? "All checks in browsers passed." : `${failed} checks in browsers failed.`);
      return failed === 0 ? 0 : 1;
    } finally {
      await site.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
