// The tuning table: which row an adapter gets, what falls back where an adapter lacks something, and that overrides are
// checked like every option.
import { describe, expect, it } from "vitest";
import { UserError } from "../src/errors.ts";
import { requestDevice } from "../src/gpu/device.ts";
import { checkTuning, resolveTuning } from "../src/gpu/tuning.ts";
import type { Capabilities } from "../src/gpu/tuning.ts";

const GPU: Capabilities = { adapterKey: "other", software: false, subgroups: true, subgroupSize: 32, subgroupId: true };

describe("the row of an adapter", () => {
  it.each(["nvidia", "nvidia-ampere", "nvidia-hopper", "nvidia-some-new-one"])("%s: its vendor's", (adapterKey) =>
    expect(resolveTuning({ ...GPU, adapterKey })).toMatchObject({ attention: "subgroup", matmul: "workgroup" }),
  );
  it.each(["amd-rdna-3", "nvidiax", "unknown", "constructor", "__proto__", "toString-x", ""])(
    "%s: the default for GPUs",
    (adapterKey) => expect(resolveTuning({ ...GPU, adapterKey })).toEqual(resolveTuning(GPU)),
  );
  it("on the processor: the software adapters'", () => {
    const software = resolveTuning({ ...GPU, adapterKey: "unknown", software: true, subgroupSize: 8 });
    expect(software).toEqual(resolveTuning({ ...GPU, adapterKey: "llvmpipe", subgroupSize: 8 }));
    expect(software.rows).toBe("subgroup");
  });
});

describe("what an adapter lacks", () => {
  const wanted = { rows: "subgroup", matmul: "subgroup", attention: "subgroup", attentionDecode: "subgroup" } as const;
  it("no subgroups: workgroups everywhere", () =>
    expect(resolveTuning({ ...GPU, subgroups: false, subgroupSize: 0, subgroupId: false }, wanted)).toMatchObject({
      rows: "workgroup",
      matmul: "workgroup",
      attention: "workgroup",
      attentionDecode: "workgroup",
      subgroupIds: "computed",
    }));
  it("subgroups of varying size: only rows by subgroup", () =>
    expect(resolveTuning({ ...GPU, subgroupSize: 0 }, wanted)).toMatchObject({
      rows: "subgroup",
      matmul: "workgroup",
      attention: "workgroup",
      attentionDecode: "workgroup",
    }));
  it("no way to ask for the number of a subgroup: it is computed, also where it was wanted", () =>
    expect(resolveTuning({ ...GPU, subgroupId: false }, { subgroupIds: "builtin" }).subgroupIds).toBe("computed"));
  it("overrides win over the table", () =>
    expect(resolveTuning(GPU, { matvecRows: 3, subgroupIds: "computed" })).toMatchObject({
      matvecRows: 3,
      subgroupIds: "computed",
    }));
});

describe("an override", () => {
  it.each([
    [{ matmull: "subgroup" }, 'tuning has no entry "matmull"; it has rows, rowsWorkgroupSize,'],
    [JSON.parse('{"__proto__": 1}'), 'tuning has no entry "__proto__"; it has rows,'],
    [{ constructor: 1 }, 'tuning has no entry "constructor"'],
    [{ "a\u001b[2J": 1 }, 'tuning has no entry "a\\u001b[2J"'],
    [{ matmul: "fast" }, 'tuning.matmul is "fast", expected "subgroup" or "workgroup".'],
    [{ rows: "mixedd" }, 'tuning.rows is "mixedd", expected "subgroup" or "workgroup" or "mixed".'],
    [{ matmul: 1 }, "tuning.matmul is 1, expected"],
    [{ subgroupIds: "asked" }, 'expected "builtin" or "computed".'],
    [{ rowsMaxSize: 3 }, "tuning.rowsMaxSize is 3, expected a power of two from 64 to 1024."],
    [{ rowsMaxSize: 96 }, "expected a power of two from 64 to 1024."],
    [{ rowsMaxSize: "64" }, 'tuning.rowsMaxSize is "64", expected'],
    [{ attentionLanes: 32 }, "expected a power of two from 64 to 1024."],
    [{ rowsShare: 0 }, "tuning.rowsShare is 0, expected a number above 0."],
    [{ rowsShare: NaN }, "expected a number above 0."],
    [{ matvecRows: 1.5 }, "tuning.matvecRows is 1.5, expected a whole number from 0 on."],
    [{ matvecRows: -1 }, "expected a whole number from 0 on."],
    [{ matmulWorkgroups: 0 }, "expected a whole number from 1 on."],
    [{ matmul: undefined }, "tuning.matmul is undefined, expected"],
  ])("%j is refused", async (tuning, message) => {
    expect(() => checkTuning(tuning as Record<string, unknown>)).toThrow(UserError);
    expect(() => checkTuning(tuning as Record<string, unknown>)).toThrow(message);
    await expect(requestDevice({ tuning: tuning as object })).rejects.toThrow(message);
  });
  it("of every entry with the value it has is accepted", () =>
    expect(() => checkTuning({ ...resolveTuning(GPU) })).not.toThrow());
});
