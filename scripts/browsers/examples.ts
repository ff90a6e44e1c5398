// The pages of examples/ as their developer sees them: served by Vite's development server, in a project that has the
// packed package installed, filled in and submitted like a visitor.
import { cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Browser, Page } from "puppeteer-core";
import { createServer } from "vite";
import { ROOT } from "../package/build-js.ts";

/** Throws Error where something is wrong; what it returns is shown. */
type Visit = (page: Page) => Promise<string>;

/** The text of a gap, seen as it grew: an error that the page shows in its place does not grow. */
const fillsGap: Visit = async (page) => {
  await page.waitForSelector("button[name=write]:enabled");
  await page.evaluate(`
    globalThis.seen = [];
    const output = document.querySelector("output[name=text]");
    const observer = new MutationObserver(() => seen.push(output.value));
    observer.observe(output, { childList: true, characterData: true, subtree: true });
  `);
  await page.click("button[name=write]");
  await page.waitForSelector("button[name=write]:enabled");
  const seen = ((await page.evaluate("seen")) as string[]).filter((text) => text !== "");
  const grew = seen.filter(
    (text, i) => i > 0 && text.length > seen[i - 1].length && text.startsWith(seen[i - 1].trimEnd()),
  );
  if (grew.length < 3) throw new Error(`the text did not grow: ${JSON.stringify(seen.slice(-3))}`);
  return JSON.stringify(seen.at(-1));
};

const fineTunes: Visit = async (page) => {
  await page.waitForSelector("button[name=train]:enabled");
  await page.click("button[name=train]");
  await page.waitForSelector("button[name=train]:enabled");
  const [said, text] = (await page.evaluate(
    '["losses", "text"].map((name) => document.querySelector(`output[name=${name}]`).value)',
  )) as [string, string];
  const losses = said.replace(/^.*: /, "").split(", ").map(Number);
  if (!(losses.length === 5 && losses[4] < losses[0] / 2 && /^Before: .+\nAfter: .+/s.test(text)))
    throw new Error(`wanted five losses, the last less than half the first, and two texts; found ${said}; ${text}`);
  return `losses ${losses.map((loss) => loss.toFixed(2)).join(" ")}`;
};

const PAGES: Readonly<Record<string, Visit>> = { page: fillsGap, worker: fillsGap, "fine-tune": fineTunes };

/**
 * Visits each example with `browser`, the package being unpacked at `packageFolder`; `report` hears how it went.
 * `patienceMs`: of one step of a visit.
 */
export async function visitExamples(
  browser: Browser,
  packageFolder: string,
  patienceMs: number,
  report: (what: string, right: boolean, found: string) => void,
): Promise<void> {
  const project = await mkdtemp(join(tmpdir(), "check-examples-"));
  try {
    const installed = join(project, "node_modules", "gpt2-webgpu");
    await mkdir(dirname(installed));
    await symlink(packageFolder, installed);
    await cp(join(ROOT, "examples"), join(project, "examples"), { recursive: true });
    for (const [name, visit] of Object.entries(PAGES)) {
      const said = await visitOne(browser, join(project, "examples", name), patienceMs, visit).catch(
        (error: Error) => error,
      );
      const right = typeof said === "string";
      report(`examples/${name}, by Vite's development server`, right, right ? said : said.message.split("\n")[0]);
    }
  } finally {
    await rm(project, { recursive: true, force: true });
  }
}

async function visitOne(browser: Browser, root: string, patienceMs: number, visit: Visit): Promise<string> {
  const server = await createServer({
    root,
    configFile: join(root, "vite.config.mjs"),
    cacheDir: join(root, ".vite"),
    logLevel: "error",
    server: { port: 0, host: "127.0.0.1", fs: { strict: false } },
  });
  const page = await browser.newPage();
  try {
    await server.listen();
    const wrong: string[] = [];
    page.on("pageerror", (error) => wrong.push(String(error)));
    page.setDefaultTimeout(patienceMs);
    await page.goto(server.resolvedUrls!.local[0]);
    const said = await visit(page);
    if (wrong.length > 0) throw new Error(wrong[0]);
    return said;
  } finally {
    await page.close();
    await server.close();
  }
}
