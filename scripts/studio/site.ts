// The studio as it is deployed: built, served as plain files, opened in Chromium.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { CHROMIUM_FLAGS } from "../browsers/launch.ts";
import { installWhereNeeded } from "../npm-install.ts";
import { ROOT } from "../package/build-js.ts";

const STUDIO = join(ROOT, "studio");
/** The studio's packages are its own. */
export const fromStudio = createRequire(join(STUDIO, "package.json"));

export async function buildStudio(): Promise<void> {
  await installWhereNeeded(STUDIO);
  const vite = join(STUDIO, "node_modules", "vite", "bin", "vite.js");
  const built = spawn(process.execPath, [vite, "build", "--logLevel", "warn"], { cwd: STUDIO, stdio: "inherit" });
  const code = await new Promise((done) => built.on("exit", done));
  if (code !== 0) throw new Error(`vite build ended with ${String(code)}`);
}

/** What `npx gpt2-webgpu studio` serves it by. */
export async function serveStudio(): Promise<{ readonly address: string; close(): Promise<void> }> {
  const { serve } = (await import(
    pathToFileURL(join(STUDIO, "serve.js")).href
  )) as typeof import("../../studio/serve.js");
  return serve(0);
}

export function openChromium(executablePath: string): Promise<Browser> {
  const { chromium } = fromStudio("playwright-core") as typeof import("playwright-core");
  return chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] });
}
