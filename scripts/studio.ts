// npm run studio: the studio's development server, on the sources. npm run studio -- build: its site of plain files, in
// studio/dist; -- preview serves that. What follows is Vite's. The packages are those of studio/package.json, which
// npm ci of the project leaves out; they are installed where they are not there.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { runCli } from "../src/cli/shared/run.ts";
import { installWhereNeeded } from "./npm-install.ts";
import { ROOT } from "./package/build-js.ts";

const STUDIO = join(ROOT, "studio");

await runCli(async ({ argv, signal }) => {
  await installWhereNeeded(STUDIO);
  const command = [join(STUDIO, "node_modules", "vite", "bin", "vite.js"), ...argv];
  const vite = spawn(process.execPath, command, { cwd: STUDIO, stdio: "inherit" });
  signal.addEventListener("abort", () => vite.kill());
  return new Promise<number>((done) => vite.on("exit", (code) => done(code ?? 0)));
});
