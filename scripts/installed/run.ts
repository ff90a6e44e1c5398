// Commands of those who installed the package, as the checks of it run them.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

/** This process's own as it was begun: Vite's server sets NODE_ENV, with which Next builds no site. */
export const ENVIRONMENT = { ...process.env, NEXT_TELEMETRY_DISABLED: "1" };
/** Of one command; the slowest takes half a minute. */
const LIMIT_MS = 5 * 60_000;

/** What it says. Throws Error with its words where it fails. */
export async function run(folder: string, command: string, ...argv: string[]): Promise<string> {
  try {
    const limits = { maxBuffer: 1e8, timeout: LIMIT_MS, killSignal: "SIGKILL" } as const;
    const { stdout, stderr } = await promisify(execFile)(command, argv, { cwd: folder, env: ENVIRONMENT, ...limits });
    return stdout + stderr;
  } catch (error) {
    const { stdout, stderr, message, killed } = error as Error & { stdout: string; stderr: string; killed: boolean };
    if (killed) throw new Error(`${command} did not end within ${LIMIT_MS / 60_000} minutes`, { cause: error });
    throw new Error([stdout, stderr].join("").trim() || message, { cause: error });
  }
}

export const bin = (name: string): string => join("node_modules", ".bin", name);
