// `npx gpt2-webgpu studio` as those have it who installed both packages: it says where the page is, and serves it.
import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { installWhereNeeded, npmInstall } from "../npm-install.ts";
import { ROOT } from "../package/build-js.ts";
import { run } from "./run.ts";

/** In a folder of its own beside `folder`; returns what it served. Throws Error where something is not there. */
export async function servedStudio(folder: string, tarball: string): Promise<string> {
  const studio = join(ROOT, "studio");
  await installWhereNeeded(studio);
  const packed = await run(studio, "npm", "pack", "--json", "--pack-destination", folder);
  const page = join(folder, /[\w.-]+\.tgz/.exec(packed.slice(packed.indexOf('"filename"')))![0]);
  const alone = `${folder}-studio`;
  await mkdir(alone);
  await writeFile(join(alone, "package.json"), '{ "type": "module" }');
  await npmInstall(alone, "--omit=optional", tarball, page);
  const command = join(alone, "node_modules", ".bin", "gpt2-webgpu");
  const server = spawn(command, ["studio", "--port", "0", "--no_open"], {
    cwd: alone,
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    let address: string | undefined;
    for await (const line of createInterface({ input: server.stdout })) {
      address = /^Studio +(http:\S+)$/.exec(line)?.[1];
      break;
    }
    if (address === undefined) throw new Error("it did not say where the studio is");
    const get = async (path: string): Promise<Response> => {
      const response = await fetch(new URL(path, address));
      if (!response.ok) throw new Error(`${path}: ${response.status}`);
      return response;
    };
    const html = await (await get("")).text();
    const scripts = [...html.matchAll(/<script[^>]* src="([^"]+)"/g)].map(([, path]) => path!);
    if (scripts.length === 0) throw new Error("the page has no script");
    for (const path of [...scripts, "sw.js", "manifest.webmanifest"]) await get(path);
    const weights = await (await get("models/demo/model.safetensors")).arrayBuffer();
    return `${html.length + weights.byteLength} bytes of page and demo model`;
  } finally {
    server.kill("SIGINT");
  }
}
