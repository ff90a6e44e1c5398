// expect(): the matchers that the tests use, with vitest's names and meaning. A failed one throws an Error that says
// what was wanted and what came.
import { show as showWhole } from "./show.ts";

/** Stands in place of a value that is compared: expect.any(Number) and the like. */
class Stand {
  readonly accepts: (value: unknown) => boolean;

  constructor(accepts: (value: unknown) => boolean) {
    this.accepts = accepts;
  }
}

/**
 * Equal as toEqual has it: by contents, NaN equals NaN, 0 is not -0, a property that is undefined is absent, maps and
 * sets in any order.
 */
export function equal(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (b instanceof Stand) return b.accepts(a);
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const kind = (value: object): string => Object.prototype.toString.call(value) as string;
  if (kind(a) !== kind(b)) return false;
  if (a instanceof Map || a instanceof Set) return sameMembers([...a], [...(b as typeof a)]);
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  if (Array.isArray(a) && a.length !== (b as unknown[]).length) return false;
  if (a instanceof Error && a.message !== (b as Error).message) return false;
  return [...keys].every((key) => equal((a as never)[key], (b as never)[key]));
}

/** As many, and each of `a` equals one of `b`. */
function sameMembers(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((member) => b.some((other) => equal(member, other)));
}

/** Every property of `wanted` is in `got`, as toMatchObject has it. */
function matches(got: unknown, wanted: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null || typeof got !== "object" || got === null)
    return equal(got, wanted);
  if (Array.isArray(wanted))
    return Array.isArray(got) && got.length === wanted.length && wanted.every((value, i) => matches(got[i], value));
  return Object.entries(wanted).every(([key, value]) => matches((got as never)[key], value));
}

/**
 * What a thrown value has to be: a part of its message, a pattern, an error with the whole message, or a class;
 * nothing: anything.
 */
type Thrown = string | RegExp | Error | (new (...args: never[]) => unknown) | undefined;

function thrownMatches(thrown: unknown, wanted: Thrown): boolean {
  if (wanted === undefined) return true;
  if (typeof wanted === "function") return thrown instanceof wanted;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (wanted instanceof Error)
    return thrown instanceof Error && thrown.constructor === wanted.constructor && message === wanted.message;
  return typeof wanted === "string" ? message.includes(wanted) : wanted.test(message);
}

type Check = (got: never, ...wanted: never[]) => boolean;

const CHECKS = {
  toBe: (got: unknown, wanted: unknown) => Object.is(got, wanted),
  toEqual: equal,
  toStrictEqual: equal,
  toMatchObject: matches,
  toBeNull: (got: unknown) => got === null,
  toBeUndefined: (got: unknown) => got === undefined,
  toBeDefined: (got: unknown) => got !== undefined,
  toBeTruthy: (got: unknown) => Boolean(got),
  toBeFalsy: (got: unknown) => !got,
  toBeNaN: (got: unknown) => Number.isNaN(got),
  toBeGreaterThan: (got: number, wanted: number) => got > wanted,
  toBeGreaterThanOrEqual: (got: number, wanted: number) => got >= wanted,
  toBeLessThan: (got: number, wanted: number) => got < wanted,
  toBeLessThanOrEqual: (got: number, wanted: number) => got <= wanted,
  toBeCloseTo: (got: number, wanted: number, digits = 2) =>
    got === wanted || Math.abs(got - wanted) < 0.5 * 10 ** -digits,
  toHaveLength: (got: { length: number }, wanted: number) => got.length === wanted,
  toHaveProperty: (got: object, wanted: string) => wanted in got,
  toContain: (got: string | readonly unknown[], wanted: never) => got.includes(wanted),
  toMatch: (got: string, wanted: string | RegExp) => thrownMatches(got, wanted),
  toBeInstanceOf: (got: unknown, wanted: new () => unknown) => got instanceof wanted,
  toThrow(got: unknown, wanted: Thrown) {
    if (typeof got !== "function") return thrownMatches(got, wanted); // what a promise was rejected with
    try {
      got();
    } catch (error) {
      return thrownMatches(error, wanted);
    }
    return false;
  },
} satisfies Record<string, Check>;

type Matchers<R> = { [K in keyof typeof CHECKS]: (...wanted: unknown[]) => R };
export interface Expectation extends Matchers<void> {
  readonly not: Matchers<void>;
  readonly rejects: Matchers<Promise<void>> & { readonly not: Matchers<Promise<void>> };
  readonly resolves: Matchers<Promise<void>> & { readonly not: Matchers<Promise<void>> };
}

const show = (value: unknown): string => {
  const text = showWhole(value);
  return text.length > 400 ? `${text.slice(0, 400)}...` : text;
};

function verify(
  name: keyof typeof CHECKS,
  negated: boolean,
  got: unknown,
  wanted: readonly unknown[],
  message: string | undefined,
): void {
  if ((CHECKS[name] as (...args: unknown[]) => boolean)(got, ...wanted) !== negated) return;
  const about = message === undefined ? "" : `${message}: `;
  const matcher = `${negated ? "not " : ""}${name} ${wanted.map(show).join(", ")}`;
  throw new Error(`${about}got ${show(got)}, ${matcher}`.trimEnd());
}

function matchers<R>(run: (name: keyof typeof CHECKS, wanted: readonly unknown[]) => R): Matchers<R> {
  const names = Object.keys(CHECKS) as (keyof typeof CHECKS)[];
  return Object.fromEntries(names.map((name) => [name, (...wanted: unknown[]) => run(name, wanted)])) as Matchers<R>;
}

export function expect(got: unknown, message?: string): Expectation {
  const now = (negated: boolean) => matchers((name, wanted) => verify(name, negated, got, wanted, message));
  const later = (settle: () => Promise<unknown>) => {
    const each = (negated: boolean) =>
      matchers(async (name, wanted) => verify(name, negated, await settle(), wanted, message));
    return { ...each(false), not: each(true) };
  };
  const promise = () => Promise.resolve(typeof got === "function" ? (got() as unknown) : got);
  const rejection = () =>
    promise().then(
      (value) => {
        throw new Error(`got ${show(value)}, wanted a rejection`);
      },
      (error: unknown) => error,
    );
  return { ...now(false), not: now(true), rejects: later(rejection), resolves: later(promise) };
}

expect.any = (type: unknown): unknown =>
  new Stand((value) => value !== null && value !== undefined && Object(value) instanceof (type as new () => unknown));
expect.closeTo = (wanted: number, digits?: number): unknown =>
  new Stand((value) => typeof value === "number" && CHECKS.toBeCloseTo(value, wanted, digits));
expect.stringContaining = (part: string): unknown =>
  new Stand((value) => typeof value === "string" && value.includes(part));
expect.arrayContaining = (members: readonly unknown[]): unknown =>
  new Stand((value) => Array.isArray(value) && members.every((member) => value.some((each) => equal(each, member))));
