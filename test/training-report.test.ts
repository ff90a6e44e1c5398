// The report of a run: what its page says, that a run is the same with and without it, and that one that goes on keeps
// what was written before and nothing of what comes again.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { RunFolder } from "../src/cli/train/run-folder.ts";
import { RunReport } from "../src/cli/train/run-report.ts";
import type { Job } from "../src/cli/train/session.ts";
import { lineChart } from "../src/drawing/line-chart.ts";
import { logTicks } from "../src/drawing/ticks.ts";
import { TOKEN_TYPE } from "../src/examples/encoded-example.ts";
import type { EncodedExample } from "../src/examples/encoded-example.ts";
import { MemoryFolder } from "../src/files/folder.ts";
import { LoraConfig } from "../src/gpt2/lora-config.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { trainingReport } from "../src/training/report.ts";
import type { LogEntry } from "../src/training/log-entry.ts";
import { Trainer } from "../src/training/trainer.ts";
import { openDevice } from "./check-kernel.ts";
import { MemoryStore, tinyArgs, tinyConfig } from "./training-runs.ts";

const EVIL = `<script>alert("&'")</script>`;

describe("the page", () => {
  const history = Array.from({ length: 30 }, (_, i): LogEntry => {
    const at = { step: i + 1, epoch: (i + 1) / 10 };
    return i % 10 === 9
      ? { ...at, eval_loss: 3 - i / 20, eval_perplexity: Math.exp(3 - i / 20) }
      : { ...at, loss: 10 / (i + 1), grad_norm: 1, learning_rate: 1e-4 / (i + 1) };
  });
  const page = trainingReport({
    title: EVIL,
    totalSteps: 99,
    history,
    rates: [{ step: 5, tokensPerSecond: 1234 }],
    gaps: [
      {
        given: [["before (p1)", EVIL]],
        real: ["the author's text (p2)", EVIL],
        written: [10, 20, 25, 30].map((step) => ({ step, text: `${EVIL} ${step}` })),
      },
    ],
    facts: new Map([["Data", [[EVIL, EVIL]]]]),
  });

  it("escapes what it is given, and needs nothing else", () => {
    expect(page).not.toContain("<script");
    expect(page).not.toMatch(/(src|href)=|url\(|@import/);
    expect(page.match(/&#60;script&#62;alert/g)!.length).toBeGreaterThanOrEqual(9);
  });

  it("has curves, gaps, data and evaluations, and says where the run stands", () => {
    expect(page).toContain("30 of 99 updates, 3 epochs");
    for (const heading of ["Loss", "Learning rate", "Gradient norm", "Throughput", "Data"])
      expect(page).toContain(`<h2>${heading}</h2>`);
    expect(page).toContain("1.5500 last, 1.5500 lowest at update 30");
    const at = [10, 20, 25, 30].map((step) => page.indexOf(`after ${step} updates`));
    expect(at.every((place) => place > 0)).toBe(true);
    expect(page).toContain("<summary>1 between</summary>"); // the first and the last two stand open
    expect(page).toContain("<td>30</td><td>3.00</td><td>1.5500</td><td>4.71</td>");
  });

  it("shows each text once, however few there are", () => {
    for (const count of [1, 2, 3]) {
      const written = Array.from({ length: count }, (_, i) => ({ step: i + 1, text: `text ${i + 1}.` }));
      const gaps = [{ given: [], real: ["real", "x"] as const, written }];
      const few = trainingReport({ title: "x", totalSteps: 9, history, rates: [], gaps, facts: new Map() });
      for (const { text } of written) expect(few.split(text)).toHaveLength(2);
    }
  });

  it("of a run without evaluation shows what there is", () => {
    const bare = trainingReport({ title: "x", totalSteps: 9, history: [], rates: [], gaps: [], facts: new Map() });
    expect(bare).toContain("0 of 9 updates, nothing is logged yet");
    expect(bare).not.toContain("<svg");
  });
});

describe("a chart", () => {
  const of = (values: readonly number[], logFrom?: number): string =>
    lineChart({
      title: "x",
      lines: [{ name: "x", points: values.map((value, i) => [i + 1, value]) }],
      format: String,
      logFrom,
      unit: "u",
    });

  it("takes a logarithmic axis where values spread, and are above 0", () => {
    expect(of([1, 9], 10)).not.toContain("logarithmic");
    expect(of([1, 10], 10)).toContain("logarithmic");
    expect(of([0, 10], 10)).not.toContain("logarithmic");
    expect(of([1, 10])).not.toContain("logarithmic");
  });

  it("keeps all it draws within its frame", () => {
    const values = fc.array(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(values, fc.constantFrom(2, Infinity), (list, logFrom) => {
        const chart = of(list, logFrom);
        const drawn = [...chart.matchAll(/class="line" d="([^"]*)"/g)].flatMap(([, d]) => d.match(/[\d.-]+ [\d.-]+/g)!);
        expect(drawn).toHaveLength(list.length);
        for (const [x, y] of drawn.map((pair) => pair.split(" ").map(Number))) {
          expect(x).toBeGreaterThanOrEqual(0);
          expect(x).toBeLessThanOrEqual(1000);
          expect(y).toBeGreaterThanOrEqual(0);
          expect(y).toBeLessThanOrEqual(300);
        }
        expect(chart).not.toMatch(/NaN|Infinity/);
      }),
    );
  });

  it("has round ticks on a logarithmic axis, in order", () => {
    expect(logTicks(0.9, 120)).toEqual([1, 10, 100]);
    expect(logTicks(2, 11)).toEqual([2, 5, 10]);
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e3, noNaN: true }), fc.double({ min: 2, max: 1e4 }), (low, factor) => {
        const ticks = logTicks(low, low * factor);
        expect(ticks.length).toBeGreaterThanOrEqual(2);
        expect(ticks).toEqual(ticks.toSorted((a, b) => a - b));
        for (const tick of ticks) expect(tick >= low && tick <= low * factor).toBe(true);
      }),
    );
  });
});

describe("a run", () => {
  let device: Device;
  const root = mkdtempSync(join(tmpdir(), "training-report-"));
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => {
    device.destroy();
    rmSync(root, { recursive: true });
  });

  const fail = (what: string): never => {
    throw new Error(what);
  };
  const tokenizer = GPT2Tokenizer.default().truncate(0);
  const encoded = (text: string): EncodedExample => {
    const ids = tokenizer.encode(text);
    return { ids, types: new Uint8Array(ids.length).fill(TOKEN_TYPE.target) };
  };
  const texts = ["once upon a", "a time a <b>", "there was a", "upon the b>", "was once &"];
  const examples = texts.map(encoded);
  const args = { ...tinyArgs, maxSteps: 4, evalSteps: 2, loggingSteps: 1 };
  const config = tinyConfig.with({ vocabSize: tokenizer.vocabSize, residPdrop: 0.1 });
  const evaluation = { examples, file: "b.txt", tokens: 55, summary: "", source: "" };
  const start = { folder: new MemoryFolder("m"), config, template: undefined, tokenizer, origin: "fresh weights" };
  const flags = { reportGaps: 4, freeze: ["wte", "h.0"] };
  const job = { args, flags, blockSize: 12, train: evaluation, evaluation, start } as unknown as Job;

  /** Of one step after another: what is saved of the weights. */
  async function train(report?: (model: GPT2LMHeadModel) => Promise<RunReport>): Promise<unknown> {
    const model = GPT2LMHeadModel.fromConfig(device, config, { seed: 1, gradients: true });
    const store = new MemoryStore();
    const shown = await report?.(model);
    const trainer = new Trainer({
      model,
      args,
      train: examples,
      evaluation: examples,
      padId: 0,
      store,
      onStep: (at) => shown?.onStep(at),
      onLog: (entry) => shown?.onLog(entry),
      sampleSteps: args.evalSteps,
      onSample: async (at) => shown?.onSample(at),
    });
    await trainer.train();
    await shown?.write();
    trainer.destroy();
    model.destroy();
    return { weights: await store.weights(""), moments: store.folders.get("checkpoint-4") };
  }

  test("ends in the same bits with a report, whose page grows, and is cut back to where the run goes on", async () => {
    const run = new RunFolder(root);
    const warnings: string[] = [];
    let report: RunReport | undefined;
    const opened = async (model: GPT2LMHeadModel): Promise<RunReport> => {
      report = new RunReport(run, job, model, (what) => warnings.push(what));
      await report.start(4, []);
      return report;
    };
    expect(await train(opened)).toEqual(await train());
    expect(warnings).toEqual([]);
    const page = (): string => readFileSync(join(root, "report.html"), "utf8");
    const lines = (): { step: number; texts?: unknown[]; tokens_per_second?: number }[] =>
      readFileSync(join(root, "report.jsonl"), "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as never);
    expect(lines().flatMap(({ step, texts }) => (texts ? [[step, texts.length]] : []))).toEqual([
      [2, 4],
      [4, 4],
    ]);
    expect(lines().filter((line) => line.tokens_per_second! > 0).length).toBeGreaterThanOrEqual(2);
    expect(page()).toContain("after 2 updates");
    expect(page()).toContain("b.txt: 5 examples, 55 tokens");
    expect(page()).toContain("<tr><td>freeze</td><td>wte, h.0</td></tr>");

    // Gone on with from step 2: what step 4 left is no more, what step 2 left is still shown.
    const history: LogEntry[] = [{ step: 2, epoch: 1, loss: 1, grad_norm: 1, learning_rate: 1 }];
    await report!.start(4, history);
    await report!.write();
    expect(lines().every(({ step }) => step <= 2)).toBe(true);
    expect(page()).toContain("after 2 updates");
    expect(page()).not.toContain("after 4 updates");
  });

  test("is shown without texts where none are wanted, and costs none", async () => {
    const place = mkdtempSync(join(root, "none-"));
    const model = GPT2LMHeadModel.fromConfig(device, config, { seed: 1, gradients: false });
    const lora = new LoraConfig({ r: 4, loraAlpha: 16, trainableTokenIndices: [7, 8] });
    const bare = { ...job, flags: { ...job.flags, reportGaps: 0 }, start: { ...job.start, lora } };
    const report = new RunReport(new RunFolder(place), bare, model, fail);
    report.onLog({ step: 1, epoch: 1, loss: 1 });
    const { submits } = device.batch.counters;
    await report.onSample({ step: 1 });
    expect(device.batch.counters.submits).toBe(submits);
    const page = readFileSync(join(place, "report.html"), "utf8");
    expect(page).toContain("1 of 0 updates");
    for (const [name, value] of Object.entries({ lora_r: 4, lora_alpha: 16, trainable_token_indices: "7 to 8" }))
      expect(page).toContain(`<tr><td>${name}</td><td>${value}</td></tr>`);
    expect(readFileSync(join(place, "report.jsonl"), "utf8")).not.toContain("texts");
    model.destroy();
  });

  test("goes on where the report cannot be written, and is told of it; nothing logged leaves no report", async () => {
    const gone = join(root, "gone");
    const run = Object.assign(new RunFolder(gone), { open: () => Promise.reject(new Error("the disk is full")) });
    const warnings: string[] = [];
    const model = GPT2LMHeadModel.fromConfig(device, config, { seed: 1, gradients: false });
    const report = new RunReport(run, job, model, (what) => warnings.push(what));
    await report.write();
    expect(warnings).toEqual([]);
    await report.onSample({ step: 1 });
    report.onLog({ step: 1, epoch: 1, loss: 1 });
    await report.write();
    expect(warnings).toEqual(["report.html is not as it should be: the disk is full"]);
    expect(existsSync(join(gone, "report.html"))).toBe(false);
    model.destroy();
  });
});
