// Where the tables of kernels are: the test files that check each kernel against its float64 oracle at awkward sizes.
// In a clone Node imports them where they lie; the package's build puts a module in the place of this one that imports
// their built form, in any runtime.
import { importInNode } from "../import-in-node.ts";

/** A kernel's name, as its file has it ("matmul") -> what describes its checks to test-shim.ts. */
export type KernelTables = ReadonlyMap<string, () => Promise<unknown>>;

export async function kernelTables(): Promise<KernelTables> {
  return (await importInNode<{ kernelTables(): KernelTables }>("../bench/kernel-tables.ts")).kernelTables();
}
