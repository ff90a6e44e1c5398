// Models by their name on the Hub in prepare and evaluate: where their files are kept, their revision, without network;
// and where weights for ranking go that were fitted to such a model.
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { EVALUATE } from "../src/cli/evaluate/flags.ts";
import { placeOfFitted, saveFitted } from "../src/cli/evaluate/rerank.ts";
import { setUpEvaluation } from "../src/cli/evaluate/setup.ts";
import type { EvaluationSetup } from "../src/cli/evaluate/setup.ts";
import { prepare } from "../src/cli/prepare/run.ts";
import { parseFlags } from "../src/cli/shared/flags.ts";
import { DEMO_MODEL } from "../src/cli/shared/project-path.ts";
import type { RerankFigures } from "../src/evaluation/rerank-choices.ts";
import { RERANK_FILE, UNFITTED_WEIGHTS } from "../src/rerank/weights.ts";
import { HubServer } from "./hub-server.ts";

const demo: Record<string, Uint8Array> = {};
let hub: HubServer;
let home: string;
let usual: string;
let own: string;
const at = (...parts: string[]): string => join(home, ...parts);
beforeAll(async () => {
  for (const file of await readdir(DEMO_MODEL)) demo[file] = await readFile(join(DEMO_MODEL, file));
});
beforeEach(async () => {
  hub = await HubServer.start();
  home = await mkdtemp(join(tmpdir(), "hub-programs-"));
  [usual, own] = [at("usual"), at("own")];
  vi.stubEnv("HF_ENDPOINT", hub.endpoint);
  vi.stubEnv("HF_HUB_CACHE", usual);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.stop();
  await rm(home, { recursive: true });
});
afterAll(() => vi.restoreAllMocks());

describe("src/prepare.ts", () => {
  const made = (out: string, ...argv: string[]): Promise<void> =>
    prepare([at("gaps.jsonl"), "--output_dir", at(out), "--validation_share", "0", "--test_share", "0", ...argv], {
      print: () => {},
      color: false,
      width: 80,
    });

  it("keeps a tokenizer of the Hub where --cache_dir says, and takes it from there without network", async () => {
    const commit = hub.publish("ann/words", demo);
    await writeFile(at("gaps.jsonl"), '{"p1":"One.","p2":"Two.","p3":"Three."}\n');
    await made("first", "--tokenizer_name", "ann/words", "--cache_dir", own);
    expect(await readdir(join(own, "models--ann--words", "snapshots"))).toEqual([commit]);
    expect(existsSync(usual)).toBe(false);
    const asked = hub.asked.length;
    await made("second", "--tokenizer_name", "ann/words", "--cache_dir", own, "--offline");
    expect(hub.asked.length).toBe(asked);
    await expect(made("third", "--tokenizer_name", "ann/words", "--offline")).rejects.toThrow(
      /^--tokenizer_name: Offline, ann\/words can come only from the cache, and .*usual/,
    );
  });
});

describe("src/evaluate.ts", () => {
  const setUp = (...argv: string[]): Promise<EvaluationSetup> => {
    const all = ["--max_eval_samples", "4", "--max_examples", "0", "--output_dir", at("out"), ...argv];
    const { values, given } = parseFlags(EVALUATE, all);
    return setUpEvaluation(values, given);
  };
  const weights = { ...UNFITTED_WEIGHTS, fittedOn: { examples: 4, candidates: 3 } };
  const fitted = { weights } as RerankFigures;

  it("keeps models of the Hub where --cache_dir says, the first at --revision", async () => {
    const tagged = hub.publish("ann/filler", demo, ["v1"]);
    hub.publish("ann/filler", { ...demo, "config.json": Buffer.from("{}") });
    const compared = hub.publish("ann/other", demo);
    const argv = ["--model", "ann/filler", "--revision", "v1", "--compare", "ann/other", "--cache_dir", own];
    const { tasks } = await setUp(...argv);
    expect(tasks.map(({ name, model }) => [name, model.config.nLayer])).toEqual([
      ["ann/filler", 4],
      ["ann/other", 4],
    ]);
    expect(await readdir(join(own, "models--ann--filler", "snapshots"))).toEqual([tagged]);
    expect(await readdir(join(own, "models--ann--other", "snapshots"))).toEqual([compared]);
    expect(existsSync(usual)).toBe(false);
    await hub.stop();
    expect((await setUp(...argv, "--offline")).tasks).toHaveLength(2);
    hub = await HubServer.start();
  });

  it.each([
    [["--model", DEMO_MODEL, "--revision", "v1"], /^--revision is for a model on the Hub, and .*demo is a folder here/],
    [["--revision", "v1"], /^--revision is for a model on the Hub/],
    [["--model", "untrained", "--compare", DEMO_MODEL, "--revision", "v1"], /^--revision is of .* which is untrained/],
  ])("refuses %j", async (argv, message) => {
    await expect(setUp(...argv)).rejects.toThrow(message);
  });

  it("writes fitted weights into the user's folder, else beside the results, never the demo or a cache", async () => {
    const place = async (...argv: string[]): Promise<string> => (await setUp("--fit_rerank", ...argv)).fitted!.path;
    hub.publish("ann/filler", demo);
    expect(await place()).toBe(at("out", RERANK_FILE));
    expect(await place("--model", "ann/filler")).toBe(at("out", RERANK_FILE));
    expect(await place("--model", DEMO_MODEL)).toBe(join(DEMO_MODEL, RERANK_FILE));
    expect((await setUp("--rerank")).fitted).toBeUndefined();

    const before = await readdir(DEMO_MODEL);
    const setup = await setUp("--fit_rerank");
    expect(await saveFitted(setup.fitted!, fitted)).toMatch(
      /out.infill_rerank\.json: p2 1\.00, .*fitted on 4 examples; beside the model's own files src\/generate\.ts/,
    );
    expect(JSON.parse(await readFile(at("out", RERANK_FILE), "utf8"))).toEqual(weights);
    expect(await readdir(DEMO_MODEL)).toEqual(before);
    await expect(place()).rejects.toThrow(/holds infill_rerank\.json already; .*--overwrite_output_dir/);
    expect(await place("--overwrite_output_dir")).toBe(at("out", RERANK_FILE));

    const inFolder = await placeOfFitted({ ...setup.values, modelNameOrPath: home }, at("out"), setup.tasks[0]!.model);
    expect(inFolder).toMatchObject({ path: at(RERANK_FILE), isModel: true });
  });
});
