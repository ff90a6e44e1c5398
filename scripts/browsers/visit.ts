// What check-browsers.ts does with a browser: a page of the packed package, whose texts and losses must be Node's, in
// the page and in a worker. What is seen is told as it comes, with the seconds that it took.
import type { Page } from "puppeteer-core";
import type { DoctorReport } from "../../src/entries/doctor.ts";
import type { DemoResult } from "../portable-demo.ts";
import { visitExamples } from "./examples.ts";
import { failIn } from "./failures.ts";
import type { EngineResult } from "./portable-engine.ts";
import type { ReadmeGap } from "./readme-gap.ts";
import type { StorageResult, WorkerResult } from "./results.ts";

const LOSS_TOLERANCE = 1e-5;
/** Between frames, while a worker works. */
const LONGEST_GAP_MS = 50;

/** In the page two show that it can be done; in a worker, where shaders are the same, all that there is time for. */
const KERNELS_IN_PAGE = ["add", "gelu"];
/** They take longest on software adapters, and so come last. */
const LONG_KERNELS = ["layernorm", "cross-entropy", "embedding", "attention-decode", "matvec", "matmul", "attention"];
/** After this no further kernel is begun: on a software adapter the longest takes minutes. A GPU is done in seconds. */
const KERNELS_MS = 30_000;

/** What Node makes of the same: what pages must make, too. */
export interface Wanted {
  readonly demo: DemoResult;
  readonly engine: EngineResult;
  readonly readme: ReadmeGap;
}

export interface Task {
  /** Of the site. */
  readonly address: string;
  readonly wanted: Wanted;
  /** Where the package lies, to visit the pages of examples/ with it. */
  readonly examples?: string;
  /** Of one call: a page that does not answer for so long is left. */
  readonly patienceMs: number;
  readonly print: (line: string) => void;
}

/** A row of the matrix: what was tried, and how it went. */
type Row = readonly [what: string, found: string];
export interface Seen {
  readonly browser: string;
  readonly rows: readonly Row[];
  readonly failed: number;
}

/** `cell`: what the matrix says of what is right; default "yes". */
export type Report = (what: string, right: boolean, found: string, cell?: string) => void;

class Visit {
  readonly rows: Row[] = [];
  failed = 0;
  private readonly page: Page;
  private readonly task: Task;
  private readonly browser: string;
  private since = performance.now();

  constructor(page: Page, task: Task, browser: string) {
    this.page = page;
    this.task = task;
    this.browser = browser;
  }

  readonly report: Report = (what, right, found, cell = "yes") => {
    this.tell(right ? "ok" : "FAIL", `${what}${found ? `: ${found}` : ""}`);
    this.rows.push([what, right ? cell : "no"]);
    if (!right) this.failed++;
  };

  skip(why: string): void {
    this.tell("skip", why);
  }

  /** What `name` of page.ts answers, asked with the demo model's address and `rest`. */
  call<R>(name: string, ...rest: readonly unknown[]): Promise<R> {
    const argv = ['location.origin + "/package/weights/demo"', ...rest.map((each) => JSON.stringify(each))];
    return this.page.evaluate(`${name}(${argv.join()})`) as Promise<R>;
  }

  same(where: string, found: EngineResult | DemoResult, wanted: EngineResult | DemoResult): void {
    this.report(`text in a ${where}`, textsOf(found) === textsOf(wanted), textsOf(found));
    const near =
      found.losses.length === 5 && found.losses.every((x, i) => Math.abs(x - wanted.losses[i]) <= LOSS_TOLERANCE);
    const said = near ? "" : `${found.losses.join()}, Node's ${wanted.losses.join()}`;
    this.report(`training in a ${where}`, near, said);
  }

  private tell(how: string, what: string): void {
    const seconds = ((performance.now() - this.since) / 1000).toFixed(1);
    this.since = performance.now();
    this.task.print(`${how.padEnd(5)} ${this.browser.padEnd(22)} ${seconds.padStart(6)} s  ${what}`);
  }
}

const textsOf = (of: EngineResult | DemoResult): string => JSON.stringify("half" in of ? [of.text, of.half] : of.text);

/** Throws Error where the page cannot be opened at all. */
export async function visit(page: Page, task: Task, browser: string): Promise<Seen> {
  const { address, wanted, examples, patienceMs } = task;
  const seen = new Visit(page, task, browser);
  await page.goto(address, { timeout: patienceMs });
  if (!(await page.evaluate("navigator.gpu?.requestAdapter().then((adapter) => adapter !== null)"))) {
    seen.skip("no WebGPU adapter here");
    return { browser, rows: [["WebGPU", "no adapter here"]], failed: 0 };
  }
  await page.waitForFunction("globalThis.runDemo !== undefined", { timeout: patienceMs });
  const steps: readonly (readonly [what: string, act: () => Promise<void>])[] = [
    ["text in a page", async () => seen.same("page", await seen.call<DemoResult>("runDemo"), wanted.demo)],
    ["the README's paragraph in a page", () => readmeParagraph(seen, wanted.readme)],
    ["text in a worker", () => inWorker(seen, wanted.engine)],
    ["kernels in a page", () => kernels(seen, page, "page")],
    ["kernels in a worker", () => kernels(seen, page, "worker")],
    ["a worker that is terminated", () => terminated(seen)],
    ["storage (OPFS)", () => storage(seen)],
    ["what fails says so", () => failIn(page, seen)],
    ...(examples
      ? [["examples/", () => visitExamples(page.browser(), examples, patienceMs, seen.report)] as const]
      : []),
  ];
  for (const [i, [what, act]] of steps.entries()) {
    const error = await act().catch((reason: Error) => reason);
    if (!(error instanceof Error)) continue;
    seen.report(what, false, error.message.split("\n")[0]);
    if (error.name !== "ProtocolError" && error.name !== "TimeoutError") continue;
    const left = steps.slice(i + 1).map(([each]) => each);
    if (left.length > 0) seen.skip(`the page does not answer any more; left: ${left.join(", ")}`);
    break;
  }
  return { browser, rows: seen.rows, failed: seen.failed };
}

async function readmeParagraph(seen: Visit, { request, text }: ReadmeGap): Promise<void> {
  const found = await seen.call<string>("fillGap", request);
  seen.report("the README's paragraph in a page", found === text, JSON.stringify(found));
}

async function inWorker(seen: Visit, wanted: EngineResult): Promise<void> {
  let found = await seen.call<WorkerResult>("inWorker");
  seen.same("worker", found, wanted);
  // A busy machine stalls a page that does nothing, too: then this is none of ours.
  for (let again = 0; again < 2 && found.busyGapMs >= LONGEST_GAP_MS; again++) found = await seen.call("inWorker");
  const { busyGapMs, idleGapMs } = found;
  const gaps = `${busyGapMs.toFixed(0)} ms between frames at most`;
  const said = `${gaps}, ${idleGapMs.toFixed(0)} when idle`;
  const isBusy = idleGapMs >= LONGEST_GAP_MS / 2 && busyGapMs >= LONGEST_GAP_MS;
  if (isBusy) seen.skip(`drawing while a worker works: this machine stalls, ${said}`);
  else seen.report("drawing while a worker works", busyGapMs < LONGEST_GAP_MS, said, gaps);
}

async function kernels(seen: Visit, page: Page, where: "page" | "worker"): Promise<void> {
  const all = (await page.evaluate("kernelNames()")) as string[];
  const names = where === "page" ? KERNELS_IN_PAGE : inOrder(all);
  const started = performance.now();
  const problems: string[] = [];
  const left: string[] = [];
  let checks = 0;
  for (const name of names) {
    if (performance.now() - started > KERNELS_MS) {
      left.push(name);
      continue;
    }
    const found = (await page.evaluate(`kernel("${where}", ${JSON.stringify(name)})`)) as DoctorReport;
    checks += found.passed;
    problems.push(...found.problems, ...failuresOf(found));
  }
  const right = problems.length === 0 && checks > 0;
  const said = `${names.length - left.length} of ${all.length}, ${checks} checks`;
  seen.report(`kernels in a ${where}`, right, right ? said : problems.join("\n      "), said);
  if (left.length > 0) seen.skip(`after ${KERNELS_MS / 1000} s of kernels: ${left.join(", ")}`);
}

const inOrder = (names: readonly string[]): string[] => [
  ...names.filter((name) => !LONG_KERNELS.includes(name)),
  ...LONG_KERNELS.filter((name) => names.includes(name)),
];

const failuresOf = ({ checks }: DoctorReport): string[] =>
  checks.flatMap(({ kernel, failures }) => failures.map(({ name, message }) => `${kernel}, ${name}: ${message}`));

async function terminated(seen: Visit): Promise<void> {
  const said = await seen.call<string[]>("terminated");
  const right = said.every((each) => /^UserError: The engine's worker has ended: connect/.test(each));
  seen.report("a worker that is terminated", right, right ? "" : said.join(" | "));
}

async function storage(seen: Visit): Promise<void> {
  const { opfs, came } = await seen.call<StorageResult>("storage");
  const right = opfs === "2,3,4 of 10, b.txt, then none" && came[0] > 2e6 && came[1] === 0;
  seen.report("storage (OPFS)", right, `${opfs}; ${came.join(", then ")} bytes came`);
}
