// One kernel's table, group by group: each form of the kernel that this adapter can run, against its float64 oracle.
import { collectTests, runGroups, withoutSubgroupForms } from "./test-shim.ts";
import type { Group } from "./test-shim.ts";

/** What a group of checks found. */
export interface KernelCheck {
  /** Name of the kernel's table: "layernorm". */
  readonly kernel: string;
  /** What of it, and in which form of the kernel; "" for checks outside all groups. */
  readonly group: string;
  readonly passed: number;
  /** With where and by how much the result was wrong. */
  readonly failures: readonly { readonly name: string; readonly message: string }[];
  readonly milliseconds: number;
  /** The group was not run: this adapter has no such thing ("subgroups"). */
  readonly lacks?: string;
}

/** Name of the check that a table's module can be loaded. */
export const OPENING = "opening the file";

/** A file that cannot be imported is a group that failed. */
export async function* checkTable(
  kernel: string,
  describeTests: () => Promise<unknown>,
  hasSubgroups: boolean,
): AsyncGenerator<KernelCheck> {
  try {
    const suite = await collectTests(describeTests);
    const { rest, withheld } = hasSubgroups ? { rest: suite, withheld: [] } : withoutSubgroupForms(suite);
    for (const group of withheld) yield { kernel, group, passed: 0, failures: [], milliseconds: 0, lacks: "subgroups" };
    for await (const group of runGroups(rest)) yield found(kernel, group);
  } catch (error) {
    const message = linesOf(error as Error);
    yield { kernel, group: "", passed: 0, failures: [{ name: OPENING, message }], milliseconds: 0 };
  }
}

function found(kernel: string, { name: group, outcome, milliseconds }: Group): KernelCheck {
  const failures = outcome.failures.map(({ name, error }) => ({ name, message: linesOf(error) }));
  return { kernel, group, passed: outcome.passed, failures, milliseconds };
}

/** First lines of the error and of what caused it: a property's failure has the one that says why as its cause. */
function linesOf({ message, cause }: Error): string {
  const [line] = message.split("\n", 1);
  return cause instanceof Error ? `${line}: ${linesOf(cause)}` : line;
}
