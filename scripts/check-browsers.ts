// npm run check:browsers: the packed package in pages of Chromium and Firefox, by its addresses alone, no bundler
// between: the demo's text must be Node's to the letter and five training losses Node's within 1e-5, in the page and in
// a worker; the page must go on drawing while the worker works; and what a page keeps must come once. A browser that is
// not installed, or has no WebGPU adapter, is skipped by name. Names on the command line choose browsers;
// --write_matrix puts what was seen into the README's table.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Page } from "puppeteer-core";
import { runCli } from "../src/cli/shared/run.ts";
import type { DoctorReport } from "../src/entries/doctor.ts";
import { connectEngine, serveEngine } from "../src/entries/worker.ts";
import type { EngineEndpoint } from "../src/entries/worker.ts";
import { BROWSERS, findBrowser, launch, notInstalled } from "./browsers/launch.ts";
import type { BrowserName } from "./browsers/launch.ts";
import type { StorageResult, WorkerResult } from "./browsers/page.ts";
import { visitExamples } from "./browsers/examples.ts";
import { runEngine } from "./browsers/portable-engine.ts";
import type { EngineResult } from "./browsers/portable-engine.ts";
import { readmeGap } from "./browsers/readme-gap.ts";
import type { ReadmeGap } from "./browsers/readme-gap.ts";
import { serve } from "./browsers/serve.ts";
import { ROOT } from "./package/build-js.ts";
import { runDemo } from "./portable-demo.ts";
import type { DemoResult } from "./portable-demo.ts";

const LOSS_TOLERANCE = 1e-5;
/** Of one call, on a busy machine: a page that hangs ends the check. */
const PATIENCE_MS = 240_000;
/** Between frames, while a worker works. */
const LONGEST_GAP_MS = 50;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** What Node makes of the same: what pages must make, too. */
interface Wanted {
  readonly demo: DemoResult;
  readonly engine: EngineResult;
  readonly readme: ReadmeGap;
}

/** In the page two show that it can be done; in a worker, where shaders are the same, all that there is time for. */
const KERNELS_IN_PAGE = ["add", "gelu"];
/** They take longest on software adapters, and so come last. */
const LONG_KERNELS = ["layernorm", "cross-entropy", "embedding", "attention-decode", "matvec", "matmul", "attention"];
const inOrder = (names: readonly string[]): string[] => [
  ...names.filter((name) => !LONG_KERNELS.includes(name)),
  ...LONG_KERNELS.filter((name) => names.includes(name)),
];
/**
 * After this no further kernel is begun: the longest takes minutes on a software adapter. On a GPU all take seconds.
 */
const KERNELS_MS = 60_000;
const failuresOf = ({ checks }: DoctorReport): string[] =>
  checks.flatMap(({ kernel, failures }) => failures.map(({ name, message }) => `${kernel}, ${name}: ${message}`));

interface Task {
  /** Of the site. */
  readonly address: string;
  readonly wanted: Wanted;
  /** Where the package lies, to visit the pages of examples/ with it. */
  readonly examples?: string;
}

/** A row of the matrix: what was tried, and how it went. */
type Row = readonly [what: string, found: string];
interface Seen {
  readonly browser: string;
  readonly rows: readonly Row[];
  readonly failed: number;
}

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

async function check(page: Page, { address, wanted, examples }: Task, browser: string): Promise<Seen> {
  const rows: Row[] = [];
  let failed = 0;
  const report = (what: string, right: boolean, found: string, cell = "yes"): void => {
    print(`${right ? "ok   " : "FAIL "} ${browser.padEnd(22)} ${what}${found ? `: ${found}` : ""}`);
    rows.push([what, right ? cell : "no"]);
    if (!right) failed++;
  };
  const attempt = async (what: string, act: () => Promise<void>): Promise<void> =>
    act().catch((error: Error) => report(what, false, error.message.split("\n")[0]));
  const call = <R>(name: string, ...rest: unknown[]): Promise<R> => {
    const argv = ['location.origin + "/package/weights/demo"', ...rest.map((each) => JSON.stringify(each))];
    return page.evaluate(`${name}(${argv.join()})`) as Promise<R>;
  };

  const same = (where: string, found: EngineResult | DemoResult, expected: EngineResult | DemoResult): void => {
    const textsOf = (of: EngineResult | DemoResult): string =>
      JSON.stringify("half" in of ? [of.text, of.half] : of.text);
    report(`text in a ${where}`, textsOf(found) === textsOf(expected), textsOf(found));
    const near =
      found.losses.length === 5 && found.losses.every((x, i) => Math.abs(x - expected.losses[i]) <= LOSS_TOLERANCE);
    report(`training in a ${where}`, near, near ? "" : `${found.losses.join()}, Node's ${expected.losses.join()}`);
  };
  await page.goto(address, { timeout: PATIENCE_MS });
  const adapter = "navigator.gpu?.requestAdapter().then((adapter) => adapter !== null)";
  if (!(await page.evaluate(adapter))) {
    print(`skip  ${browser} offers no WebGPU adapter here.`);
    return { browser, rows: [["WebGPU", "no adapter here"]], failed };
  }
  await page.waitForFunction("globalThis.runDemo !== undefined", { timeout: PATIENCE_MS });
  await attempt("text in a page", async () => same("page", await call<DemoResult>("runDemo"), wanted.demo));
  await attempt("the README's paragraph in a page", async () => {
    const text = await call<string>("fillGap", wanted.readme.request);
    report("the README's paragraph in a page", text === wanted.readme.text, JSON.stringify(text));
  });
  await attempt("text in a worker", async () => {
    let found = await call<WorkerResult>("inWorker");
    same("worker", found, wanted.engine);
    // A busy machine stalls a page that does nothing, too: then this is none of ours.
    for (let again = 0; again < 2 && found.busyGapMs >= LONGEST_GAP_MS; again++) found = await call("inWorker");
    const { busyGapMs, idleGapMs } = found;
    const said = `${busyGapMs.toFixed(0)} ms between frames at most, ${idleGapMs.toFixed(0)} when idle`;
    const stalls = idleGapMs >= LONGEST_GAP_MS / 2;
    if (stalls && busyGapMs >= LONGEST_GAP_MS) print(`skip  ${browser.padEnd(22)} this machine stalls: ${said}`);
    else
      report(
        "drawing while a worker works",
        busyGapMs < LONGEST_GAP_MS,
        said,
        `${busyGapMs.toFixed(0)} ms between frames at most`,
      );
  });
  for (const where of ["page", "worker"] as const)
    await attempt(`kernels in a ${where}`, async () => {
      const names = where === "page" ? KERNELS_IN_PAGE : inOrder((await page.evaluate("kernelNames()")) as string[]);
      const started = performance.now();
      const problems: string[] = [];
      const left: string[] = [];
      let checks = 0;
      for (const name of names) {
        if (performance.now() - started > KERNELS_MS) left.push(name);
        else {
          const one = page.evaluate(`kernel(${JSON.stringify(where)}, ${JSON.stringify(name)})`);
          const found = (await one) as DoctorReport;
          checks += found.passed;
          problems.push(...found.problems, ...failuresOf(found));
        }
      }
      const right = problems.length === 0 && checks > 0;
      const said = `${names.length - left.length} of ${names.length}, ${checks} checks`;
      report(`kernels in a ${where}`, right, right ? said : problems.join("\n      "), said);
      if (left.length > 0)
        print(`skip  ${browser.padEnd(22)} after ${KERNELS_MS / 1000} s of kernels: ${left.join(", ")}`);
    });
  await attempt("a worker that is terminated", async () => {
    const said = await call<string[]>("terminated");
    const right = said.every((each) => /^UserError: The engine's worker has ended: connect/.test(each));
    report("a worker that is terminated", right, right ? "" : said.join(" | "));
  });
  await attempt("storage (OPFS)", async () => {
    const { opfs, came } = await call<StorageResult>("storage");
    const right = opfs === "2,3,4 of 10, b.txt, then none" && came[0] > 2e6 && came[1] === 0;
    report("storage (OPFS)", right, `${opfs}; ${came.join(", then ")} bytes came`);
  });
  if (examples === undefined) print(`skip  ${browser.padEnd(22)} examples/: they are visited by the first browser`);
  else await visitExamples(page.browser(), examples, PATIENCE_MS, report);
  return { browser, rows, failed };
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
    return await check(page, task, version.replace("/", " "));
  } finally {
    await Promise.race([browser.close(), new Promise((done) => setTimeout(done, 10_000))]);
    browser.process()?.kill("SIGKILL");
  }
}

const MATRIX = /(<!-- browsers -->\n)[^]*?(<!-- \/browsers -->)/;

async function writeMatrix(seen: readonly Seen[]): Promise<void> {
  const file = join(ROOT, "README.md");
  const whats = [...new Set(seen.flatMap(({ rows }) => rows.map(([what]) => what)))];
  const cell = ({ rows }: Seen, what: string): string => rows.find(([each]) => each === what)?.[1] ?? "not seen";
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
      const seen: Seen[] = [];
      for (const name of names) {
        const examples = seen.length === 0 ? packageFolder : undefined;
        const found = await tryBrowser(name, { address: site.address, wanted, examples });
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
