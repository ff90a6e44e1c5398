// The mutator over every loader, in small: damaged files are read or refused in a sentence. And that it finds what it
// is there to find.
import { afterAll, describe, expect, test } from "vitest";
import { attack } from "../bench/mutate.ts";
import { checkText, mutateLoaders } from "../bench/mutate-loaders.ts";
import type { Loader } from "../bench/mutate-loaders.ts";
import { mutate } from "../bench/mutations.ts";
import { UserError } from "../src/errors.ts";
import { Random } from "../src/random.ts";

const { loaders, end } = await mutateLoaders();
afterAll(end);

test.each(loaders.map((loader) => [loader.name, loader] as const))(
  "%s: damaged, it is read or refused",
  async (_, loader) => {
    const { failures, refused, accepted } = await attack(loader, 7, 60);
    expect(failures.map(({ index, fault }) => ({ index, fault }))).toEqual([]);
    expect(refused).toBeGreaterThan(0);
    expect(refused + accepted).toBe(60);
  },
  60_000,
);

describe("the mutator itself", () => {
  const bytes = new TextEncoder().encode('{"a": [1, "x"], "b": {"c": null}}\n');
  const loader = (load: Loader["load"]): Loader => ({ name: "t", files: new Map([["t.json", bytes]]), load });

  test("damages the same way from the same seed, and otherwise from another", () => {
    const damaged = (seed: number): string[] =>
      Array.from({ length: 50 }, (_, i) => mutate("t.json", bytes, new Random(seed, i)).join());
    expect(damaged(1)).toEqual(damaged(1));
    expect(damaged(1)).not.toEqual(damaged(2));
    expect(new Set(damaged(1)).size).toBeGreaterThan(40);
  });

  test("tells another error, a message as it must not be, and an input that takes too long", async () => {
    let calls = 0;
    const later = (fail: () => void) => (): void => {
      if (calls++ > 0) fail();
    };
    const faults = async (fail: () => void, patience?: number): Promise<unknown[]> => {
      calls = 0;
      return (await attack(loader(later(fail)), 1, 1, { patience })).failures.map(({ fault }) => fault);
    };
    const broken = new TypeError("broken");
    const thrower = (error: Error) => (): never => {
      throw error;
    };
    expect(await faults(() => {})).toEqual([]);
    expect(await faults(thrower(new UserError("plain")))).toEqual([]);
    expect(await faults(thrower(broken))).toEqual([broken]);
    expect(await faults(thrower(new UserError("red \u001b[31m")))).toEqual([
      expect.stringMatching(/control character/),
    ]);
    expect(await faults(thrower(new UserError("x".repeat(3000))))).toEqual([expect.stringMatching(/3000 characters/)]);
    const busy = (): void => {
      const start = process.cpuUsage();
      while (process.cpuUsage(start).user < 3e5); // microseconds
    };
    expect(await faults(busy, 0.2)).toEqual([expect.stringMatching(/^took \d/)]);
    expect(() => checkText("two\nlines")).not.toThrow();
  }, 60_000);
});
