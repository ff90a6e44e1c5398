// What only Node, Deno and Bun can load: a specifier held in a variable, which no bundler follows, so that a page never
// carries it. The built package names such modules by package.json's "imports" instead (scripts/package/build-js.ts).

/** import() that bundlers leave alone. `specifier`: a package, or a path that starts from this folder. */
export const importInNode = <M>(specifier: string): Promise<M> => import(/* @vite-ignore */ specifier);
