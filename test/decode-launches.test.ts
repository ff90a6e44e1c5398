// What a decoded token costs: its launches are counted, in every variant, and what they compute together is what the
// model computes without a cache.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GPT2Config } from "../src/gpt2/config.ts";
import { KVCache } from "../src/gpt2/kv-cache.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import { expectClose, openDevice, VARIANTS } from "./check-kernel.ts";

const V = 70,
  LAYERS = 2;
const config = (nEmbd: number) =>
  new GPT2Config({
    vocabSize: V,
    nPositions: 16,
    nEmbd,
    nLayer: LAYERS,
    nHead: 2,
    initializerRange: 0.3,
    eosTokenId: null,
  });

describe.each(VARIANTS)("a token, $matmul variant", (tuning) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ tuning });
  });
  afterAll(() => device.destroy());

  /**
   * Launches of one token of each text after its first ones, whose logits are compared with those of the whole texts.
   */
  async function launches(
    model: GPT2LMHeadModel,
    texts: readonly (readonly number[])[],
    inspect: boolean,
    types?: readonly (readonly number[])[],
  ): Promise<number> {
    const cache = new KVCache(device, model.config, texts.length, 8, model.dtype),
      past = texts[0].length - 1;
    const prompt = {
      inputIds: texts.map((text) => text.slice(0, -1)),
      tokenTypeIds: types?.map((row) => row.slice(0, -1)),
    };
    model.forward({ ...prompt, pastKeyValues: cache }).dispose();
    const before = device.batch.counters.dispatches;
    const inputIds = texts.map((text) => text.slice(-1));
    const last = types?.map((row) => row.slice(-1));
    const step = inspect
      ? model.forward({ inputIds, tokenTypeIds: last, pastKeyValues: cache, outputHiddenStates: true })
      : undefined;
    const words = [...inputIds.flat(), ...texts.map(() => past), ...(last?.flat() ?? [])];
    const indices = device.tensor(Uint32Array.from(words), [last ? 3 : 2, texts.length]);
    const logits = step ? step.logits!.tensor : model.decode(indices, cache);
    const count = device.batch.counters.dispatches - before;
    const got = await device.read(logits),
      stride = logits.shape[1];
    const whole = model.forward({ inputIds: texts, tokenTypeIds: types, outputHiddenStates: true });
    const want = await whole.logits!.read(),
      states = await whole.hiddenStates!.at(-1)!.read(),
      C = model.config.nEmbd;
    const close = { atol: (model.dtype === "f16" ? 1e-3 : 2e-5) * Math.max(...want.map(Math.abs)), rtol: 0 };
    for (const row of texts.keys()) {
      const at = (row + 1) * (past + 1) - 1;
      expectClose(
        `logits of row ${row}`,
        got.subarray(row * stride, row * stride + V),
        want.subarray(at * V, (at + 1) * V),
        [V],
        close,
      );
      if (step)
        expectClose(
          `hidden states of row ${row}`,
          (await step.hiddenStates!.at(-1)!.read()).subarray(row * C, (row + 1) * C),
          states.subarray(at * C, (at + 1) * C),
          [C],
          close,
        );
    }
    whole.dispose();
    if (step) step.dispose();
    else device.pool.release(logits);
    device.pool.release(indices);
    cache.destroy();
    return count;
  }

  // Embedding; per layer qkv, attention, its projection and the two of the MLP; the head. The layer norms are in the
  // products. One row only in the variant that is slow to compile on software adapters.
  const few = tuning.matmul === "workgroup";
  it.each(few ? [{ rows: 1 }] : [{ rows: 1 }, { rows: 3 }])(
    "takes 5 launches a layer and 2 more, of $rows rows",
    async ({ rows }) => {
      const model = GPT2LMHeadModel.fromConfig(device, config(24), { gradients: false });
      const texts = [
        [5, 69, 7, 1],
        [0, 9, 9, 2],
        [30, 31, 32, 33],
      ].slice(0, rows);
      const live = device.pool.liveBytes;
      const apart = !few && device.subgroupSize < 8; // where normalising in each subgroup would cost more
      expect(await launches(model, texts, false)).toBe(apart ? 7 * LAYERS + 3 : 5 * LAYERS + 2);
      // hidden states are after ln_f, which then has its own
      expect(await launches(model, texts, true)).toBe(apart ? 7 * LAYERS + 3 : 5 * LAYERS + 3);
      expect(device.pool.liveBytes).toBe(live);
      model.destroy();
    },
  );

  it.skipIf(few)("takes no launch more of a model kept as f16", async () => {
    const text = [[5, 69, 7, 1]];
    const counts: number[] = [];
    for (const dtype of ["f32", "f16"] as const) {
      const model = GPT2LMHeadModel.fromConfig(device, config(24), { gradients: false, dtype });
      counts.push(await launches(model, text, false));
      model.destroy();
    }
    expect(counts[1]).toBe(counts[0]);
  });

  it("takes no launch more with token types", async () => {
    const model = GPT2LMHeadModel.fromConfig(device, config(24), { gradients: false });
    const plain = await launches(model, [[5, 69, 7, 1]], false);
    expect(await launches(model, [[5, 69, 7, 1]], false, [[8, 8, 60, 60]])).toBe(plain);
    if (!few)
      await launches(
        model,
        [
          [5, 69, 7, 1],
          [0, 9, 9, 2],
        ],
        true,
        [
          [8, 8, 60, 60],
          [3, 3, 3, 8],
        ],
      );
    model.destroy();
  });

  it.skipIf(few)("whose rows are not read by fours has the layer norms apart", async () => {
    const model = GPT2LMHeadModel.fromConfig(device, config(6), { gradients: false });
    expect(await launches(model, [[5, 69, 7, 1]], false)).toBe(7 * LAYERS + 3);
    model.destroy();
  });
});
