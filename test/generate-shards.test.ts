// Many gaps from a file: divided among jobs, batched by length, stopped and killed and gone on with. Whatever happens,
// the file is the one that an undisturbed run writes, and each answer the one that its gap gets alone.
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openAnswers } from "../src/cli/generate/batch.ts";
import { Batches } from "../src/cli/generate/batches.ts";
import { fillAll } from "../src/cli/generate/fill-all.ts";
import type { Input } from "../src/cli/generate/input.ts";
import { ownLimits } from "../src/cli/generate/plan.ts";
import type { Plan } from "../src/cli/generate/plan.ts";
import { rowsThatFit } from "../src/cli/generate/rows-that-fit.ts";
import { fillSettings, setUp } from "../src/cli/generate/setup.ts";
import { parseShard, shardRange } from "../src/cli/shared/shard.ts";
import { OutOfMemoryError } from "../src/errors.ts";
import { openFolder } from "../src/files/open.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { requestDevice } from "../src/gpu/device.ts";
import type { Device } from "../src/gpu/device.ts";
import { DEFAULT_TEMPLATE, TEMPLATE_FILE, templateToJson } from "../src/infill/template.ts";
import { Random } from "../src/random.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "shards-"));
const at = (name: string): string => join(folder, name);
const model = at("model");
let device: Device;
let weights: GPT2LMHeadModel;
let number = 0;

const WORDS = "Mia ran home and Tom sat there with a cat that slept".split(" ");
const text = (random: Random, most: number): string =>
  Array.from({ length: 1 + random.below(most) }, () => random.pick(WORDS)).join(" ");
const GAPS = Array.from({ length: 13 }, (_, id) => {
  const random = new Random(5, id);
  return { id: `gap ${id}`, p1: text(random, 40), p3: text(random, 25), ...(id % 3 && { meta: { length: "S" } }) };
});
const INPUT = at("gaps.jsonl");
const SAMPLE = ["--do_sample", "--seed", "7", "--max_new_tokens", "9"];

beforeAll(async () => {
  writeFileSync(INPUT, GAPS.map((gap) => `${JSON.stringify(gap)}\n`).join(""));
  const tokenizer = GPT2Tokenizer.default().truncate(400);
  tokenizer.addSpecialTokens({
    padToken: "[PAD]",
    eosToken: "[EOS]",
    additionalSpecialTokens: ["[P1]", "[P2]", "[P3]"],
  });
  device = await requestDevice();
  const sizes = { nPositions: 256, nEmbd: 16, nLayer: 1, nHead: 2, initializerRange: 0.2 };
  const config = new GPT2Config({ ...sizes, vocabSize: tokenizer.vocabSize, eosTokenId: 50256 });
  weights = GPT2LMHeadModel.fromConfig(device, config, { gradients: false });
  await weights.savePretrained(model, { generationConfig: { eos_token_id: 50256 } });
  const files = new Map<string, string>([...tokenizer.save(), [TEMPLATE_FILE, templateToJson(DEFAULT_TEMPLATE)]]);
  await (await openFolder(model)).write(files);
});
afterAll(() => {
  device.destroy();
  rmSync(folder, { recursive: true });
});

const argumentsOf = (out: string, flags: readonly string[]): string[] => [
  "--model",
  model,
  "--input_file",
  INPUT,
  "--output_file",
  out,
  ...flags,
];

interface Disturbance {
  /** The batch that the process does not survive, from 1: its answers are lost. */
  readonly diesAt?: number;
  /** The batch that there is no memory for. */
  readonly fullAt?: number;
}

/** As src/generate.ts fills a file, in this process. Returns what it said. */
async function fill(out: string, flags: readonly string[], { diesAt, fullAt }: Disturbance = {}): Promise<string[]> {
  const setup = await setUp(argumentsOf(out, flags), model);
  const input = setup.input as Extract<Input, { kind: "gaps" }>;
  const settings = await fillSettings(setup);
  const answers = await openAnswers(out, { lines: input.lines, inputName: input.file, settings });
  const said: string[] = [];
  let prefills = 0;
  const decoder = new GPT2Decoder(weights);
  const prefill = decoder.prefill.bind(decoder);
  decoder.prefill = (ids, ...rest) => {
    if (ids.length > 1 && ++prefills === fullAt) throw new OutOfMemoryError("full");
    if (ids.length > 1 && prefills === diesAt) throw new Error("died");
    prefill(ids, ...rest);
  };
  const { tokenizer, config } = setup.model;
  try {
    await fillAll({ decoder, tokenizer, plan: setup.plan, trim: setup.values.trim }, input, answers, {
      device,
      config,
      batchSize: setup.values.batchSize,
      signal: new AbortController().signal,
      note: (label, line) => line !== undefined && said.push(`${label} ${line}`),
    });
  } catch (error) {
    if ((error as Error).message !== "died") throw error;
  } finally {
    answers.close();
    decoder.dispose();
  }
  return said;
}

const fresh = (): string => at(`out-${number++}.jsonl`);

async function filled(flags: readonly string[], disturbance?: Disturbance): Promise<string> {
  const out = fresh();
  await fill(out, flags, disturbance);
  return readFileSync(out, "utf8");
}

describe("--shard", () => {
  it.each(["5/4", "0/3", "a/b", "1/0", "1", "", "1/2/3", "-1/3", "1.5/2", "2 / 3"])("refuses %j", (shard) => {
    expect(() => parseShard(shard)).toThrow(/^--shard is ".*", expected which of how many/);
    return expect(setUp(argumentsOf(fresh(), ["--shard", shard]), model)).rejects.toThrow(/^--shard is/);
  });

  it("is for a file of gaps", () =>
    expect(setUp(["--model", model, "--prompt", "Mia", "--shard", "1/2"], model)).rejects.toThrow(
      /--shard is for the/,
    ));

  it("divides any number of lines into neighbours, each once, as evenly as can be (property)", () =>
    fc.assert(
      fc.property(fc.nat(300), fc.integer({ min: 1, max: 40 }), (total, count) => {
        const parts = Array.from({ length: count }, (_, i) => shardRange(total, { index: i + 1, count }));
        expect([parts[0].first, parts.at(-1)!.end]).toEqual([0, total]);
        parts.slice(1).forEach(({ first }, i) => expect(first).toBe(parts[i].end));
        const sizes = parts.map(({ first, end }) => end - first);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    ));
});

describe("batches", () => {
  const planOf = (prompts: readonly { readonly length: number; readonly limit: number; readonly asked: number }[]) => {
    const constraints = [undefined, {}, {}];
    return {
      options: {},
      prompts: prompts.map(({ length, limit, asked }) => ({
        ids: Array<number>(length).fill(0),
        limits: { maxNewTokens: limit },
        constraints: constraints[asked],
      })),
    } as unknown as Plan;
  };
  const prompts = fc.array(
    fc.record({ length: fc.integer({ min: 1, max: 9 }), limit: fc.integer({ min: 1, max: 2 }), asked: fc.nat(2) }),
    { maxLength: 24 },
  );

  it("take every gap once, together only what goes together, the like in length (property)", () =>
    fc.assert(
      fc.property(prompts, fc.integer({ min: 1, max: 5 }), fc.boolean(), fc.nat(3), (given, size, inOrder, full) => {
        const plan = planOf(given);
        const rows = { most: () => size };
        const batches = new Batches(
          plan,
          given.map((_, i) => i),
          { rows, inOrder },
        );
        const taken: number[][] = [];
        for (let batch = batches.next(), i = 0; batch.length > 0; batch = batches.next(), i++) {
          if (i === full && batch.length > 1) batches.tooMany(batch);
          else taken.push(batch);
        }
        const all = taken.flat();
        expect([...all].sort((a, b) => a - b)).toEqual(given.map((_, i) => i));
        if (inOrder) expect(all).toEqual(given.map((_, i) => i));
        for (const batch of taken) {
          expect(batch.length).toBeLessThanOrEqual(size);
          for (const each of batch) {
            expect(ownLimits(plan, plan.prompts[each])).toEqual(ownLimits(plan, plan.prompts[batch[0]]));
            expect(plan.prompts[each].constraints).toBe(plan.prompts[batch[0]].constraints);
          }
          const lengths = batch.map((each) => given[each].length);
          if (!inOrder) expect(lengths).toEqual([...lengths].sort((a, b) => a - b));
        }
      }),
    ));

  it("hold as many as there is memory for, and one at least", async () => {
    const { plan, model: opened } = await setUp(argumentsOf(fresh(), SAMPLE), model);
    const before = device.pool.liveBytes;
    const { most } = await rowsThatFit(device, opened.config, plan);
    expect(most(plan.prompts)).toBeGreaterThan(4);
    const huge = opened.config.with({ nEmbd: 65536, nHead: 1024, nLayer: 1000 });
    expect((await rowsThatFit(device, huge, plan)).most(plan.prompts)).toBe(1);
    expect(device.pool.liveBytes).toBe(before);
  });
});

describe("a file of gaps", () => {
  let whole = "";
  beforeAll(async () => {
    whole = await filled(SAMPLE);
  });

  it("gets for each the answer that it gets alone, in the order of the file, whatever is batched", async () => {
    const lines = whole
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toMatchObject(GAPS);
    expect(new Set(lines.map(({ candidates }) => JSON.stringify(candidates))).size).toBeGreaterThan(9);
    expect(await filled([...SAMPLE, "--batch_size", "5"])).toBe(whole); // and one at a time, below
  });

  it("is the shards' outputs one after the other", async () => {
    const shards = await Promise.all([1, 2, 3].map(async (i) => [i, fresh()] as const));
    for (const [i, out] of shards) await fill(out, [...SAMPLE, "--shard", `${i}/3`]);
    expect(shards.map(([, out]) => readFileSync(out, "utf8")).join("")).toBe(whole);
    const counts = shards.map(([, out]) => readFileSync(out, "utf8").split("\n").length - 1);
    expect(counts).toEqual([4, 4, 5]);
  });

  it("has shards without a line where there are more of them", async () => {
    expect(await filled([...SAMPLE, "--shard", "1/40"])).toBe("");
  });

  it("loses nothing that was finished to a death in any batch, and ends as if there was none", async () => {
    const flags = [...SAMPLE, "--batch_size", "2"];
    for (const diesAt of [1, 5]) {
      const out = fresh();
      await fill(out, flags, { diesAt });
      const said = await fill(out, flags);
      const kept = Number(/Resume (\d+) of 13/.exec(said.join("\n"))?.[1] ?? 0);
      expect(kept).toBeGreaterThanOrEqual(2 * (diesAt - 1) - 1); // a group's last batch may hold one gap
      expect(readFileSync(out, "utf8")).toBe(whole);
      expect(existsSync(`${out}.run/parts.jsonl`)).toBe(false);
    }
  });

  it("is gone on with wherever its end, and its journal's, were torn off", async () => {
    const random = new Random(1, 0);
    for (let i = 0; i < 2; i++) {
      const out = fresh();
      await fill(out, [...SAMPLE, "--batch_size", "3"], { diesAt: 3 });
      for (const file of [out, `${out}.run/parts.jsonl`])
        if (existsSync(file)) truncateSync(file, random.below(readFileSync(file).length + 1));
      await fill(out, [...SAMPLE, "--batch_size", "3"], { diesAt: 2 });
      await fill(out, SAMPLE);
      expect(readFileSync(out, "utf8")).toBe(whole);
    }
  });

  it("is filled in smaller batches where there is no memory", async () => {
    expect(await filled(SAMPLE, { fullAt: 1 })).toBe(whole);
  });

  it.each<[string, readonly string[], RegExp]>([
    ["other settings", ["--do_sample", "--seed", "8", "--max_new_tokens", "9"], /with --seed 7 \(it is 8 now\)/],
    [
      "another search",
      ["--beam", "2", "--max_new_tokens", "9"],
      /with --do_sample true \(it is false now\), .*, without --num_beams \(it is 2 now\); go/,
    ],
    ["another shard", [...SAMPLE, "--shard", "1/2"], /without --shard \(it is 1\/2 now\)/],
  ])("is not gone on with by %s", async (_name, flags, message) => {
    const out = fresh();
    await fill(out, [...SAMPLE, "--batch_size", "2"], { diesAt: 3 });
    const before = readFileSync(out, "utf8");
    await expect(fill(out, flags)).rejects.toThrow(message);
    await expect(fill(out, flags)).rejects.toThrow(
      / was begun with.*; go on with the same, or choose another --output_/,
    );
    expect(readFileSync(out, "utf8")).toBe(before);
  });

  it("is not gone on with by another model, nor while another process writes it, nor with other lines", async () => {
    const out = fresh();
    await fill(out, [...SAMPLE, "--batch_size", "2"], { diesAt: 3 });
    const config = readFileSync(join(model, "generation_config.json"));
    writeFileSync(join(model, "generation_config.json"), '{"eos_token_id": 50256, "temperature": 0.5}');
    await expect(fill(out, SAMPLE)).rejects.toThrow(/was begun with another model; go on/);
    writeFileSync(join(model, "generation_config.json"), config);

    const setup = await setUp(argumentsOf(out, SAMPLE), model);
    const { lines } = setup.input as Extract<Input, { kind: "gaps" }>;
    const questions = { lines, inputName: "gaps", settings: await fillSettings(setup) };
    const held = await openAnswers(out, questions);
    await expect(fill(out, SAMPLE)).rejects.toThrow(/is in use by another run .* choose another --output_file/);
    held.close();

    await expect(openAnswers(out, { ...questions, lines: [...lines].reverse() })).rejects.toThrow(/--output_file\.$/);
    appendFileSync(`${out}.run/parts.jsonl`, "nonsense\n");
    await expect(fill(out, SAMPLE)).rejects.toThrow(/parts\.jsonl, line \d+: is damaged; remove the file/);
  });

  it("that was killed is gone on with by the program, to the same bytes", async () => {
    const out = fresh();
    const flags = [...SAMPLE, "--batch_size", "1"];
    const program = ["--import", "tsx", join(root, "src/generate.ts"), ...argumentsOf(out, flags)];
    const child = spawn(process.execPath, program, { cwd: root, stdio: "ignore" });
    const ended = new Promise((done) => child.on("close", done));
    const answeredSome = (): boolean =>
      [out, `${out}.run/parts.jsonl`].some((file) => existsSync(file) && readFileSync(file).length > 0);
    while (child.exitCode === null && !answeredSome()) await new Promise((next) => setTimeout(next, 5));
    child.kill("SIGKILL");
    await ended;
    const said = await fill(out, flags);
    expect(said.join("\n")).toMatch(/^Resume \d+ of 13 lines are answered already/);
    expect(said.join("\n")).toMatch(/^Wrote \d+ gaps?, \d+ tokens in .* tokens\/s, .* gaps\/s\)$/m);
    expect(readFileSync(out, "utf8")).toBe(whole);
  });
});
