// The studio as it is deployed: built, served as plain files, opened in Chromium.
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import type { Browser } from "playwright-core";
import { CHROMIUM_FLAGS } from "../browsers/launch.ts";
import { installWhereNeeded } from "../npm-install.ts";
import { ROOT } from "../package/build-js.ts";

const STUDIO = join(ROOT, "studio");
/** The studio's packages are its own. */
export const fromStudio = createRequire(join(STUDIO, "package.json"));

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
};

/** The folder of the built site. */
export async function buildStudio(): Promise<string> {
  await installWhereNeeded(STUDIO);
  const vite = join(STUDIO, "node_modules", "vite", "bin", "vite.js");
  const built = spawn(process.execPath, [vite, "build", "--logLevel", "warn"], { cwd: STUDIO, stdio: "inherit" });
  const code = await new Promise((done) => built.on("exit", done));
  if (code !== 0) throw new Error(`vite build ended with ${String(code)}`);
  return join(STUDIO, "dist");
}

export interface Site {
  readonly address: string;
  close(): Promise<void>;
}

export async function serveStudio(folder: string): Promise<Site> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, "http://localhost");
    const file = join(folder, normalize(decodeURIComponent(pathname === "/" ? "/index.html" : pathname)));
    readFile(file).then(
      (bytes) => {
        const type = TYPES[extname(file)] ?? "application/octet-stream";
        response.writeHead(200, { "content-type": type, "content-length": bytes.length, etag: `"${bytes.length}"` });
        response.end(request.method === "HEAD" ? undefined : bytes);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> => {
    server.closeAllConnections();
    return new Promise((closed) => server.close(() => closed()));
  };
  return { address: `http://127.0.0.1:${port}/`, close };
}

export function openChromium(executablePath: string): Promise<Browser> {
  const { chromium } = fromStudio("playwright-core") as typeof import("playwright-core");
  return chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] });
}
