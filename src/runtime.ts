// What this runs in, asked in one place. The modules that only Node, Deno and Bun can load are imported by a specifier
// held in a variable, which no bundler follows, so a page never carries them.
import { UserError } from "./errors.ts";

/** Node, or a runtime that has its modules (Deno, Bun); else a browser. */
export const isNode = typeof process === "object" && process.versions?.node !== undefined;

/** import() that bundlers leave alone. `specifier`: a package, or a path that starts from this folder. */
export const importInNode = <M>(specifier: string): Promise<M> => import(/* @vite-ignore */ specifier);

/**
 * What `load` imports, which needs the npm package `spec` ("jszip@3.10.2"), one that is installed unless it is left
 * out. Throws UserError where it was: "`what` needs jszip, which ...".
 */
export async function importOptional<M>(spec: string, what: string, load: () => Promise<M>): Promise<M> {
  const name = spec.slice(0, spec.lastIndexOf("@"));
  try {
    return await load();
  } catch (error) {
    // Each runtime has words of its own for a package that it does not find, and all of them name it.
    if (!(error as Error).message.includes(name)) throw error;
    throw new UserError(`${what} needs the package ${name}, which is not installed: npm install ${spec}.`);
  }
}
