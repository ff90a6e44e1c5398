// The pages of the site in their order: the menus are made of it, and the tests read the pages by it.
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const GUIDES = [
  {
    title: "For writers",
    folder: "writers",
    pages: [
      "install",
      "studio",
      "fill-a-gap",
      "your-books",
      "candidates",
      "constraints",
      "figures",
      "novel-gaps",
      "training",
    ],
  },
  {
    title: "For developers",
    folder: "developers",
    pages: ["node", "pages", "training", "several-machines", "entry-points", "errors"],
  },
  {
    title: "Inside the engine",
    folder: "engine",
    pages: [
      "overview",
      "layernorm",
      "products",
      "gelu",
      "attention",
      "decoding",
      "half-precision",
      "loss",
      "embedding",
      "dropout",
      "adamw",
      "choosing",
      "correctness",
      "speed",
    ],
  },
  { title: "For teachers", folder: "teachers", pages: ["lesson", "exercises"] },
] as const;

/** The heading that a page opens with; the path from docs/. Throws Error where it has none. */
export function titleOf(path: string): string {
  const title = /^# (.*)$/m.exec(readFileSync(join(import.meta.dirname, path), "utf8"))?.[1];
  if (title === undefined) throw new Error(`docs/${path} has no heading.`);
  return title;
}
