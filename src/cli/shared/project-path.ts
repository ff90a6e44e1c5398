// Files that come with the project, named as seen from where the user stands, and the project's own name.
import { existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../../errors.ts";

/** "weights/demo" -> its path from the working folder. */
export function projectPath(path: string): string {
  return relative(process.cwd(), fileURLToPath(new URL(`../../../${path}`, import.meta.url))) || ".";
}

/** A file of the sample data. Throws UserError where it is not there: the npm package holds only a part of them. */
export function samplePath(file: string, flag: string): string {
  const path = projectPath(`data/sample/${file}`);
  if (existsSync(path)) return path;
  throw new UserError(`The sample ${file} is in the project's repository, and not in its npm package; give ${flag}.`);
}

/** The model that programs use when none is named. */
export const DEMO_MODEL = projectPath("weights/demo");

/** "gpt2-webgpu 0.1.0", from package.json. */
export function versionLine(): string {
  const file = new URL("../../../package.json", import.meta.url);
  const { name, version } = JSON.parse(readFileSync(file, "utf8")) as { name: string; version: string };
  return `${name} ${version}`;
}
