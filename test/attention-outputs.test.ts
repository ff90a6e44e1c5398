// attentions of forward() weight by weight: on every reference checkpoint, against the float64 model that reproduces
// Hugging Face's hidden states and logits there (transformers' files hold no attentions). Without padding, with padding
// on the left, several rows, and in two passes over a cache, where keys come from elsewhere.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KVCache } from "../src/gpt2/kv-cache.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Output } from "../src/gpt2/output.ts";
import type { Device } from "../src/gpu/device.ts";
import { expectClose, openDevice } from "./check-kernel.ts";
import { listCases, loadModelCase } from "./oracle/fixtures.ts";
import type { Rows } from "./oracle/fixtures.ts";
import { OracleGPT2 } from "./oracle/gpt2.ts";
import type { OracleInput } from "./oracle/gpt2.ts";

const CLOSE = { atol: 2e-6, rtol: 1e-4 };

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

describe.each(listCases("model"))("%s", (name) => {
  test("attentions are the float64 model's, each weight", async () => {
    const { folder, config, weights, reference } = await loadModelCase(name);
    using model = await GPT2LMHeadModel.fromPretrained(device, folder);
    const oracle = new OracleGPT2(config, weights);

    /** Weights of queries `from` to the end, over all keys up to then; padding's rows are garbage anywhere. */
    const compare = async (what: string, input: OracleInput, got: readonly Output[], from = 0): Promise<void> => {
      const { inputIds, attentionMask } = input;
      const [B, T] = [inputIds.length, inputIds[0].length];
      const want = oracle.forward(input).attentions;
      expect(got.length).toBe(config.nLayer);
      for (const [layer, output] of got.entries()) {
        expect(output.shape).toEqual([B, config.nHead, T - from, T]);
        const values = await output.read();
        for (let row = 0; row < B * config.nHead; row++)
          for (let t = from; t < T; t++) {
            const b = Math.floor(row / config.nHead);
            if (attentionMask && attentionMask[b][t] === 0) continue;
            const at = (row * (T - from) + t - from) * T;
            const wanted = want[layer].subarray((row * T + t) * T, (row * T + t + 1) * T);
            const where = `${what}, layer ${layer}, row ${b}, head ${row % config.nHead}, query ${t}`;
            expectClose(where, values.subarray(at, at + T), wanted, [T], CLOSE);
          }
      }
    };

    const whole = { inputIds: reference.hidden_states.input_ids };
    using output = model.forward({ ...whole, outputAttentions: true });
    await compare("whole", whole, output.attentions!);
    using raw = model.transformer.forward({ ...whole, outputAttentions: true });
    await compare("the transformer's", whole, raw.attentions!);

    const { input_ids, attention_mask, position_ids } = reference.padded_forward;
    const padded = { inputIds: input_ids, attentionMask: attention_mask, positionIds: position_ids };
    expect(attention_mask.some((row) => row[0] === 0 && row.at(-1) === 1)).toBe(true); // padding on the left
    using left = model.forward({ ...padded, outputAttentions: true });
    await compare("padded", padded, left.attentions!);

    const T = input_ids[0].length;
    // Only a cache's first input may be padded.
    const first = Math.max(...attention_mask.map((row) => row.lastIndexOf(0) + 1)) + 1;
    expect(first + 1).toBeLessThan(T);
    using cache = new KVCache(device, config, input_ids.length, T);
    const columns = (rows: Rows, from: number, to: number): Rows => rows.map((row) => row.slice(from, to));
    for (const [from, to] of [
      [0, first],
      [first, first + 1],
      [first + 1, T],
    ]) {
      using part = model.forward({
        inputIds: columns(input_ids, from, to),
        attentionMask: columns(attention_mask, from, to),
        positionIds: columns(position_ids, from, to),
        pastKeyValues: cache,
        outputAttentions: true,
      });
      const upTo = {
        inputIds: columns(input_ids, 0, to),
        attentionMask: columns(attention_mask, 0, to),
        positionIds: columns(position_ids, 0, to),
      };
      await compare(`tokens ${from} to ${to} with a cache`, upTo, part.attentions!, from);
    }
  });
});
