// Kernels that ask which subgroup an invocation is in, and those that compute it, give the same bits; and a workgroup
// may be smaller than a subgroup: its rows are all done, and the loop over them ends.
import { describe, expect, it } from "vitest";
import type { Device } from "../src/gpu/device.ts";
import { definedKernels } from "../src/gpu/kernel.ts";
import type { Tuning } from "../src/gpu/tuning.ts";
import { attentionForward } from "../src/kernels/attention.ts";
import { layerNormForward } from "../src/kernels/layernorm.ts";
import { matmul } from "../src/kernels/matmul.ts";
import { expectClose, garbage, openDevice, randomNormal } from "./check-kernel.ts";
import { layerNorm } from "./oracle/ops.ts";

const ROWS = 37,
  C = 45;

/** A layer norm of ROWS rows, in the tuning's form, checked. */
async function normed(tuning: Partial<Tuning>): Promise<Float32Array> {
  return withDevice(tuning, async (device) => {
    const [xs, gains, shifts] = [randomNormal([ROWS, C], 1), randomNormal([C], 2), randomNormal([C], 3)];
    const y = garbage(device, [ROWS, C]);
    layerNormForward(device.batch, {
      x: device.tensor(xs, [ROWS, C]),
      weight: device.tensor(gains, [C]),
      bias: device.tensor(shifts, [C]),
      y,
      stats: device.pool.acquire([ROWS, 2]),
      eps: 1e-5,
    });
    const got = await device.read(y);
    expectClose("y", got, layerNorm(xs, gains, shifts, 1e-5).y, [ROWS, C]);
    return got;
  });
}

async function withDevice<T>(tuning: Partial<Tuning>, use: (device: Device) => Promise<T>): Promise<T> {
  const device = await openDevice({ tuning });
  try {
    return await use(device);
  } finally {
    device.destroy();
  }
}

const computed = { subgroupIds: "computed" } as const;

describe("computed as well as asked for, the number of a subgroup gives the same", () => {
  it.each([{ rows: "subgroup" }, { rows: "mixed", rowsShare: 0.001, rowsMaxSize: 64 }] as const)(
    "rows by $rows",
    async (tuning) => {
      expect(await normed({ ...tuning, ...computed })).toEqual(await normed(tuning));
    },
  );

  it("product and attention", async () => {
    const tuning = { matmul: "subgroup", matvecRows: 0, attention: "subgroup" } as const;
    const both = async (device: Device): Promise<Float32Array[]> => {
      const [m, n, k] = [20, 70, 36];
      const out = garbage(device, [m, n]);
      const a = device.tensor(randomNormal([m, k], 1), [m, k]),
        b = device.tensor(randomNormal([k, n], 2), [k, n]);
      matmul(device.batch, { a, b, out, layout: "nn" });
      const [batch, length, heads, headSize] = [1, 40, 2, 8];
      const qkv = device.tensor(randomNormal([length, 3 * heads * headSize], 3), [length, 3 * heads * headSize]);
      const attended = garbage(device, [length, heads * headSize]),
        lse = garbage(device, [heads * length]);
      attentionForward(device.batch, { qkv, out: attended, lse, batch, length, heads });
      return [await device.read(out), await device.read(attended), await device.read(lse)];
    };
    const asked = await withDevice(tuning, both);
    expect(asked.flatMap((values) => [...values]).every(Number.isFinite)).toBe(true);
    expect(await withDevice({ ...tuning, ...computed }, both)).toEqual(asked);
  });

  it("by another file, chosen by composition", async () => {
    const forms = definedKernels().filter(({ name, variant }) => name === "layernorm" && !variant?.includes("f16"));
    const ids = (file: string) => forms.filter(({ source }) => source.includes(file)).map(({ variant }) => variant);
    expect(ids("lib/subgroup_ids_builtin.wgsl")).toEqual(["subgroup", "subgroups"]);
    expect(ids("lib/subgroup_ids_computed.wgsl")).toEqual(["subgroup, computed ids", "subgroups, computed ids"]);
  });
});

it.each([1, 2, 4])("a workgroup of %i invocations, smaller than a subgroup, does its rows and ends", async (size) => {
  const got = await normed({ rows: "subgroup", rowsWorkgroupSize: size });
  expect(got).toHaveLength(ROWS * C);
});
