// npm install in a folder, as the checks of CI need it: within a time, and tried again. Once in many runs npm stops
// before its first request and never ends (seen with npm 11, for 75 minutes, where other runs took 8 seconds).
import { execFile } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const LIMIT_MS = 4 * 60_000;
const TRIES = 3;

/** Throws Error with npm's own words where it fails, and after the last try that did not end in time. */
export async function npmInstall(folder: string, ...flags: readonly string[]): Promise<void> {
  const argv = ["install", "--no-audit", "--no-fund", "--prefer-offline", ...flags];
  for (let attempt = 1; ; attempt++) {
    try {
      await promisify(execFile)("npm", argv, { cwd: folder, maxBuffer: 1e8, timeout: LIMIT_MS, killSignal: "SIGKILL" });
      return;
    } catch (error) {
      const { killed, stderr, message } = error as Error & { killed?: boolean; stderr?: string };
      if (!killed) throw new Error(stderr?.trim() || message, { cause: error });
      const said = `npm install in ${folder} did not end within ${LIMIT_MS / 60_000} minutes`;
      if (attempt === TRIES) throw new Error(`${said}, ${TRIES} times`, { cause: error });
      process.stderr.write(`${said}; trying again\n`);
    }
  }
}

/** npmInstall() where the folder's lock file changed since its packages were installed, or they never were. */
export async function installWhereNeeded(folder: string): Promise<void> {
  const installed = join(folder, "node_modules", ".package-lock.json");
  const changed = (file: string): number => statSync(join(folder, file)).mtimeMs;
  if (existsSync(installed) && statSync(installed).mtimeMs >= changed("package-lock.json")) return;
  await npmInstall(folder);
}
