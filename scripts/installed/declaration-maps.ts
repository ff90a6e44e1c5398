// The declarations' maps of the installed package: each exported name must lead to the line of the sources that has it.
import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { decode } from "@jridgewell/sourcemap-codec";
import { ROOT } from "../package/build-js.ts";

const EXPORTED = /^export (?:declare )?(?:abstract )?(?:class|function|const|interface|type) (\w+)/;

/** `dist`: of the package; its maps' paths are taken as if it stood in this project. */
export async function followDeclarationMaps(dist: string): Promise<string> {
  let names = 0;
  for (const file of (await readdir(dist, { recursive: true })).filter((each) => each.endsWith(".d.ts.map"))) {
    const map = JSON.parse(await readFile(join(dist, file), "utf8")) as { mappings: string; sources: [string] };
    const source = await readFile(resolve(ROOT, "dist", file, "..", map.sources[0]), "utf8");
    const lines = decode(map.mappings);
    const declarations = await readFile(join(dist, file.replace(/\.map$/, "")), "utf8");
    for (const [at, line] of declarations.split("\n").entries()) {
      const [, name] = EXPORTED.exec(line) ?? [];
      if (name === undefined) continue;
      const found = source.split("\n")[lines[at]?.[0]?.[2] ?? -1] ?? "nothing";
      if (!new RegExp(`\\b${name}\\b`).test(found)) throw new Error(`${file}: ${name} leads to: ${found}`);
      names++;
    }
  }
  if (names < 800) throw new Error(`${names} names, wanted 800 or more`);
  return `${names} names lead to their lines`;
}
