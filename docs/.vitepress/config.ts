// The documentation site: what is in the menus, in the order of reading. Dead links fail the build, nothing is loaded
// from another host, and the search is an index that is built along.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitepress";
import { GUIDES, titleOf } from "../pages.ts";

const reference = join(import.meta.dirname, "..", "reference");

/** TypeDoc's pages, one an entry point, the engine first. */
const referencePages = (): { text: string; link: string }[] =>
  existsSync(reference)
    ? readdirSync(reference, { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".md") && file !== "index.md")
        .map((file) => ({ text: titleOf(`reference/${file}`), link: `/reference/${file.replaceAll("\\", "/")}` }))
        .sort((a, b) => a.text.localeCompare(b.text))
    : [];

const sidebar = [
  ...GUIDES.map(({ title, folder, pages }) => ({
    text: title,
    items: pages.map((page) => ({ text: titleOf(`${folder}/${page}.md`), link: `/${folder}/${page}` })),
  })),
  { text: "Reference", items: referencePages() },
];

export default defineConfig({
  title: "gpt2-webgpu",
  description: "GPT-2 training, generation and infilling in TypeScript on hand-written WebGPU compute shaders",
  lang: "en",
  head: [["link", { rel: "icon", href: "data:," }]], // none, and browsers do not ask for one
  base: process.env.DOCS_BASE ?? "/",
  cleanUrls: false, // so that any file server will do
  srcExclude: ["**/README.md"],
  markdown: { html: false }, // docstrings have words such as checkpoint-<step>
  vite: { build: { chunkSizeWarningLimit: 2000 } }, // kB; the reference of the engine is one page
  themeConfig: {
    nav: GUIDES.map(({ title, folder, pages }) => ({ text: title, link: `/${folder}/${pages[0]}` })),
    sidebar,
    outline: [2, 3],
    search: { provider: "local" },
  },
});
