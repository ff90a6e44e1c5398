// The licences of the npm packages that come along in dist/vendor, as they ask for.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Of the packages that `files` (paths on this disk) belong to: name, version, licence, in one text. */
export function licenceNotices(files: readonly string[]): string {
  const roots = files.flatMap((file) => /^.*[/\\]node_modules[/\\](?:@[^/\\]+[/\\])?[^/\\]+/.exec(file)?.[0] ?? []);
  return [...new Set(roots)]
    .sort()
    .map(notice)
    .join(`\n${"-".repeat(80)}\n\n`);
}

function notice(root: string): string {
  const about = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, unknown>;
  const file = readdirSync(root).find((name) => /^licen[cs]e/i.test(name));
  const { name, version, license } = about;
  if (typeof license !== "string") throw new Error(`build: ${root} does not say its licence, so it cannot be shipped`);
  const text = file === undefined ? "" : readFileSync(join(root, file), "utf8");
  return `${String(name)} ${String(version)}, ${license}\n\n${text.trim()}\n`;
}
