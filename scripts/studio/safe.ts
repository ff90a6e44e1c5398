// Nothing is lost: undo over a reload, two tabs with one document, a tab that is closed in the midst of it, books that
// wait in Teach; and what is removed goes whole, once it was said what goes.
import type { Page } from "playwright-core";
import { makeRun, RUN_NAME, runFolders } from "./made-run.ts";
import type { Visit } from "./visit.ts";

const STORY = "Kim sat by the brook with her red ball.\n\nThen it rained, and she ran home.";

export async function checkSafety(visit: Visit): Promise<void> {
  await visit.ready();
  await undoAfterReload(visit);
  await twoTabs(visit);
  await anotherDocument(visit);
  await waitingBooks(visit);
  await removeTaught(visit);
}

async function undoAfterReload(visit: Visit): Promise<void> {
  const { page } = visit;
  await visit.write(STORY);
  await visit.goToLine(1);
  await page.keyboard.press("ControlOrMeta+Enter");
  await visit.written();
  const [first] = await visit.cardTexts();
  await visit.button("Take", visit.cards().first()).click();
  const taken = STORY.replace("\n\n", `\n\n${first}\n\n`);
  visit.same("a text is taken", await visit.text(), taken);
  await page.keyboard.press("ControlOrMeta+End");
  await page.keyboard.insertText(" The end.");
  await visit.saved();
  await reload(visit);
  visit.same("the text is there after a reload", await visit.text(), `${taken} The end.`);
  await page.locator(".cm-content").focus();
  await page.keyboard.press("ControlOrMeta+z");
  visit.same("undo goes on behind the reload", await visit.text(), taken);
  await page.keyboard.press("ControlOrMeta+z");
  visit.same("and takes out what was taken", await visit.text(), STORY);
  const texts = await visit.cardTexts();
  visit.report("the gap is back with its suggestions", texts.length === 3 && texts.includes(first), texts.join(" | "));
  await visit.saved();
  await reload(visit);
  await page.locator(".cm-content").focus();
  await page.keyboard.press("ControlOrMeta+y");
  await page.keyboard.press("ControlOrMeta+y");
  visit.same("so does redo", await visit.text(), `${taken} The end.`);
  visit.same("which closes the gap", await page.locator(".gap-place").count(), 0);
  await visit.saved();
}

async function reload({ page }: Visit): Promise<void> {
  await page.reload();
  await page.locator(".cm-line").first().waitFor();
  await page.waitForFunction("document.querySelector('.cm-content').innerText.includes('Kim')");
}

const ELSEWHERE = "This document is being written in another tab.";
const atEnd = async (page: Page, text: string): Promise<void> => {
  await page.locator(".cm-content").focus();
  await page.keyboard.press("ControlOrMeta+End");
  await page.keyboard.insertText(text);
};

async function twoTabs(visit: Visit): Promise<void> {
  const { page } = visit;
  const other = await visit.another();
  await other.page.getByText(ELSEWHERE).waitFor();
  const before = await visit.text();
  visit.same("a second tab shows the document", await other.text(), before);
  await atEnd(other.page, " Lost?");
  visit.same("and cannot write it", await other.text(), before);
  visit.same("nor its title", await other.page.getByLabel("Title of the document").isEditable(), false);
  await atEnd(page, " One more.");
  await other.button("Write here").click();
  await other.page.getByText(ELSEWHERE).waitFor({ state: "detached" });
  visit.same("it takes over, with the last edit of the first", await other.text(), `${before} One more.`);
  await page.getByText(ELSEWHERE).waitFor();
  await atEnd(page, " Too late.");
  visit.same("which cannot write any more", await visit.text(), `${before} One more.`);
  await atEnd(other.page, " And another.");
  await other.saved();
  await visit.button("Documents").click();
  const dialog = page.getByRole("dialog");
  await visit.button(/^Remove/, dialog).click();
  await visit.button("Remove for good", dialog).click();
  await page.getByRole("alert").waitFor();
  visit.report(
    "nor remove what is being written",
    /another tab/.test(await page.getByRole("alert").innerText()),
    await page.getByRole("alert").innerText(),
  );
  await page.keyboard.press("Escape");
  await other.page.close();
  await page.getByText(ELSEWHERE).waitFor({ state: "detached" });
  visit.same(
    "a tab that waits goes on when the other is closed",
    await visit.text(),
    `${before} One more. And another.`,
  );
  await page.locator(".cm-content").focus();
  await page.keyboard.press("ControlOrMeta+z");
  visit.same("with the other's undo", await visit.text(), `${before} One more.`);
  await visit.saved();
}

/** As twoTabs() leaves it: one step can be done again. */
async function anotherDocument(visit: Visit): Promise<void> {
  const { page } = visit;
  const before = await visit.text();
  const dialog = page.getByRole("dialog");
  await visit.button("Documents").click();
  await visit.button("New document", dialog).click();
  await page.waitForFunction("!document.querySelector('.cm-content').innerText.includes('Kim')");
  await visit.write("Elsewhere.");
  await visit.saved();
  await visit.button("Documents").click();
  await dialog.locator("li .name").last().click();
  await page.waitForFunction("document.querySelector('.cm-content').innerText.includes('Kim')");
  visit.same("a document is as it was left for another", await visit.text(), before);
  await page.locator(".cm-content").focus();
  await page.keyboard.press("ControlOrMeta+y");
  visit.same("with its own undo and redo", await visit.text(), `${before} And another.`);
  await page.keyboard.press("ControlOrMeta+z");
  await visit.saved();
}

async function waitingBooks(visit: Visit): Promise<void> {
  const { page } = visit;
  const book = Array.from({ length: 60 }, (_, i) => `Paragraph ${i}: the mole went down to the brook and sang.`);
  await page.evaluate("location.hash = '#/teach/new'");
  const buffer = Buffer.from(book.join("\n\n"));
  await page.locator("input[type=file]").setInputFiles({ name: "a-book.txt", mimeType: "text/plain", buffer });
  await page.locator(".files li").waitFor();
  await page.waitForTimeout(300);
  await page.reload();
  await page.locator(".files li").waitFor();
  visit.report(
    "a book that was dropped is there after a reload",
    /a-book/.test(await page.locator(".files").innerText()),
  );
  await visit.button("Remove a-book.txt").click();
  await page.waitForTimeout(300);
  await page.reload();
  await page.locator(".drop-zone").waitFor();
  await page.waitForTimeout(300);
  visit.same("until it is removed", await page.locator(".files li").count(), 0);
}

async function removeTaught(visit: Visit): Promise<void> {
  const { page } = visit;
  const id = await makeRun(page);
  await page.evaluate("location.hash = '#/teach'");
  await page.reload();
  await page.locator(".runs a").waitFor();
  await page.evaluate("location.hash = '#/models'");
  await visit.button(`Remove ${RUN_NAME}`).click();
  const said = await page.locator(".model .notice").innerText();
  visit.report("what goes with a taught model is said", /in Teach/.test(said), said);
  visit.same("and nothing is gone yet", await runFolders(page), [id]);
  await visit.button("Remove with its files").click();
  await page.waitForFunction("document.querySelectorAll('.model').length === 1");
  visit.same("then its run's folder goes, too", await runFolders(page), []);
  await makeRun(page);
  await page.evaluate(`location.hash = '#/teach/${id}'`);
  await page.reload();
  await visit.button("Delete").click();
  await visit.button("Delete").click();
  await page.waitForFunction("location.hash === '#/teach'");
  visit.same("deleting the run takes its folder", await runFolders(page), []);
  await page.evaluate("location.hash = '#/models'");
  await page.locator(".model").first().waitFor();
  visit.same("and its model", await page.getByText(RUN_NAME).count(), 0);
}
