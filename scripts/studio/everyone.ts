// Every screen, for everyone: axe-core finds nothing, light and dark, wide and narrow; French where the browser is
// French; and pictures for whoever wants to look.
import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { fromStudio } from "./site.ts";
import { makeRun } from "./made-run.ts";
import { Visit } from "./visit.ts";

const SCREENS = ["write", "teach", "models", "look"] as const;
const FULL = ["run", "inside"] as const;
const WIDTHS = [390, 820, 1440] as const;
const SCHEMES = ["light", "dark"] as const;
const LANGUAGES = ["en", "fr"] as const;
/** What opens a text in Look inside, in each of them. */
const LOOK_AT = /Look at this text|Regarder ce texte/;

async function speak(page: Page, language: (typeof LANGUAGES)[number]): Promise<void> {
  await page.locator(".settings select").first().selectOption(language);
  await page.waitForFunction(`document.documentElement.lang === "${language}"`);
}

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string }[];
}

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(fromStudio.resolve("axe-core/axe.min.js"), "utf8"));
  const { violations: found } = await page.evaluate<{ violations: readonly Violation[] }>("axe.run()");
  return found.map(({ id, help, nodes }) => `${id} (${help}): ${nodes[0].html.slice(0, 120)}`);
}

const SETTLED_MS = 200;
/** Up to this width Write shows one of its parts at a time. */
const ONE_VIEW_PX = 900;

/** Names of what can be pressed in the bars above a screen and reaches beyond the page's edge. */
const cutOff = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>(":is(.shell > header, .toolbar, .views) :is(button, select, a)")]
      .filter((each) => each.getBoundingClientRect().right > innerWidth)
      .map((each) => each.innerText || (each.getAttribute("aria-label") ?? "")),
  );

async function show(page: Page, screen: string): Promise<void> {
  await page.evaluate(`location.hash = "#/${screen}"`);
  await page.locator("main h1").waitFor({ state: "attached" });
  await page.waitForTimeout(400);
}

/** A screen with something on it: a run with its curve and its gaps, a text that was looked into. */
async function showFull(visit: Visit, screen: (typeof FULL)[number]): Promise<void> {
  const { page } = visit;
  await show(page, screen === "run" ? "teach/made-run" : "look");
  if (screen === "run") await page.locator(".curve canvas").waitFor();
  else if ((await page.locator(".piece").count()) === 0) {
    await visit.button(LOOK_AT).click();
    await page.waitForSelector(".piece");
  }
}

export async function checkEveryone(visit: Visit): Promise<void> {
  const { page } = visit;
  await visit.ready();
  await visit.goToLine(1);
  await page.keyboard.press("ControlOrMeta+Enter");
  await visit.written();
  await page.locator(".more summary").click();
  await makeRun(page);
  await eachScreen(visit, async ({ name, width }) => {
    const found = await violations(page);
    visit.report(`axe: ${name}`, found.length === 0, found.join("; "));
    const wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
    visit.report(`nothing is wider than the page: ${name}`, Number(wide) <= 0, wide === 0 ? "" : `${wide} of ${width}`);
    visit.same(`no button of the frame is cut off: ${name}`, await cutOff(page), []);
  });
  await page.setViewportSize({ width: 1440, height: 900 });
  await speak(page, "en");
  await show(page, "write");
  await page.keyboard.press("Tab");
  visit.same(
    "the first Tab leads past the frame",
    await page.evaluate("document.activeElement.textContent !== ''"),
    true,
  );
  await byKeyboard(visit);
  await withoutMotion(visit);
  await page.getByLabel("Language").first().selectOption("fr");
  visit.same("the page is French where it is asked for", await page.evaluate("document.documentElement.lang"), "fr");
  await visit.button(/^Remplir/).waitFor();
}

interface Seen {
  readonly width: number;
  /** "write-fr-390-dark-wishes" */
  readonly name: string;
}

/** Every screen, in both languages, at each width, light and dark. */
async function eachScreen(visit: Visit, act: (seen: Seen) => Promise<unknown>): Promise<void> {
  const { page } = visit;
  for (const language of LANGUAGES) {
    await speak(page, language);
    for (const screen of [...SCREENS, ...FULL]) {
      if (screen === "run" || screen === "inside") await showFull(visit, screen);
      else await show(page, screen);
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: width < 500 ? 844 : 900 });
        for (const colorScheme of SCHEMES) {
          await page.emulateMedia({ colorScheme });
          await page.waitForTimeout(SETTLED_MS);
          const name = `${screen}-${language}-${width}-${colorScheme}`;
          await act({ width, name });
          if (screen !== "write" || width > ONE_VIEW_PX) continue;
          for (const [i, view] of ["text", "wishes", "suggestions", "history"].entries()) {
            await page.locator(".views button").nth(i).click();
            await act({ width, name: `${name}-${view}` });
          }
        }
      }
    }
  }
}

/** From the manuscript to a text that is taken, without a pointer. */
async function byKeyboard(visit: Visit): Promise<void> {
  const { page } = visit;
  const before = await visit.text();
  const [first] = await visit.cardTexts();
  await page.locator(".cm-content").focus();
  await page.keyboard.press("ControlOrMeta+Home");
  const isTake = "document.activeElement.textContent.trim() === 'Take'";
  for (let presses = 0; presses < 200 && !(await page.evaluate<boolean>(isTake)); presses++)
    await page.keyboard.press("Tab");
  visit.same("Tab leads from the text to Take", await page.evaluate(isTake), true);
  const ring = await page.evaluate<string>("getComputedStyle(document.activeElement).outlineStyle");
  visit.same("and what has the focus is seen", ring, "solid");
  await page.keyboard.press("Enter");
  const after = await visit.text();
  visit.report("Enter takes the text", after.length > before.length && after.includes(first));
  visit.same(
    "and the focus is in the manuscript",
    await page.evaluate("document.activeElement.classList.contains('cm-content')"),
    true,
  );
  await page.keyboard.press("ControlOrMeta+z");
  visit.same("where undo works", await visit.text(), before);
}

async function withoutMotion(visit: Visit): Promise<void> {
  const { page } = visit;
  const animated =
    "[...document.querySelectorAll('*')].flatMap((each) => each.getAnimations())" +
    ".filter(({ effect }) => effect.getComputedTiming().activeDuration > 50).length";
  await page.emulateMedia({ reducedMotion: "reduce" });
  await visit.goToLine(1);
  await page.keyboard.press("ControlOrMeta+Enter");
  await page.waitForSelector(".caret");
  const moving = await page.evaluate(animated);
  visit.same("nothing moves where motion is not wanted, while it writes", moving, 0);
  await visit.written();
  await page.emulateMedia({ reducedMotion: null });
}

export async function takePictures(browser: Browser, address: string, path: (name: string) => string): Promise<void> {
  const visit = await Visit.open(browser, address, "pictures");
  const { page } = visit;
  await visit.ready();
  await visit.goToLine(1);
  await page.keyboard.press("ControlOrMeta+Enter");
  await visit.written();
  await makeRun(page);
  await eachScreen(visit, ({ name }) => page.screenshot({ path: path(`${name}.png`) }));
  await visit.close();
}
