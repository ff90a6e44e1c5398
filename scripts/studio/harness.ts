// The built studio in Chromium: its site served from here, a page with WebGPU on a software adapter, what is reported,
// and pictures of it at every width, light and dark.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "puppeteer-core";
import { preview } from "vite";
import { findBrowser, launch, notInstalled } from "../browsers/launch.ts";
import { UserError } from "../../src/errors.ts";
import { ROOT } from "../package/build-js.ts";

const PATIENCE_MS = 300_000;
const WIDTHS = [390, 820, 1440];

export interface Studio {
  readonly page: Page;
  /** Of the site, with a slash at its end. */
  readonly address: string;
  readonly report: (what: string, isRight: boolean, found?: string) => void;
  /** The page as it is by axe-core, in both colours, and pictures of it where a folder for them was named. */
  readonly look: (name: string) => Promise<void>;
}
export type Check = (studio: Studio) => Promise<void>;

/** Runs them one after the other, each in a fresh profile; how many things were wrong. */
export async function inStudio(checks: Readonly<Record<string, Check>>, shotsFolder?: string): Promise<number> {
  const chromium = findBrowser("chromium");
  if (!chromium) throw new UserError(notInstalled("chromium"));
  const server = await preview({
    root: join(ROOT, "studio"),
    logLevel: "error",
    preview: { port: 0, host: "127.0.0.1" },
  });
  const address = server.resolvedUrls!.local[0]!;
  let failed = 0;
  try {
    for (const [name, check] of Object.entries(checks)) {
      const browser = await launch("chromium", chromium, PATIENCE_MS);
      const report = (what: string, isRight: boolean, found = ""): void => {
        process.stdout.write(`${isRight ? "ok   " : "FAIL "} ${name}: ${what}${found && ` (${found})`}\n`);
        if (!isRight) failed++;
      };
      try {
        const page = await browser.newPage();
        page.setDefaultTimeout(PATIENCE_MS);
        page.on("pageerror", (error) => report("no error in the page", false, (error as Error).message));
        const look = async (what: string): Promise<void> => {
          const wrong = await violations(page);
          report(`axe-core finds nothing wrong with ${what}`, wrong.length === 0, wrong.join("; "));
          if (shotsFolder !== undefined) await pictures(page, join(shotsFolder, what));
        };
        await check({ page, address, report, look });
      } catch (error) {
        report("came to its end", false, (error as Error).message.split("\n")[0]);
      } finally {
        await browser.close();
      }
    }
  } finally {
    await server.close();
  }
  return failed;
}

/** What axe-core finds wrong, light and dark, each rule with the first place. */
async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => "axe" in globalThis)))
    await page.addScriptTag({ path: join(ROOT, "studio", "node_modules", "axe-core", "axe.min.js") });
  const found: string[] = [];
  for (const colors of ["light", "dark"]) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: colors }]);
    found.push(
      ...(await page.evaluate(async () => {
        interface Result {
          readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[];
        }
        const { axe } = globalThis as unknown as { axe: { run(): Promise<Result> } };
        return (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html.slice(0, 120)}`);
      })),
    );
  }
  return [...new Set(found)];
}

async function pictures(page: Page, path: string): Promise<void> {
  await mkdir(join(path, ".."), { recursive: true });
  for (const colors of ["light", "dark"]) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: colors }]);
    for (const width of WIDTHS) {
      await page.setViewport({ width, height: 900 });
      await page.screenshot({ path: `${path}-${width}-${colors}.png` as `${string}.png` });
    }
  }
  await page.setViewport({ width: 1280, height: 900 });
}
