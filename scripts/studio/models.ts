// Models: the demo is in use and kept, can be removed and comes again; a name that cannot be had is told in a sentence.
import type { Visit } from "./visit.ts";

export async function checkModels(visit: Visit): Promise<void> {
  const { page } = visit;
  await visit.ready();
  await page.getByRole("link", { name: "Models", exact: true }).click();
  const demo = page.locator(".model").first();
  await demo.getByText("In use").waitFor();
  await demo.getByText("kept on this device").waitFor();
  const said = await demo.innerText();
  visit.report(
    "the demo is in use, and its size is told",
    /2\.\d MB/.test(said) && /Fills gaps/.test(said),
    said.replaceAll("\n", "; "),
  );
  await visit.button("Remove The demo model").click();
  await visit.button("Remove with its files").click();
  await demo.getByText("Not loaded yet").waitFor();
  visit.report("it can be removed", true);
  await visit.button("Use", demo).click();
  await demo.getByText("In use").waitFor();
  visit.report("and comes again", true);
  await page.getByLabel("Address of a model's folder").fill(`${new URL(page.url()).origin}/models/none`);
  await visit.button("Add and use").last().click();
  const refused = page.locator(".model [role=alert]");
  await refused.waitFor();
  visit.report(
    "an address without a model is told in a sentence",
    /none/.test(await refused.innerText()),
    await refused.innerText(),
  );
  await page.reload();
  await page.getByRole("link", { name: "Models", exact: true }).click();
  visit.report("what was added is there after a reload", (await page.locator(".model").count()) === 2);
}
