// A page of the package as it is packed: the tarball unpacked behind an address of this machine, no bundler between.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { rolldown } from "rolldown";
import { ROOT } from "../package/build-js.ts";

const TYPES: Readonly<Record<string, string>> = { ".js": "text/javascript", ".json": "application/json" };

/** Runs the table of the kernel that it is told. */
const DOCTOR_WORKER = `import { doctor } from "/package/dist/entries/doctor.js";
onmessage = ({ data: kernel }) =>
  doctor({ kernels: [kernel] }).then(
    (report) => postMessage(report),
    (error) => postMessage({ checks: [], passed: 0, failed: 1, problems: [String(error)] }),
  );
`;

/** A worker of a browser that has no WebGPU. */
const WITHOUT_WEBGPU = `Object.defineProperty(navigator, "gpu", { value: undefined });
const { Infiller } = await import("/package/dist/entries/infill.js");
postMessage(await Infiller.load("/package/weights/demo").then(() => "It computes", String));
`;

/** Every answer below /cut/ ends after so many bytes of its body. */
const CUT_BYTES = 900_000;

export interface Site {
  readonly address: string;
  close(): Promise<void>;
}

/**
 * `packageFolder` at /package, and under the names that page.ts has for it besides; a page at /, whose module is
 * page.ts; workers' scripts beside it.
 */
export async function serve(packageFolder: string): Promise<Site> {
  const texts: Readonly<Record<string, string>> = {
    "/": '<!doctype html><meta charset="utf-8"><title>check</title><script type="module" src="/page.js"></script>',
    "/page.js": await pageModule(),
    "/worker.js": 'import { serveEngine } from "/package/dist/entries/worker.js";\nserveEngine();\n',
    "/doctor-worker.js": DOCTOR_WORKER,
    "/without-webgpu.js": WITHOUT_WEBGPU,
  };
  let cuts = 0;
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, "http://localhost");
    const text = pathname === "/cuts" ? String(cuts) : texts[pathname];
    if (text !== undefined) {
      const type = pathname === "/" ? "text/html" : "text/javascript";
      response.writeHead(200, { "content-type": type }).end(text);
      return;
    }
    const [, prefix, path] = /^\/(package|cut|stopped|full)(\/.*)$/.exec(pathname) ?? [];
    const file = join(packageFolder, normalize(decodeURIComponent(path ?? "/none")));
    stat(file).then(
      ({ size, mtimeMs }) => {
        const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
        const end = prefix === "cut" ? Math.min(size, start + CUT_BYTES) : size;
        response.writeHead(start > 0 ? 206 : 200, {
          "content-type": TYPES[extname(file)] ?? "application/octet-stream",
          "content-length": size - start,
          etag: `"${size}-${mtimeMs}"`,
          ...(start > 0 && { "content-range": `bytes ${start}-${size - 1}/${size}` }),
        });
        if (request.method === "HEAD") return void response.end();
        const body = createReadStream(file, { start, end: end - 1 });
        if (end === size) return void body.pipe(response);
        cuts++;
        body.pipe(response, { end: false });
        body.on("end", () => setTimeout(() => response.destroy(), 50)); // what was written has gone by then
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  return { address: `http://127.0.0.1:${port}`, close: () => close(server) };
}

/** page.ts as one module, which takes the engine from the package instead of the sources. */
async function pageModule(): Promise<string> {
  const bundle = await rolldown({
    input: join(ROOT, "scripts", "browsers", "page.ts"),
    platform: "browser",
    plugins: [
      {
        name: "the-packed-package",
        resolveId: (specifier) => {
          const module = /\/src\/(index|entries\/[\w-]+)\.ts$/.exec(specifier)?.[1];
          return module === undefined ? undefined : { id: `/package/dist/${module}.js`, external: "absolute" };
        },
      },
    ],
  });
  try {
    const { output } = await bundle.generate({ format: "esm" });
    return output[0].code;
  } finally {
    await bundle.close();
  }
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((closed) => server.close(() => closed()));
}
