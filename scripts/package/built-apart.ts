// What is built apart from the library's modules and uses them: the doctor's tables and the command line.
import { dirname, relative, resolve } from "node:path";
import type { OutputAsset, OutputChunk, Plugin } from "rolldown";

export interface BuiltApart {
  /** The modules of `src` that it uses, as paths from there: the package must hold all that these export. */
  readonly used: readonly string[];
  /** All that is in it. */
  readonly modules: readonly string[];
}

/** The files that a build was made of. */
export const modulesOf = (output: readonly (OutputAsset | OutputChunk)[]): string[] =>
  output.flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []));

export interface ThePackage {
  readonly src: string;
  /** What its modules' paths begin with where they are imported. */
  readonly at: string;
  /** Notes which. */
  readonly used: Set<string>;
  /** What of `src`, by paths from there, is built with what uses it. */
  readonly own?: (path: string) => boolean;
  /** npm packages -> the modules of `src` in their place. */
  readonly alias?: Readonly<Record<string, string>>;
}

/** Leaves the modules of `src` to the package. */
export const usesThePackage = ({ src, at, used, own = () => false, alias = {} }: ThePackage): Plugin => ({
  name: "uses-the-package",
  resolveId(specifier, importer) {
    const instead = alias[specifier];
    if (importer === undefined || (instead === undefined && !specifier.startsWith("."))) return undefined;
    const path = instead ?? relative(src, resolve(dirname(importer), specifier)).replaceAll("\\", "/");
    if (path.startsWith("..") || own(path)) return undefined;
    used.add(path);
    return { id: `${at}/${path.replace(/\.ts$/, ".js")}`, external: "relative" };
  },
});
