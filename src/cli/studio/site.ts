// Where the studio's page comes from: a package of its own, beside this one, or in a clone of the project the folder
// studio/. It weighs as much as all of this package's code, which those who install that for its engine need not have.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { UserError } from "../../errors.ts";
import { forwardSignals } from "../shared/forwarded-signals.ts";
import { versionLine } from "../shared/project-path.ts";

/** studio/serve.js. */
export interface Site {
  serve(port: number): Promise<{ readonly address: string; close(): Promise<void> }>;
  show(address: string): Promise<boolean>;
}

const PACKAGE = "gpt2-webgpu-studio";
const SERVE = `${PACKAGE}/serve`;
const IN_CLONE = new URL("../../../studio/", import.meta.url);
/** That npx has been asked, so that it is not asked again. */
const ASKED = "GPT2_WEBGPU_STUDIO_BY_NPX";

/** The page, or undefined where its package is not installed. Throws UserError in a clone where it is not built. */
export async function findSite(): Promise<Site | undefined> {
  const inClone = fileURLToPath(new URL("serve.js", IN_CLONE));
  if (existsSync(inClone)) {
    const isThere = (path: string): boolean => existsSync(new URL(path, IN_CLONE));
    if (!isThere("dist/index.html") || !isThere("node_modules"))
      throw new UserError("The studio is not built in this clone: npm run studio -- build, and then this again.");
    return (await import(inClone)) as Site;
  }
  try {
    return (await import(SERVE)) as Site;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND" && (error as Error).message.includes(PACKAGE))
      return undefined;
    throw error;
  }
}

/** The same program again, with both packages, by npx, which asks before it fetches one. Its exit code. */
export async function runByNpx(argv: readonly string[]): Promise<number> {
  const [name, version] = versionLine().split(" ");
  const byHand = `npm install ${PACKAGE}@${version}`;
  if (process.env[ASKED]) throw new UserError(`npx brought no ${PACKAGE}: ${byHand}, and then this again.`);
  const wanted = [`${name}@${version}`, `${PACKAGE}@${version}`].flatMap((each) => ["--package", each]);
  const npx = spawn("npx", [...wanted, name, "studio", ...argv], {
    stdio: "inherit",
    env: { ...process.env, [ASKED]: "1" },
    shell: process.platform === "win32", // npx is a batch file there
  });
  forwardSignals(npx);
  return new Promise((resolve, reject) => {
    npx.once("exit", (code) => resolve(code ?? 1));
    npx.once("error", () =>
      reject(
        new UserError(`The studio's page is a package of its own, and npx, which brings it, is not here: ${byHand}.`),
      ),
    );
  });
}
