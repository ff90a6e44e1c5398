// What an explanation says, against the reference model in float64: the figures of every token, the beams, the
// attention; and that looking changes nothing.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attentionBytes } from "../src/explain/attention.ts";
import { chooseLayers, layerBytes } from "../src/explain/attention-size.ts";
import { toBase64 } from "../src/explain/base64.ts";
import { beamPath } from "../src/explain/beam-path.ts";
import { explain, explanationOf } from "../src/explain/explain.ts";
import type { ExplainedSequence, Explanation } from "../src/explain/explanation.ts";
import { readableToken, visible } from "../src/explain/token-text.ts";
import { Watcher } from "../src/explain/watcher.ts";
import { resolveConfig } from "../src/generation/options/config.ts";
import { generate } from "../src/generation/generate.ts";
import type { GenerateInputs } from "../src/generation/generate.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import type { GenerationOptions } from "../src/generation/options/options.ts";
import { entropy, logSoftmax, softmax } from "../src/generation/scores/scores.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { openDevice } from "./check-kernel.ts";
import { OracleDecoder } from "./oracle/decoder.ts";
import { loadModelCase } from "./oracle/fixtures.ts";
import { OracleGPT2 } from "./oracle/gpt2.ts";

const reference = await loadModelCase("tiny");
const { vocabSize: V, nHead, nLayer } = reference.config;
const tokenizer = GPT2Tokenizer.default().truncate(V - 257);
const oracle = new OracleGPT2(reference.config, reference.weights);
const prompt = [17, 250, 3, 77, 17, 250];
/** Every 5th token ends a text, so some do and some do not. */
const eosTokenId = Array.from({ length: Math.ceil(V / 5) }, (_, i) => 5 * i);

let device: Device;
let model: GPT2LMHeadModel;
beforeAll(async () => {
  device = await openDevice();
  model = await GPT2LMHeadModel.fromPretrained(device, reference.folder);
});
afterAll(() => device.destroy());

type Request = Partial<GenerateInputs> & GenerationOptions;
const explained = (request: Request) => explain(model, tokenizer, { inputIds: [prompt], ...request });
const WAYS: Record<string, Request> = {
  greedy: { maxNewTokens: 12 },
  "greedy, processed": { maxNewTokens: 12, repetitionPenalty: 1.5, noRepeatNgramSize: 2, suppressTokens: [5, 6, 7] },
  sampling: {
    maxNewTokens: 12,
    doSample: true,
    seed: 5,
    topK: 9,
    topP: 0.9,
    temperature: 1.3,
    numReturnSequences: 3,
    eosTokenId,
  },
  "sampling, whole rows": { maxNewTokens: 12, doSample: true, seed: 6, topK: 0, typicalP: 0.9 },
  beams: {
    maxNewTokens: 12,
    numBeams: 4,
    numReturnSequences: 3,
    eosTokenId,
    lengthPenalty: 0.6,
    inputIds: [prompt, [9, 9], [40]],
  },
  "beams to the limit": { maxNewTokens: 9, numBeams: 3, numReturnSequences: 3 },
  "beams, processed": {
    maxNewTokens: 9,
    numBeams: 3,
    numReturnSequences: 2,
    repetitionPenalty: 1.4,
    renormalizeLogits: true,
    eosTokenId,
  },
  "beam sampling": {
    maxNewTokens: 9,
    numBeams: 3,
    doSample: true,
    seed: 8,
    topK: 12,
    numReturnSequences: 2,
    eosTokenId,
  },
  groups: {
    maxNewTokens: 9,
    numBeams: 6,
    numBeamGroups: 3,
    diversityPenalty: 0.7,
    numReturnSequences: 6,
    eosTokenId,
    inputIds: [[9, 9], prompt],
  },
  guidance: { maxNewTokens: 8, guidanceScale: 1.6 },
  "guided beams": { maxNewTokens: 8, guidanceScale: 1.6, numBeams: 2 },
  "prompt lookup": { maxNewTokens: 12, promptLookupNumTokens: 3 },
};

/** The model's own log-probabilities [G][V] in float64 where the tokens of a text were chosen. */
function ownLogProbs(ids: readonly number[], generated: readonly number[]): Float64Array[] {
  const { logits } = oracle.forward({ inputIds: [[...ids, ...generated]] });
  return generated.map((_, t) => {
    const row = logits.slice((ids.length + t - 1) * V, (ids.length + t) * V);
    logSoftmax(row);
    return row;
  });
}

const rankOf = (row: Float64Array, token: number): number => 1 + row.filter((value) => value > row[token]).length;
const sequencesOf = ({ prompts }: Explanation): { ids: readonly number[]; sequence: ExplainedSequence }[] =>
  prompts.flatMap(({ ids, sequences }) => sequences.map((sequence) => ({ ids, sequence })));

describe.each(Object.entries(WAYS))("%s", (name, request) => {
  test("looking does not change the text, and all of it is explained", async () => {
    const plain = await generate(new GPT2Decoder(model), { inputIds: [prompt], ...request });
    const { output, explanation } = await explained(request);
    expect(output.generated).toEqual(plain.generated);
    expect(output.finishReasons).toEqual(plain.finishReasons);
    expect(output.sequencesScores?.map((score) => score.toFixed(4))).toEqual(
      plain.sequencesScores?.map((score) => score.toFixed(4)),
    );
    const sequences = sequencesOf(explanation);
    expect(sequences.map(({ sequence }) => sequence.ids)).toEqual(plain.generated);
    for (const { sequence } of sequences) expect(sequence.choices).toHaveLength(sequence.ids.length);
    expect(explanation.method).toContain(
      name.startsWith("guided") ? "guidance" : /greedy|sampl|beam/.exec(explanation.method)![0],
    );
  });

  test("the model's own figures are those of the float64 model", async () => {
    const { explanation } = await explained(request);
    for (const { ids, sequence } of sequencesOf(explanation)) {
      const rows = ownLogProbs(ids, sequence.ids);
      sequence.choices.forEach(({ own, alternatives }, t) => {
        // An end token is shown as the first of their list, whichever it was.
        const ended = sequence.finishReason === "eos" && t === sequence.ids.length - 1;
        const tokens = ended ? [sequence.ids[t], ...eosTokenId] : [sequence.ids[t]];
        expect(Math.min(...tokens.map((token) => Math.abs(rows[t][token] - own.logProb!)))).toBeLessThan(2e-4);
        expect(Math.abs(own.entropy - entropy(rows[t]))).toBeLessThan(2e-4);
        // neighbours may lie within rounding
        if (!ended) expect(Math.abs(own.rank - rankOf(rows[t], sequence.ids[t]))).toBeLessThanOrEqual(1);
        for (const { id, own } of alternatives) expect(Math.abs(own - Math.exp(rows[t][id]))).toBeLessThan(1e-4);
      });
    }
  });
});

describe("what a token was chosen from", () => {
  test("is the softmax of the scores that generate() returns", async () => {
    for (const name of ["greedy, processed", "sampling", "guidance"]) {
      const { explanation, output } = await explained({ ...WAYS[name], outputScores: true });
      sequencesOf(explanation).forEach(({ sequence }, r) =>
        sequence.choices.forEach((choice, t) => {
          const probabilities = softmax(Float64Array.from(output.scores![t].subarray(r * V, (r + 1) * V)));
          expect(Math.abs(choice.probability - probabilities[sequence.ids[t]])).toBeLessThan(1e-5);
          expect(choice.rank).toBe(1 + probabilities.filter((p) => p > probabilities[sequence.ids[t]]).length);
          const best = [...probabilities].sort((a, b) => b - a);
          choice.alternatives.forEach(({ probability }, i) =>
            expect(Math.abs(probability - best[i])).toBeLessThan(1e-5),
          );
          for (const { id, probability } of choice.alternatives)
            expect(Math.abs(probability - probabilities[id])).toBeLessThan(1e-5);
        }),
      );
    }
  });

  test("sums to one over what topK leaves; what it removed follows with the model's own probability", async () => {
    const { explanation } = await explained({ maxNewTokens: 10, doSample: true, seed: 3, topK: 4, temperature: 0.7 });
    let differing = 0;
    for (const { sequence } of sequencesOf(explanation))
      for (const { alternatives, probability, own } of sequence.choices) {
        expect(alternatives).toHaveLength(10);
        const possible = alternatives.filter((each) => each.probability > 0);
        expect(possible).toHaveLength(4);
        expect(Math.abs(possible.reduce((sum, each) => sum + each.probability, 0) - 1)).toBeLessThan(1e-5);
        expect(
          alternatives
            .slice(4)
            .every(
              (each, i, rest) => each.probability === 0 && each.own > 0 && (i === 0 || each.own <= rest[i - 1].own),
            ),
        ).toBe(true);
        if (Math.abs(probability - own.probability) > 0.01) differing++;
      }
    expect(differing).toBeGreaterThan(5); // the two columns are two things
  });

  test("is told for a row of a batch as for the row alone", async () => {
    const rows = [[9, 9], prompt, [40]];
    const together = await explained({ inputIds: rows, maxNewTokens: 6 });
    for (const [p, ids] of rows.entries()) {
      const alone = await explained({ inputIds: [ids], maxNewTokens: 6 });
      const [one, other] = [together.explanation.prompts[p], alone.explanation.prompts[0]];
      expect(one.ids).toEqual(ids);
      expect(one.sequences[0].ids).toEqual(other.sequences[0].ids);
      one.sequences[0].choices.forEach(({ probability }, t) =>
        expect(Math.abs(probability - other.sequences[0].choices[t].probability)).toBeLessThan(1e-5),
      );
    }
  });
});

describe("the beams", () => {
  const names = Object.keys(WAYS).filter((name) => WAYS[name].numBeams);
  test.each(names)("%s: every text runs through the tree, with the scores that generate() gives", async (name) => {
    const { explanation, output } = await explained(WAYS[name]);
    const lengthPenalty = WAYS[name].lengthPenalty ?? 1;
    const scores = output.sequencesScores!.values();
    for (const { sequences, beams } of explanation.prompts)
      for (const { ids, path, finishReason, choices, score } of sequences) {
        const nodes = path!.map((i, t) => beams!.steps[t][i]);
        const ended = finishReason === "eos";
        expect(nodes.map(({ token }) => token).slice(0, ended ? -1 : undefined)).toEqual(
          ended ? ids.slice(0, -1) : ids,
        );
        expect(ended ? eosTokenId.includes(nodes.at(-1)!.token) : true).toBe(true);
        nodes.forEach((node, t) => {
          expect(node.parent).toBe(t === 0 ? -1 : nodes[t - 1].beam);
          expect(node.ended !== undefined).toBe(ended && t === nodes.length - 1);
          expect(choices[t].added).toBe(node.added);
        });
        const sum = nodes.reduce((total, { added }) => total + added!, 0);
        expect(Math.abs(nodes.at(-1)!.score! - sum)).toBeLessThan(1e-3);
        const returned = scores.next().value!;
        expect(score).toBe(returned);
        expect(Math.abs(sum / ids.length ** lengthPenalty - returned)).toBeLessThan(1e-3);
        if (ended) expect(Math.abs(nodes.at(-1)!.ended! - returned)).toBeLessThan(1e-4);
      }
  });

  test("of every step are all there, each with its parent, the best first", async () => {
    for (const name of names) {
      const { explanation } = await explained(WAYS[name]);
      for (const { beams: tree } of explanation.prompts) {
        const { beams, groups, steps } = tree!;
        steps.forEach((step, s) => {
          const open = step.filter(({ ended }) => ended === undefined);
          expect(open.map(({ beam }) => beam).sort((a, b) => a - b)).toEqual(
            [...new Set(open.map(({ beam }) => beam))].sort((a, b) => a - b),
          );
          if (groups === 1) expect(open).toHaveLength(beams);
          for (const { parent, score, added } of step) {
            if (s === 0) {
              expect(parent).toBe(-1);
              continue;
            }
            const before = steps[s - 1].find((node) => node.ended === undefined && node.beam === parent)!;
            if (score !== null && before.score !== null)
              expect(Math.abs(before.score + added! - score)).toBeLessThan(1e-4);
          }
          for (let g = 0; g < groups; g++) {
            const group = open
              .filter(({ beam }) => Math.floor(beam / (beams / groups)) === g)
              .map(({ score }) => score!);
            expect(group).toEqual([...group].sort((a, b) => b - a));
          }
        });
      }
    }
  });

  test("of another search do not fit", async () => {
    const [one, other] = [new Watcher(), new Watcher()];
    const decoder = new GPT2Decoder(model);
    const request = { maxNewTokens: 6, numBeams: 3 };
    const output = await generate(decoder, { inputIds: [prompt], ...request, observer: one });
    await generate(decoder, { inputIds: [[40, 2]], ...request, observer: other });
    const text = {
      generated: output.generated[0],
      parents: output.beamIndices![0],
      ended: false,
      score: output.sequencesScores![0],
    };
    expect(beamPath(one.searches[0], text)).toHaveLength(6);
    expect(() => beamPath(other.searches[0], text)).toThrow("wanted the tree of the same search");
  });

  test("are explained without a model too, on any decoder", async () => {
    const watcher = new Watcher();
    const output = await generate(new OracleDecoder(reference.config, reference.weights), {
      inputIds: [prompt],
      maxNewTokens: 5,
      numBeams: 2,
      observer: watcher,
    });
    const explanation = await explanationOf({
      tokenizer,
      config: resolveConfig({ maxNewTokens: 5, numBeams: 2 }),
      prompts: [prompt],
      output,
      watcher,
    });
    expect(explanation.attention).toBeUndefined();
    expect(explanation.prompts[0].sequences[0]).toMatchObject({
      ids: output.generated[0],
      kept: 5,
      finishReason: "length",
    });
  });
});

describe("attention", () => {
  const bytes = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

  test("is the float64 model's, to a 510th of a row's greatest weight, whatever the blocks", async () => {
    const {
      generated: [generated],
    } = await generate(new GPT2Decoder(model), { inputIds: [prompt], maxNewTokens: 11 });
    const P = prompt.length,
      G = generated.length,
      T = P + G;
    const { attentions } = oracle.forward({ inputIds: [[...prompt, ...generated]] });
    for (const blockBytes of [undefined, 3 * 4 * nLayer * nHead * T, 1])
      for (const start of [P, 1]) {
        const [before, after] = [[...prompt, ...generated].slice(0, start), [...prompt, ...generated].slice(start)];
        const layers = [nLayer - 1];
        const found = await attentionBytes(model, before, after, layers, blockBytes);
        const weights = bytes(found.weights),
          peaks = new DataView(bytes(found.peaks).buffer);
        let at = 0;
        for (let h = 0; h < nHead; h++)
          for (let t = 0; t < after.length; t++) {
            const peak = peaks.getFloat32(4 * (h * after.length + t), true);
            const query = start + t - 1;
            let sum = 0;
            for (let k = 0; k <= query; k++) {
              const weight = (peak * weights[at++]) / 255;
              sum += weight;
              expect(Math.abs(weight - attentions[nLayer - 1][(h * T + query) * T + k])).toBeLessThan(
                peak / 509 + 1e-5,
              );
            }
            expect(Math.abs(sum - 1)).toBeLessThan(((query + 1) * peak) / 509 + 1e-5);
          }
        expect(at).toBe(weights.length);
      }
  });

  test("keeps all layers, or as many as fit, evenly, or those asked for", () => {
    const texts = [{ prompt: 700, generated: 256 }];
    const one = layerBytes(texts, 12);
    expect(one).toBe(Math.ceil((12 * (256 * 700 + (256 * 255) / 2 + 4 * 256) * 4) / 3));
    const choose = (limit: number, wanted?: number[]): number[] =>
      chooseLayers(texts, { nLayer: 12, nHead: 12, limit, wanted });
    expect(choose(12 * one)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(choose(4 * one)).toEqual([0, 4, 7, 11]);
    expect(choose(one)).toEqual([11]);
    expect(choose(2 * one, [7, 3, 7])).toEqual([3, 7]);
    expect(() => choose(one, [7, 3])).toThrow(
      "The attention of 2 layers takes 6.8 MB for a text of this length, and the page holds at most 3.4 MB; ask " +
        "for at most 1 layer, or for fewer new tokens or sequences.",
    );
    expect(() => choose(one / 2)).toThrow(
      "The attention of one layer takes 3.4 MB for a text of this length, and the page holds at most 1.7 MB; ask " +
        "for fewer new tokens or sequences.",
    );
    expect(() => choose(12 * one, [12])).toThrow(
      "Layer 12 is asked for, and the model has layers 0 to 11; name one of those.",
    );
  });

  test("of some layers is that of those layers", async () => {
    const layers = [nLayer - 1];
    const [some, all] = [
      await explain(model, tokenizer, { inputIds: [prompt], maxNewTokens: 4 }, { layers }),
      await explained({ maxNewTokens: 4 }),
    ];
    expect(some.explanation.attention).toEqual({ layers, heads: nHead, modelLayers: nLayer });
    const [one, other] = [some, all].map(({ explanation }) =>
      bytes(explanation.prompts[0].sequences[0].attention!.weights),
    );
    expect(one).toEqual(other.slice(-one.length));
    expect(one).not.toEqual(other.slice(0, one.length));
  });

  test("bytes come back from base64", () => {
    for (let length = 0; length < 9; length++) {
      const some = Uint8Array.from({ length }, (_, i) => 37 * i + 200);
      expect(bytes(toBase64(some))).toEqual(some);
    }
    const many = Uint8Array.from({ length: 20000 }, (_, i) => i * i);
    expect(bytes(toBase64(many))).toEqual(many);
  });
});

describe("tokens as text", () => {
  test("show spaces, line breaks, bytes and what does not print", () => {
    const token = (text: string): string[] => tokenizer.encode(text).map((id) => readableToken(tokenizer, id));
    expect(token(" the")).toEqual(["␣the"]);
    expect(token("\n")).toEqual(["↵"]);
    expect(token("🦊").join("")).toBe("⟨F0⟩⟨9F⟩⟨A6⟩⟨8A⟩");
    expect(readableToken(tokenizer, tokenizer.eosTokenId)).toBe("<|endoftext|>");
    expect(visible("a\u202Eb\u2028c\td\r\n")).toBe("a⟨U+202E⟩b⟨U+2028⟩c⇥d⟨U+000D⟩\n");
    expect(visible("👩\u200D🚀 é")).toBe("👩\u200D🚀 é");
  });

  test("join to the text that the tokenizer decodes", async () => {
    const { explanation, output } = await explained({
      inputIds: [tokenizer.encode("Wäre 🦊 da?")],
      maxNewTokens: 30,
      doSample: true,
      seed: 1,
    });
    const {
      text,
      sequences: [{ text: written }],
    } = explanation.prompts[0];
    expect(text.join("")).toBe("Wäre 🦊 da?");
    expect(tokenizer.decode(output.sequences[0]).startsWith(text.join("") + written.join(""))).toBe(true);
  });
});
