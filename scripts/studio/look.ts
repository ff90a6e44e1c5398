// Look inside, as a writer does: a text piece by piece, by keyboard too, several ways weighed, and the whole page of
// it.
import type { Visit } from "./visit.ts";

const BEFORE = "Kim sat by the brook.";
const TEXT = "She sang a song to the mole.";
const AFTER = "Then it rained and they went home.";

export async function checkLooking(visit: Visit): Promise<void> {
  const { page } = visit;
  await visit.ready();
  await page.evaluate("location.hash = '#/look'");
  await page.getByLabel("Before").fill(BEFORE);
  await page.getByLabel("The text between").fill(TEXT);
  await page.getByLabel("After").fill(AFTER);
  await visit.button("Look at this text").click();
  await page.waitForSelector(".piece");
  const pieces = await page.locator(".piece").allTextContents();
  visit.same("the text as it was given, piece by piece", pieces.join("").trim(), TEXT);
  const chosen = page.locator(".piece[aria-selected=true]");
  await chosen.focus();
  await page.keyboard.press("ArrowRight");
  visit.same("arrow keys go from piece to piece", await chosen.textContent(), pieces[1]);
  visit.same("ten alternatives", await page.locator(".alternatives li").count(), 10);
  const looked = await page
    .locator(".given, .piece")
    .evaluateAll((all) => Math.max(...all.map((each) => Number(each.style.getPropertyValue("--a")))));
  // What was looked at most has 1; that may be a marker, which is not shown.
  visit.same("what was looked at", looked > 0.5 && looked <= 1, true);
  await visit.button("Let it weigh four ways and watch").click();
  await page.locator(".look [aria-pressed]").nth(1).waitFor();
  visit.same("two texts that were weighed", await page.locator(".look [aria-pressed]").count(), 2);
  await page.locator(".whole summary").click();
  await page.frameLocator("iframe").locator(".forest").first().waitFor();
  visit.report("the whole page, beams and all", true);
}
