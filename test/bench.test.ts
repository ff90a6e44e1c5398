// The benchmarks' own arithmetic, that no kernel is forgotten, and that the doctor notices what is wrong. Nothing is
// timed here.
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UserError } from "../src/errors.ts";
import { requestDevice } from "../src/gpu/device.ts";
import { SWEEPS, untuned } from "../bench/candidates.ts";
import { summarize } from "../src/profile/measure.ts";
import { jsonLine, rates } from "../bench/result.ts";
import { equal, expect as shimExpect } from "../src/doctor/shim-expect.ts";
import type { KernelCase } from "../bench/cases.ts";
import { allCases } from "../bench/kernels.ts";
import { Workspace } from "../bench/workspace.ts";
import { shaderText } from "../bench/print-shader.ts";
import { StepClock } from "../bench/step-clock.ts";
import type { Decoder } from "../src/generation/device/decoder.ts";
import { longPattern } from "./long-pattern.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

describe("a timing", () => {
  it("is the median, the quartiles and the extremes", () => {
    expect(summarize([5, 1, 4, 2, 3])).toEqual({ median_ms: 3, spread: { min: 1, q1: 2, q3: 4, max: 5 }, runs: 5 });
    expect(summarize([1, 2, 3, 10])).toEqual({
      median_ms: 2.5,
      spread: { min: 1, q1: 1.75, q3: 4.75, max: 10 },
      runs: 4,
    });
  });

  it("becomes rates and shares of the ceiling, on one line", () => {
    const timing = summarize([2, 2, 2]),
      ceiling = { gflops: 40, gbs: 5 };
    expect(rates({ flops: 2e7 }, timing, ceiling)).toEqual({ gflops: 10, share_of_ceiling: 0.25 });
    expect(rates({ bytes: 2e7 }, timing, ceiling)).toEqual({ gbs: 10, share_of_ceiling: 2 });
    const line = jsonLine({ name: "x", sizes: { m: 1 }, adapter: "a", ...summarize([1 / 3]), gbs: 1234.5678 });
    expect(line).not.toContain("\n");
    expect(JSON.parse(line)).toMatchObject({
      name: "x",
      sizes: { m: 1 },
      adapter: "a",
      median_ms: 0.3333,
      spread: { min: 0.3333 },
      runs: 1,
      gbs: 1235,
    });
  });
});

describe("a printed shader", () => {
  it("is the whole module in every form: what is declared, then the files", () => {
    const text = shaderText("layernorm");
    expect(text.match(/^\/\/ ==== .*/gm)).toEqual([
      "// ==== layernorm, subgroup",
      "// ==== layernorm, subgroups",
      "// ==== layernorm, workgroup",
      "// ==== layernorm, subgroup, computed ids",
      "// ==== layernorm, subgroups, computed ids",
      "// ==== layernorm, subgroup, f16",
      "// ==== layernorm, subgroups, f16",
      "// ==== layernorm, workgroup, f16",
      "// ==== layernorm, subgroup, computed ids, f16",
      "// ==== layernorm, subgroups, computed ids, f16",
    ]);
    expect(text).toContain("@group(0) @binding(3) var<storage, read_write> y: array<f32>;        // [N, C]\n");
    expect(text).toContain("const C: u32 = 768u;\n");
    expect(text).toContain("fn row_main(n: u32, lane: u32, lanes: u32) {");
  });

  it("is found by name with dashes, and by the title of one form", () => {
    expect(shaderText("kv-cache-append")).toBe(shaderText("kv_cache_append"));
    expect(shaderText("layernorm, workgroup").match(/^\/\/ ==== .*/gm)).toEqual(["// ==== layernorm, workgroup"]);
  });

  it.each(["nope", "", "constructor", "layernorm.wgsl", "a\u001b[2J"])(
    "of no kernel, %j, is a list of those",
    (name) => {
      expect(() => shaderText(name)).toThrow(UserError);
      expect(() => shaderText(name)).toThrow(`There is no kernel ${JSON.stringify(name)}; there are adamw, add,`);
    },
  );
});

it("the clock of decoding steps passes everything on, and counts answers", async () => {
  const inner = {
    calls: 0,
    async sample() {
      return Uint32Array.of(++inner.calls);
    },
  };
  const decoder = {
    vocabSize: 7,
    sampler: inner,
    prefill() {},
    async logits() {
      return Float32Array.of(1);
    },
  } as unknown as Decoder;
  const clock = new StepClock(decoder, () => inner.calls);
  expect(clock.decoder.vocabSize).toBe(7);
  expect(await clock.decoder.sampler!.sample({ step: 0 })).toEqual(Uint32Array.of(1));
  expect(await clock.decoder.logits()).toEqual(Float32Array.of(1));
  expect(clock.steps.map(({ objects }) => objects)).toEqual([1, 1]);
});

describe("nothing is forgotten", () => {
  it("every launch function is timed, but those for output only, and parts or sums of what is timed", async () => {
    const read = async (folder: string) =>
      Promise.all(
        (await readdir(join(root, folder)))
          .filter((file) => file.endsWith(".ts"))
          .map((file) => readFile(join(root, folder, file), "utf8")),
      );
    const launches = (await read("src/kernels")).flatMap((text) =>
      [...text.matchAll(/^export function (\w+)\(\s*batch: CommandBatch/gm)].map(([, name]) => name),
    );
    const benches = (await read("bench")).join("\n");
    expect(launches.length).toBeGreaterThan(20);
    expect(launches.filter((name) => !benches.includes(`${name}(`))).toEqual([
      "attentionDecodeWeights",
      "attentionWeights",
      "sumSquares", // with the next: the norm of the gradients, which is timed
      "normOfBlocks",
      "halfCopy", // once, before the first update
      "addHeadRows", // products between copies
      "topKOfCandidates", // top-k's second pass
    ]);
  });

  it("every kind of case can be launched, in both of its forms", async () => {
    const amount = ({ work: { flops = 0, bytes = 0 } }: KernelCase): number => flops + bytes;
    const smallestFirst = [...allCases].sort((a, b) => amount(a) - amount(b));
    const smallest = smallestFirst.filter(({ name }, i) => smallestFirst.findIndex((each) => each.name === name) === i);
    for (const form of ["subgroup", "workgroup"] as const) {
      const real = await requestDevice({
        tuning: { rows: form, matmul: form, attention: form, attentionDecode: form },
      });
      const device = real.dry(); // launches are checked, and compute nothing
      for (const { prepare } of smallest) {
        const workspace = new Workspace(device);
        prepare(workspace).launch();
        await device.finish();
        workspace.release();
      }
      expect(device.batch.counters.dispatches).toBeGreaterThanOrEqual(smallest.length);
      device.destroy();
      real.destroy();
    }
  });

  it("every entry of the tuning table has candidates, and the present row is among them", async () => {
    const device = await requestDevice();
    const tuning = device.tuning;
    device.destroy();
    expect(untuned(tuning)).toEqual([]);
    expect(untuned({ ...tuning, extra: 1 } as never)).toEqual(["extra"]);
    for (const { candidates } of Object.values(SWEEPS)) {
      expect(
        (candidates as readonly object[]).some((candidate) =>
          Object.entries(candidate).every(([key, value]) => tuning[key as keyof typeof tuning] === value),
        ),
      ).toBe(true);
    }
  });
});

describe("the doctor's expect() agrees with vitest's", () => {
  const values: unknown[] = [
    0,
    -0,
    NaN,
    1,
    "1",
    null,
    undefined,
    [1, 2],
    [1, 2, 3],
    [undefined],
    [NaN],
    { a: 1 },
    { a: 1, b: undefined },
    { b: 1 },
    new Float32Array([1, 2]),
    new Uint32Array([1, 2]),
    new Float32Array([NaN]),
    new Map([[1, 2]]),
    new Map([[1, 3]]),
    new Set([1]),
    {},
    [],
    new Map([
      [1, [2]],
      [3, [4]],
    ]),
    new Map([
      [3, [4]],
      [1, [2]],
    ]),
    new Map([
      [3, [4]],
      [1, [5]],
    ]),
    new Set([[1], [2]]),
    new Set([[2], [1]]),
    new Set([[1], [1]]),
  ];
  it("on what is equal", () => {
    const vitestEqual = (a: unknown, b: unknown): boolean => {
      try {
        expect(a).toEqual(b);
        return true;
      } catch {
        return false;
      }
    };
    const differing = values.flatMap((a, i) =>
      values.filter((b) => equal(a, b) !== vitestEqual(a, b)).map((b) => [i, a, b]),
    );
    expect(differing).toEqual([]);
  });

  it.each<[string, ...unknown[]]>([
    ["any", Number],
    ["any", String],
    ["any", Array],
    ["closeTo", 1.001, 2],
    ["stringContaining", "1"],
    ["arrayContaining", [2]],
  ])("on what stands for a value: %s(%s)", (name, ...args) => {
    type Stands = Record<string, (...args: unknown[]) => { asymmetricMatch(value: unknown): boolean }>;
    const ours = (shimExpect as unknown as Stands)[name](...args),
      vitests = (expect as unknown as Stands)[name](...args);
    expect(values.map((value) => equal([value], [ours]))).toEqual(
      values.map((value) => vitests.asymmetricMatch(value)),
    );
  });

  it("and has every matcher that the tests on the GPU use", async () => {
    const known = new Set(Object.keys(shimExpect(0)));
    const isMatcher = (name: string): boolean => name in Object(expect(0));
    for (const file of (await readdir(join(root, "test"))).filter((each) => each.endsWith(".test.ts"))) {
      const text = await readFile(join(root, "test", file), "utf8");
      if (!/from "\.\/check-kernel\.ts"/.test(text)) continue;
      const used = [...text.matchAll(/\)\.(?:not\.|rejects\.|resolves\.)*(to[A-Z]\w*)\(/g)]
        .map(([, name]) => name)
        .filter(isMatcher);
      expect(
        used.filter((name) => !known.has(name)),
        file,
      ).toEqual([]);
      expect(
        [
          ...text.matchAll(
            longPattern(
              /\bexpect\.(?!any\b|closeTo\b|stringContaining\b|arrayContaining\b)\w+|/,
              /\b(?:it|test|describe)\.(?!each|runIf|skipIf)\w+\(|\bvi\.|\b(?:before|after)Each\b/g,
            ),
          ),
        ].map(String),
        file,
      ).toEqual([]);
    }
  });

  it("on what throws", async () => {
    const fail = () => {
      throw new RangeError("x is 5, wanted 3");
    };
    shimExpect(fail).toThrow("is 5");
    shimExpect(fail).toThrow(RangeError);
    shimExpect(fail).toThrow(new RangeError("x is 5, wanted 3"));
    expect(() => shimExpect(fail).toThrow(new RangeError("x is 5"))).toThrow();
    expect(() => shimExpect(fail).toThrow(new Error("x is 5, wanted 3"))).toThrow();
    expect(() => shimExpect(fail).toThrow("is 6")).toThrow("toThrow 'is 6'");
    expect(() => shimExpect(() => {}).toThrow()).toThrow();
    await shimExpect(Promise.reject(new Error("late"))).rejects.toThrow("late");
    await expect(shimExpect(Promise.resolve(1)).rejects.toThrow("late")).rejects.toThrow("wanted a rejection");
    expect(() => shimExpect([1, 2], "the pair").toEqual([1, 3])).toThrow("the pair: got [ 1, 2 ], toEqual [ 1, 3 ]");
  });
});

describe("the doctor", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "doctor-test-"));
    await writeFile(join(folder, "package.json"), '{ "type": "module" }');
    await writeFile(
      join(folder, "good.test.ts"),
      `
      import { describe, expect, it } from "vitest";
      describe.each([{ rows: "subgroup" }])("sums by $rows", () => {
        it.each([[1, 2], [3, 4]])("%i", (a, b) => expect(a + 1).toBe(b)); });
      describe("slow", { timeout: 9000 }, () => {
        it("after options", { timeout: 9000 }, () => expect(1).toBe(1));
        it("before a time", () => expect(1).toBe(1), 9000); });`,
    );
    await writeFile(
      join(folder, "bad.test.ts"),
      `
      import { beforeAll, describe, it, expect } from "vitest";
      it("differs", () => {
        throw new Error("y[1, 2]: got 1, want 2, 3.5e+4 times the tolerance (atol 1e-5, rtol 1e-4)"); });
      it("is fine", () => expect(1).toBe(1));
      describe("opening", () => { beforeAll(() => { throw new Error("no device"); }); it("never runs", () => {}); });`,
    );
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const doctor = (...files: string[]) =>
    new Promise<{ code: number; stdout: string }>((done) => {
      execFile(
        process.execPath,
        ["--import", "tsx", "bench/check.ts", ...files.map((file) => join(folder, file))],
        { cwd: root },
        (error, stdout) => done({ code: error ? Number(error.code) : 0, stdout }),
      );
    });

  it("passes what is right", async () => {
    const { code, stdout } = await doctor("good.test.ts");
    expect(stdout).toMatch(/^Adapter {3}\S/m);
    expect(stdout).toMatch(/^ok {4}good +sums by subgroup +2 checks/m);
    expect(stdout).toContain("4 checks passed, 0 failed.");
    expect(code).toBe(0);
  });

  it("fails on what is wrong, names it and says what to report", async () => {
    const { code, stdout } = await doctor("good.test.ts", "bad.test.ts");
    expect(stdout).toMatch(
      /^FAIL {2}bad +1 of 2, worst 3.50e\+4 times the tolerance\n {6}differs: y\[1, 2\]: got 1, want 2/m,
    );
    expect(stdout).toMatch(/^FAIL {2}bad +opening +1 of 1\n {6}before all: no device/m);
    expect(stdout).toContain("5 checks passed, 2 failed.");
    expect(stdout).toContain("Please report");
    expect(code).toBe(1);
  });
});
