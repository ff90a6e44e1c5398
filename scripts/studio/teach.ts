// Teach in Chromium, on the built site, as a writer uses it: a book dropped in, its passages, an estimate, five updates
// with a reload after the second or third, the downloads; then the same run without a stop, whose bytes must be equal.
import { createHash } from "node:crypto";
import JSZip from "jszip";
import type { Page } from "puppeteer-core";
import type { Check, Studio } from "./harness.ts";

const BOOK = "the-brook.txt";
const UPDATES = 5;
const PATIENCE = { timeout: 240_000 };
/** Where the run is stopped: a look, and so a save, comes after every second update. */
const LOOK_EVERY = 2;

/** A book of short paragraphs, so that the demo model sees what stands around each. */
function book(): string {
  const animals = ["mole", "fox", "hare", "toad", "owl", "wren", "otter", "mouse"];
  const paragraphs = animals.flatMap((animal, i) => [
    `One morning the ${animal} went down to the brook, for it had heard that the water sang there.`,
    `"Who are you?" asked the ${animals[(i + 1) % animals.length]}. "I am the ${animal}, and I am cold," it said.`,
    `So they sat by the fire until the stars came out, and the ${animal} told a story of the sea.`,
    `When the night was over, the ${animal} walked home through the wet grass and was not cold any more.`,
  ]);
  return `${paragraphs.join("\n\n")}\n`;
}

export const checkTeach: Check = async ({ page, address, report, look }) => {
  await begin(page, address);
  report("a book's passages are shown", (await texts(page, ".triple .target")).length === 1);
  report("good and dropped ones, per book", (await texts(page, ".account summary"))[0]?.includes(BOOK) === true);
  await look("teach-new");
  await press(page, "button[type=button]", "What will it take?");
  await page.waitForSelector(".estimate", PATIENCE);
  const said = (await texts(page, ".estimate"))[0]!;
  report("an estimate of time and memory", /for 5 updates.*MB of memory/s.test(said), said);

  const stopped = await run(page, address, async (steps) => {
    await page.waitForFunction(`${steps}.split(" ").includes("3")`, PATIENCE);
    await page.reload();
    await page.waitForSelector(".saved", PATIENCE);
    const saved = (await texts(page, ".saved"))[0]!;
    report("after a reload the page says where it was saved", /at update 2/.test(saved), saved);
    await look("teach-paused");
    await press(page, "button.primary", "Go on");
  });
  const shown = await page.$eval("[data-steps]", (element) => ({ ...(element as HTMLElement).dataset }));
  report("the curve shows both parts", shown.steps === "1 2 3 4 5" && shown.resumed === "2", JSON.stringify(shown));
  const gaps = await texts(page, ".texts li p.small");
  report("a gap is filled before, at each look and at the end", gaps.length === 4, gaps.join(", "));
  await look("teach-done");

  const zip = await JSZip.loadAsync(await download(page, "Download (Hugging Face, zip)"));
  const files = Object.keys(zip.files).map((name) => name.split("/").at(-1)!);
  const wanted = ["config.json", "infill_template.json", "model.safetensors", "tokenizer.json"];
  report(
    "a zip of the model's folder",
    wanted.every((name) => files.includes(name)),
    files.join(", "),
  );
  const weights = Object.keys(zip.files).find((name) => name.endsWith("model.safetensors"))!;
  const zipped = hash(await zip.files[weights]!.async("uint8array"));
  report("whose weights are those on the disk", zipped === stopped);
  const gguf = await download(page, "Download (GGUF, for llama.cpp)");
  report("a GGUF file", Buffer.from(gguf.subarray(0, 4)).toString() === "GGUF", `${gguf.byteLength} bytes`);

  await begin(page, address);
  const whole = await run(page, address, async () => {});
  report("the bytes of a run that was not stopped", whole === stopped, `${stopped} and ${whole}`);

  await page.goto(`${address}#/teach`);
  await page.waitForSelector(".runs li:nth-child(2)", PATIENCE);
  await look("teach-runs");
  await lostDevice(page, address, report);
  await fullDisk(page, address, report);
};

/** The device is destroyed in the midst: a sentence, and the run goes on in another worker. */
async function lostDevice(page: Page, address: string, report: Studio["report"]): Promise<void> {
  await begin(page, address);
  await press(page, "button.primary", "Start");
  await page.waitForSelector("[data-steps]", PATIENCE);
  await page.waitForFunction('document.querySelector("[data-steps]").dataset.steps.includes("2")', PATIENCE);
  for (const worker of page.workers())
    await worker.evaluate(() => {
      const { prototype } = GPUDevice;
      const create = prototype.createCommandEncoder;
      prototype.createCommandEncoder = function (this: GPUDevice, ...rest) {
        this.destroy();
        return create.apply(this, rest);
      };
    });
  await page.waitForSelector("[role=alert]", PATIENCE);
  const [said = ""] = await texts(page, "[role=alert]");
  report("a lost device ends in a sentence", /^It stopped: .*\. What was saved is safe/.test(said), said);
  await press(page, "button.primary", "Go on");
  await ended(page);
  report("and the run goes on to its end", (await texts(page, ".state strong"))[0] === "Done");
}

/** No room for the run: a sentence, and the page is as it was. */
async function fullDisk(page: Page, address: string, report: Studio["report"]): Promise<void> {
  await begin(page, address);
  const cdp = await page.createCDPSession();
  const { origin } = new URL(address);
  await cdp.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 1000 });
  await press(page, "button.primary", "Start");
  await page.waitForSelector("[role=alert]", PATIENCE);
  const [said = ""] = await texts(page, "[role=alert]");
  report("a full disk ends in a sentence", /storage is full/.test(said), said);
  await cdp.send("Storage.overrideQuotaForOrigin", { origin });
  await press(page, "button.primary", "Start");
  await page.waitForSelector("[data-steps]", PATIENCE);
  report("and with room again the run begins", true);
}

/** The book in, the demo chosen, five updates wished for. */
async function begin(page: Page, address: string): Promise<void> {
  await page.goto("about:blank");
  await page.goto(`${address}#/teach/new`);
  await page.waitForSelector("input[type=file]", PATIENCE);
  await page.evaluate(
    (name, text) => {
      const input = document.querySelector<HTMLInputElement>("input[type=file]")!;
      const transfer = new DataTransfer();
      transfer.items.add(new File([text], name, { type: "text/plain" }));
      input.files = transfer.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    },
    BOOK,
    book(),
  );
  await page.waitForSelector(".triple", PATIENCE);
  await press(page, "summary", "More");
  await fill(page, "Stop after so many updates", UPDATES);
  await fill(page, "Updates between two looks", LOOK_EVERY);
}

/** To its end; the digest of the weights. */
async function run(page: Page, address: string, meanwhile: (steps: string) => Promise<void>): Promise<string> {
  await press(page, "button.primary", "Start");
  await page.waitForSelector("[data-steps]", PATIENCE);
  const id = page.url().split("/").at(-1)!;
  await meanwhile('document.querySelector("[data-steps]").dataset.steps');
  await page.waitForFunction(
    `[...document.querySelectorAll("button")].some((b) => /zip/.test(b.textContent))`,
    PATIENCE,
  );
  const bytes = await page.evaluate(async (run) => {
    const root = await navigator.storage.getDirectory();
    const folder = await (await root.getDirectoryHandle("own")).getDirectoryHandle(run);
    const file = await (await folder.getFileHandle("model.safetensors")).getFile();
    const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
    return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }, id);
  return bytes;
}

async function ended(page: Page): Promise<void> {
  const zip = '[...document.querySelectorAll("button")].some((button) => /zip/.test(button.textContent))';
  await page.waitForFunction(zip, PATIENCE);
}

const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

async function texts(page: Page, selector: string): Promise<string[]> {
  return page.$$eval(selector, (elements) => elements.map((element) => element.textContent ?? ""));
}

/** The element of this text, as soon as it can be pressed. */
async function press(page: Page, selector: string, text: string): Promise<void> {
  const handle = await page.waitForFunction(
    (wanted: string, words: string) =>
      [...document.querySelectorAll<HTMLButtonElement>(wanted)].find(
        (element) => element.textContent?.trim() === words && !element.disabled,
      ),
    PATIENCE,
    selector,
    text,
  );
  await handle.asElement()!.evaluate((element) => (element as HTMLElement).click());
}

async function fill(page: Page, label: string, value: number): Promise<void> {
  await page.evaluate(
    (words, number) => {
      const found = [...document.querySelectorAll("label")].find((each) => each.textContent === words)!;
      const input = document.getElementById(found.htmlFor) as HTMLInputElement;
      input.value = String(number);
      input.dispatchEvent(new Event("change", { bubbles: true }));
    },
    label,
    value,
  );
}

/** What the page offers as a file when this button is pressed. */
async function download(page: Page, button: string): Promise<Uint8Array> {
  await page.evaluate(() => {
    const own = URL.createObjectURL.bind(URL);
    (globalThis as { offered?: Promise<string> }).offered = new Promise((resolve) => {
      URL.createObjectURL = (blob: Blob) => {
        const reader = new FileReader();
        reader.addEventListener("load", () => resolve((reader.result as string).split(",")[1]!));
        reader.readAsDataURL(blob);
        return own(blob);
      };
    });
  });
  await press(page, "button", button);
  const base64 = await page.evaluate(() => (globalThis as unknown as { offered: Promise<string> }).offered);
  return Uint8Array.from(Buffer.from(base64, "base64"));
}
