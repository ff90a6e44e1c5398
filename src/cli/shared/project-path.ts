// Files that come with the project, named as seen from where the user stands, and the project's own name.
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

/** "weights/demo" -> its path from the working folder. */
export function projectPath(path: string): string {
  return relative(process.cwd(), fileURLToPath(new URL(`../../../${path}`, import.meta.url))) || ".";
}

/** The model that programs use when none is named. */
export const DEMO_MODEL = projectPath("weights/demo");

/** "gpt2-webgpu 0.1.0", from package.json. */
export function versionLine(): string {
  const file = new URL("../../../package.json", import.meta.url);
  const { name, version } = JSON.parse(readFileSync(file, "utf8")) as { name: string; version: string };
  return `${name} ${version}`;
}
