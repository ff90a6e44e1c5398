// Files in and out: what is exported comes back as it was, in each format; a book comes in with its headings.
import { readFile } from "node:fs/promises";
import JSZip from "jszip";
import type { Visit } from "./visit.ts";

const STORY = [
  "# The brook",
  "Kim had a **red** ball, and it was _very_ <u>round</u>.",
  "***",
  "“Hush!” said Émile. Nobody spoke — 3 * 4 is twelve.",
].join("\n\n");
const PLAIN = [
  "The brook",
  "Kim had a red ball, and it was very round.",
  "* * *",
  "“Hush!” said Émile. Nobody spoke — 3 * 4 is twelve.",
].join("\n\n");
/** Formats that have no sign for a change of scene write one. */
const IN_WORD = STORY.replace("***", "* * *").replace("3 * 4", "3 * 4");

async function exported(visit: Visit, format: string): Promise<{ readonly name: string; readonly buffer: Buffer }> {
  const [download] = await Promise.all([
    visit.page.waitForEvent("download"),
    visit.page.locator("select.export").selectOption(format),
  ]);
  return { name: download.suggestedFilename(), buffer: await readFile((await download.path())!) };
}

async function imported(visit: Visit, name: string, buffer: Buffer): Promise<string> {
  const before = visit.page.url();
  await visit.page.locator("input[type=file]").setInputFiles({ name, mimeType: "application/octet-stream", buffer });
  await visit.page.waitForFunction(`location.href !== ${JSON.stringify(before)}`);
  await visit.page.waitForTimeout(200);
  return visit.text();
}

export async function checkFiles(visit: Visit): Promise<void> {
  const { page } = visit;
  await page.waitForSelector(".cm-content");
  await visit.write(STORY);
  await page.getByLabel("Title of the document").fill("The brook");
  await visit.saved();
  const own = page.url();
  const md = await exported(visit, "md");
  visit.same("the file has the document's name", md.name, "The brook.md");
  const txt = await exported(visit, "txt");
  visit.same("txt has the words and no marks", txt.buffer.toString("utf8"), `${PLAIN}\n`);
  const docx = await exported(visit, "docx");
  visit.same("md comes back", (await imported(visit, md.name, md.buffer)).trim(), STORY);
  visit.same("txt comes back", (await imported(visit, txt.name, txt.buffer)).trim(), PLAIN);
  visit.same(
    "docx comes back, headings and letters too",
    (await imported(visit, docx.name, docx.buffer)).trim(),
    IN_WORD,
  );
  const book = await imported(visit, "book.epub", await epub());
  visit.report("epub comes with its headings", /## Chapter One\n\nIt was a dark night\./.test(book), book.slice(0, 80));
  await page
    .locator("input[type=file]")
    .setInputFiles({ name: "scan.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.7\n") });
  await page.getByRole("alert").waitFor();
  visit.report("what is no text is told", /PDF/.test(await page.getByRole("alert").innerText()));
  await page.goto(own);
  await page.waitForFunction("document.querySelector('.cm-content')?.innerText.includes('The brook')");
  visit.same("the first document is still there", (await visit.text()).trim(), STORY);
  await dropped(visit);
  await inFrench(visit);
}

/** On the manuscript, where the editor itself would take a file for text. */
async function dropped(visit: Visit): Promise<void> {
  const { page } = visit;
  const before = page.url();
  const bytes = [...(await epub())];
  await page.evaluate((data) => {
    const files = new DataTransfer();
    files.items.add(new File([Uint8Array.from(data)], "dropped.epub"));
    for (const type of ["dragover", "drop"])
      document
        .querySelector(".cm-content")!
        .dispatchEvent(new DragEvent(type, { dataTransfer: files, bubbles: true, cancelable: true }));
  }, bytes);
  await page.waitForFunction(`location.href !== ${JSON.stringify(before)}`);
  await page.getByText("Nobody slept.").waitFor();
  visit.report("a file that is dropped becomes a document", /## Chapter One/.test(await visit.text()));
  await page.goto(before);
  await page.getByText("Nobody spoke").waitFor();
  visit.same("and the one that was open stays as it was", (await visit.text()).trim(), STORY);
}

async function inFrench(visit: Visit): Promise<void> {
  const { page } = visit;
  await page.getByLabel("Language").first().selectOption("fr");
  await page.getByLabel("Titre du document").fill("Le ruisseau");
  await searchInFrench(visit);
  const docx = await exported(visit, "docx");
  visit.same("en français : le nom du fichier", docx.name, "Le ruisseau.docx");
  visit.same("en français : docx revient", (await imported(visit, docx.name, docx.buffer)).trim(), IN_WORD);
  const book = await imported(visit, "livre.epub", await epub());
  visit.report("en français : epub", /## Chapter One/.test(book));
  await page
    .locator("input[type=file]")
    .setInputFiles({ name: "scan.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.7\n") });
  const said = await page.getByRole("alert").innerText();
  visit.report(
    "en français : ce qui n’est pas un texte",
    /Impossible d’importer scan\.pdf : c’est du PDF/.test(said),
    said,
  );
}

/** The editor's own panel, too, which was made before the language was chosen. */
async function searchInFrench(visit: Visit): Promise<void> {
  const { page } = visit;
  await page.getByRole("textbox", { name: "Manuscrit" }).focus();
  await page.keyboard.press("ControlOrMeta+f");
  const panel = page.locator(".cm-search");
  const words = await panel
    .locator("input, button, label")
    .evaluateAll((all) => all.flatMap((each) => [each.getAttribute("placeholder"), each.getAttribute("aria-label")]));
  const said = [...new Set([...words.filter(Boolean), ...(await panel.innerText()).split(/\s*\n\s*/)])].join(", ");
  visit.report(
    "en français : chercher et remplacer",
    /Chercher/.test(said) &&
      /tout remplacer/.test(said) &&
      !/\b(?:find|replace|next|previous|close|case|all)\b/i.test(said),
    said,
  );
  await page.keyboard.press("Escape");
}

async function epub(): Promise<Buffer> {
  const zip = new JSZip();
  zip.file("mimetype", "application/epub+zip");
  zip.file(
    "META-INF/container.xml",
    '<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0">' +
      '<rootfiles><rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
  );
  zip.file(
    "book.opf",
    '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">' +
      '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Night</dc:title>' +
      "<dc:language>en</dc:language></metadata>" +
      '<manifest><item id="one" href="one.xhtml" media-type="application/xhtml+xml"/></manifest>' +
      '<spine><itemref idref="one"/></spine></package>',
  );
  zip.file(
    "one.xhtml",
    '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>Night</title></head><body>' +
      "<h2>Chapter One</h2><p>It was a dark night.</p><p>Nobody slept.</p></body></html>",
  );
  return zip.generateAsync({ type: "nodebuffer" });
}
