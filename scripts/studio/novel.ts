// A document of a novel's length: it opens, is typed in, its names are found and a gap in its midst is filled, and what
// is typed there is on the disk. The figures are told; what fails is what does not come at all.
import type { Visit } from "./visit.ts";

const CHARACTERS = 500_000;
const KEYS = "It rained all night long, and the brook rose.";

/** Chapters of short paragraphs, some thousands of them, in which a few people do things again and again. */
function novel(): string {
  const people = ["Margaret", "Thomas", "Mr. Thornton", "Bessy"];
  const paragraphs: string[] = [];
  let length = 0;
  for (let i = 0; length < CHARACTERS; i++) {
    const [one, two] = [people[i % people.length], people[(i * 7 + 3) % people.length]];
    const text =
      i % 120 === 0
        ? `# Chapter ${i / 120 + 1}`
        : `${one} looked out at the rain for the ${i}th time. “It will not stop,” said ${two}. So they sat by the ` +
          "fire, and nobody spoke of Milton, or of the mill, or of what had been said there in the spring.";
    paragraphs.push(text);
    length += text.length + 2;
  }
  return paragraphs.join("\n\n");
}

export async function checkNovel(visit: Visit): Promise<void> {
  const { page } = visit;
  await visit.ready();
  const before = page.url();
  const begun = Date.now();
  await page
    .locator("input[type=file]")
    .setInputFiles({ name: "novel.txt", mimeType: "text/plain", buffer: Buffer.from(novel()) });
  await page.waitForFunction(`location.href !== ${JSON.stringify(before)}`);
  await page.getByText("Chapter 1", { exact: false }).first().waitFor();
  visit.report("a novel is imported and shown", true, `${Date.now() - begun} ms`);
  await page.locator(".names .name", { hasText: "Margaret" }).waitFor();
  visit.report("its people are found", true, `${Date.now() - begun} ms after the import began`);
  await visit.rests();
  await visit.goToLine(6);
  await page.keyboard.press("End");
  const typed = Date.now();
  let took = 0;
  await visit.draws("the page draws while one types", async () => {
    await page.keyboard.type(KEYS);
    took = Date.now() - typed;
  });
  visit.report("typing", true, `${(took / KEYS.length).toFixed(0)} ms a key`);
  await visit.saved();
  visit.report("and it is saved", true);
  const asked = Date.now();
  await page.keyboard.press("ControlOrMeta+Enter");
  await page.waitForFunction(
    "[...document.querySelectorAll('.candidate-text')]" +
      ".some(({ innerText }) => /\\w/.test(innerText) && !/Searching/.test(innerText))",
  );
  visit.report("first word of a gap in it", true, `${Date.now() - asked} ms after Fill`);
  await page.reload();
  await page.locator(".cm-line", { hasText: KEYS }).waitFor();
  visit.report("what was typed is there after a reload", true);
}
