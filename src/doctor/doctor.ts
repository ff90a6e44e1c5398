// Is this machine sound? What computes here, what keeps files, and whether every kernel computes what it should.
import { UserError } from "../errors.ts";
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import { checkTable, OPENING } from "./check-table.ts";
import type { KernelCheck } from "./check-table.ts";
import { kernelTables } from "./kernel-tables.ts";
import { examineMachine } from "./machine.ts";
import type { Machine } from "./machine.ts";

export interface DoctorOptions {
  /** Tables to run, by their names (kernelNames()); default all. None: only the machine is looked at. */
  readonly kernels?: readonly string[];
  /** doctor() rejects with its reason after the group of checks in work. */
  readonly signal?: AbortSignal;
  readonly onMachine?: (machine: Machine) => void;
  /** After each group of checks. A promise is waited for: a page can draw meanwhile. */
  readonly onCheck?: (check: KernelCheck) => void | Promise<void>;
}

export interface DoctorReport {
  /** undefined where there is no adapter. */
  readonly machine?: Machine;
  readonly checks: readonly KernelCheck[];
  readonly passed: number;
  readonly failed: number;
  /** What is wrong, a sentence each; none: this machine is sound. */
  readonly problems: readonly string[];
}

const OPTIONS: FieldsOf<DoctorOptions> = { kernels: true, signal: true, onMachine: true, onCheck: true };

/** The names of all kernels' tables. */
export async function kernelNames(): Promise<string[]> {
  return [...(await kernelTables()).keys()];
}

/**
 * Looks at this machine, and checks every kernel of the engine on its adapter against a float64 oracle: in a page, a
 * worker, Node or Deno. Takes seconds on a graphics card and minutes on a software adapter, and opens a device for each
 * table, one after the other. What is wrong is told in the report, a missing adapter too; UserError is thrown for
 * options that are not known and names that no table has.
 *
 * @example
 * const { problems, passed } = await doctor({ kernels: ["gelu"], onCheck: ({ kernel }) => show(kernel) });
 * show(problems.length === 0 ? `${passed} checks passed` : problems.join(" "));
 */
export async function doctor(options: DoctorOptions = {}): Promise<DoctorReport> {
  expectFields("doctor()", options, OPTIONS);
  const tables = await kernelTables();
  const { kernels = [...tables.keys()], signal, onMachine, onCheck } = options;
  const unknown = kernels.find((name) => !tables.has(name));
  if (unknown !== undefined)
    throw new UserError(`There is no kernel ${JSON.stringify(unknown)}; there are ${[...tables.keys()].join(", ")}.`);
  const problems: string[] = [];
  const machine = await examineMachine().catch((error: unknown) => {
    if (!(error instanceof UserError)) throw error;
    problems.push(error.message);
    return undefined;
  });
  if (!machine) return { checks: [], passed: 0, failed: 0, problems };
  onMachine?.(machine);
  if (machine.storage?.usable === false) problems.push(`Nothing can be kept here: ${machine.storage.reason}`);

  const checks: KernelCheck[] = [];
  for (const name of kernels)
    for await (const check of checkTable(name, tables.get(name)!, machine.adapter.features.includes("subgroups"))) {
      checks.push(check);
      await onCheck?.(check);
      signal?.throwIfAborted();
    }
  const failing = checks.filter(({ failures }) => failures.length > 0);
  const unopened = failing.filter(({ failures }) => failures[0].name === OPENING);
  const wrong = new Set(failing.filter((check) => !unopened.includes(check)).map(({ kernel }) => kernel));
  if (wrong.size > 0) problems.push(wrongKernels([...wrong], machine));
  for (const { kernel, failures } of unopened)
    problems.push(`The checks of ${kernel} could not be loaded (${failures[0].message}); try again.`);
  return {
    machine,
    checks,
    passed: checks.reduce((sum, { passed }) => sum + passed, 0),
    failed: checks.reduce((sum, { failures }) => sum + failures.length, 0),
    problems,
  };
}

const wrongKernels = (names: readonly string[], { adapter }: Machine): string =>
  `${names.length === 1 ? "A kernel computes" : `${names.length} kernels compute`} wrongly on ` +
  `${adapter.description}: ${names.join(", ")}. Update its driver; if that does not help, report what was printed.`;
