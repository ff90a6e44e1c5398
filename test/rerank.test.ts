// Candidates for a gap: their terms against the float64 model, their order on a model that is made to know topics, the
// fit of weights on data whose weights are known, and the file of weights.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UserError } from "../src/errors.ts";
import { MemoryFolder } from "../src/files/folder.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import { requestDevice } from "../src/gpu/device.ts";
import { InfillEncoder } from "../src/infill/encode.ts";
import { DEFAULT_TEMPLATE } from "../src/infill/template.ts";
import { Random } from "../src/random.ts";
import { continuationLosses } from "../src/rerank/continuation-losses.ts";
import type { Tokens } from "../src/rerank/continuation-losses.ts";
import { choiceProbabilities, fitWeights } from "../src/rerank/fit.ts";
import { Reranker } from "../src/rerank/reranker.ts";
import { candidateTerms, SEAM_TOKENS, TERMS } from "../src/rerank/terms.ts";
import {
  parseRerankWeights,
  readRerankWeights,
  RERANK_FILE,
  rerankToJson,
  scoreOf,
  UNFITTED_WEIGHTS,
} from "../src/rerank/weights.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { OracleDecoder } from "./oracle/decoder.ts";

const tokenizer = GPT2Tokenizer.default().truncate(400);
tokenizer.addSpecialTokens({ padToken: "[PAD]", eosToken: "[EOS]", additionalSpecialTokens: ["[P1]", "[P2]", "[P3]"] });
const encoder = new InfillEncoder(DEFAULT_TEMPLATE, tokenizer);
const { pad } = encoder.ids;
const config = new GPT2Config({
  vocabSize: tokenizer.vocabSize,
  nPositions: 256,
  nEmbd: 16,
  nLayer: 2,
  nHead: 2,
  initializerRange: 0.3,
  bosTokenId: null,
  eosTokenId: null,
});

let device: Device;
let model: GPT2LMHeadModel;
let oracle: OracleDecoder;

beforeAll(async () => {
  device = await requestDevice();
  model = GPT2LMHeadModel.fromConfig(device, config, { gradients: false, seed: 7 });
  const weights = new Map<string, Float32Array>();
  for (const { name, value } of model.parameters.all()) weights.set(name, await device.read(value));
  oracle = new OracleDecoder(config, weights);
});
afterAll(() => device.destroy());

/** -log p of each of `ids` after `prefix`, by the float64 model, from the whole sequence each time. */
async function oracleLosses(
  prefix: readonly number[],
  ids: readonly number[],
  types?: readonly number[],
): Promise<number[]> {
  const losses: number[] = [];
  for (const [t, id] of ids.entries()) {
    const before = [...prefix, ...ids.slice(0, t)];
    oracle.prefill([before], [before.map(() => 1)], 1, before.length, types && [types.slice(0, before.length)]);
    const row = await oracle.logits();
    const most = Math.max(...row);
    losses.push(most + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - most), 0)) - row[id]);
  }
  return losses;
}

const plain = (ids: readonly number[]): Tokens => ({ ids });
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("losses of continuations", () => {
  const prefix = [5, 9, 200, 31, 7];
  const continuations = [[4], [17, 300, 2, 2, 90, 11], [8, 8, 1], [], [300, 12]];

  it("are those of the float64 model, whatever shares the batch", async () => {
    const losses = await continuationLosses(model, plain(prefix), continuations.map(plain), { padId: pad });
    expect(losses.map((row) => row.length)).toEqual(continuations.map((ids) => ids.length));
    for (const [i, ids] of continuations.entries()) {
      const want = await oracleLosses(prefix, ids);
      want.forEach((loss, t) => expect(Math.abs(losses[i][t] - loss), `row ${i}, token ${t}`).toBeLessThan(1e-3));
    }
  });

  it("are the same one by one, in batches of two, and with another padding", async () => {
    const together = await continuationLosses(model, plain(prefix), continuations.map(plain), { padId: pad });
    for (const options of [{ padId: pad, batchSize: 1 }, { padId: pad, batchSize: 2 }, { padId: 3 }]) {
      const again = await continuationLosses(model, plain(prefix), continuations.map(plain), options);
      again.forEach((row, i) => row.forEach((loss, t) => expect(loss).toBeCloseTo(together[i][t], 4)));
    }
  });

  it("begin after a prefix of one token, too, and leave no memory behind", async () => {
    const before = device.pool.liveBytes;
    const [losses] = await continuationLosses(model, plain([42]), [plain([4, 5, 6])], { padId: pad });
    (await oracleLosses([42], [4, 5, 6])).forEach((loss, t) => expect(losses[t]).toBeCloseTo(loss, 3));
    expect(device.pool.liveBytes).toBe(before);
  });
});

describe("terms of candidates", () => {
  const gap = { p1: "The miller had a cat.", p3: "The cat was in the town and he was not.", meta: { theme: "hope" } };
  const texts = ["He went to the town.", "In the end the cat and the miller were at the mill again, and all was well."];

  it("are those of the float64 model: in the gap, and in reading order", async () => {
    const terms = await candidateTerms(model, encoder, gap, texts);
    const prompt = encoder.encodePrompt(gap, { maxLength: 256 }).ids;
    const [p1, p3] = [encoder.textIds(gap.p1), encoder.textIds(gap.p3)];
    for (const [i, text] of texts.entries()) {
      const p2 = encoder.textIds(text);
      const inGap = await oracleLosses(prompt, [...p2, encoder.ids.eos]);
      const inOrder = await oracleLosses([encoder.ids.p1, ...p1], [...p2, encoder.ids.p3, ...p3]);
      const after = inOrder.slice(p2.length + 1);
      expect(terms[i].p2).toBeCloseTo(-mean(inGap), 3);
      expect(terms[i].p3).toBeCloseTo(-mean(after), 3);
      expect(terms[i].seam_p1_p2).toBeCloseTo(-mean(inOrder.slice(0, Math.min(SEAM_TOKENS, p2.length))), 3);
      expect(terms[i].seam_p2_p3).toBeCloseTo(-mean(after.slice(0, SEAM_TOKENS)), 3);
    }
  });

  it("are those of training's encoding, where the model learned reading order and section types", async () => {
    const trained = new InfillEncoder({ ...DEFAULT_TEMPLATE, orderMix: 0.2, sectionTypes: true }, tokenizer);
    const terms = await candidateTerms(model, trained, gap, texts);
    for (const [i, p2] of texts.entries()) {
      const { ids, tokenTypeIds, p3 } = trained.encodeReadingOrder({ ...gap, p2 }, { blockSize: 256 })!;
      const after = await oracleLosses(ids.slice(0, p3.start), ids.slice(p3.start, p3.end), tokenTypeIds);
      expect(terms[i].p3).toBeCloseTo(-mean(after), 3);
      const whole = trained.encodeExample({ ...gap, p2 }, { blockSize: 256 })!;
      const start = whole.ids.indexOf(trained.ids.p2) + 1;
      const inGap = await oracleLosses(whole.ids.slice(0, start), whole.ids.slice(start), whole.tokenTypeIds);
      expect(terms[i].p2).toBeCloseTo(-mean(inGap), 3);
    }
  });

  it("of a long context see its near ends, the same for every candidate", async () => {
    const long = { p1: "The cat was there. ".repeat(400), p3: "He was not in the town. ".repeat(400) };
    const terms = await candidateTerms(model, encoder, long, texts);
    expect(terms.flatMap((each) => Object.values(each)).every(Number.isFinite)).toBe(true);
    const [far, near] = ["In the mill. ".repeat(300), "The cat was there. ".repeat(60)];
    const [here, there] = [long.p1, far + near].map((p1) => ({ p1, p3: `${long.p3.slice(0, 2000)}${p1}` }));
    expect(await candidateTerms(model, encoder, there, texts)).toEqual(terms);
    expect(await candidateTerms(model, encoder, here, texts)).toEqual(terms);
    const alone = await candidateTerms(model, encoder, long, [texts[1]]);
    for (const term of TERMS) expect(alone[0][term]).toBeCloseTo(terms[1][term], 4);
  });

  it("exist without p1, without p3 and without a text; too long a text is refused", async () => {
    const [nothing] = await candidateTerms(model, encoder, { p1: "", p3: "" }, [""]);
    expect(nothing.p2).toBeLessThan(0);
    expect([nothing.p3, nothing.seam_p1_p2, nothing.seam_p2_p3].map(Math.abs)).toEqual([0, 0, 0]);
    await expect(candidateTerms(model, encoder, gap, ["cat ".repeat(200)])).rejects.toThrow(
      /^A candidate has \d+ tokens, and the context 256 positions/,
    );
  });
});

describe("the order of candidates", () => {
  // Three topics. A token's embedding is its topic; attention is uniform and copies: a text is likely to go on with the
  // topics that it has had.
  const [A, B, C] = ["The", "he", "town"].map((word) => encoder.textIds(word)[0]);
  let topical: GPT2LMHeadModel;
  const text = (...ids: number[]): string => tokenizer.decode(ids).trim();

  beforeAll(() => {
    const nEmbd = 4;
    topical = GPT2LMHeadModel.fromConfig(device, config.with({ nEmbd, nHead: 1, nLayer: 1 }), { gradients: false });
    for (const { name, value } of topical.parameters.all()) {
      const values = new Float32Array(value.shape.reduce((product, size) => product * size, 1));
      if (/ln_\w+\.weight$/.test(name)) values.fill(1);
      if (name.endsWith("wte.weight")) {
        for (let id = 0; id < config.vocabSize; id++) values[id * nEmbd + 3] = 1;
        [A, B, C].forEach((id, topic) =>
          values.set(
            [0, 1, 2, 3].map((c) => (c === topic ? 3 : 0)),
            id * nEmbd,
          ),
        );
      }
      for (let c = 0; c < nEmbd; c++) {
        if (name.endsWith("attn.c_attn.weight")) values[c * 3 * nEmbd + 2 * nEmbd + c] = 1;
        if (name.endsWith("attn.c_proj.weight")) values[c * nEmbd + c] = 4;
      }
      device.batch.write(value, values);
    }
  });

  it("is that of the topics: what speaks of p3 makes p3 likely, what speaks of p1 joins it", async () => {
    const gap = { p1: text(A, A, A, A), p3: text(B, B, B, B) };
    const candidates = [text(C, C, C, C), text(A, A, B, B), text(B, B, B, B), text(A, A, A, A)];
    const by = async (term: (typeof TERMS)[number]): Promise<string[]> => {
      const weights = { ...UNFITTED_WEIGHTS.weights, p2: 0, p3: 0, [term]: 1 };
      const reranker = new Reranker(topical, encoder, { ...UNFITTED_WEIGHTS, weights });
      return (await reranker.rank(gap, candidates)).map(({ text }) => text);
    };
    expect((await by("p3")).slice(0, 2)).toEqual([candidates[2], candidates[1]]);
    expect((await by("seam_p2_p3")).slice(0, 2)).toEqual([candidates[2], candidates[1]]);
    expect((await by("seam_p1_p2")).slice(0, 2)).toEqual([candidates[3], candidates[1]]);
  });

  it("keeps equals as they were, and says where each text stood", async () => {
    const ranked = await new Reranker(topical, encoder).rank({ p1: text(A), p3: text(B) }, [
      text(C, C),
      text(A, B),
      text(C, C),
    ]);
    expect(ranked.map(({ index }) => index)).toEqual([1, 0, 2]);
    expect(ranked[0].score).toBeCloseTo(ranked[0].terms.p2 + ranked[0].terms.p3, 6);
  });
});

describe("weights fitted to choices", () => {
  /** Choices drawn from softmax(weights · terms): what the fit should find again. */
  function drawn(weights: readonly number[], count: number, seed: number) {
    const random = new Random(seed);
    return Array.from({ length: count }, () => {
      const terms = Array.from({ length: 6 }, () => weights.map(() => random.normal()));
      let left = random.float();
      const right = choiceProbabilities(terms, weights).findIndex((probability) => (left -= probability) < 0);
      return { terms, right: right < 0 ? 0 : right };
    });
  }

  it("are found again, with their signs", () => {
    const weights = [2, -1, 0, 0.5];
    const fitted = fitWeights(drawn(weights, 3000, 1));
    fitted.forEach((weight, t) => expect(Math.abs(weight - weights[t])).toBeLessThan(0.15));
  });

  it("do not depend on the units of a term (property)", () => {
    const choices = drawn([1, -1], 200, 2);
    const plain = fitWeights(choices);
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 100, noNaN: true }), (unit) => {
        const scaled = choices.map(({ terms, right }) => ({ terms: terms.map(([a, b]) => [a * unit, b + 7]), right }));
        const [a, b] = fitWeights(scaled);
        expect(a * unit).toBeCloseTo(plain[0], 4);
        expect(b).toBeCloseTo(plain[1], 4);
      }),
      { numRuns: 20 },
    );
  });

  it("stay finite where one term decides everything, and are 0 for one that never differs", () => {
    const choices = Array.from({ length: 20 }, () => ({
      terms: [
        [1, 5],
        [0, 5],
        [-1, 5],
      ],
      right: 0,
    }));
    const [decisive, constant] = fitWeights(choices);
    expect(decisive).toBeGreaterThan(1);
    expect(decisive).toBeLessThan(100);
    expect(constant).toBe(0);
  });

  it("are refused for what cannot be fitted", () => {
    expect(() => fitWeights([])).toThrow(/no choices/);
    expect(() => fitWeights([{ terms: [[1], [NaN]], right: 0 }])).toThrow(/not 1 finite numbers/);
  });
});

describe("the file of weights", () => {
  const weights = { ...UNFITTED_WEIGHTS, fittedOn: { examples: 200, candidates: 10 } };
  const json = JSON.parse(rerankToJson(weights)) as Record<string, unknown>;

  it("is read as it was written, and need not be there", async () => {
    expect(parseRerankWeights(json, "f")).toEqual(weights);
    const folder = new MemoryFolder("model");
    expect(await readRerankWeights(folder)).toBeUndefined();
    await folder.write(new Map([[RERANK_FILE, rerankToJson(weights)]]));
    expect(await readRerankWeights(folder)).toEqual(weights);
  });

  it.each([
    ["version", { ...json, version: 2 }],
    ["seamTokens", { ...json, seamTokens: 9 }],
    ["weights", { ...json, weights: [1] }],
    ["weights", { ...json, weights: { ...weights.weights, p4: 1 } }],
    ["weights.p3", { ...json, weights: { ...weights.weights, p3: "1" } }],
    ["weights.p2", { ...json, weights: { p3: 1, seam_p1_p2: 1, seam_p2_p3: 1 } }],
    ["fittedOn", { ...json, fittedOn: { examples: 0, candidates: 10 } }],
    ["fittedOn", { ...json, fittedOn: 3 }],
    ["(top)", []],
  ])("is refused with a wrong %s", (field, wrong) => {
    expect(() => parseRerankWeights(wrong, "model/infill_rerank.json")).toThrow(UserError);
    expect(() => parseRerankWeights(wrong, "model/infill_rerank.json")).toThrow(
      `model/infill_rerank.json: field "${field}" is wrong`,
    );
  });

  it("counts each term by its weight", () => {
    const terms = { p2: -1, p3: -2, seam_p1_p2: -3, seam_p2_p3: -4 };
    const all = { ...weights, weights: { p2: 1, p3: 10, seam_p1_p2: 100, seam_p2_p3: 1000 } };
    expect(scoreOf(terms, all)).toBe(-4321);
  });
});
