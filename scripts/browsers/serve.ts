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

export interface Site {
  readonly address: string;
  close(): Promise<void>;
}

/** `packageFolder` at /package; a page at /, whose module is page.ts; workers' scripts beside it. */
export async function serve(packageFolder: string): Promise<Site> {
  const texts: Readonly<Record<string, string>> = {
    "/": '<!doctype html><meta charset="utf-8"><title>check</title><script type="module" src="/page.js"></script>',
    "/page.js": await pageModule(),
    "/worker.js": 'import { serveEngine } from "/package/dist/entries/worker.js";\nserveEngine();\n',
    "/doctor-worker.js": DOCTOR_WORKER,
  };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, "http://localhost");
    const text = texts[pathname];
    if (text !== undefined) {
      const type = pathname === "/" ? "text/html" : "text/javascript";
      response.writeHead(200, { "content-type": type }).end(text);
      return;
    }
    const file = join(packageFolder, normalize(decodeURIComponent(pathname)).replace(/^[/\\]package[/\\]/, ""));
    stat(file).then(
      ({ size, mtimeMs }) => {
        const type = TYPES[extname(file)] ?? "application/octet-stream";
        response.writeHead(200, { "content-type": type, "content-length": size, etag: `"${size}-${mtimeMs}"` });
        if (request.method === "HEAD") response.end();
        else createReadStream(file).pipe(response);
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
