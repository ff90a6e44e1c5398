// What this runs in, asked in one place. The modules that only Node, Deno and Bun can load are imported by
// import-in-node.ts.
import { UserError } from "./errors.ts";

/** Node, or a runtime that has its modules (Deno, Bun); else a browser. */
export const isNode = typeof process === "object" && process.versions?.node !== undefined;

/** "Node 20.20.1 on linux x64", "Deno 2.9.6 on ..."; of a browser what it says of itself. */
export function runtimeName(): string {
  if (!isNode) return (globalThis as { navigator?: { userAgent?: string } }).navigator?.userAgent ?? "unknown";
  const { deno, bun } = process.versions as { readonly deno?: string; readonly bun?: string };
  const name = deno ? `Deno ${deno}` : bun ? `Bun ${bun}` : `Node ${process.versions.node}`;
  return `${name} on ${process.platform} ${process.arch}`;
}

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
