// The packages of bench/peers/node_modules: the project's own npm ci installs none of them, so nothing here names one
// in an import that the type checker would look up. Each file declares as much of a package as it uses.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

const HERE = new URL("./", import.meta.url);

export const isInstalled = (name: string): boolean => existsSync(new URL(`./node_modules/${name}/`, HERE));

/** Why nothing can be compared here, as a sentence without its end; undefined where something can. */
export function peersMissing(): string | undefined {
  if (existsSync(new URL("./node_modules/", HERE))) return undefined;
  return "the systems to be compared with are not installed: run npm ci in bench/peers (700 MB)";
}

/** The version in a package's package.json. */
export function versionOf(name: string): string {
  const { version } = JSON.parse(readFileSync(new URL(`./node_modules/${name}/package.json`, HERE), "utf8")) as {
    readonly version: string;
  };
  return version;
}

/** A package, by the entry that its package.json gives importers; a CommonJS one is what it exports. */
export async function loadPeer<T extends object>(name: string): Promise<T> {
  const loaded = (await import(name)) as T & { readonly default?: T };
  return loaded.default ?? loaded;
}

/** As CommonJS has it: for files that leave out endings in their own imports, which a loader such as tsx's knows. */
export const requirePeer = (name: string): unknown => createRequire(import.meta.url)(name) as unknown;
