// Where a run's time goes: launches counted and timed, their work, the table that is printed, the timeline that is
// written and read back.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Profiling } from "../src/cli/shared/profiling.ts";
import { UserError } from "../src/errors.ts";
import { requestDevice } from "../src/gpu/device.ts";
import type { Device } from "../src/gpu/device.ts";
import { Profiler } from "../src/gpu/profiler.ts";
import type { HostSpan, KernelTime, ProfileReport, SubmitTime } from "../src/gpu/profiler.ts";
import { add, addInto } from "../src/kernels/add.ts";
import { attentionDecode } from "../src/kernels/attention-decode.ts";
import { matmul } from "../src/kernels/matmul.ts";
import { profileLines } from "../src/profile/table.ts";
import { clockOffset, Trace } from "../src/profile/trace.ts";

let device: Device;
let profiler: Profiler;
let folder: string;
beforeAll(async () => {
  device = await requestDevice({ profile: true });
  profiler = device.profiler!;
  folder = await mkdtemp(join(tmpdir(), "profile-"));
});
afterAll(async () => {
  device.destroy();
  await rm(folder, { recursive: true });
});

const byName = ({ kernels }: ProfileReport): Record<string, KernelTime> =>
  Object.fromEntries(kernels.map((kernel) => [kernel.name, kernel]));

describe("a profiled device", () => {
  it("counts launches and what they cannot avoid doing, and times them", async () => {
    const { batch, pool } = device;
    const began = performance.now();
    const [m, n, k] = [37, 50, 129];
    const a = device.tensor(new Float32Array(m * k), [m, k]),
      b = device.tensor(new Float32Array(k * n), [k, n]),
      out = pool.acquire([m, n]);
    for (let i = 0; i < 3; i++) matmul(batch, { a, b, out, layout: "nn" });
    const x = pool.acquire([1000]),
      y = pool.acquire([1000]);
    addInto(batch, { x, y });
    await device.read(out);
    const report = await profiler.report();
    const wall = performance.now() - began;
    const { matmul: products, add_into: sums } = byName(report);
    expect(products).toMatchObject({ flops: 3 * 2 * m * n * k, bytes: 3 * 4 * (m * k + k * n + m * n) });
    expect(sums).toMatchObject({ count: 1, flops: 0, bytes: 3 * 4000 });
    expect(report.timed).toBe(true);
    expect(products.count).toBeGreaterThanOrEqual(3); // more where the reduction is split
    expect(products.milliseconds).toBeGreaterThan(0);
    expect(products.longest).toBeLessThanOrEqual(products.milliseconds);
    const all = report.kernels.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    expect(report.busy).toBeGreaterThanOrEqual(Math.max(...report.kernels.map(({ longest }) => longest)));
    expect(report.busy).toBeLessThanOrEqual(all * 1.001);
    expect(report.busy).toBeLessThan(wall);
    expect(report.host.get("read")).toBeLessThan(wall);
    expect([...report.host.keys()].sort()).toEqual(["compile", "read", "record", "submit"]);
    expect([...report.host.values()].reduce((sum, ms) => sum + ms)).toBeLessThanOrEqual(wall);
    expect(await profiler.report()).toMatchObject({ kernels: [], busy: 0 });
    for (const each of [a, b, out, x, y]) pool.release(each);
  });

  it("knows what of a cache is read, not what of it there is", async () => {
    const { pool } = device;
    const [B, NH, HS, past, capacity] = [2, 3, 8, 5, 64];
    const C = NH * HS;
    const keys = pool.acquire([B, NH, capacity, HS]),
      values = pool.acquire([B, NH, capacity, HS]);
    const table = new Uint32Array(B * capacity);
    const ancestry = device.tensor(table, [B, capacity]),
      mask = device.tensor(table.fill(1), [B, capacity]);
    const qkv = pool.acquire([B, 3 * C]),
      out = pool.acquire([B, C]);
    attentionDecode(device.batch, { qkv, keys, values, ancestry, mask, out, past, length: 1 });
    await device.finish();
    const [{ flops, bytes }] = (await profiler.report()).kernels;
    expect(flops).toBe(4 * B * NH * (past + 1) * HS);
    expect(bytes).toBe(2 * 4 * B * C * (past + 1) + 2 * 4 * B * C);
    for (const each of [keys, values, ancestry, mask, qkv, out]) pool.release(each);
  });

  it("times every launch of a batch longer than its queries", async () => {
    const { pool, batch } = device;
    const x = pool.acquire([4]),
      y = pool.acquire([4]);
    const submits: SubmitTime[] = [];
    profiler.observer = { submit: (submit) => submits.push(submit) };
    for (let i = 0; i < 2100; i++) addInto(batch, { x, y });
    await device.finish();
    const { kernels } = await profiler.report();
    profiler.observer = undefined;
    expect(kernels).toMatchObject([{ name: "add_into", count: 2100 }]);
    expect(submits.map(({ launches }) => launches.length)).toEqual([2048, 52]);
    for (const { launches } of submits)
      for (const { begin, end } of launches) expect(end).toBeGreaterThanOrEqual(begin);
    pool.release(x);
    pool.release(y);
  });

  it("without timestamp queries counts, and knows how long submits were under way", async () => {
    const { queue } = device.gpu;
    const plain = new Profiler({ features: new Set(), queue } as unknown as GPUDevice);
    const x = device.pool.acquire([4]),
      y = device.pool.acquire([4]);
    (device as { profiler: Profiler }).profiler = plain;
    const began = performance.now();
    try {
      addInto(device.batch, { x, y });
      device.batch.submit();
      addInto(device.batch, { x, y });
      await device.finish();
      const report = await plain.report();
      expect(report).toMatchObject({ timed: false, kernels: [{ name: "add_into", count: 2, milliseconds: 0 }] });
      expect(report.busy).toBeGreaterThan(0);
      expect(report.busy).toBeLessThanOrEqual(performance.now() - began); // two at once count once
    } finally {
      (device as { profiler: Profiler }).profiler = profiler;
      device.pool.release(x);
      device.pool.release(y);
    }
  });
});

describe("the table", () => {
  const kernels = [
    { name: "matmul", count: 2, milliseconds: 30, longest: 20, flops: 3e8, bytes: 6e6 },
    { name: "add", count: 10, milliseconds: 10, longest: 2, flops: 0, bytes: 1e7 },
  ];
  const host = new Map([
    ["compile", 500],
    ["read", 250],
  ]);
  const options = { wall: 1000, adapter: "An adapter", ceiling: { gflops: 40, gbs: 5 } };

  it("has shares of the time, rates, and shares of what is possible", () => {
    expect(profileLines({ timed: true, kernels, busy: 40, host }, options)).toEqual([
      "1.00 s by the clock: the GPU was at work for 0.04 s (4.0%), without for 0.96 s (96.0%).",
      "Host: compiling 0.50 s (50.0%), waiting for results 0.25 s (25.0%).",
      "At most, measured here: 40 GFLOP/s, 5.0 GB/s.",
      "Each launch was timed in a pass of its own; without --profile launches follow each other sooner.",
      "",
      "kernel  launches    ms   share  longest  GFLOP/s  of most  GB/s  of most",
      "matmul         2  30.0   75.0%    20.00       10    25.0%  0.20     4.0%",
      "add           10  10.0   25.0%     2.00                     1.0    20.0%",
      "all           12  40.0  100.0%    20.00      7.5    18.8%  0.40     8.0%",
    ]);
  });

  it("says what is known where launches cannot be timed", () => {
    const untimed = kernels.map((kernel) => ({ ...kernel, milliseconds: 0, longest: 0 }));
    const lines = profileLines({ timed: false, kernels: untimed, busy: 400, host }, options);
    expect(lines[0]).toBe(
      "1.00 s by the clock: the GPU was given work for 0.40 s (40.0%), without for 0.60 s (60.0%).",
    );
    expect(lines[3]).toBe(
      "An adapter has no timestamp queries: launches and their work are counted, their times are not known.",
    );
    expect(lines.slice(5)).toEqual([
      "kernel  launches  GFLOP    GB",
      "matmul         2   0.30  0.01",
      "add           10         0.01",
      "all           12   0.30  0.02",
    ]);
  });
});

interface Event {
  readonly ph: string;
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly cat?: string;
  readonly ts: number;
  readonly dur: number;
  readonly args?: { readonly name: string };
}
const HOST = 1,
  GPU = 2;

/** The events of a file, after checking what every viewer relies on. */
function readTrace(text: string): { spans: Event[]; lanes: Map<string, string> } {
  const { traceEvents, displayTimeUnit } = JSON.parse(text) as { traceEvents: Event[]; displayTimeUnit: string };
  expect(displayTimeUnit).toBe("ms");
  const lanes = new Map<string, string>();
  for (const { ph, name, pid, tid, args } of traceEvents)
    if (ph === "M" && name === "thread_name") lanes.set(`${pid}.${tid}`, args!.name);
  const spans = traceEvents.filter(({ ph }) => ph === "X");
  const open = new Map<string, number[]>();
  for (const { pid, tid, ts, dur } of spans) {
    expect(ts).toBeGreaterThanOrEqual(0);
    expect(dur).toBeGreaterThanOrEqual(0);
    const lane = `${pid}.${tid}`;
    expect(lanes.has(lane)).toBe(true);
    const ends = open.get(lane) ?? [];
    open.set(lane, ends);
    while (ends.length > 0 && ends.at(-1)! <= ts + 0.002) ends.pop();
    if (ends.length > 0) expect(ts + dur).toBeLessThanOrEqual(ends.at(-1)! + 0.002); // beside or within, never across
    ends.push(ts + dur);
  }
  return { spans, lanes };
}

describe("the timeline", () => {
  it("shows every launch on the GPU between its submit and its end, beside what the host did", async () => {
    const trace = new Trace("An adapter", true);
    profiler.observer = trace;
    const x = device.pool.acquire([64]),
      y = device.pool.acquire([64]);
    const began = performance.now();
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 4; j++) addInto(device.batch, { x, y });
      add(device.batch, { a: x, b: x, y });
      await device.read(y);
    }
    profiler.span("program", "generate", began);
    await profiler.report();
    profiler.observer = undefined;
    const { spans, lanes } = readTrace([...trace.text()].join(""));
    expect([...lanes.values()]).toEqual(["program", "host", "waiting for the GPU", "launches"]);
    const launches = spans.filter(({ pid }) => pid === GPU);
    expect(launches.map(({ name }) => name)).toEqual(
      Array.from({ length: 3 }, () => ["add_into", "add_into", "add_into", "add_into", "add"]).flat(),
    );
    const host = spans.filter(({ pid }) => pid === HOST);
    expect(host.filter(({ cat }) => cat === "compile").map(({ name }) => name)).toEqual(["compile add"]);
    const sent = host.filter(({ cat }) => cat === "submit").map(({ ts }) => ts),
      heard = host.filter(({ cat }) => cat === "read").map(({ ts, dur }) => ts + dur);
    expect([sent.length, heard.length]).toEqual([3, 3]);
    for (const [i, { ts, dur }] of launches.entries()) {
      expect(ts).toBeGreaterThanOrEqual(sent[Math.floor(i / 5)] - 0.002);
      expect(ts + dur).toBeLessThanOrEqual(heard[Math.floor(i / 5)] + 1000); // heard of in time, 1 ms allowed
    }
    const [whole] = host.filter(({ cat }) => cat === "program");
    expect(whole.name).toBe("generate");
    for (const { ts, dur } of launches) expect(ts + dur).toBeLessThanOrEqual(whole.ts + whole.dur);
    device.pool.release(x);
    device.pool.release(y);
  });

  it("places the GPU's clock so that nothing begins before it was sent", () => {
    const submit = (sent: number, begin: number): SubmitTime => {
      return { sent, done: sent + 9, launches: [{ name: "k", begin: begin * 1e6, end: (begin + 1) * 1e6 }] };
    };
    expect(clockOffset([submit(100, 0), submit(103, 4), submit(110, 9)])).toBe(101); // the last found it idle
  });

  it("gives spans that overlap lanes of their own", () => {
    const trace = new Trace("An adapter", false);
    const read = (begin: number, end: number): HostSpan => ({ kind: "read", name: "read", begin, end });
    for (const span of [read(0, 10), read(2, 4), read(5, 15), read(12, 20)]) trace.span(span);
    trace.submit({ sent: 1, done: 3, launches: [{ name: "k", begin: 0, end: 0 }] });
    const { spans, lanes } = readTrace([...trace.text()].join(""));
    expect([...lanes.values()]).toEqual(["waiting for the GPU", "waiting for the GPU (2)", "submits under way"]);
    expect(spans.map(({ tid, ts }) => [tid, ts])).toEqual([
      [200, 0],
      [200, 2000],
      [201, 5000],
      [200, 12000],
      [0, 1000],
    ]);
    expect(spans.at(-1)).toMatchObject({ name: "1 launches", dur: 2000 });
  });

  it("ends where it would be too large, and counts what is left out", () => {
    const trace = new Trace("An adapter", true);
    const launches = Array.from({ length: 2000 }, (_, i) => ({ name: "k", begin: i, end: i + 1 }));
    for (let i = 0; i < 160; i++) trace.submit({ launches, sent: i, done: i + 1 });
    trace.span({ kind: "read", name: "late", begin: 0, end: 1 });
    expect([trace.launches, trace.leftOut]).toEqual([300_000, 20_000]);
    expect([...trace.text()].join("")).not.toContain("late");
  });
});

describe("the programs", () => {
  it("refuse a trace that cannot be written before they run, and leave an older one", async () => {
    const values = { profile: false, trace: join(folder, "none", "t.json") };
    await expect(Profiling.begin(values, () => {})).rejects.toThrow(UserError);
    const old = join(folder, "old.json");
    await writeFile(old, "old");
    await Profiling.begin({ profile: false, trace: old }, () => {});
    expect(await readFile(old, "utf8")).toBe("old");
  });

  it("write one that holds their parts, and profile nothing unless asked", async () => {
    const off = await Profiling.begin({ profile: false }, () => {});
    const plain = await off.openDevice();
    expect(plain.profiler).toBeUndefined();
    await off.end();
    plain.destroy();
    const path = join(folder, "generate.json");
    const program = fileURLToPath(new URL("../src/generate.ts", import.meta.url));
    const args = ["--import", "tsx", program, "--prompt", "Once", "--max_new_tokens", "2", "--trace", path];
    const { stderr } = await promisify(execFile)(process.execPath, args);
    expect(stderr).toMatch(/^Trace {4}.*generate\.json: \d+ launches; open it in Perfetto$/m);
    const { spans } = readTrace(await readFile(path, "utf8"));
    const names = spans.filter(({ cat }) => cat === "program").map(({ name }) => name);
    expect(names).toEqual(["load", "generate"]);
    expect(spans.some(({ pid, name }) => pid === GPU && name === "matvec")).toBe(true);
  }, 60_000);
});
