// The studio as a site of plain files: the page, the engine's worker from the sources of the package, the demo model.
import { createHash } from "node:crypto";
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import type { Plugin } from "vite";
import { hubAddress, shadersAsText } from "../scripts/package/build-js.ts";
import { mergesAsText } from "../scripts/package/merges-as-text.ts";

const DEMO = fileURLToPath(new URL("../weights/demo", import.meta.url));
/** What loading a model reads; the rest of the folder tells how it was trained. */
const DEMO_FILES = readdirSync(DEMO).filter((file) => !/^(?:tokenizer\.json|trainer_state\.json|.*\.svg)$/.test(file));

/** The demo model at models/demo/: from its folder in development, copied in the build. */
const demoModel = (): Plugin => ({
  name: "demo-model",
  configureServer(server) {
    server.middlewares.use((request, response, next) => {
      const [, name] = /^\/models\/demo\/([^/?]+)/.exec(request.url ?? "") ?? [];
      if (name === undefined) return next();
      const path = join(DEMO, name);
      if (!DEMO_FILES.includes(name) || !existsSync(path)) return void response.writeHead(404).end();
      const { size, mtimeMs } = statSync(path);
      response.writeHead(200, { "content-length": size, etag: `"${size}-${mtimeMs}"` });
      if (request.method === "HEAD") response.end();
      else createReadStream(path).pipe(response);
    });
  },
  generateBundle() {
    for (const name of DEMO_FILES)
      this.emitFile({ type: "asset", fileName: `models/demo/${name}`, source: readFileSync(join(DEMO, name)) });
  },
});

/** sw.js, which keeps every file of the site, so that it opens without a network; only where it is built. */
const offline = (): Plugin => ({
  name: "offline",
  apply: "build",
  enforce: "post",
  generateBundle(_options, bundle) {
    const files = Object.keys(bundle).sort();
    const digest = createHash("sha256");
    for (const file of files) {
      const { [file]: each } = bundle;
      digest.update(each.type === "chunk" ? each.code : each.source);
    }
    const version = digest.digest("hex").slice(0, 16);
    const source = readFileSync(new URL("sw.js", import.meta.url), "utf8")
      .replace("VERSION", version)
      .replace('"FILES"', JSON.stringify(["./", ...files, "icon.svg", "manifest.webmanifest"]));
    this.emitFile({ type: "asset", fileName: "sw.js", source });
  },
});

/** What the package's own build does to the sources for pages. */
const forPages = (): Plugin[] => [shadersAsText(), mergesAsText(), hubAddress()] as Plugin[];

export default defineConfig(({ command }) => ({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./",
  plugins: [demoModel(), offline(), ...(command === "build" ? forPages() : [])],
  oxc: { jsx: { runtime: "automatic" as const, importSource: "preact" } },
  worker: { format: "es" as const, plugins: () => (command === "build" ? forPages() : []) },
  server: { fs: { allow: [fileURLToPath(new URL("..", import.meta.url))] } },
  build: { target: "es2023", chunkSizeWarningLimit: 2000 },
}));
