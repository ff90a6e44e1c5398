// Look inside in Chromium, on the built site: a text piece by piece, by keyboard too, beams, and the whole page of it.
import type { Check } from "./harness.ts";

const PATIENCE = { timeout: 240_000 };
const TEXTS = ["Kim sat by the brook.", "She sang a song to the mole.", "Then it rained and they went home."];

export const checkLook: Check = async ({ page, address, report, look }) => {
  await page.goto(`${address}#/look`);
  await page.waitForSelector("textarea", PATIENCE);
  for (const [number, area] of (await page.$$("textarea")).entries()) await area.type(TEXTS[number]!);
  await page.waitForSelector("button[type=submit]:not(:disabled)", PATIENCE);
  await page.click("button[type=submit]");
  await page.waitForSelector(".piece", PATIENCE);
  const pieces = (): Promise<string[]> => page.$$eval(".piece", (all) => all.map((each) => each.textContent ?? ""));
  const text = (await pieces()).join("").trim();
  report("the text as it was given, piece by piece", text === TEXTS[1], text);
  const chosen = (): Promise<string> => page.$eval(".piece[aria-selected=true]", (each) => each.textContent ?? "");
  await page.focus(".piece[aria-selected=true]");
  await page.keyboard.press("ArrowRight");
  report("arrow keys go from piece to piece", (await chosen()) === (await pieces())[1], await chosen());
  const alternatives = await page.$$eval(".alternatives li", (all) => all.length);
  report("ten alternatives", alternatives === 10, String(alternatives));
  const looked = await page.$$eval(".given", (all) =>
    Math.max(...all.map((each) => Number(each.style.getPropertyValue("--a")))),
  );
  report("what was looked at", looked === 1, String(looked));
  await look("look-text");
  await page.$$eval("form button", (all) => all.at(-1)!.click());
  await page.waitForFunction("document.querySelectorAll('.look [aria-pressed]').length === 2", PATIENCE);
  report("two texts that were weighed", true);
  await page.click(".whole summary");
  const frame = await (await page.waitForSelector("iframe", PATIENCE))!.contentFrame();
  await frame.waitForSelector(".forest", PATIENCE);
  report("the whole page, beams and all", true);
  await look("look-beams");
};
