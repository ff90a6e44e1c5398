// Teach in Chromium, on the built site, as a writer uses it: a book dropped in, its passages, an estimate, five updates
// with a reload after the second or third, the downloads; then the same run without a stop, whose bytes must be equal.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import JSZip from "jszip";
import type { Page } from "playwright-core";
import type { Visit } from "./visit.ts";

const BOOK = "the-brook.txt";
const UPDATES = 5;
/** Where the run is stopped: a look, and so a save, comes after every second update. */
const LOOK_EVERY = 2;

/** A book of short paragraphs, so that the demo model sees what stands around each. */
function book(): string {
  const animals = ["mole", "fox", "hare", "toad", "owl", "wren", "otter", "mouse"].flatMap((animal) =>
    ["old", "young", "brave"].map((kind) => `${kind} ${animal}`),
  );
  const paragraphs = animals.flatMap((animal, i) => [
    `One morning the ${animal} went down to the brook, for it had heard that the water sang there.`,
    `"Who are you?" asked the ${animals[(i + 1) % animals.length]}. "I am the ${animal}, and I am cold," it said.`,
    `So they sat by the fire until the stars came out, and the ${animal} told a story of the sea.`,
    `When the night was over, the ${animal} walked home through the wet grass and was not cold any more.`,
  ]);
  return `${paragraphs.join("\n\n")}\n`;
}

export async function checkTeaching(visit: Visit): Promise<void> {
  const { page } = visit;
  await begin(page);
  visit.report("a book's passages are shown", (await texts(page, ".triple .target")).length === 1);
  const [account = ""] = await texts(page, ".account summary");
  visit.report("good ones and all, per book", account.includes(BOOK) && /of \d+ passages/.test(account), account);
  await visit.button("What will it take?").click();
  await page.waitForSelector(".estimate");
  const [estimate = ""] = await texts(page, ".estimate");
  visit.report("an estimate of time and memory", /for 5 updates.*MB of memory/s.test(estimate), estimate);

  await visit.rests();
  const stopped = await run(page, async () => {
    await visit.draws("the page draws while it learns", () => untilStep(page, 3));
    await page.reload();
    const saved = await page.locator(".saved").innerText();
    visit.report("after a reload the page says where it was saved", /at update 2/.test(saved), saved);
    await visit.button("Go on").click();
  });
  const { steps, resumed } = await page.locator("[data-steps]").evaluate((element) => ({ ...element.dataset }));
  visit.same("the curve shows both parts", [steps, resumed], ["1 2 3 4 5", "2"]);
  const looks = await texts(page, ".texts li p.small");
  visit.report("a gap is filled before, at each look and at the end", looks.length === 4, looks.join(", "));

  const zip = await JSZip.loadAsync(await download(visit, /zip/));
  const names = Object.keys(zip.files);
  const wanted = ["config.json", "infill_template.json", "model.safetensors", "tokenizer.json"];
  const lacking = wanted.filter((file) => !names.some((name) => name.endsWith(`/${file}`)));
  visit.report("a zip of the model's folder", lacking.length === 0, names.join(", "));
  const weights = names.find((name) => name.endsWith("/model.safetensors"))!;
  visit.same("whose weights are those on the disk", sha256(await zip.files[weights].async("uint8array")), stopped);
  const gguf = await download(visit, /GGUF/);
  visit.same("a GGUF file", Buffer.from(gguf.subarray(0, 4)).toString(), "GGUF");

  await begin(page);
  visit.same("a run that was not stopped has the same bytes", await run(page), stopped);
  await page.evaluate("location.hash = '#/teach'");
  await page.locator(".runs li").nth(1).waitFor();
  visit.report("both are listed", true);
  await lostDevice(visit);
  await fullDisk(visit);
}

/** The device is destroyed in the midst: a sentence, and the run goes on in another worker. */
async function lostDevice(visit: Visit): Promise<void> {
  const { page } = visit;
  await begin(page);
  await visit.button("Start").click();
  await untilStep(page, 2);
  for (const worker of page.workers())
    await worker.evaluate(() => {
      const { prototype } = GPUDevice;
      const create = prototype.createCommandEncoder;
      prototype.createCommandEncoder = function (this: GPUDevice, ...rest) {
        this.destroy();
        return create.apply(this, rest);
      };
    });
  const said = await page.getByRole("alert").innerText();
  visit.report("a lost device ends in a sentence", /^It stopped: .*\. What was saved is safe/.test(said), said);
  await visit.button("Go on").click();
  await ended(page);
  visit.same("and the run goes on to its end", await page.locator(".state strong").innerText(), "Done");
}

/** No room for the run: a sentence, and the page is as it was. */
async function fullDisk(visit: Visit): Promise<void> {
  const { page } = visit;
  await begin(page);
  const cdp = await page.context().newCDPSession(page);
  const { origin } = new URL(page.url());
  await cdp.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 1000 });
  await visit.button("Start").click();
  const said = await page.getByRole("alert").innerText();
  visit.report("a full disk ends in a sentence", /storage is full/.test(said), said);
  await cdp.send("Storage.overrideQuotaForOrigin", { origin });
  await visit.button("Start").click();
  await page.waitForSelector("[data-steps]");
  visit.report("and with room again the run begins", true);
}

/** The book in, the demo chosen, five updates wished for. */
async function begin(page: Page): Promise<void> {
  await page.evaluate("location.hash = '#/teach/new'");
  const files = [{ name: BOOK, mimeType: "text/plain", buffer: Buffer.from(book()) }];
  await page.locator("input[type=file]").setInputFiles(files);
  await page.waitForSelector(".triple");
  await page.locator("summary", { hasText: /^More$/ }).click();
  await page.getByLabel("Stop after so many updates").fill(String(UPDATES));
  await page.getByLabel("Updates between two looks").fill(String(LOOK_EVERY));
  await page.getByLabel("Passages an update").fill("1"); // without a GPU an update of eight takes half a minute
}

/** To its end; the digest of the weights. */
async function run(page: Page, meanwhile: () => Promise<void> = async () => {}): Promise<string> {
  await page.getByRole("button", { name: "Start" }).click();
  await page.waitForSelector("[data-steps]");
  const id = page.url().split("/").at(-1)!;
  await meanwhile();
  await ended(page);
  return page.evaluate(async (name) => {
    const root = await navigator.storage.getDirectory();
    const folder = await (await root.getDirectoryHandle("own")).getDirectoryHandle(name);
    const file = await (await folder.getFileHandle("model.safetensors")).getFile();
    const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
    return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }, id);
}

async function untilStep(page: Page, step: number): Promise<void> {
  const steps = "document.querySelector('[data-steps]')?.dataset.steps";
  await page.waitForFunction(`${steps}?.split(" ").includes("${step}")`);
}

async function ended(page: Page): Promise<void> {
  await page.getByRole("button", { name: /zip/ }).waitFor();
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const texts = (page: Page, selector: string): Promise<string[]> => page.locator(selector).allInnerTexts();

async function download(visit: Visit, button: RegExp): Promise<Buffer> {
  const offered = visit.page.waitForEvent("download");
  await visit.button(button).click();
  return readFile(await (await offered).path());
}
