// Files that come with the project, named as seen from where the user stands.
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

/** "weights/demo" -> its path from the working folder. */
export function projectPath(path: string): string {
  return relative(process.cwd(), fileURLToPath(new URL(`../../../${path}`, import.meta.url))) || ".";
}

/** The model that programs use when none is named. */
export const DEMO_MODEL = projectPath("weights/demo");
