// What check-browsers.ts has a page of the packed package do: all of it through the package's own entry points, which
// the check gives this module in the place of the sources.
import { doctor, kernelNames } from "../../src/entries/doctor.ts";
import type { DoctorReport } from "../../src/entries/doctor.ts";
import { Infiller } from "../../src/entries/infill.ts";
import type { FillRequest } from "../../src/entries/infill.ts";
import { cachedFolder, keptAt, opfsFolder } from "../../src/entries/storage.ts";
import { connectEngine } from "../../src/entries/worker.ts";
import { runDemo } from "../portable-demo.ts";
import { runEngine } from "./portable-engine.ts";
import type { FailureResult, StorageResult, WorkerResult } from "./results.ts";

/** Notes the times of frames until it is told to stop; the longest gap between two, in milliseconds. */
function watchFrames(): () => number {
  let longest = 0;
  let before = performance.now();
  let going = true;
  const frame = (now: number): void => {
    longest = Math.max(longest, now - before);
    before = now;
    if (going) requestAnimationFrame(frame);
  };
  requestAnimationFrame((now) => {
    before = now;
    requestAnimationFrame(frame);
  });
  return () => {
    going = false;
    return longest;
  };
}

/** What is written into a gap. */
async function fillGap(weights: string, request: FillRequest): Promise<string> {
  const infiller = await Infiller.load(weights);
  try {
    return (await infiller.fill(request)).text;
  } finally {
    infiller.dispose();
  }
}

async function inWorker(weights: string): Promise<WorkerResult> {
  const idle = watchFrames();
  await new Promise((done) => setTimeout(done, 1500));
  const idleGapMs = idle();
  const worker = new Worker("/worker.js", { type: "module" });
  const engine = connectEngine(worker);
  const busy = watchFrames();
  const result = await runEngine(engine, weights);
  const busyGapMs = busy();
  await engine.dispose();
  worker.terminate();
  return { ...result, idleGapMs, busyGapMs };
}

async function storage(weights: string): Promise<StorageResult> {
  const folder = await opfsFolder("check/folder");
  const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251);
  await folder.write(new Map([["sub/a.bin", bytes]]));
  await folder.write(
    new Map<string, string | Uint8Array>([
      ["sub/a.bin", bytes.subarray(0, 10)],
      ["b.txt", "b"],
    ]),
  );
  const read = [...(await folder.read("sub/a.bin", { offset: 2, length: 3 }))].join();
  const names = (await folder.list()).join();
  await folder.remove("b.txt");
  const opfs = `${read} of ${await folder.size("sub/a.bin")}, ${names}, then ${(await folder.list()).join() || "none"}`;
  await folder.clear();
  const came: [number, number] = [0, 0];
  for (const load of [0, 1] as const) {
    const seen = new Map<string, number>();
    const cached = await cachedFolder(weights, { onProgress: ({ file, done }) => void seen.set(file, done) });
    for (const file of ["config.json", "model.safetensors"]) await cached.read(file);
    came[load] = [...seen.values()].reduce((sum, done) => sum + done, 0);
  }
  return { opfs, came };
}

/** A kernel's table, in the page or in a worker. */
async function kernel(where: "page" | "worker", name: string): Promise<DoctorReport> {
  if (where === "page") return doctor({ kernels: [name] });
  const worker = new Worker("/doctor-worker.js", { type: "module" });
  try {
    return await new Promise((resolve, reject) => {
      worker.addEventListener("error", ({ message }) => reject(new Error(message)));
      worker.addEventListener("message", ({ data }: MessageEvent<DoctorReport>) => resolve(data));
      worker.postMessage(name, []);
    });
  } finally {
    worker.terminate();
  }
}

/** What a call says whose worker is terminated in its midst; and one that is asked later. */
async function terminated(weights: string): Promise<string[]> {
  const worker = new Worker("/worker.js", { type: "module" });
  const engine = connectEngine(worker);
  await engine.load(weights);
  const said = (call: Promise<unknown>): Promise<string> => call.then(String, (error: Error) => String(error));
  const gap = { p1: "Kim sat by the brook.", p3: "Then it rained.", options: { minNewTokens: 60, maxNewTokens: 60 } };
  const midst = said(engine.fill({ ...gap, onText: () => worker.terminate() }));
  // Ended by other hands, which the page sees by the lock alone.
  const other = new Worker("/worker.js", { type: "module" });
  const second = connectEngine(other);
  await second.load(weights);
  const crash = said(second.fill({ ...gap, onText: () => Worker.prototype.terminate.call(other) }));
  return Promise.all([midst, crash, said(engine.fill(gap))]);
}

const WEIGHTS = "model.safetensors";

/** `prefix` names the same files under another address: nothing of it is kept yet. */
const elsewhere = (weights: string, prefix: string): string => weights.replace("/package/", `/${prefix}/`);

async function fail(weights: string): Promise<FailureResult> {
  const wanted = new Uint8Array(await (await fetch(`${weights}/${WEIGHTS}`)).arrayBuffer());
  const found = await (await cachedFolder(elsewhere(weights, "cut"))).read(WEIGHTS);
  const same = found.length === wanted.length && found.every((byte, i) => byte === wanted[i]);
  const cuts = await (await fetch("/cuts")).text();
  const worker = new Worker("/without-webgpu.js", { type: "module" });
  const withoutWebGpu = await new Promise<string>((resolve) => {
    worker.addEventListener("message", ({ data }: MessageEvent<string>) => resolve(data));
  });
  worker.terminate();
  return { cut: `${same ? "the same" : "other"} bytes, ${cuts} cuts`, stopped: await stopped(weights), withoutWebGpu };
}

async function stopped(weights: string): Promise<string> {
  const abort = new AbortController();
  const address = elsewhere(weights, "stopped");
  const { signal } = abort;
  const folder = await cachedFolder(address, {
    signal,
    onProgress: ({ file, done }) => {
      if (file === WEIGHTS && done > 0) abort.abort(new Error("Stopped by the reader"));
    },
  });
  const said = await Infiller.load(folder, { signal }).then(
    (infiller) => infiller.dispose(),
    (error: Error) => error.message,
  );
  let came = "nothing";
  const again = await cachedFolder(address, {
    onProgress: ({ file, done, total }) => {
      if (file === WEIGHTS) came = `${done} of ${total}`;
    },
  });
  (await Infiller.load(again)).dispose();
  return `${said ?? "It went on"}; then ${came} bytes come`;
}

/** What is said where the storage takes less than a file, and what is kept then. */
async function full(weights: string): Promise<[said: string, kept: string]> {
  const address = elsewhere(weights, "full");
  const folder = await cachedFolder(address);
  const said = await folder.read(WEIGHTS).then(() => "It was kept", String);
  const kept = await opfsFolder(keptAt({ cached: address }));
  return [said, (await kept.list().catch(() => [])).join()]; // it cannot be listed where nothing was made
}

Object.assign(globalThis, { runDemo, fillGap, inWorker, storage, kernelNames, kernel, terminated, fail, full });
