// Candidates in the programs, on the demo model: apart enough to be worth reading, ranked with --rerank, shown with
// their figures on the screen, in JSON and on the page; weights fitted and measured by src/evaluate.ts.
import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { write } from "../src/cli/generate/candidates.ts";
import type { Candidate } from "../src/cli/generate/candidates.ts";
import { candidateJson, GapPrinter, rankParts, unfittedNote } from "../src/cli/generate/print.ts";
import { setUp } from "../src/cli/generate/setup.ts";
import type { Setup } from "../src/cli/generate/setup.ts";
import { UserError } from "../src/errors.ts";
import { apartness, wordF1 } from "../src/evaluation/text-statistics.ts";
import { openFolder } from "../src/files/open.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { requestDevice } from "../src/gpu/device.ts";
import type { Device } from "../src/gpu/device.ts";
import { DEFAULT_TEMPLATE } from "../src/infill/template.ts";
import { Reranker } from "../src/rerank/reranker.ts";
import { RERANK_FILE, UNFITTED_WEIGHTS } from "../src/rerank/weights.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const demo = join(root, "weights/demo");
const GAP = [
  "--p1",
  "Once upon a time, a mole named Jack lived near the woods. Jack loved to look after others.",
  "--p3",
  "So they hurried to the lighthouse. There they found Ella, the old badger, at work.",
  "--meta",
  "length=S",
];
const setup = (...argv: string[]): Promise<Setup> => setUp(argv, demo);

let folder: string;
let device: Device;
let model: GPT2LMHeadModel;
let decoder: GPT2Decoder;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rerank-"));
  device = await requestDevice();
  model = await GPT2LMHeadModel.fromPretrained(device, await openFolder(demo));
  decoder = new GPT2Decoder(model);
});
afterAll(async () => {
  device.destroy();
  await rm(folder, { recursive: true, force: true });
});

async function candidatesOf(...argv: string[]): Promise<readonly Candidate[]> {
  const { model: opened, plan, values, rerank } = await setup(...argv);
  const reranker = rerank && new Reranker(model, opened.encoder!, rerank);
  const writer = { decoder, tokenizer: opened.tokenizer, plan, trim: values.trim, reranker };
  return (await write(writer)).candidates[0];
}

describe("several candidates", () => {
  const BEAMS = [...GAP, "--beam", "3", "--num_return_sequences", "3"];

  it("are apart by more than a word or two, as the best beams of one search are not", async () => {
    const apart = apartness((await candidatesOf(...BEAMS)).map(({ text }) => text))!;
    const best = apartness((await candidatesOf(...BEAMS, "--num_beam_groups", "1")).map(({ text }) => text))!;
    expect(apart).toBeGreaterThan(0.25);
    expect(apart).toBeGreaterThan(2 * best);
  });

  it.each<[string[], object]>([
    [["--beam", "4", "--num_return_sequences", "3"], { numBeamGroups: 4, diversityPenalty: 1, numReturnSequences: 3 }],
    [["--beam", "4"], { numBeamGroups: 1, numReturnSequences: 1 }],
    [["--beam", "4", "--num_return_sequences", "2", "--num_beam_groups", "1"], { numBeamGroups: 1 }],
    [
      ["--beam", "4", "--num_return_sequences", "2", "--num_beam_groups", "2", "--diversity_penalty", "3"],
      { numBeamGroups: 2, diversityPenalty: 3 },
    ],
    [["--beam", "4", "--num_return_sequences", "2", "--do_sample"], { numBeamGroups: 1, doSample: true }],
    [["--do_sample", "--num_return_sequences", "2"], { topP: 1, numReturnSequences: 2 }],
    [["--rerank"], { doSample: true, topP: 0.9, numReturnSequences: 5, numBeams: 1 }],
    [["--rerank", "--do_sample", "--top_p", "0.5"], { topP: 0.5, numReturnSequences: 5 }],
    [["--rerank", "--do_sample"], { topP: 1, numReturnSequences: 5 }],
    [["--rerank", "--num_return_sequences", "8"], { doSample: true, topP: 0.9, numReturnSequences: 8 }],
    [["--rerank", "--force_words_ids", "[[5]]"], { doSample: false, numBeams: 5, numReturnSequences: 5 }],
    [["--force_words_ids", "[[5]]", "--beam", "4", "--num_return_sequences", "2"], { numBeamGroups: 1 }],
    [["--interactive"], { doSample: true, topP: 0.9, numReturnSequences: 3 }],
    [["--rerank", "--beam", "4"], { doSample: false, numBeams: 4, numBeamGroups: 4, numReturnSequences: 4 }],
    [["--rerank", "--beam", "4", "--num_return_sequences", "2"], { numBeamGroups: 4, numReturnSequences: 2 }],
  ])("%j searches so", async (argv, wanted) => {
    expect((await setup(...GAP, ...argv)).plan.config).toMatchObject(wanted);
  });

  it("of a plain prompt are Hugging Face's", async () => {
    const { plan } = await setup("--prompt", "Once", "--beam", "4", "--num_return_sequences", "3");
    expect(plan.config).toMatchObject({ numBeamGroups: 1, numBeams: 4, numReturnSequences: 3 });
  });

  it.each([
    [["--prompt", "Once", "--rerank"], /^--rerank looks at the paragraphs around a gap/],
    [[...GAP, "--rerank", "--num_return_sequences", "1"], /^--rerank chooses among candidates, .* ask for one/],
    [[...GAP, "--rerank", "--beam", "1"], /^--rerank chooses among candidates, .* ask for one/],
    [[...GAP, "--rerank", "--do_sample", "false"], /^--rerank chooses among candidates, .* ask for one/],
  ])("%j is refused", async (argv, message) => {
    const error = await setup(...argv).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).toMatch(message);
  });
});

describe("--rerank", () => {
  it("orders by the score and keeps every text", async () => {
    const argv = [...GAP, "--do_sample", "--num_return_sequences", "4", "--seed", "3", "--max_new_tokens", "40"];
    const plain = await candidatesOf(...argv);
    const ranked = await candidatesOf(...argv, "--rerank");
    expect(ranked.map(({ text }) => text).sort()).toEqual(plain.map(({ text }) => text).sort());
    const scores = ranked.map((candidate) => candidate.ranked!.score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(plain.every((candidate) => candidate.ranked === undefined)).toBe(true);
  });

  it("shows the figures with each text, and says whose weights they are", () => {
    const terms = { p2: -1.234, p3: -2.5, seam_p1_p2: -3, seam_p2_p3: -0.5 };
    const candidate = { text: "So.", tokens: 2, reason: "eos", unfinished: false, trimmed: false } as const;
    const ranked = { ...candidate, ranked: { score: -3.7, terms } };
    const screen = { write: () => true, isTTY: false } as unknown as NodeJS.WriteStream;
    const page = new GapPrinter(screen, { p1: "a", p3: "b" }, DEFAULT_TEMPLATE);
    expect(page.candidates([ranked, candidate])).toContain(
      "score -3.70: p2 -1.23, p3 -2.50, seam p1-p2 -3.00, seam p2-p3 -0.50",
    );
    expect(candidateJson(ranked, "p2")).toMatchObject({ rerank: { score: -3.7, ...terms } });
    expect(rankParts(ranked.ranked)[0]).toEqual(["score", -3.7]);
    expect(unfittedNote(undefined, "m")).toBeUndefined();
    expect(unfittedNote(UNFITTED_WEIGHTS, "m")).toMatch(/^m has no fitted weights in infill_rerank\.json/);
    expect(unfittedNote({ ...UNFITTED_WEIGHTS, fittedOn: { examples: 1, candidates: 2 } }, "m")).toBeUndefined();
  });

  it("refuses a damaged file of weights before a GPU is opened", async () => {
    const damaged = join(folder, "damaged");
    await cp(demo, damaged, { recursive: true });
    await writeFile(join(damaged, RERANK_FILE), '{"version":1,"weights":{"p2":"x"},"seamTokens":8}');
    await expect(setup("--model", damaged, ...GAP, "--rerank")).rejects.toThrow(
      /infill_rerank\.json: field "weights\.p2" is wrong, wanted a finite number; .*--fit_rerank/,
    );
    await expect(setup("--model", damaged, ...GAP)).resolves.toBeDefined();
  });

  it("works from the command line to the page", { timeout: 300_000 }, async () => {
    const page = join(folder, "page.html");
    const argv = [...GAP, "--rerank", "--json", "--seed", "1", "--max_new_tokens", "24", "--explain", page];
    const { code, out, err } = await run("generate", argv);
    expect(code, err).toBe(0);
    const { candidates } = JSON.parse(out) as { candidates: { p2: string; rerank: { score: number; p3: number } }[] };
    expect(candidates.length).toBeGreaterThan(1);
    expect(candidates.every(({ rerank }) => Number.isFinite(rerank.score) && rerank.p3 < 0)).toBe(true);
    const html = await readFile(page, "utf8");
    expect(html).toContain("Why in this order");
    expect(html).toContain(candidates[0].rerank.score.toFixed(3).replace("-", "−"));
  });
});

describe("src/evaluate.ts", () => {
  it("fits weights, saves them and measures them", { timeout: 600_000 }, async () => {
    const own = join(folder, "own");
    await cp(demo, own, { recursive: true });
    await rm(join(own, RERANK_FILE), { force: true });
    const argv = ["--model", own, "--max_eval_samples", "12", "--max_examples", "2", "--max_new_tokens", "24"];
    const out = join(folder, "fit");
    const fit = await run("evaluate", [...argv, "--candidates", "4", "--fit_rerank", "--output_dir", out]);
    expect(fit.code, fit.err).toBe(0);
    expect(fit.out).toMatch(/\| all terms, among 4 \(chance 25\.0%\) \| \d/);
    expect(fit.out).toMatch(/\| chosen less first \| [+-]?\d/);
    expect(fit.err).toContain(RERANK_FILE);
    const saved = JSON.parse(await readFile(join(own, RERANK_FILE), "utf8")) as { fittedOn: object };
    expect(saved.fittedOn).toEqual({ examples: 12, candidates: 4 });
    const { models } = JSON.parse(await readFile(join(out, "evaluation.json"), "utf8"));
    expect(models[0].rerank).toMatchObject({ fitted_by_parts: true, choices: { examples: 2 } });
    const { likeness } = { likeness: models[0].rerank.choices.word_f1 };
    expect(likeness.best.value).toBeGreaterThanOrEqual(likeness.chosen.value);
    expect(await readFile(join(out, "report.html"), "utf8")).toContain("Choosing among candidates");
  });

  it("refuses to fit two models at once", async () => {
    const { code, err } = await run("evaluate", ["--fit_rerank", "--compare", demo, "--max_eval_samples", "2"]);
    expect([code, err.trim().split("\n").length]).toEqual([1, 1]);
    expect(err).toMatch(/^Error: --fit_rerank saves the weights of one model/);
  });
});

describe("likeness of texts", () => {
  it("is the F1 of their words, each as often as it stands there", () => {
    expect(wordF1("the cat sat", "The cat ran!")).toBeCloseTo(2 / 3, 12);
    expect(wordF1("a a a", "a")).toBeCloseTo(0.5, 12);
    expect([wordF1("", ""), wordF1("a", ""), wordF1("été", "ÉTÉ")]).toEqual([1, 0, 1]);
  });

  it("makes apartness: 0 for equals, 1 for strangers, nothing for one", () => {
    expect(apartness(["a b", "b a"])).toBe(0);
    expect(apartness(["a", "b", "c"])).toBe(1);
    expect(apartness(["a"])).toBeUndefined();
  });
});

function run(program: string, argv: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, ["--import", "tsx", join(root, `src/${program}.ts`), ...argv], { cwd: root });
  child.stdin.end();
  return new Promise((resolve) => {
    let out = "",
      err = "";
    child.stdout.on("data", (data) => (out += data));
    child.stderr.on("data", (data) => (err += data));
    child.on("close", (code) => resolve({ code, out, err }));
  });
}
