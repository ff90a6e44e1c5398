// npm run check:studio: the built site in Chromium, with WebGPU on a software adapter, as a writer uses it: a gap
// filled, candidates pinned, changed, taken and undone, a reload, files in and out, a lost device; two tabs, undo over
// a reload, a novel's length; a book taught, with a stop, to the same bytes; a text looked into. No request leaves the
// page, and axe-core finds nothing to mend on any screen, light and dark. --screenshots FOLDER keeps pictures of every
// screen at three widths. Words on the command line choose checks by their names.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { runCli } from "../src/cli/shared/run.ts";
import { findBrowser, notInstalled } from "./browsers/launch.ts";
import { checkEveryone, takePictures } from "./studio/everyone.ts";
import { checkFiles } from "./studio/files.ts";
import { checkLooking } from "./studio/look.ts";
import { checkModels } from "./studio/models.ts";
import { checkNovel } from "./studio/novel.ts";
import { checkSafety } from "./studio/safe.ts";
import { buildStudio, openChromium, serveStudio } from "./studio/site.ts";
import { checkTeaching } from "./studio/teach.ts";
import { Visit } from "./studio/visit.ts";
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

await runCli(async ({ argv }) => {
  const path = findBrowser("chromium");
  if (path === undefined) {
    process.stdout.write(`skip  ${notInstalled("chromium")}\n`);
    return 0;
  }
  const at = argv.indexOf("--screenshots");
  const folder = at < 0 ? undefined : argv[at + 1];
  const chosen = argv.filter((word, i) => Object.hasOwn(CHECKS, word) && (at < 0 || i !== at + 1));
  const names = Object.keys(CHECKS).filter((name) => chosen.length === 0 || chosen.includes(name));
  await buildStudio();
  const site = await serveStudio();
  const browser = await openChromium(path);
  let failed = 0;
  try {
    for (const name of names) {
      const visit = await Visit.open(browser, site.address, name);
      await visit.attempt(() => CHECKS[name](visit));
      visit.requestsStayed();
      failed += visit.failed;
      await visit.close();
    }
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
