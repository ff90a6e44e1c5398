// docs/: links and included files are there, and every page is in the menus; and the reader who follows the pages in
// `npm run check:docs`, which takes minutes, would notice what is wrong. The site itself is built by `npm run docs`.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { titleOf } from "../docs/pages.ts";
import { PAGES, Reader, ROOT, textOf } from "./documents.ts";

/** Of a heading, as VitePress makes it of plain words. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, "-")
    .replaceAll(/^-|-$/g, "");

/** What a page refers to and is not there; the reference is made when the site is built. */
function missing(page: string, text: string): string[] {
  const folder = dirname(join(ROOT, "docs", `${page}.md`));
  const included = [...text.matchAll(/^<<< ([^\s{]+)/gm)].map(([, path]) => path);
  const links = [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)].map(([, path, anchor]) => ({
    path: path === "" ? join(ROOT, "docs", `${page}.md`) : resolve(folder, path),
    anchor,
  }));
  return [
    ...included.filter((path) => !existsSync(resolve(folder, path))),
    ...links
      .filter(({ path }) => !path.includes("/docs/reference/") && !existsSync(path))
      .map(({ path }) => path.slice(ROOT.length)),
    ...links
      .filter(({ path, anchor }) => anchor !== undefined && existsSync(path))
      .filter(({ path, anchor }) => {
        const headings = [...readFileSync(path, "utf8").matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
          anchorOf(heading),
        );
        return !headings.includes(anchor!);
      })
      .map(({ anchor }) => `#${anchor}`),
  ];
}

describe("the pages", () => {
  it("are all in the menus", () => {
    const files = ["writers", "developers", "engine", "teachers"].flatMap((folder) =>
      readdirSync(join(ROOT, "docs", folder)).map((file) => `${folder}/${file.replace(/\.md$/, "")}`),
    );
    expect(files.sort()).toEqual(PAGES.slice(1).sort());
  });
  it.each(PAGES)("%s has a heading, and what it refers to is there", (page) => {
    expect(titleOf(`${page}.md`)).not.toBe("");
    expect(missing(page, textOf(page))).toEqual([]);
  });
  it("would be found out if it were not", () => {
    const page = "a [b](./none.md) [c](./lesson.md#nowhere) [d](./lesson.md#_1-guess)\n<<< ../../src/none.ts\n";
    expect(missing("teachers/exercises", page)).toHaveLength(4);
  });
});

describe("a reader", () => {
  let reader: Reader;
  beforeAll(async () => {
    reader = await Reader.sitDown();
  });
  afterAll(() => reader.leave());

  const fence = (language: string, text: string): string => `\`\`\`${language}\n${text}\n\`\`\`\n`;
  it.each([
    ["a command that fails", fence("sh", "npx tsx src/generate.ts --no_such_flag"), /no_such_flag/],
    ["a program of another machine", fence("sh", "curl --version"), /curl/],
    ["a script that package.json does not have", fence("sh", "npm run nothing"), /no such script/],
    ["another output", `${fence("sh", "npx gpt2-webgpu --version")}\nprints\n\n${fence("text", "9.9.9")}`, /9\.9\.9/],
    ["a snippet that throws", fence("js", 'throw new Error("from a snippet");'), /from a snippet/],
    ["JSON that is none", fence("json", "{p1: 1}"), /JSON/],
    ["a language that nobody runs", fence("python", "1"), /python/],
    [
      "memory that stays taken",
      fence(
        "js",
        'import { requestDevice } from "gpt2-webgpu";\nconst d = await requestDevice();\nd.tensor([1], ' +
          "[1]);\nd.destroy();",
      ),
      /leave memory/,
    ],
  ])("notices %s", async (_, page, message) => {
    await expect(reader.follow(page)).rejects.toThrow(message);
  });
});
