// Vite's development server, as check-package.ts tries it: a page's modules as it serves them, one by one, with the
// package among its dependencies. That they run is seen by check-browsers.ts, where there is a browser.
import { createServer } from "vite";
import { importsOf } from "../package/imports-of.ts";

/** `folder`: of a project with an index.html; `page`: the module that it loads. */
export async function servedByVite(folder: string, page: string): Promise<string> {
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  const server = await createServer({
    root: folder,
    configFile: false,
    customLogger: {
      hasWarned: false,
      info: () => {},
      warn,
      warnOnce: warn,
      error: warn,
      clearScreen: () => {},
      hasErrorLogged: () => false,
    },
    server: { port: 0, host: "127.0.0.1" },
  });
  try {
    await server.listen();
    const modules = await allModules(new URL(page, server.resolvedUrls!.local[0]));
    if (warnings.length > 0) throw new Error(warnings.join("\n"));
    const code = [...modules.values()].join("\n");
    if (!code.includes("attention_decode")) throw new Error("the engine is not among the modules");
    if (/__vite-browser-external/.test(code)) throw new Error("a module of Node is asked for");
    return `${modules.size} modules`;
  } finally {
    await server.close();
  }
}

/** All that a browser asks for, by address: the module, and what it imports. */
async function allModules(first: URL): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  const asked = new Set([first.href]);
  for (const address of asked) {
    const answer = await fetch(address);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${address} is answered by ${answer.status}: ${text.slice(0, 200)}`);
    texts.set(address, text);
    for (const specifier of importsOf(text, new URL(address).pathname)) asked.add(new URL(specifier, address).href);
  }
  return texts;
}
