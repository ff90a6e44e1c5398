// npm run check:studio: the built site in Chromium, with WebGPU on a software adapter, as a writer uses it: a gap
// filled, candidates pinned, changed, taken and undone, a reload, files in and out, a lost device; two tabs, undo over
// a reload, a novel's length; a book taught, with a stop, to the same bytes; a text looked into. No request leaves the
// page, and axe-core finds nothing to mend on any screen, light and dark. --screenshots FOLDER keeps pictures of every
// screen at three widths, in both languages. Words on the command line choose checks by their names; "pictures" none.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { runCli } from "../src/cli/shared/run.ts";
import { findBrowser, notInstalled } from "./browsers/launch.ts";
import type { BrowserName } from "./browsers/launch.ts";
import { checkEveryone, takePictures } from "./studio/everyone.ts";
import { checkFiles } from "./studio/files.ts";
import { checkFirefox } from "./studio/firefox.ts";
import type { Report } from "./studio/firefox.ts";
import { checkKilled } from "./studio/killed.ts";
import { checkLooking } from "./studio/look.ts";
import { checkModels } from "./studio/models.ts";
import { checkNovel } from "./studio/novel.ts";
import { checkSafety } from "./studio/safe.ts";
import { buildStudio, openChromium, serveStudio } from "./studio/site.ts";
import { checkTeaching } from "./studio/teach.ts";
import { print, Visit } from "./studio/visit.ts";
import { checkWriting } from "./studio/write.ts";

/** By the screen or the matter that each looks at. */
const CHECKS: Readonly<Record<string, (visit: Visit) => Promise<void>>> = {
  write: checkWriting,
  safe: checkSafety,
  files: checkFiles,
  novel: checkNovel,
  teach: checkTeaching,
  models: checkModels,
  look: checkLooking,
  everyone: checkEveryone,
};

/** In a browser of their own, by its path and the site's address. */
const OTHER_CHECKS: Readonly<Record<string, readonly [BrowserName, OwnCheck]>> = {
  killed: ["chromium", checkKilled],
  firefox: ["firefox", checkFirefox],
};
type OwnCheck = (path: string, address: string, report: Report) => Promise<void>;

async function inItsOwn(name: string, address: string): Promise<number> {
  const [which, check] = OTHER_CHECKS[name];
  const path = findBrowser(which);
  if (path === undefined) {
    process.stdout.write(`skip  ${notInstalled(which)}\n`);
    return 0;
  }
  let failed = 0;
  const report: Report = (what, right, found = "") => {
    print(name, what, right, found);
    if (!right) failed++;
  };
  await check(path, address, report).catch((error: Error) => report("goes to its end", false, error.message));
  return failed;
}

await runCli(async ({ argv }) => {
  const path = findBrowser("chromium");
  if (path === undefined) {
    process.stdout.write(`skip  ${notInstalled("chromium")}\n`);
    return 0;
  }
  const at = argv.indexOf("--screenshots");
  const folder = at < 0 ? undefined : argv[at + 1];
  const words = argv.filter((word, i) => !word.startsWith("-") && (at < 0 || i !== at + 1));
  const isWanted = (name: string): boolean => words.length === 0 || words.includes(name);
  await buildStudio();
  const site = await serveStudio();
  const browser = await openChromium(path);
  let failed = 0;
  try {
    for (const name of Object.keys(CHECKS).filter(isWanted)) {
      const visit = await Visit.open(browser, site.address, name);
      await visit.attempt(() => CHECKS[name](visit));
      visit.requestsStayed();
      failed += visit.failed;
      await visit.close();
    }
    for (const name of Object.keys(OTHER_CHECKS).filter(isWanted)) failed += await inItsOwn(name, site.address);
    if (folder !== undefined) {
      await mkdir(folder, { recursive: true });
      await takePictures(browser, site.address, (picture) => join(folder, picture));
    }
  } finally {
    await browser.close();
    await site.close();
  }
  process.stdout.write(
    failed === 0 ? "All checks of the studio passed.\n" : `${failed} checks of the studio failed.\n`,
  );
  return failed === 0 ? 0 : 1;
});
