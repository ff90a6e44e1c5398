// README: its two commands, each complete on a fresh machine, its example and its links; and CONTRIBUTING's commands.
// What the pages of docs/ say is tried by `npm run check:docs`, with the same reader.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fencesOf, Reader, ROOT } from "./documents.ts";

const readme = readFileSync(join(ROOT, "README.md"), "utf8");

describe("README", () => {
  let reader: Reader;
  beforeAll(async () => {
    reader = await Reader.sitDown();
  });
  afterAll(() => reader.leave());

  it("has two commands, whose output it shows, and a library example that leaves nothing on the GPU", async () => {
    const commands = fencesOf(readme).flatMap(({ language, text }) => (language === "sh" ? [text.trim()] : []));
    expect(commands).toEqual(["npm ci && npx tsx src/generate.ts --beam 4", "npm ci && npm test"]);
    await expect(reader.follow(readme)).resolves.toBeUndefined();
    const output = /its last lines are\n\n```text\n(.*?)```/s.exec(readme)![1];
    const [command] = commands;
    expect(output).toContain("P2 ┃");
    expect((await reader.once(command)).replaceAll(/\s+/g, " ")).toContain(output.replaceAll(/\s+/g, " ").trim());
  });

  it("is short, and what it links to is there", () => {
    const written = readme.replace(/<!-- browsers -->.*?<!-- \/browsers -->/s, ""); // what browsers did is generated
    expect(written.split("\n").length).toBeLessThan(112);
    const links = [...readme.matchAll(/\]\((?!https?:)([^)#]*)\)/g)].map(([, path]) => path);
    expect(links.length).toBeGreaterThan(15);
    expect(links.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it("CONTRIBUTING's commands are there", async () => {
    const [setUp] = fencesOf(readFileSync(join(ROOT, "CONTRIBUTING.md"), "utf8"));
    expect(setUp.text).toContain("npm ci");
    await expect(reader.run(setUp.text)).resolves.toContain("P2 ┃");
  });
});
