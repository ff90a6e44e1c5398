// Tuning: only what computes right is timed, the fastest of it is chosen and kept, and another run takes it from there.
// The clock is the test's own, so that what is "fast" is decided here; the kernels are real.
import { afterEach, describe, expect, it, vi } from "vitest";
import { MemoryFolder } from "../src/files/folder.ts";
import { requestDevice } from "../src/gpu/device.ts";
import type { Device, DeviceOptions } from "../src/gpu/device.ts";
import * as platform from "../src/gpu/platform.ts";
import * as measuring from "../src/profile/measure.ts";
import { attention, layerNorm, product } from "../src/tuning/oracles.ts";
import { tune } from "../src/tuning/tune.ts";
import type { Candidate, Tuned } from "../src/tuning/tune.ts";
import { requestTunedDevice, TUNING_FILE, tunedLines } from "../src/tuning/tuned-device.ts";
import type { TunedDeviceOptions } from "../src/tuning/tuned-device.ts";
import * as ops from "./oracle/ops.ts";

vi.mock("../src/profile/measure.ts", async (original) => ({
  ...(await original()),
  measure: vi.fn<typeof measuring.measure>(),
}));
vi.mock("../src/gpu/platform.ts", async (original) => {
  const real = await original<typeof import("../src/gpu/platform.ts")>();
  return { ...real, requestAdapter: vi.fn<typeof real.requestAdapter>(real.requestAdapter) };
});

/** Each launch takes what `cost` says of the device's row. */
function clock(cost: (device: Device) => number): void {
  vi.mocked(measuring.measure).mockImplementation(async (device) => measuring.summarize([cost(device)]));
}
const open = (options: DeviceOptions): Promise<Device> => requestDevice(options);

describe("the oracles that come along agree with those of the tests", () => {
  const numbers = (length: number): Float64Array => Float64Array.from({ length }, (_, i) => Math.sin(7 * i + 1));

  it("on products, in every layout", () => {
    const [m, n, k] = [3, 4, 5];
    const [a, b] = [numbers(m * k), numbers(k * n)];
    const right = [...ops.linear(a, b, null, m)].map((value) => expect.closeTo(value, 12) as number);
    const turned = (x: Float64Array, rows: number, columns: number): Float64Array =>
      x.map((_, i) => x[(i % rows) * columns + Math.floor(i / rows)]);
    expect(product("nn", [m, n, k], a, b)).toEqual(right);
    expect(product("nt", [m, n, k], a, turned(b, k, n))).toEqual(right);
    expect(product("tn", [m, n, k], turned(a, m, k), b)).toEqual(right);
  });

  it("on layer norm", () => {
    const [rows, C, eps] = [3, 5, 1e-5];
    const [x, weight, bias] = [numbers(rows * C), numbers(C), numbers(2 * C).slice(C)];
    const { y, rstd } = ops.layerNorm(x, weight, bias, eps);
    const found = layerNorm([rows, C], { x, weight, bias, eps });
    expect(found.y).toEqual([...y].map((value) => expect.closeTo(value, 12) as number));
    expect(found.stats.filter((_, i) => i % 2 === 1)).toEqual([...rstd].map((v) => expect.closeTo(v, 12) as number));
    expect(found.stats[0]).toBeCloseTo(x.slice(0, C).reduce((sum, value) => sum + value, 0) / C, 12);
  });

  it("on attention and its gradient", () => {
    const [T, NH, HS] = [6, 2, 3];
    const [qkv, dout] = [numbers(T * 18), numbers(T * 6)];
    const found = attention({ length: T, heads: NH, headSize: HS }, qkv, dout);
    const { y, probs } = ops.attention(qkv, null, { B: 1, T, NH, HS });
    const dqkv = ops.attentionBackward(dout, qkv, probs, { B: 1, T, NH, HS });
    expect([...found.out]).toEqual([...y].map((value) => expect.closeTo(value, 12) as number));
    expect([...found.dqkv]).toEqual([...dqkv].map((value) => expect.closeTo(value, 12) as number));
  });
});

describe("tuning", () => {
  const rowsCost = { subgroup: 2, mixed: 1, workgroup: 3 };

  it("takes the fastest form, and says how fast each was", async () => {
    clock(({ tuning: { rows } }) => rowsCost[rows]);
    const tried: [Candidate, number][] = [];
    const onTried = (candidate: Candidate, ratio: number): void => void tried.push([candidate, ratio]);
    expect(await tune({ open, only: ["rows"], onTried })).toEqual({ tuning: { rows: "mixed" }, tried: 3, wrong: [] });
    expect(tried).toEqual([
      [{ rows: "mixed" }, 0.5],
      [{ rows: "workgroup" }, 1.5],
    ]);
  });

  it("takes no gain for one that is noise", async () => {
    clock(({ tuning: { rows } }) => (rows === "mixed" ? 0.97 : 1));
    expect((await tune({ open, only: ["rows"] })).tuning).toEqual({});
  });

  it("leaves out what computes wrongly, however fast, and names it", async () => {
    clock(({ tuning: { rows } }) => rowsCost[rows]);
    const tuned = await tune({ open: badWhere("mixed"), only: ["rows"] });
    expect(tuned.tuning).toEqual({});
    expect(tuned.wrong).toEqual([
      expect.stringMatching(/^rows mixed: layer norm, element \d+: \S+, and \S+ in float64$/),
    ]);
  });

  it("leaves the usual form where that is what computes wrongly", async () => {
    clock(({ tuning: { rows } }) => rowsCost[rows]);
    const tuned = await tune({ open: badWhere("subgroup"), only: ["rows"] });
    expect(tuned.tuning).toEqual({ rows: "mixed" });
    expect(tuned.wrong).toHaveLength(1);
  });

  it("begins nothing more when its time is over", async () => {
    clock(() => 1);
    let calls = 0;
    const now = (): number => 1000 * calls++;
    expect((await tune({ open, only: ["rows"], budgetMs: 3500, now })).tried).toBe(2);
  });

  it.each(["matmul", "matvec", "attentionDecode", "attention"] as const)(
    "finds every form of %s right here",
    async (name) => {
      clock(() => 1);
      const { tried, wrong } = await tune({ open, only: [name], budgetMs: Infinity });
      expect(wrong).toEqual([]);
      expect(tried).toBeGreaterThan(1);
    },
  );

  /** Devices that read wrong numbers where rows are taken in this way. */
  const badWhere =
    (rows: Device["tuning"]["rows"]) =>
    async (options: DeviceOptions): Promise<Device> => {
      const device = await requestDevice(options);
      const read = device.read.bind(device);
      if (device.tuning.rows === rows)
        device.read = async (tensor) => (await read(tensor)).map((value) => 1.001 * value);
      return device;
    };
});

describe("a tuned device", () => {
  /** An adapter that the table does not know, and that is no software adapter. */
  async function unknownAdapter(driver = "1.0"): Promise<void> {
    const real = await vi.importActual<typeof platform>("../src/gpu/platform.ts");
    const info = { vendor: "acme", architecture: "x1", device: "X1", description: driver };
    vi.mocked(platform.requestAdapter).mockImplementation(async () => {
      const { adapter, ...found } = await real.requestAdapter();
      const get = (target: GPUAdapter, name: string | symbol): unknown => {
        const value = name === "info" ? info : (Reflect.get(target, name) as unknown);
        return typeof value === "function" ? value.bind(target) : value;
      };
      return { ...found, adapter: new Proxy(adapter, { get }), key: "acme-x1", software: false };
    });
  }
  afterEach(() => vi.mocked(platform.requestAdapter).mockReset());
  const tuned: Tuned[] = [];
  const onTuned = (each: Tuned): void => void tuned.push(each);

  it("is tuned once, and as it was from then on; another driver is tuned anew", async () => {
    clock(({ tuning: { rows } }) => (rows === "workgroup" ? 1 : 2));
    const folder = new MemoryFolder("kept");
    const asked = async (options: TunedDeviceOptions = {}): Promise<string> => {
      const device = await requestTunedDevice({ folder, onTuned, only: ["rows"], budgetMs: Infinity, ...options });
      device.destroy();
      return device.tuning.rows;
    };
    await unknownAdapter();
    const plain = await asked({ when: "never" });
    expect([plain, tuned.length]).toEqual(["mixed", 0]);
    expect([await asked(), tuned.length]).toEqual(["workgroup", 1]);
    expect([await asked(), tuned.length]).toEqual(["workgroup", 1]);
    expect([await asked({ when: "never" }), tuned.length]).toEqual(["workgroup", 1]);
    expect([await asked({ tuning: { rows: "subgroup" } }), tuned.length]).toEqual(["subgroup", 1]);
    await unknownAdapter("2.0");
    expect([await asked({ when: "never" }), tuned.length]).toEqual(["mixed", 1]);
    await folder.write(new Map([[TUNING_FILE, "{"]]));
    expect(await asked({ when: "never" })).toBe("mixed");
    await folder.write(new Map([[TUNING_FILE, '{"a": {"tuning": {"wings": 2}}}']]));
    expect(await asked({ when: "never" })).toBe("mixed");
  });

  it("of an adapter in the table, or on the processor, is not tuned unless asked for", async () => {
    const device = await requestTunedDevice({ folder: new MemoryFolder("kept"), onTuned: () => expect.unreachable() });
    device.destroy();
  });

  it("says what was chosen, what was wrong, and why it is not kept", () => {
    const outcome = { tuning: { rows: "mixed" }, tried: 3, wrong: ["matmul subgroup: x"] } as const;
    expect(tunedLines(outcome, 2.345, "disk full")).toEqual([
      "kernels for this adapter: 3 forms tried in 2.3 s; chosen: rows mixed",
      "wrong on this adapter, and so left out: matmul subgroup: x",
      "not kept for the next run: disk full",
    ]);
  });
});
