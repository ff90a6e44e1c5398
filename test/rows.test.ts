// Which form a row kernel takes: by the tuning, the device's limits, and the rows and their length.
import { describe, expect, it } from "vitest";
import { rowForm } from "../src/kernels/rows.ts";
import type { Tuning } from "../src/gpu/tuning.ts";

const gpu = { rows: "mixed", rowsWorkgroupSize: 128, rowsMaxSize: 1024, rowsLanes: 2 ** 19, rowsShare: 4 } as Tuning;

describe("the form of a row kernel", () => {
  it.each([
    { rows: 1, length: 50257 / 4, form: { library: "subgroups", size: 1024 } }, // a row of logits
    { rows: 1024, length: 50257 / 4, form: { library: "subgroups", size: 512 } }, // a batch of them shares the GPU
    { rows: 20000, length: 50257 / 4, form: { library: "subgroup", size: 128 } },
    { rows: 1, length: 768, form: { library: "subgroups", size: 128 } },
    { rows: 1920, length: 128, form: { library: "subgroup", size: 128 } }, // a small model's layer norm
    { rows: 1, length: 0, form: { library: "subgroup", size: 128 } },
  ])("mixed, $rows rows of $length loads", ({ rows, length, form }) => {
    expect(rowForm(gpu, 1024, rows, length)).toEqual(form);
  });

  it("is no larger than the device allows", () => {
    expect(rowForm(gpu, 256, 1, 50257)).toEqual({ library: "subgroups", size: 256 });
    expect(rowForm({ ...gpu, rows: "workgroup" }, 1024, 1, 50257)).toEqual({ library: "workgroup", size: 256 });
    const large = { ...gpu, rowsWorkgroupSize: 1024 };
    expect(rowForm({ ...large, rows: "subgroup" }, 256, 9, 9)).toEqual({ library: "subgroup", size: 256 });
    expect(rowForm(large, 256, 9, 9)).toEqual({ library: "subgroup", size: 256 });
  });

  it("is the same for all rows where the variant says so", () => {
    const software = { ...gpu, rowsWorkgroupSize: 64, rowsMaxSize: 64 };
    for (const [rows, length] of [
      [1, 50257],
      [5000, 10],
      [1, 0],
    ]) {
      expect(rowForm({ ...software, rows: "subgroup" }, 1024, rows, length)).toEqual({ library: "subgroup", size: 64 });
      expect(rowForm({ ...software, rows: "workgroup" }, 1024, rows, length)).toEqual({
        library: "workgroup",
        size: 64,
      });
    }
  });
});
