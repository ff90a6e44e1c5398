// The tables of kernels in a clone: the test files that are named after a kernel's file. Importing one describes its
// checks to src/doctor/test-shim.ts, which stands in for vitest.
import { existsSync, readdirSync } from "node:fs";
import * as nodeModule from "node:module";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Kernel's file name without its ending -> its test file. */
export function tableFiles(): Map<string, string> {
  const names = readdirSync(join(ROOT, "src", "kernels"), { recursive: true, encoding: "utf8" })
    .map((file) => basename(file, ".ts"))
    .sort();
  const files = names.map((name) => [name, join(ROOT, "test", `${name}.test.ts`)] as const);
  return new Map(files.filter(([, file]) => existsSync(file)));
}

/** The same -> what imports it. */
export function kernelTables(): Map<string, () => Promise<unknown>> {
  redirectVitest();
  return new Map([...tableFiles()].map(([name, file]) => [name, () => import(pathToFileURL(file).href)]));
}

let redirected = false;

/**
 * From here on, importing "vitest" gives the shim: by hooks in this thread where Node has them, else in Node's loader
 * thread.
 */
export function redirectVitest(): void {
  if (redirected) return;
  redirected = true;
  const url = new URL("../src/doctor/test-shim.ts", import.meta.url).href;
  type Resolve = (specifier: string, context: unknown) => unknown;
  const { registerHooks } = nodeModule as {
    registerHooks?: (hooks: { resolve(specifier: string, context: unknown, next: Resolve): unknown }) => void;
  };
  if (registerHooks) {
    registerHooks({
      resolve: (specifier, context, next) =>
        specifier === "vitest" ? { url, shortCircuit: true } : next(specifier, context),
    });
    return;
  }
  const hook =
    `export const resolve = (specifier, context, next) => specifier === "vitest" ? { url: ` +
    `${JSON.stringify(url)}, shortCircuit: true } : next(specifier, context);`;
  nodeModule.register(`data:text/javascript,${encodeURIComponent(hook)}`);
}
