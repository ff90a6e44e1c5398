// npm run docs: the site of docs/ into docs/.vitepress/dist, TypeDoc's reference of all entry points in it. Its
// packages are those of docs/package.json: npm ci of the project installs them not (150 MB, and TypeDoc wants
// TypeScript 6), this does where they are not there. What follows needs no network. A warning fails the build, and so
// does a dead link.
import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import packageJson from "../package.json" with { type: "json" };
import { UserError } from "../src/errors.ts";
import { runCli } from "../src/cli/shared/run.ts";
import { installWhereNeeded } from "./npm-install.ts";
import { ROOT } from "./package/build-js.ts";

const DOCS = join(ROOT, "docs");
const REFERENCE = join(DOCS, "reference");
const LIMIT_MS = 10 * 60_000;
const TYPEDOC = [
  ["--plugin", "typedoc-plugin-markdown", "--plugin", join(DOCS, "typedoc-entry-points.mjs")],
  ["--outputFileStrategy", "modules", "--out", REFERENCE, "--entryFileName", "index.md", "--readme", "none"],
  ["--tsconfig", join(ROOT, "tsconfig.build.json"), "--excludePrivate", "--excludeInternal", "--disableSources"],
  ["--hidePageHeader", "--hideBreadcrumbs", "--name", "Reference", "--treatWarningsAsErrors"],
  // The engine's own classes that a result happens to mention are not documented.
  ["--validation.notExported", "false", "--logLevel", "Warn"],
].flat();

/** What the command says; throws Error with it where it fails. */
async function run(file: string, ...argv: string[]): Promise<string> {
  const command = [join(DOCS, "node_modules", file), ...argv];
  const limits = { maxBuffer: 1e8, timeout: LIMIT_MS, killSignal: "SIGKILL" } as const;
  const env = { ...process.env, NO_COLOR: "1" };
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, command, { cwd: DOCS, env, ...limits });
    return stdout + stderr;
  } catch (error) {
    const { stdout, stderr, message } = error as Error & { stdout: string; stderr: string };
    throw new UserError([stdout, stderr].join("").trim() || message);
  }
}

await runCli(async () => {
  await installWhereNeeded(DOCS);
  await rm(REFERENCE, { recursive: true, force: true });
  const entries = Object.values(packageJson.exports).flatMap((entry) =>
    typeof entry === "string" ? [] : [join(ROOT, entry.default.replace("./dist", "src").replace(/js$/, "ts"))],
  );
  await run("typedoc/bin/typedoc", ...TYPEDOC, ...entries);
  const said = await run("vitepress/bin/vitepress.js", "build", ".");
  if (/warn/i.test(said)) throw new UserError(said);
  process.stdout.write("docs/.vitepress/dist has the site; any file server shows it.\n");
  return 0;
});
