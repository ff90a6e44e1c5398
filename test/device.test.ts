// The GPU layer: pool, batch, read-back, and how failures are told.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import fc from "fast-check";
import { fold } from "../src/gpu/batch.ts";
import { sizeClass } from "../src/gpu/buffer-pool.ts";
import type { Device } from "../src/gpu/device.ts";
import { bitsOf, defineKernel, definedKernels, join, kernelForms, read, readWrite } from "../src/gpu/kernel.ts";
import { composeModule } from "../src/gpu/wgsl-module.ts";
import { reshape, sliceRows, viewAs } from "../src/gpu/tensor.ts";
import { columnSum } from "../src/kernels/column-sum.ts";
import { openDevice } from "./check-kernel.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

describe("pool", () => {
  test("the same order of requests gets the same buffers, in whatever order they came back", () => {
    const take = () => [100, 100, 5000, 100].map((size) => device.pool.acquire([size]));
    const first = take();
    for (const at of [2, 0, 3, 1]) device.pool.release(first[at]);
    const second = take();
    for (const at of [3, 1, 2, 0]) device.pool.release(second[at]);
    const third = take();
    expect(second.map(({ buffer }) => first.findIndex((tensor) => tensor.buffer === buffer))).toEqual([0, 1, 2, 3]);
    expect(third.map(({ buffer }) => first.findIndex((tensor) => tensor.buffer === buffer))).toEqual([0, 1, 2, 3]);
    third.forEach((tensor) => device.pool.release(tensor));
  });

  test("a double release is an error, not a shared buffer", () => {
    const tensor = device.pool.acquire([3]);
    device.pool.release(tensor);
    expect(() => device.pool.release(tensor)).toThrow("released twice");
  });

  test("size classes hold what is asked for and waste at most an eighth", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (bytes) => {
        const size = sizeClass(bytes);
        return (
          size >= bytes &&
          size % 256 === 0 &&
          size <= Math.max(256, Math.ceil(bytes / 256) * 256 * 1.125) &&
          sizeClass(size) === size
        );
      }),
    );
  });
});

describe("batch", () => {
  test("uploads, launches and copies happen in the order they were recorded", async () => {
    const x = device.pool.acquire([1, 2]),
      sum = device.pool.acquire([2]),
      copy = device.pool.acquire([2]);
    device.batch.write(x, Float32Array.of(1, 2));
    columnSum(device.batch, { x, out: sum });
    device.batch.write(x, Float32Array.of(10, 20)); // inside the batch: must not reach the launch above
    columnSum(device.batch, { x, out: sum, accumulate: true });
    device.batch.copy(sum, copy);
    device.batch.clear(sum);
    expect([...(await device.read(copy))]).toEqual([11, 22]);
    expect([...(await device.read(sum))]).toEqual([0, 0]);
    [x, sum, copy].forEach((tensor) => device.pool.release(tensor));
  });

  test("more launches and uploads than one batch holds go in several, unnoticed", async () => {
    const x = device.pool.acquire([1, 70_000]),
      sum = device.tensor(new Float32Array(70_000), [70_000]);
    for (let i = 0; i < 5; i++) {
      device.batch.write(x, new Float32Array(70_000).fill(i));
      columnSum(device.batch, { x, out: sum, accumulate: true });
    }
    const one = device.tensor(Float32Array.of(1), [1, 1]),
      count = device.tensor(Float32Array.of(0), [1]);
    for (let i = 0; i < 5000; i++) columnSum(device.batch, { x: one, out: count, accumulate: true });
    expect((await device.read(count))[0]).toBe(5000);
    expect(new Set(await device.read(sum))).toEqual(new Set([10]));
    [x, sum, one, count].forEach((tensor) => device.pool.release(tensor));
  });

  test("a long count of workgroups is folded and every one runs", async () => {
    expect(fold(65535)).toEqual([65535, 1, 1]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (count) => {
        const [x, y] = fold(count);
        return x <= 65535 && y <= 65535 && x * y >= count && x * y < count + y;
      }),
    );
    const columns = 65536 * 64 + 3;
    const x = device.tensor(new Float32Array(columns).fill(2), [1, columns]),
      out = device.pool.acquire([columns]);
    columnSum(device.batch, { x, out });
    expect((await device.read(out)).every((value) => value === 2)).toBe(true);
    [x, out].forEach((tensor) => device.pool.release(tensor));
  });

  test("a launch is recognised by what followed the one before it: the same sequence, and two that alternate", () => {
    const { batch, pool } = device;
    const x = device.tensor(new Float32Array(3), [1, 3]),
      outs = [0, 1, 2].map(() => pool.acquire([3]));
    const step = (i: number): void =>
      [outs[0], outs[1 + (i % 2)], outs[0]].forEach((out, at) => columnSum(batch, { x, out, accumulate: at === 2 }));
    for (let i = 0; i < 4; i++) step(i);
    const before = { ...batch.counters };
    for (let i = 0; i < 10; i++) step(i);
    expect({ ...batch.counters, submits: 0 }).toEqual({
      ...before,
      submits: 0,
      dispatches: before.dispatches + 30,
      guessed: before.guessed + 30,
    });
    [x, ...outs].forEach((tensor) => pool.release(tensor));
  });

  test("any order of launches over buffers that are destroyed and replaced on the way adds up", async () => {
    const columns = fc.nat(2);
    const turn = fc.oneof(
      { weight: 8, arbitrary: fc.record({ from: columns, to: columns, accumulate: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ renew: columns }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(turn, { minLength: 20, maxLength: 60 }), async (turns) => {
        const { batch, pool } = device;
        const tensors = [1, 2, 3].map((value) => device.tensor(new Float32Array(64).fill(value), [64]));
        const values = [1, 2, 3];
        for (const each of turns) {
          if ("renew" in each) {
            batch.submit();
            pool.release(tensors[each.renew]);
            pool.trim();
            tensors[each.renew] = device.tensor(new Float32Array(64).fill((values[each.renew] = each.renew)), [64]);
          } else if (each.from !== each.to) {
            columnSum(batch, {
              x: reshape(tensors[each.from], [1, 64]),
              out: tensors[each.to],
              accumulate: each.accumulate,
            });
            values[each.to] = values[each.from] + (each.accumulate ? values[each.to] : 0);
          }
          if (values.some((value) => value > 1e5)) break;
        }
        expect((await Promise.all(tensors.map((tensor) => device.read(tensor)))).map(([first]) => first)).toEqual(
          values,
        );
        tensors.forEach((tensor) => pool.release(tensor));
      }),
      { numRuns: 20 },
    );
  });

  test("a binding beyond the limit is refused by name", async () => {
    const small = await openDevice({ maxStorageBufferBindingSize: 65536 });
    const x = small.pool.acquire([2, 20_000]);
    expect(() => columnSum(small.batch, { x, out: small.pool.acquire([20_000]) })).toThrow(/column_sum|rowWindows/);
    small.destroy();
    await expect(openDevice({ maxStorageBufferBindingSize: 100 })).rejects.toThrow(
      "maxStorageBufferBindingSize is 100, expected at least 65536",
    );
  });
});

test("tensors: slices must start where bindings may, and shapes must hold the elements", () => {
  const tensor = device.pool.acquire([10, 64]);
  expect(sliceRows(tensor, 3, 2)).toMatchObject({ byteOffset: 768, shape: [2, 64] });
  expect(() => sliceRows(tensor, 9, 2)).toThrow("outside");
  expect(() => sliceRows(reshape(tensor, [20, 32]), 1, 1)).toThrow("not a multiple of 256");
  expect(() => reshape(tensor, [3])).toThrow("element counts differ");
  device.pool.release(tensor);
});

describe("shaders", () => {
  const broken = defineKernel({
    name: "broken",
    source: ["lib/grid.wgsl", "column_sum_invocation.wgsl"],
    bindings: { x: read("f32", "[N]") },
    constants: { N: "u32" },
  });

  test("a module is the declaration, then its files, and a line knows where it came from", () => {
    const files: Record<string, string> = { a: "// one\nfn f() {}\n", b: "fn g() {}" };
    const kernel = defineKernel({
      name: "sample",
      variant: "workgroup",
      source: ["a", "b"],
      text: "fn main() {}",
      bindings: {
        x: read("vec4f", "[N, C]"),
        y: readWrite("f16", "[N]", "sums"),
        z: bitsOf("f32", read("u32", "[N]")),
      },
      params: { rows: "u32", scale: "f32" },
      constants: { N: "u32", EPS: "f32", ON: "bool" },
      needs: ["subgroups"],
    });
    const module = composeModule(kernel, { N: 3, EPS: 1, ON: true }, (file) => files[file]);
    expect(module.code.split("\n")).toEqual([
      "// ==== sample, workgroup",
      "enable subgroups;",
      "diagnostic(off, subgroup_uniformity);",
      "enable f16;",
      "const N: u32 = 3u;",
      "const EPS: f32 = 1.0f;",
      "const ON: bool = true;",
      "struct Params {",
      "  rows: u32,",
      "  scale: f32,",
      "}",
      "@group(1) @binding(0) var<uniform> params: Params;",
      "@group(0) @binding(0) var<storage, read> x: array<vec4f>;      // [N, C]",
      "@group(0) @binding(1) var<storage, read_write> y: array<f16>;  // [N] sums",
      "@group(0) @binding(2) var<storage, read> z: array<u32>;        // [N]",
      "",
      "// ---- a",
      "// one",
      "fn f() {}",
      "",
      "// ---- b",
      "fn g() {}",
      "",
      "// ---- text of sample",
      "fn main() {}",
      "",
    ]);
    expect(kernel.dtypes).toEqual(["f32", "f16", "f32"]);
    expect([13, 19, 22, 25].map((line) => module.origin(line))).toEqual([
      "declaration (@group(0) @binding(0) var<storage, read> x: array<vec4f>;      // [N, C])",
      "a:2",
      "b:1",
      "text of sample:1",
    ]);
    expect(() => composeModule(broken, {}, () => "")).toThrow("constant N is missing");
    expect(() => composeModule(broken, { N: -1 }, () => "")).toThrow("N is -1");
  });

  test("parts are joined in order, and never declare a name twice", () => {
    const part = { source: ["a"], bindings: { x: read("f32", "[N]") }, constants: { N: "u32" } } as const;
    const other = { source: ["b"], bindings: { y: read("u32", "[N]") }, params: { rows: "u32" } } as const;
    const joined = defineKernel({ ...join(part, other), name: "joined" });
    expect([joined.source, joined.bindingNames, joined.paramNames, joined.constantNames]).toEqual([
      ["a", "b"],
      ["x", "y"],
      ["rows"],
      ["N"],
    ]);
    expect(() => join(part, part)).toThrow("both declare x");
  });

  test("forms are made when they are asked for, once, and all of them for tools", () => {
    const made: string[] = [];
    const kernels = kernelForms(["one", "two"], (variant) => {
      made.push(variant);
      return defineKernel({ name: "forms", variant, source: [] });
    });
    expect(made).toEqual([]);
    expect(kernels("two")).toBe(kernels("two"));
    expect(made).toEqual(["two"]);
    const listed = definedKernels().filter(({ name }) => name === "forms");
    expect(listed.map(({ variant }) => variant)).toEqual(["two", "one"]);
    expect(made).toEqual(["two", "one"]);
  });

  test("one that does not compile is told with its file and line, by the next submit", async () => {
    const own = await openDevice();
    own.batch.dispatch(broken, { N: 1 }, { x: own.pool.acquire([1]) }, {}, 1);
    await expect((async () => own.read(own.pool.acquire([1])))()).rejects.toThrow(
      /broken: column_sum_invocation\.wgsl:\d+: /,
    );
    own.destroy();
  });
});

test("a tensor of another dtype is refused, also where a launch of its buffer is known", () => {
  const { batch, pool } = device;
  const x = device.tensor(Float32Array.of(1, 2), [1, 2]),
    out = pool.acquire([2]);
  for (let i = 0; i < 3; i++) columnSum(batch, { x, out });
  expect(() => columnSum(batch, { x: viewAs(x, "u32"), out })).toThrow(
    "column_sum: cannot bind x: it is u32, expected f32",
  );
  expect(() => columnSum(batch, { x, out: viewAs(out, "u32") })).toThrow("cannot bind out: it is u32, expected f32");
  expect(() => viewAs(x, "f16")).toThrow("cannot view f32 as f16");
  columnSum(batch, { x, out });
  [x, out].forEach((tensor) => pool.release(tensor));
});

test("a lost device ends in its reason", async () => {
  const own = await openDevice();
  const tensor = own.pool.acquire([4]);
  own.gpu.destroy();
  await own.gpu.lost;
  await expect((async () => own.read(tensor))()).rejects.toThrow(/device was lost/);
});
