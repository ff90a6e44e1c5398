// Words for what people do on the page, where Puppeteer drives the browser: Firefox, and one that is killed.
import type { KeyInput, Page } from "puppeteer-core";

/** tsx gives functions their names by a helper, which what is evaluated in the page has not. */
export const NAMES = "globalThis.__name = (named) => named";
export const EDITOR = ".cm-content";

export const textOf = (page: Page, selector: string): Promise<string | undefined> =>
  page.evaluate((css) => document.querySelector<HTMLElement>(css)?.innerText, selector);

/** The manuscript; what is shown in the place of a gap is none of it. */
export const manuscript = (page: Page): Promise<string> =>
  page.evaluate(() =>
    [...document.querySelectorAll(".cm-line")]
      .map((line) => {
        const bare = line.cloneNode(true) as typeof line;
        for (const place of bare.querySelectorAll(".gap-place")) place.remove();
        return bare.textContent;
      })
      .join("\n"),
  );

export async function chord(page: Page, key: KeyInput): Promise<void> {
  await page.keyboard.down("Control");
  await page.keyboard.press(key);
  await page.keyboard.up("Control");
}

/** The first button of this name, pressed. */
export async function press(page: Page, name: string, within = "body"): Promise<void> {
  const found = await page.waitForSelector(`${within} ::-p-xpath(.//button[normalize-space()="${name}"])`);
  await found!.click();
}

/** A value as a person gives it: typed, and the field left. */
export async function give(page: Page, label: string, value: string): Promise<void> {
  const field = await page.waitForSelector(`::-p-aria([name="${label}"])`);
  await field!.click({ count: 3 });
  await page.keyboard.type(value);
  await page.keyboard.press("Tab");
}

/** All that was asked for is written and judged. */
export async function written(page: Page): Promise<void> {
  await page.waitForFunction(
    "document.querySelector('.candidate') && !document.querySelector('.caret') && " +
      "[...document.querySelectorAll('.candidate')].every((card) => card.querySelector('.detail'))",
  );
}

/** A short book in Teach, as a script gives one: BiDi's own way wants a file on the disk. */
export async function dropBook(page: Page): Promise<void> {
  await page.evaluate((count) => {
    const paragraphs = Array.from({ length: count }, (_, i) =>
      [
        `One morning the ${i}th mole went down to the brook, for it had heard that the water sang there.`,
        `"Who are you?" asked the fox. "I am the mole, and I am cold," it said for the ${i}th time.`,
        "So they sat by the fire until the stars came out, and the mole told a story of the sea.",
      ].join("\n\n"),
    );
    const files = new DataTransfer();
    files.items.add(new File([paragraphs.join("\n\n")], "the-brook.txt", { type: "text/plain" }));
    const input = document.querySelector<HTMLInputElement>(".drop-zone input[type=file]")!;
    input.files = files.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }, 30);
}
