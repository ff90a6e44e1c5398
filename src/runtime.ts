// What this runs in, asked in one place. The modules that only Node, Deno and Bun can load are imported by a specifier
// held in a variable, which no bundler follows, so a page never carries them.

/** Node, or a runtime that has its modules (Deno, Bun); else a browser. */
export const isNode = typeof process === "object" && process.versions?.node !== undefined;

/** import() that bundlers leave alone. `specifier`: a package, or a path that starts from this folder. */
export const importInNode = <M>(specifier: string): Promise<M> => import(/* @vite-ignore */ specifier);
