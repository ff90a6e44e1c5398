// The browser is killed, all of its processes at once, while one types, while it writes and while it learns: what the
// page had called saved is there when it is opened again, and what was under way goes on.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "puppeteer-core";
import { launch } from "../browsers/launch.ts";
import { chord, dropBook, EDITOR, give, manuscript, NAMES, press, textOf, written } from "./by-hand.ts";
import type { Report } from "./firefox.ts";

const PATIENCE_MS = 240_000;
const STORY = "Kim sat by the brook with her red ball.\n\nThen it rained, and she ran home.";
const MORE = " Nobody saw her go, and nobody asked.";
const SAVED = "document.querySelector('.saved')?.textContent === 'Saved on this device'";

interface Opened {
  readonly browser: Browser;
  readonly page: Page;
}

/** Throws Error where the page does not go on. `path`: of Chromium. */
export async function checkKilled(path: string, address: string, report: Report): Promise<void> {
  const profile = await mkdtemp(join(tmpdir(), "studio-killed-"));
  let opened: Opened | undefined;
  const open = async (): Promise<Page> => {
    const browser = await launch("chromium", path, PATIENCE_MS, profile);
    const page = await browser.newPage();
    await page.evaluateOnNewDocument(NAMES);
    page.setDefaultTimeout(PATIENCE_MS);
    await page.setViewport({ width: 1440, height: 900 });
    await page.goto(address);
    opened = { browser, page };
    return page;
  };
  const kill = async (): Promise<void> => {
    const { browser } = opened!;
    const child = browser.process()!;
    const gone = new Promise((done) => child.once("exit", done));
    process.kill(-child.pid!, "SIGKILL"); // Puppeteer starts it as the first of a group of its own
    await gone;
    opened = undefined;
  };
  try {
    await typing(await open(), report, kill);
    const before = await writing(await open(), report, kill);
    await learning(await open(), before, report, kill);
    await goneOn(await open(), report);
  } finally {
    if (opened) await kill();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** What stood on the page when it was killed: of the first suggestion, and the manuscript. */
interface Before {
  readonly seen: string;
  readonly text: string;
}

async function typing(page: Page, report: Report, kill: () => Promise<void>): Promise<void> {
  await page.waitForSelector(EDITOR);
  await page.click(EDITOR);
  await chord(page, "a");
  await page.keyboard.type(STORY);
  await page.waitForFunction(SAVED);
  report("what is typed is saved", (await manuscript(page)) === STORY);
  await page.keyboard.type(MORE); // in the midst of its saves
  await kill();
}

async function writing(page: Page, report: Report, kill: () => Promise<void>): Promise<Before> {
  await page.waitForFunction("document.querySelector('.cm-content')?.innerText.includes('Kim')");
  const text = await manuscript(page);
  const kept = text.length - STORY.length;
  report(
    "killed while one types: what was saved is there, and what was typed since up to some key",
    text.startsWith(STORY) && (STORY + MORE).startsWith(text),
    `${kept} of the last ${MORE.length} letters`,
  );
  await page.waitForSelector(".dot.ready");
  await page.click(".cm-line:nth-child(2)");
  await chord(page, "Enter");
  await page.waitForFunction("document.querySelectorAll('.caret').length > 0");
  // What grows is on the disk every second.
  await page.waitForFunction("/\\w{2}/.test(document.querySelector('.candidate-text')?.innerText)");
  const seen = (await textOf(page, ".candidate-text"))!;
  await new Promise((done) => setTimeout(done, 1500));
  await kill();
  return { seen, text };
}

const UPDATES = 3;

async function learning(page: Page, before: Before, report: Report, kill: () => Promise<void>): Promise<void> {
  await page.waitForFunction("document.querySelector('.candidate')");
  const texts = await page.$$eval(".candidate-text", (all) => all.map((each) => (each as HTMLElement).innerText));
  report(
    "killed while it writes: what was written so far is there, beside its gap",
    texts.some((each) => each.startsWith(before.seen)) && (await page.$(".gap-place")) !== null,
    texts.join(" | "),
  );
  report("and the manuscript as it was", (await manuscript(page)) === before.text);
  await page.waitForSelector(".dot.ready");
  await press(page, "More suggestions");
  await written(page);
  report("and more can be written for it", true);
  await page.evaluate("location.hash = '#/teach/new'");
  await page.waitForSelector(".drop-zone");
  await dropBook(page);
  await page.waitForSelector(".triple");
  await page.evaluate("[...document.querySelectorAll('form details')].forEach((each) => (each.open = true))");
  await give(page, "Stop after so many updates", String(UPDATES));
  await give(page, "Updates between two looks", "2");
  await give(page, "Passages an update", "1");
  await press(page, "Start");
  await page.waitForFunction("document.querySelector('[data-steps]')?.dataset.steps.split(' ').includes('3')");
  await kill();
}

async function goneOn(page: Page, report: Report): Promise<void> {
  await page.evaluate("location.hash = '#/teach'");
  await (await page.waitForSelector(".runs a"))!.click();
  await page.waitForSelector(".saved");
  const saved = (await textOf(page, "p.saved")) ?? "";
  report("killed while it learns: the page says where it was saved", /at update [23]/.test(saved), saved);
  await press(page, "Go on");
  await page.waitForFunction("/Done/.test(document.querySelector('.state')?.innerText)");
  const steps = await page.$eval("[data-steps]", (each) => (each as HTMLElement).dataset.steps);
  report("and it goes on to its end", steps === "1 2 3", steps);
}
