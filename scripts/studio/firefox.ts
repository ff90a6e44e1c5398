// The studio's main path in Firefox, as far as a driver leads there: a gap filled, a text taken and undone, a reload, a
// model taught two updates with a stop. Playwright drives only a Firefox of its own; what is installed here speaks
// WebDriver BiDi, as Puppeteer does.
import type { Page } from "puppeteer-core";
import { launch } from "../browsers/launch.ts";
import { chord, dropBook, EDITOR, give, manuscript, NAMES, press, textOf, written } from "./by-hand.ts";

/** Of one step; on a machine without a GPU Firefox computes many times more slowly than Chromium does. */
const PATIENCE_MS = 480_000;
const STORY = "Kim sat by the brook with her red ball.\n\nThen it rained, and she ran home.";

export type Report = (what: string, right: boolean, found?: string) => void;

/** Throws Error where the page does not go on. */
export async function checkFirefox(path: string, address: string, report: Report): Promise<void> {
  const browser = await launch("firefox", path, PATIENCE_MS);
  try {
    const page = await browser.newPage();
    await page.evaluateOnNewDocument(NAMES);
    page.setDefaultTimeout(PATIENCE_MS);
    page.on("pageerror", (error) => report("no error in the page", false, String(error)));
    await page.setViewport({ width: 1440, height: 900 });
    await page.goto(address);
    await page.waitForSelector(EDITOR);
    const why = "this Firefox gives no WebGPU adapter here: the page opens and says so";
    if (!(await page.evaluate("navigator.gpu?.requestAdapter().then((adapter) => adapter !== null) ?? false"))) {
      report(why, /WebGPU|graphics card/.test((await textOf(page, "body")) ?? ""));
      return;
    }
    await page.waitForSelector(".dot.ready");
    report(`opens in ${await browser.version()}, the demo model loaded`, true);
    await write(page, report);
    await teach(page, report);
  } finally {
    await Promise.race([browser.close(), new Promise((done) => setTimeout(done, 10_000))]);
    browser.process()?.kill("SIGKILL");
  }
}

async function write(page: Page, report: Report): Promise<void> {
  await page.click(EDITOR);
  await chord(page, "a");
  await page.keyboard.type(STORY);
  report("what is typed stands there", (await manuscript(page)) === STORY, JSON.stringify(await manuscript(page)));
  await page.click(".cm-line:nth-child(2)");
  await chord(page, "Enter");
  await written(page);
  const texts = await page.$$eval(".candidate-text", (all) => all.map((each) => (each as HTMLElement).innerText));
  report("three candidates, each another", new Set(texts).size === 3, texts.join(" | "));
  const filled = STORY.replace("\n\n", `\n\n${texts[0]}\n\n`);
  await press(page, "Take", ".candidate");
  report("a text is taken", (await manuscript(page)) === filled, JSON.stringify(await manuscript(page)));
  await page.focus(EDITOR);
  await chord(page, "z");
  report("one undo takes it out", (await manuscript(page)) === STORY);
  await chord(page, "y");
  report("redo brings it back", (await manuscript(page)) === filled);
  await page.waitForFunction("document.querySelector('.saved')?.textContent === 'Saved on this device'");
  await page.reload();
  await page.waitForFunction("document.querySelector('.cm-content')?.innerText.includes('Kim')");
  report("a reload loses nothing", (await manuscript(page)) === filled);
  await page.focus(EDITOR);
  await chord(page, "z");
  report("and undo goes on behind it", (await manuscript(page)) === STORY);
  const cards = await page.$$eval(".candidate", (all) => all.length);
  report("with the gap and its suggestions", cards === 3, `${cards} cards`);
}

const UPDATES = 2;

async function teach(page: Page, report: Report): Promise<void> {
  const steps = "document.querySelector('[data-steps]')?.dataset.steps";
  await page.evaluate("location.hash = '#/teach/new'");
  await page.waitForSelector(".drop-zone");
  await dropBook(page);
  await page.waitForSelector(".triple");
  report("a book's passages are shown", true, (await textOf(page, ".account summary")) ?? "");
  await page.evaluate("[...document.querySelectorAll('form details')].forEach((each) => (each.open = true))");
  await give(page, "Stop after so many updates", String(UPDATES));
  await give(page, "Updates between two looks", "1");
  await give(page, "Passages an update", "1");
  await press(page, "Start");
  // Three gaps are filled, and all that training needs is compiled, before the first update.
  const came = await page.waitForFunction(`${steps}?.split(" ").includes("1")`).catch((error: Error) => error);
  if (came instanceof Error) {
    const alert = await textOf(page, "[role=alert]");
    report(`no update in ${PATIENCE_MS / 60_000} minutes: this machine is too slow to tell more`, !alert, alert);
    return;
  }
  await page.reload();
  await page.waitForSelector("[data-steps]");
  await page.waitForFunction("document.querySelector('.saved') || /Done/.test(document.body.innerText)");
  report("a run's first update is kept over a reload", true, (await textOf(page, ".state")) ?? "");
  if (await page.$(".saved")) await press(page, "Go on");
  await page.waitForFunction("/Done/.test(document.querySelector('.state')?.innerText)");
  const curve = await page.evaluate<[], () => string | undefined>(
    () => document.querySelector<HTMLElement>("[data-steps]")?.dataset.steps,
  );
  report("and it goes on to its end", curve === "1 2", curve);
}
