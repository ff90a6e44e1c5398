// npm run build: dist/, what the package holds besides its sources and the demo model. See scripts/package.
import { chmod, rm } from "node:fs/promises";
import { join } from "node:path";
import { runCli } from "../src/cli/shared/run.ts";
import { buildJs, ROOT } from "./package/build-js.ts";
import { buildTypes } from "./package/build-types.ts";

await runCli(async () => {
  const dist = join(ROOT, "dist");
  await rm(dist, { recursive: true, force: true });
  await Promise.all([buildJs(dist), buildTypes(dist)]);
  await chmod(join(dist, "gpt2-webgpu.js"), 0o755);
});
