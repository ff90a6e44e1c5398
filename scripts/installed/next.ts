// Next, as check-package.ts tries it with examples/next: built, started, and asked for its page, for the demo model and
// for a paragraph that the server writes.
import { spawn } from "node:child_process";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { npmInstall } from "../npm-install.ts";
import { ROOT } from "../package/build-js.ts";
import { bin, ENVIRONMENT, run } from "./run.ts";

/** One version each, as in check-package.ts; in a folder of their own, since they are 340 MB. */
const PACKAGES = { next: "16.4.6", react: "19.3.1", "react-dom": "19.3.1" };
const READY_MS = 60_000;

/** `folder`: made here, and removed at the end. `wanted`: what the server must write into `gap`. */
export async function builtByNext(folder: string, tarball: string, gap: object, wanted: string): Promise<string> {
  try {
    await cp(join(ROOT, "examples", "next"), folder, { recursive: true });
    const dependencies = { "gpt2-webgpu": `file:${tarball}`, ...PACKAGES };
    await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, dependencies }));
    await npmInstall(folder);
    await mkdir(join(folder, "public"));
    await cp(join(folder, "node_modules", "gpt2-webgpu", "weights"), join(folder, "public"), { recursive: true });
    const said = await run(folder, bin("next"), "build");
    if (/warn/i.test(said)) throw new Error(said);
    await expectEngineIn(join(folder, ".next", "static"));
    const written = await askServer(folder, gap);
    if (written !== wanted) throw new Error(`the server wrote ${written}, wanted ${wanted}`);
    return `a page, a worker, a route that writes ${written}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The page's and the worker's scripts hold the engine, and ask for nothing of Node. */
async function expectEngineIn(folder: string): Promise<void> {
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith(".js"));
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  const engines = texts.filter((text) => text.includes("attention_decode"));
  if (engines.length === 0) throw new Error("no script for the browser holds the engine");
  if (engines.some((text) => /["'](?:node:fs|webgpu)["']/.test(text)))
    throw new Error("a script for the browser asks for Node's modules");
}

async function askServer(folder: string, gap: object): Promise<string> {
  const server = spawn(process.execPath, [join("node_modules", "next", "dist", "bin", "next"), "start", "-p", "0"], {
    cwd: folder,
    env: ENVIRONMENT,
  });
  try {
    const address = await new Promise<string>((resolve, reject) => {
      let said = "";
      const listen = (text: Buffer): void => {
        said += text.toString();
        const [, port] = /localhost:(\d+)[^]*Ready/.exec(said) ?? [];
        if (port !== undefined) resolve(`http://localhost:${port}`);
      };
      server.stdout.on("data", listen);
      server.stderr.on("data", listen);
      server.once("exit", () => reject(new Error(`next start ended: ${said}`)));
      setTimeout(() => reject(new Error(`next start is not ready: ${said}`)), READY_MS).unref();
    });
    for (const path of ["/", "/demo/config.json"]) {
      const { ok, status } = await fetch(address + path);
      if (!ok) throw new Error(`${path} is answered by ${status}`);
    }
    const answer = await fetch(`${address}/fill`, { method: "POST", body: JSON.stringify(gap) });
    if (!answer.ok) throw new Error(`/fill is answered by ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as string;
  } finally {
    server.kill("SIGKILL");
  }
}
