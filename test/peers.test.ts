// bench/peers: its protocol, comparison, turns and table, and the ONNX graphs that it writes; these run in ONNX Runtime
// too where bench/peers has its packages.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { difference, TOLERANCE } from "../bench/peers/compare.ts";
import { modelMessage } from "../bench/peers/onnx/encode.ts";
import { gpt2Graph } from "../bench/peers/onnx/graph.ts";
import type { Graph } from "../bench/peers/onnx/graph.ts";
import { chosen } from "../bench/peers/options.ts";
import { isInstalled, loadPeer } from "../bench/peers/packages.ts";
import { comparedRows, decodeFloats, encodeFloats, MARK, readLine, writeLine } from "../bench/peers/protocol.ts";
import type { System } from "../bench/peers/systems.ts";
import { resultsOf, table } from "../bench/peers/table.ts";
import { tokenTime } from "../bench/peers/token-time.ts";
import { takeStarts, takeTurns } from "../bench/peers/turns.ts";
import type { Outcome, Turns } from "../bench/peers/turns.ts";
import { onnxFile, writeModel } from "../bench/peers/weights.ts";
import { taskOf, WORKS } from "../bench/peers/work.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { openCheckpoint } from "../src/gpt2/checkpoint-files.ts";
import { openFolder } from "../src/files/open.ts";
import { summarize } from "../src/profile/measure.ts";
import { OracleGPT2 } from "./oracle/gpt2.ts";

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "peers-"))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the protocol", () => {
  it("gives back what was written, whatever is in it, on one line", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const line = writeLine({ failed: text });
        expect(line.indexOf("\n")).toBe(line.length - 1);
        expect(readLine(line.trimEnd())).toEqual({ failed: text });
      }),
    );
  });

  it("passes by what others print, and refuses a broken line of its own", () => {
    expect(readLine("Warning: limited")).toBeUndefined();
    expect(readLine(`x ${MARK}{}`)).toBeUndefined();
    expect(() => readLine(`${MARK}{"ms":`)).toThrow("not JSON");
  });

  it("carries floats to the bit, and refuses a part of one", () => {
    fc.assert(
      fc.property(fc.float32Array({ minLength: 1, maxLength: 20 }), (values) => {
        const back = decodeFloats(encodeFloats(values.subarray(0)));
        expect(new Uint8Array(back.buffer)).toEqual(new Uint8Array(Float32Array.from(values).buffer));
      }),
    );
    expect(() => decodeFloats("AAAA")).toThrow("3 bytes");
    expect(() => decodeFloats("")).toThrow("0 bytes");
  });

  it("compares the first, the middle and the last position", () =>
    expect([
      ...comparedRows(
        Float32Array.from({ length: 10 }, (_, i) => i),
        5,
        2,
      ),
    ]).toEqual([0, 1, 4, 5, 8, 9]));
});

describe("results", () => {
  const logits = (...values: number[]) => ({ logits: encodeFloats(Float32Array.from(values)) });

  it("are the same within the tolerance, of the largest logit", () => {
    expect(difference(logits(10, 0), logits(10, 9.9 * TOLERANCE))).toBeUndefined();
    expect(difference(logits(10, 0), logits(10, 10.1 * TOLERANCE))).toContain("logits differ by 0.010");
    expect(difference(logits(-10, 0), logits(-10, 9.9 * TOLERANCE))).toBeUndefined();
  });

  it.each([
    ["not a number", logits(1, NaN, 1), logits(1, 1, 1), "NaN"],
    ["too few logits", logits(1), logits(1, 1), "1 logits instead of 2"],
    ["no logits", { ids: [1] }, logits(1), "no logits"],
    ["another token", { ids: [1, 3] }, { ids: [1, 2] }, "token 2 is another"],
    ["too few tokens", { ids: [1] }, { ids: [1, 2] }, "token 2 is another"],
    ["too many tokens", { ids: [1, 2] }, { ids: [1] }, "2 tokens instead of 1"],
    ["no tokens", {}, { ids: [1] }, "no tokens"],
    ["another loss", { losses: [9, 8.9] }, { losses: [9, 8.8] }, "loss of step 2"],
    ["too few losses", { losses: [9] }, { losses: [9, 8.8] }, "loss of step 2"],
    ["no losses", {}, { losses: [9] }, "no losses"],
  ])("differ: %s", (_name, got, want, message) => expect(difference(got, want)).toContain(message));

  it("are the same: tokens and losses", () => {
    expect(difference({ ids: [1, 2] }, { ids: [1, 2] })).toBeUndefined();
    expect(difference({ losses: [9.001] }, { losses: [9] })).toBeUndefined();
  });
});

describe("the time of a token", () => {
  it("is the mean after the first", () => expect(tokenTime([100, 110, 130, 140])).toBeCloseTo(40 / 3));
  it("counts from the next arrival where several came at once", () =>
    expect(tokenTime([100, 100.01, 100.02, 110, 110.01, 110.02])).toBeCloseTo(10.0 / 3, 1));
  it("is not told where all came at once", () => expect(() => tokenTime([1, 1.01])).toThrow("nothing to time"));
});

it("works and systems are chosen by name, and a wrong name is told what there is", () => {
  expect(chosen(WORKS, ["decode, forward"]).map(({ name }) => name)).toEqual(["forward", "decode"]);
  expect(chosen(WORKS, [])).toBe(WORKS);
  expect(() => chosen(WORKS, ["train", "fly"])).toThrow('There is no "fly" here; there are forward, train,');
});

/** A system whose answers are written here. `speaks`: JavaScript with say(), ask() and a log of what was done. */
function fake(name: string, speaks: string): System {
  const file = join(folder, `${name}.mjs`);
  const log = JSON.stringify(join(folder, "log"));
  writeFileSync(
    file,
    `import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";
const say = (m) => console.log(${JSON.stringify(MARK)} + JSON.stringify(m));
const did = (what) => appendFileSync(${log}, "${name} " + what + "\\n");
say({ hello: { name: "${name}", version: "1", device: "" } });
for await (const line of createInterface({ input: process.stdin })) {
  const m = JSON.parse(line.slice(${MARK.length}));
  if (m.do === "end") break;
  did(m.do);
  ${speaks}
}
process.exit(0);
`,
  );
  return { name, title: name, command: { program: process.execPath, args: [file] }, missing: () => undefined };
}
const answers = (ids: readonly number[], ms: number): string =>
  `console.log("chatter");
   if (m.do === "prepare") say({ prepared: { ids: ${JSON.stringify(ids)} } });
   else say({ ms: Array(m.times).fill(${ms}), peakBytes: 1000 });`;

describe("turns", () => {
  const task = { ...taskOf(WORKS[0], "", true) };
  const turns: Turns = { rounds: 2, seconds: 60, signal: new AbortController().signal, note: () => {} };
  const logged = (): string[] => readFileSync(join(folder, "log"), "utf8").trim().split("\n");

  it("alternate, after all have prepared, with ratios of one round", async () => {
    writeFileSync(join(folder, "log"), "");
    const outcomes = await takeTurns([fake("a", answers([1], 40)), fake("b", answers([1], 80))], task, turns);
    expect(logged()).toEqual(["a prepare", "b prepare", ...Array.from({ length: 3 }, () => ["a run", "b run"]).flat()]);
    expect(outcomes.map(({ timing, ratio, peakBytes }) => [timing?.runs, ratio?.median_ms, peakBytes])).toEqual([
      [2, 1, 1000],
      [2, 0.5, 1000],
    ]);
  });

  it("leave out, by name, who is wrong, cannot, dies or fails", async () => {
    const systems = [
      fake("ours", answers([1], 40)),
      fake("wrong", answers([2], 1)),
      fake("unable", `say({ unable: "no training" }); process.exit(1);`),
      fake("dies", `console.error("out of memory"); process.exit(3);`),
      fake("fails", `if (m.do === "prepare") say({ prepared: { ids: [1] } }); else say({ failed: "lost" });`),
    ];
    const outcomes = await takeTurns(systems, task, { ...turns, rounds: 1 });
    const whys = Object.fromEntries(outcomes.map(({ system, why }) => [system.name, why]));
    expect(whys).toEqual({
      ours: undefined,
      wrong: "wrong: its token 1 is another",
      unable: "no training",
      dies: expect.stringMatching(/^it ended with 3; .*out of memory/),
      fails: "lost",
    });
    expect(outcomes.filter(({ timing }) => timing).map(({ system }) => system.name)).toEqual(["ours"]);
    expect(table([{ title: "forward", outcomes }])).not.toMatch(/\| wrong/);
  });

  it("do not wait for ever", async () => {
    const one = takeTurns([fake("silent", "")], task, { ...turns, seconds: 1 });
    await expect(one).rejects.toThrow("it did not answer within 1 s");
  });

  it("hold the first system against what is right, where that is known", async () => {
    const one = takeTurns([fake("a", answers([1], 40))], task, turns, { ids: [2] });
    await expect(one).rejects.toThrow("wrong: its token 1 is another");
  });

  it("of starts are processes of their own, cold and then warm with the same folder", async () => {
    writeFileSync(join(folder, "log"), "");
    const starts = { ...task, folder };
    const says = `did(process.env.MESA_SHADER_CACHE_DIR); say({ prepared: { ids: [1] } });`;
    const { cold, warm } = await takeStarts([fake("a", says), fake("b", says)], starts, { ...turns, rounds: 1 });
    const places = logged().filter((line) => !line.endsWith("prepare"));
    expect(places[0]).toBe(places[1]);
    expect(places[2].slice(2)).not.toBe(places[0].slice(2));
    expect([cold, warm].map((each) => each.map(({ timing }) => timing?.runs))).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });
});

describe("the table", () => {
  const system = (name: string): System => ({ ...fakeSystem, name, title: name });
  const fakeSystem: System = { name: "", title: "", command: { program: "", args: [] }, missing: () => undefined };
  const ours: Outcome = {
    system: system("ours"),
    version: "1",
    timing: summarize([10, 12]),
    ratio: summarize([1, 1]),
    peakBytes: 2e9,
  };
  const theirs: Outcome = {
    system: system("x"),
    version: "2",
    timing: summarize([20, 40]),
    ratio: summarize([0.5, 0.3]),
  };
  const none: Outcome = { system: system("y"), why: "no\u001b[2Jcolour" };

  it("has medians, spreads, ratios and memory, and who was not measured", () =>
    expect(table([{ title: "forward", outcomes: [ours, theirs, none] }]).split("\n")).toEqual([
      "| work | system | median | quartiles | ours / theirs | quartiles | peak memory |",
      "|---|---|---|---|---|---|---|",
      "| forward | ours 1 | 11 ms | 10.5 ms to 11.5 ms |  |  | 2.0 GB |",
      "| forward | x 2 | 30 ms | 25 ms to 35 ms | 0.40 | 0.35 to 0.45 |  |",
      "",
      expect.stringMatching(/^Not measured: y: no\P{Cc}*colour \(forward\)$/u),
      "",
    ]));

  it("says once what holds for all works", () => {
    const text = table(["a", "b"].map((title) => ({ title, outcomes: [ours, none] })));
    expect(text.match(/Not measured/g)).toHaveLength(1);
    expect(text).toContain("(all works)");
  });

  it("is a line for each figure, too", () => {
    const results = resultsOf([{ title: "forward", outcomes: [ours, theirs, none] }], "llvmpipe");
    expect(results.map(({ variant, details }) => [variant, details!.ours_over_theirs])).toEqual([
      ["ours", 1],
      ["x", 0.4],
    ]);
  });
});

const config = new GPT2Config({ nLayer: 2, nEmbd: 32, nHead: 2, vocabSize: 61, nPositions: 24 });
const FORMS = [true, false].flatMap((cached) => [true, false].map((fused) => ({ cached, fused })));

describe.each(FORMS)("the ONNX graph, cached $cached, fused $fused", (form) => {
  const graph = gpt2Graph(config, form);

  it("names nothing before it is there, nothing twice, and all weights", () => {
    expect(faults(graph)).toEqual([]);
    const used = new Set(graph.nodes.flatMap(({ inputs }) => inputs));
    for (const name of [...graph.weights.keys(), ...graph.constants.keys()]) expect(used.has(name), name).toBe(true);
  });

  it("has the inputs and outputs by which transformers.js finds them", () => {
    const past = [
      "past_key_values.0.key",
      "past_key_values.0.value",
      "past_key_values.1.key",
      "past_key_values.1.value",
    ];
    const inputs = ["input_ids", ...(form.cached ? ["attention_mask", "position_ids", ...past] : [])];
    expect(graph.inputs.map(({ name }) => name)).toEqual(inputs);
    const present = form.cached ? past.map((name) => name.replace("past_key_values", "present")) : [];
    expect(graph.outputs.map(({ name }) => name)).toEqual(["logits", ...present]);
  });

  it("points into the file of weights", () => {
    const places = new Map([...graph.weights.keys()].map((name, i) => [name, { offset: 64 * i, byteLength: 4 }]));
    const text = JSON.stringify(modelMessage(graph, "model.safetensors", places));
    expect(text).toContain('{"key":"location","value":"model.safetensors"},{"key":"offset","value":"64"}');
    places.delete("transformer.ln_f.bias");
    expect(() => modelMessage(graph, "w", places)).toThrow("w has no transformer.ln_f.bias");
  });
});

function faults({ inputs, outputs, nodes, weights, constants }: Graph): string[] {
  const there = new Set([...inputs.map(({ name }) => name), ...weights.keys(), ...constants.keys(), ""]);
  const bad: string[] = [];
  for (const node of nodes) {
    for (const name of node.inputs) if (!there.has(name)) bad.push(`${node.op} reads ${name}`);
    for (const name of node.outputs) {
      if (there.has(name)) bad.push(`${name} is made twice`);
      there.add(name);
    }
  }
  return [...bad, ...outputs.filter(({ name }) => !there.has(name)).map(({ name }) => `${name} is not made`)];
}

/** As much of onnxruntime-node as is used. */
interface Ort {
  readonly Tensor: new (type: string, data: BigInt64Array | Float32Array, dims: number[]) => OrtTensor;
  readonly InferenceSession: {
    create(path: string, options: object): Promise<{ run(feeds: object): Promise<Record<string, OrtTensor>> }>;
  };
}
interface OrtTensor {
  readonly data: unknown;
}

describe.skipIf(!isInstalled("onnxruntime-node"))("ONNX Runtime (where bench/peers has its packages)", () => {
  it.each(FORMS)("computes what float64 does: cached $cached, fused $fused", async (form) => {
    const ort = await loadPeer<Ort>("onnxruntime-node");
    const path = await writeModel(folder, `tiny-${onnxFile(form)}`, config);
    const ids = Array.from({ length: 9 }, (_, i) => (i * 17) % config.vocabSize);
    const parameters = new Map<string, Float32Array>();
    const checkpoint = await openCheckpoint(await openFolder(path), config);
    await checkpoint.read((name, values) => void parameters.set(name, values));
    const { logits } = new OracleGPT2(config, parameters).forward({ inputIds: [ids] });

    const session = await ort.InferenceSession.create(join(path, onnxFile(form)), { executionProviders: ["cpu"] });
    const whole = (values: readonly number[]) =>
      new ort.Tensor("int64", BigInt64Array.from(values.map(BigInt)), [1, values.length]);
    const compare = (got: OrtTensor, rows: readonly number[]): void => {
      const want = rows.flatMap((row) => [...logits.subarray(row * config.vocabSize, (row + 1) * config.vocabSize)]);
      const values = got.data as Float32Array;
      expect(values).toHaveLength(want.length);
      values.forEach((value, i) => expect(value).toBeCloseTo(want[i], 4));
    };
    if (!form.cached) {
      compare((await session.run({ input_ids: whole(ids) })).logits, [...ids.keys()]);
      return;
    }
    let past: Record<string, OrtTensor> = {};
    for (const layer of [0, 1])
      for (const part of ["key", "value"])
        past[`past_key_values.${layer}.${part}`] = new ort.Tensor("float32", new Float32Array(0), [1, 2, 0, 16]);
    for (const [from, to] of [
      [0, 5],
      [5, 6],
      [6, 9],
    ]) {
      const { logits: last, ...present } = await session.run({
        input_ids: whole(ids.slice(from, to)),
        attention_mask: whole(ids.slice(0, to).map(() => 1)),
        position_ids: whole(ids.slice(from, to).map((_, i) => from + i)),
        ...past,
      });
      compare(last, [to - 1]);
      past = Object.fromEntries(
        Object.entries(present).map(([name, tensor]) => [name.replace("present", "past_key_values"), tensor]),
      );
    }
  });
});
