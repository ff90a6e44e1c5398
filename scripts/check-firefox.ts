// npm run check:firefox: the same sources in a page of Firefox, whose WebGPU is wgpu and whose shaders naga compiles.
// The demo's text must be Node's to the letter and five training losses Node's within 1e-5; then each kernel's table
// runs there, in every form that the adapter allows. Vite serves the sources from this machine; nothing is built.
// Skipped, and said so, where Firefox is not installed (FIREFOX names another place than the usual ones) or has no
// WebGPU. Names on the command line run only those tables.
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createServer } from "vite";
import { runCli } from "../src/cli/shared/run.ts";
import { findBrowser, launch, notInstalled } from "./browsers/launch.ts";
import { runDemo } from "./portable-demo.ts";
import type { DemoResult } from "./portable-demo.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const LOSS_TOLERANCE = 1e-5;
/** Of one table or the demo, on a busy machine: a page that hangs ends the check. */
const PATIENCE_MS = 600_000;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Test files named after a kernel's, without those that need Node. */
function kernelTables(): string[] {
  return readdirSync(join(ROOT, "src", "kernels"), { recursive: true, encoding: "utf8" })
    .map((file) => basename(file, ".ts"))
    .filter((stem) => existsSync(join(ROOT, "test", `${stem}.test.ts`)));
}

function compare(page: DemoResult, node: DemoResult): number {
  let failed = 0;
  const report = (what: string, right: boolean, otherwise: string): void => {
    print(right ? `ok    ${what}` : `FAIL  ${what}: ${otherwise}`);
    if (!right) failed++;
  };
  report("the demo's text is Node's", page.text === node.text, `"${page.text}", Node's "${node.text}"`);
  const near = page.losses.length === 5 && page.losses.every((x, i) => Math.abs(x - node.losses[i]) <= LOSS_TOLERANCE);
  report("five training losses are Node's", near, `${page.losses.join(", ")}; Node's ${node.losses.join(", ")}`);
  return failed;
}

await runCli(async ({ argv }) => {
  const executablePath = findBrowser("firefox");
  if (executablePath === undefined) {
    print(`skip  ${notInstalled("firefox")}`);
    return 0;
  }
  const server = await createServer({
    root: ROOT,
    configFile: false,
    logLevel: "error",
    server: { port: 0, host: "127.0.0.1" },
    optimizeDeps: { noDiscovery: true, include: ["fast-check"] },
    resolve: {
      alias: { vitest: join(ROOT, "bench", "test-shim.ts"), "node:util": join(ROOT, "scripts", "browser-util.ts") },
    },
    plugins: [
      {
        name: "blank-page",
        configureServer: ({ middlewares }) =>
          void middlewares.use("/blank", (_request, response) => {
            response.setHeader("content-type", "text/html");
            response.end('<!doctype html><script type="module" src="/scripts/browser-page.ts"></script>');
          }),
      },
    ],
  });
  await server.listen();
  const browser = await launch("firefox", executablePath, PATIENCE_MS);
  try {
    const page = await browser.newPage();
    page.on("pageerror", (error) => print(`page  ${String(error)}`));
    let failed = 0;
    await page.exposeFunction("tell", (line: string, isFailure: boolean) => {
      print(line);
      if (isFailure) failed++;
    });
    await page.goto(`${server.resolvedUrls!.local[0]}blank`);
    const hasAdapter = await page.evaluate("navigator.gpu?.requestAdapter().then((adapter) => adapter !== null)");
    if (!hasAdapter) {
      print(`skip  ${await browser.version()} offers no WebGPU adapter here.`);
      return 0;
    }
    await page.waitForFunction("globalThis.runTable !== undefined", { timeout: PATIENCE_MS });
    print(`page  ${await browser.version()}`);
    if (argv.length === 0) {
      const there = (await page.evaluate("runDemo(location.origin + '/weights/demo')")) as DemoResult;
      print(`page  ${there.adapter}`);
      failed += compare(there, await runDemo(join(ROOT, "weights", "demo")));
    }
    for (const stem of argv.length > 0 ? argv : kernelTables())
      await page.evaluate(`runTable(${JSON.stringify(stem)}, tell)`);
    print(failed === 0 ? "All checks in Firefox passed." : `${failed} checks in Firefox failed.`);
    return failed === 0 ? 0 : 1;
  } finally {
    await browser.close();
    await server.close();
  }
});
