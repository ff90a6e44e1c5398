// What the test files use of vitest, wherever it is not: the name "vitest" is redirected here, by kernel-tables.ts in a
// clone and in the package when it is built. Files describe their tests while they are imported; runTests() then runs
// them in order. Valid in every runtime.
import { fillHoles } from "./show.ts";

export { expect } from "./shim-expect.ts";

type Body = (...args: never[]) => unknown;
type Hook = () => unknown;

interface Test {
  readonly name: string;
  readonly run: Hook;
}

export interface Suite {
  readonly name: string;
  readonly members: (Test | Suite)[];
  readonly before: Hook[];
  readonly after: Hook[];
}

export interface Outcome {
  passed: number;
  /** In order, with the names of the suites they stand in. */
  readonly failures: { readonly name: string; readonly error: Error }[];
}

const newSuite = (name: string): Suite => ({ name, members: [], before: [], after: [] });
let open = newSuite("");

/** The tests that importing a file describes. */
export async function collectTests(importFile: () => Promise<unknown>): Promise<Suite> {
  open = newSuite("");
  const root = open;
  await importFile();
  return root;
}

/** Groups that force a form of the kernels with subgroup operations; elsewhere they would check another form twice. */
const BY_SUBGROUP = /\bby (subgroup|mixed)\b|\bsubgroup variant\b/;

/** What of a file to run on an adapter without subgroups, and the names of the groups that are withheld. */
export function withoutSubgroupForms(suite: Suite): { readonly rest: Suite; readonly withheld: readonly string[] } {
  const withheld = suite.members.filter((member) => "members" in member && BY_SUBGROUP.test(member.name));
  const members = suite.members.filter((member) => !withheld.includes(member));
  return { rest: { ...suite, members }, withheld: withheld.map(({ name }) => name) };
}

/** Runs all tests of a suite; a hook that fails counts as one failed test and ends its suite. */
export async function runTests(
  suite: Suite,
  path: readonly string[] = [],
  outcome: Outcome = { passed: 0, failures: [] },
): Promise<Outcome> {
  const attempt = async (name: string, body: Hook): Promise<boolean> => {
    try {
      await body();
      return true;
    } catch (error) {
      outcome.failures.push({
        name: [...path, name].join(" > "),
        error: error instanceof Error ? error : new Error(String(error)),
      });
      return false;
    }
  };
  const hooks = async (kind: string, all: readonly Hook[]): Promise<boolean> => {
    for (const hook of all) if (!(await attempt(kind, hook))) return false;
    return true;
  };
  if (await hooks("before all", suite.before)) {
    for (const member of suite.members) {
      if ("members" in member) await runTests(member, [...path, member.name], outcome);
      else if (await attempt(member.name, member.run)) outcome.passed++;
    }
  }
  await hooks("after all", suite.after);
  return outcome;
}

/** A suite at the top of a file, or the tests outside all suites (name ""). */
export interface Group {
  readonly name: string;
  readonly outcome: Outcome;
  readonly milliseconds: number;
}

/** Runs a file's tests, group by group. Hooks of the file that fail are a group of their own. */
export async function* runGroups(root: Suite): AsyncGenerator<Group> {
  const isSuite = (member: Test | Suite): member is Suite => "members" in member;
  const loose = root.members.filter((member) => !isSuite(member));
  const groups = [...root.members.filter(isSuite), ...(loose.length > 0 ? [{ ...newSuite(""), members: loose }] : [])];
  const hooks = await runTests({ ...root, members: [], after: [] });
  if (hooks.failures.length === 0) {
    for (const suite of groups) {
      const start = performance.now();
      yield { name: suite.name, outcome: await runTests(suite), milliseconds: performance.now() - start };
    }
    await runTests({ ...root, members: [], before: [] }, [], hooks);
  }
  if (hooks.failures.length > 0) yield { name: "", outcome: hooks, milliseconds: 0 };
}

export const beforeAll = (hook: Hook): void => {
  open.before.push(hook);
};
export const afterAll = (hook: Hook): void => {
  open.after.push(hook);
};

/** What may stand between name and body: it is for vitest alone, since nothing is timed out here. */
type Options = { readonly timeout?: number };
/** (name, body), (name, options, body), or (name, body, milliseconds). */
type Define = (
  name: string,
  ...rest: readonly [body: Body, timeout?: number] | readonly [options: Options, body: Body]
) => void;

/** describe() or it(), with the forms .each, .runIf and .skipIf. */
interface Definer extends Define {
  each(table: readonly unknown[]): Define;
  runIf(condition: unknown): Definer;
  skipIf(condition: unknown): Definer;
}

function definer(define: (name: string, body: Hook) => void): Definer {
  const make = (active: boolean): Definer => {
    const add: Define = (name, ...rest) => {
      if (active) define(name, bodyOf(rest) as Hook);
    };
    return Object.assign(add, {
      each:
        (table: readonly unknown[]): Define =>
        (title, ...rest) =>
          table.forEach((row, i) => {
            const args = Array.isArray(row) ? (row as unknown[]) : [row];
            add(titleOf(title, args, i), () => bodyOf(rest)(...(args as never[])));
          }),
      runIf: (condition: unknown) => make(active && Boolean(condition)),
      skipIf: (condition: unknown) => make(active && !condition),
    });
  };
  return make(true);
}

function bodyOf(rest: readonly unknown[]): Body {
  const body = rest.find((each) => typeof each === "function");
  if (!body) throw new Error("a test or suite without a body");
  return body as Body;
}

/** `$name` is a property of the row, `$0` and %s an argument, %# the row's number. */
function titleOf(title: string, args: readonly unknown[], index: number): string {
  const named = title.replaceAll(/\$([A-Za-z_][\w.]*)/g, (whole, path: string) => {
    const value = path
      .split(".")
      .reduce<unknown>((from, key) => (from as Record<string, unknown> | undefined)?.[key], args[0]);
    return value === undefined && !(typeof args[0] === "object") ? whole : String(value);
  });
  const holes = (named.match(/%[sdifjoO]/g) ?? []).length;
  return fillHoles(named.replaceAll("%#", String(index)), args.slice(0, holes));
}

export const describe = definer((name, body) => {
  const outer = open;
  const suite = newSuite(name);
  outer.members.push(suite);
  open = suite;
  try {
    if (body() instanceof Promise) throw new Error(`describe ${name}: an asynchronous suite is not supported here`);
  } finally {
    open = outer;
  }
});

export const it = definer((name, run) => {
  open.members.push({ name, run });
});
export const test = it;
