// Everything public, called as users call it: what a call took it gives back, also where it throws, at whatever point;
// and whoever uses a thing after its end is told so and shown nothing.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tokenLosses } from "../src/evaluation/token-losses.ts";
import {
  AdamW,
  explain,
  generate,
  GPT2Config,
  GPT2Decoder,
  GPT2LMHeadModel,
  KVCache,
  MemoryFolder,
} from "../src/index.ts";
import { DEFAULT_ARGUMENTS, GPT2Tokenizer, Trainer, TrainingStep } from "../src/index.ts";
import type { CausalLMInput, Device, LogitsProcessor } from "../src/index.ts";
import { openDevice } from "./check-kernel.ts";

const config = new GPT2Config({
  vocabSize: 257,
  nPositions: 24,
  nEmbd: 32,
  nLayer: 2,
  nHead: 2,
  bosTokenId: 256,
  eosTokenId: 256,
});
const inputIds = [
  [1, 2, 3, 4, 5],
  [6, 7, 8, 9, 10],
];
const attentionMask = [
  [0, 0, 1, 1, 1],
  [1, 1, 1, 1, 1],
];
const prompt = [[5, 6, 7]];

let device: Device;
let model: GPT2LMHeadModel;
let tokenizer: GPT2Tokenizer;
const saved = new MemoryFolder("saved");
beforeAll(async () => {
  device = await openDevice();
  model = GPT2LMHeadModel.fromConfig(device, config);
  await model.savePretrained(saved);
  tokenizer = GPT2Tokenizer.default().truncate(0);
});
afterAll(() => device.destroy());

/** From now on the n-th tensor cannot be had. Returns whether it was asked for, and puts things right. */
function failAt(n: number): () => boolean {
  const { pool } = device;
  const kinds = ["acquire", "reserve", "acquireReadBack"] as const;
  let asked = 0;
  for (const kind of kinds) {
    const real = pool[kind].bind(pool) as (...args: unknown[]) => unknown;
    pool[kind] = ((...args: unknown[]) => {
      if (++asked === n) throw new Error(`no memory for tensor ${n}`);
      return real(...args);
    }) as never;
  }
  return () => {
    for (const kind of kinds) delete (pool as unknown as Record<string, unknown>)[kind];
    return asked >= n;
  };
}

const live = () => ({ live: device.pool.liveBytes, reading: device.pool.readBackBytes });

/** As live(), when reads that were begun ahead and that nobody waits for have come to their end. */
async function settled() {
  for (let i = 0; i < 200 && device.pool.readBackBytes > 0; i++) await new Promise((wake) => setTimeout(wake, 10));
  return live();
}

function examples() {
  return [0, 1, 2, 3].map((i) => {
    const ids = Array.from({ length: 4 + i }, (_, t) => (7 * i + t) % 256);
    return { ids, labels: ids, types: ids.map(() => 1), meta: {} } as never;
  });
}

/** Runs and ends a forward: its cache, too. */
function forward(input: CausalLMInput): void {
  const output = model.forward(input);
  const made = output.pastKeyValues;
  output.dispose();
  if (made !== input.pastKeyValues) made?.destroy();
}

const calls: Record<string, () => void | Promise<unknown>> = {
  forward: () => forward({ inputIds, grad: false }),
  "forward with padding": () => forward({ inputIds, attentionMask, grad: false }),
  "forward with all that it can give": () =>
    forward({ inputIds, attentionMask, labels: inputIds, outputAttentions: true, outputHiddenStates: true }),
  "forward, last position only": () => forward({ inputIds, lastOnly: true }),
  "forward, labels, last position only": () => forward({ inputIds, labels: inputIds, lastOnly: true }),
  "forward, labels, logits not kept, no gradients": () =>
    forward({ inputIds, labels: inputIds, keepLogits: false, grad: false }),
  "forward with a cache": () => forward({ inputIds, useCache: true, outputAttentions: true }),
  "forward with a cache, padding and labels": () =>
    forward({ inputIds, attentionMask, labels: inputIds, useCache: true, outputHiddenStates: true }),
  "GPT2Model.forward": () => model.transformer.forward({ inputIds, attentionMask, outputHiddenStates: true }).dispose(),
  backward() {
    using output = model.forward({ inputIds, labels: inputIds, outputAttentions: true });
    output.loss!.backward();
  },
  "backward, logits not kept, dropout": () => {
    model.transformer.training = true;
    try {
      using output = model.forward({ inputIds, labels: inputIds, keepLogits: false });
      output.loss!.backward();
    } finally {
      model.transformer.training = false;
    }
  },
  "a training step": async () => {
    using optimizer = new AdamW(model.parameters);
    using step = new TrainingStep(model, optimizer, { maxGradNorm: 1 });
    const { result } = await step.run([{ inputIds, attentionMask, labels: inputIds }], 0);
    await result;
  },
  "an update": () => {
    using optimizer = new AdamW(model.parameters);
    optimizer.step(0, { maxGradNorm: 1 });
  },
  "a cache of one's own": () => {
    using cache = new KVCache(device, config, 2, 24);
    forward({ inputIds, pastKeyValues: cache });
    cache.reorder([1, 0]);
    forward({ inputIds: [[1], [2]], pastKeyValues: cache });
  },
  fromConfig() {
    using fresh = GPT2LMHeadModel.fromConfig(device, config);
    void fresh;
  },
  async fromPretrained() {
    using loaded = await GPT2LMHeadModel.fromPretrained(device, saved, { gradients: true });
    void loaded;
  },
  async resizeTokenEmbeddings() {
    using own = GPT2LMHeadModel.fromConfig(device, config);
    await own.resizeTokenEmbeddings(300);
  },
  savePretrained: () => model.savePretrained(new MemoryFolder("again")),
  async "reading logits"() {
    using output = model.forward({ inputIds, grad: false });
    await output.logits!.read();
  },
  async "greedy search"() {
    using decoder = new GPT2Decoder(model);
    await generate(decoder, { inputIds: prompt, maxNewTokens: 5, eosTokenId: 1 });
  },
  async "sampling, several sequences, a forbidden token"() {
    using decoder = new GPT2Decoder(model);
    const request = { doSample: true, numReturnSequences: 2, suppressTokens: [3], seed: 1 };
    await generate(decoder, { inputIds: [...prompt, [1]], maxNewTokens: 4, ...request });
  },
  async "greedy search ahead of the text, and back to it"() {
    using decoder = new GPT2Decoder(model);
    const rule: LogitsProcessor = {
      needs: "text",
      edits: ({ ids }) => [{ kind: "add", token: ids.length > 8 ? 3 : 2, value: 5 }],
    };
    await generate(decoder, { inputIds: prompt, maxNewTokens: 8, logitsProcessors: [rule] });
  },
  async "beam search"() {
    using decoder = new GPT2Decoder(model);
    await generate(decoder, { inputIds: prompt, numBeams: 3, maxNewTokens: 4, repetitionPenalty: 1.2 });
  },
  async "hidden states and attentions of a generation"() {
    using decoder = new GPT2Decoder(model);
    const wanted = { outputAttentions: true, outputHiddenStates: true, returnDictInGenerate: true };
    await generate(decoder, { inputIds: prompt, maxNewTokens: 3, ...wanted });
  },
  explain: () => explain(model, tokenizer, { inputIds: prompt, maxNewTokens: 3, numBeams: 2 }),
  tokenLosses: () => tokenLosses(model, examples(), { padId: 0, batchSize: 2 }),
  async Trainer() {
    const args = { ...DEFAULT_ARGUMENTS, perDeviceTrainBatchSize: 2, maxSteps: 2, learningRate: 0 };
    using trainer = new Trainer({ model, args, train: examples(), evaluation: examples(), padId: 0 });
    await trainer.train();
  },
};

describe.each(Object.entries(calls))("%s", (_, call) => {
  test("gives back what it took, and what it took when it failed at any point", async () => {
    await call(); // what is kept for ever is there now
    const before = await settled();
    await call();
    expect(await settled()).toEqual(before);
    for (let n = 1; ; n += n < 40 ? 1 : 7) {
      const restore = failAt(n);
      const failure = await Promise.resolve()
        .then(call)
        .then(
          () => undefined,
          (error: Error) => error,
        );
      if (!restore()) break;
      expect({ n, ...(await settled()) }).toEqual({ n, ...before });
      expect(failure?.message).toMatch(/^no memory for tensor/);
    }
    await call();
    expect(await settled()).toEqual(before);
  });
});

describe("what cannot be done takes nothing", () => {
  const wrong: readonly [string, () => unknown, RegExp][] = [
    [
      "no label that counts",
      () =>
        model.forward({
          inputIds,
          labels: [
            [1, -100, -100, -100, -100],
            [-100, -100, -100, -100, -100],
          ],
        }),
      /No label/,
    ],
    [
      "the same with a cache",
      () => model.forward({ inputIds, useCache: true, labels: inputIds.map((row) => row.map(() => -100)) }),
      /No label/,
    ],
    ["an id that is none", () => model.forward({ inputIds: [[999]], useCache: true }), /999/],
    [
      "gradients through a cache",
      () => model.forward({ inputIds, labels: inputIds, grad: true, useCache: true }),
      /grad is true with a key-value cache/,
    ],
    ["a resize to nothing", () => model.resizeTokenEmbeddings(0), /size is 0/],
    [
      "a cache beyond what the device binds",
      () => new KVCache(device, config, 2 ** 20, 2 ** 10),
      /takes 131072 MiB a layer/,
    ],
    ["AdamW with a wrong beta", () => new AdamW(model.parameters, { betas: [2, 0.9] }), /beta is 2/],
    [
      "a folder without weights",
      () => GPT2LMHeadModel.fromPretrained(device, new MemoryFolder("empty")),
      /config\.json/,
    ],
    ["an option that is none", () => generate(new GPT2Decoder(model), { inputIds: prompt, numBeams: 0 }), /numBeams/],
    [
      "layers to explain that are none",
      () => explain(model, tokenizer, { inputIds: prompt, maxNewTokens: 2 }, { layers: [7] }),
      /7/,
    ],
  ];
  test.each(wrong)("%s", async (_, call, message) => {
    const before = live();
    await expect((async () => call())()).rejects.toThrow(message);
    expect(live()).toEqual(before);
  });

  test("an input that does not fit a cache leaves the cache as it was", async () => {
    using cache = new KVCache(device, config, 2, 8);
    forward({ inputIds, pastKeyValues: cache });
    const before = live();
    expect(() => model.forward({ inputIds, pastKeyValues: cache })).toThrow(/holds 5 of 8 positions and 5 more/);
    expect(() => model.forward({ inputIds: [[1]], pastKeyValues: cache })).toThrow(/1 rows, the cache 2/);
    expect([cache.length, live()]).toEqual([5, before]);
    using output = model.forward({ inputIds: [[11], [12]], pastKeyValues: cache });
    using whole = model.forward({
      inputIds: [
        [...inputIds[0], 11],
        [...inputIds[1], 12],
      ],
      lastOnly: true,
    });
    const [got, want] = [await output.logits!.read(), await whole.logits!.read()];
    got.forEach((value, i) => expect(value).toBeCloseTo(want[i], 4));
  });
});

describe("after its end", () => {
  test.each<[string, () => unknown, RegExp]>([
    [
      "an output",
      () => {
        const output = model.forward({ inputIds, grad: false });
        output.dispose();
        return output.logits!.read();
      },
      /output of forward\(\) is gone: it ended when it was disposed of/,
    ],
    [
      "a tensor of an output",
      () => {
        const output = model.transformer.forward({ inputIds });
        output.dispose();
        return output.lastHiddenState.tensor;
      },
      /disposed of/,
    ],
    [
      "the logits of which backward() took the memory",
      () => {
        using output = model.forward({ inputIds, labels: inputIds });
        output.loss!.backward();
        return output.logits!.read();
      },
      /ended when backward\(\) had run/,
    ],
    [
      "a loss",
      () => {
        const output = model.forward({ inputIds, labels: inputIds });
        output.dispose();
        return output.loss!.item();
      },
      /disposed of/,
    ],
    [
      "backward() after dispose()",
      () => {
        const output = model.forward({ inputIds, labels: inputIds });
        output.dispose();
        output.loss!.backward();
      },
      /disposed of/,
    ],
    [
      "backward() twice",
      () => {
        using output = model.forward({ inputIds, labels: inputIds });
        output.loss!.backward();
        output.loss!.backward();
      },
      /backward\(\) had run/,
    ],
    [
      "backward() of nothing",
      () => {
        using output = model.forward({ inputIds, labels: inputIds, grad: false });
        output.loss!.backward();
      },
      /nothing was recorded/,
    ],
    [
      "a cache",
      () => {
        const cache = new KVCache(device, config, 2, 8);
        cache.destroy();
        forward({ inputIds, pastKeyValues: cache });
      },
      /key-value cache is gone: it ended when the cache was destroyed/,
    ],
    [
      "a cache, reordered",
      () => {
        const cache = new KVCache(device, config, 2, 8);
        cache.destroy();
        cache.reorder([]);
      },
      /cache was destroyed/,
    ],
    [
      "an optimizer",
      () => {
        const optimizer = new AdamW(model.parameters);
        optimizer.destroy();
        optimizer.step(0);
      },
      /optimizer was destroyed/,
    ],
    [
      "an optimizer's norm",
      () => {
        const optimizer = new AdamW(model.parameters);
        optimizer.destroy();
        return device.read(optimizer.gradNorm);
      },
      /optimizer was destroyed/,
    ],
    [
      "an optimizer of a resized model",
      async () => {
        using own = GPT2LMHeadModel.fromConfig(device, config);
        using optimizer = new AdamW(own.parameters);
        await own.resizeTokenEmbeddings(300);
        optimizer.step(0);
      },
      /model was resized/,
    ],
    [
      "a model",
      () => {
        const own = GPT2LMHeadModel.fromConfig(device, config);
        own.destroy();
        own.forward({ inputIds });
      },
      /model was destroyed/,
    ],
    [
      "generating with a model",
      () => {
        const own = GPT2LMHeadModel.fromConfig(device, config);
        own.destroy();
        return generate(new GPT2Decoder(own), { inputIds: prompt });
      },
      /model was destroyed/,
    ],
    [
      "a decoder",
      () => {
        const decoder = new GPT2Decoder(model);
        decoder.prefill(prompt, [[1, 1, 1]], 1, 8);
        decoder.dispose();
        return decoder.logits();
      },
      /nothing was prefilled, or it was disposed of/,
    ],
    [
      "a decoder, stepping",
      () => {
        const decoder = new GPT2Decoder(model);
        decoder.prefill(prompt, [[1, 1, 1]], 1, 8);
        decoder.dispose();
        decoder.step([1]);
      },
      /disposed of/,
    ],
    [
      "a decoder in mid-run of a resized model",
      async () => {
        using own = GPT2LMHeadModel.fromConfig(device, config);
        using decoder = new GPT2Decoder(own);
        decoder.prefill(prompt, [[1, 1, 1]], 1, 8);
        await own.resizeTokenEmbeddings(300);
        decoder.step([1]);
      },
      /resized since prefill/,
    ],
  ])("%s says so", async (_, use, message) => {
    const before = live();
    await expect((async () => use())()).rejects.toThrow(message);
    expect(live()).toEqual(before);
  });

  test("ending things twice is ending them once", () => {
    const before = live();
    const own = GPT2LMHeadModel.fromConfig(device, config);
    const [optimizer, cache, decoder] = [
      new AdamW(own.parameters),
      new KVCache(device, config, 1, 4),
      new GPT2Decoder(own),
    ];
    const output = own.forward({ inputIds });
    for (let i = 0; i < 2; i++) {
      output.dispose();
      optimizer.destroy();
      cache.destroy();
      decoder.dispose();
      own.destroy();
    }
    expect(live()).toEqual(before);
  });

  test("what a destroyed device made ends without a word, and says why when it is used", async () => {
    const own = await openDevice();
    const its = GPT2LMHeadModel.fromConfig(own, config);
    const [optimizer, cache, decoder] = [
      new AdamW(its.parameters),
      new KVCache(own, config, 1, 4),
      new GPT2Decoder(its),
    ];
    await generate(decoder, { inputIds: prompt, maxNewTokens: 2 });
    const output = its.forward({ inputIds });
    optimizer.step(0);
    own.destroy();
    for (const use of [
      () => its.forward({ inputIds }),
      () => output.logits!.read(),
      () => generate(decoder, { inputIds: prompt }),
    ])
      await expect((async () => use())()).rejects.toThrow("The device was destroyed");
    output.dispose();
    for (const each of [optimizer, cache, its]) each.destroy();
    decoder.dispose();
  });

  test("each generation on a device that went away ends in its reason", async () => {
    const own = await openDevice();
    const its = GPT2LMHeadModel.fromConfig(own, config);
    const decoder = new GPT2Decoder(its);
    await generate(decoder, { inputIds: prompt, maxNewTokens: 4 });
    own.gpu.destroy();
    await own.gpu.lost;
    for (let i = 0; i < 3; i++)
      await expect(generate(decoder, { inputIds: prompt, maxNewTokens: 4 })).rejects.toThrow(/device was lost/);
    decoder.dispose();
    its.destroy();
    own.destroy();
  });
});

test("destroying an optimizer sends its last update first", async () => {
  using own = GPT2LMHeadModel.fromConfig(device, config);
  own.parameters.zeroGrad();
  const before = await device.read(own.transformer.wte.value);
  const optimizer = new AdamW(own.parameters);
  using output = own.forward({ inputIds, labels: inputIds });
  output.loss!.backward();
  optimizer.step(0.1);
  optimizer.destroy();
  device.pool.trim();
  expect(await device.read(own.transformer.wte.value)).not.toEqual(before);
});

describe("a model", () => {
  test("is itself after updateConfig() and a resize: training, dropout's seed and step stay", async () => {
    using own = GPT2LMHeadModel.fromConfig(device, config);
    const { transformer } = own;
    Object.assign(transformer, { training: true, dropoutSeed: 5, dropoutStep: 7 });
    own.updateConfig({ padTokenId: 3, residPdrop: 0.5 });
    await own.resizeTokenEmbeddings(300);
    expect(own.transformer).toBe(transformer);
    expect(transformer).toMatchObject({ training: true, dropoutSeed: 5, dropoutStep: 7 });
    expect(transformer.config).toMatchObject({ padTokenId: 3, residPdrop: 0.5, vocabSize: 300 });
    expect(own.parameters).toBe(transformer.parameters);
  });

  test("is generated from by a decoder of before the resize, started afresh, as by a new one", async () => {
    using own = GPT2LMHeadModel.fromConfig(device, config, { seed: 8 });
    using old = new GPT2Decoder(own);
    const request = { inputIds: prompt, maxNewTokens: 8, eosTokenId: null, padTokenId: 0, suppressTokens: [0, 1] };
    await generate(old, request);
    await own.resizeTokenEmbeddings(330);
    using fresh = new GPT2Decoder(own);
    const again = await generate(old, { ...request, suppressTokens: [0, 1, 329] });
    expect(again.sequences).toEqual((await generate(fresh, { ...request, suppressTokens: [0, 1, 329] })).sequences);
  });

  test("without gradients has none, and says so", async () => {
    using own = await GPT2LMHeadModel.fromPretrained(device, saved);
    expect([...own.parameters.all()].map(({ grad }) => grad)).toEqual([...own.parameters.all()].map(() => undefined));
    expect(() => own.forward({ inputIds, labels: inputIds, grad: true })).toThrow(/model without gradients/);
    expect(() => new AdamW(own.parameters)).toThrow(/without gradients/);
    using output = own.forward({ inputIds, labels: inputIds });
    expect(await output.loss!.item()).toBeGreaterThan(0);
  });

  test("asked for the last position only gives the loss of all labels, and the gradients", async () => {
    using own = GPT2LMHeadModel.fromConfig(device, config, { seed: 3 });
    const read = async (lastOnly: boolean, keepLogits?: boolean) => {
      own.parameters.zeroGrad();
      using output = own.forward({ inputIds, attentionMask, labels: inputIds, lastOnly, keepLogits });
      const loss = await output.loss!.item();
      const logits = await output.logits?.read();
      output.loss!.backward();
      return { loss, logits, shape: output.logits?.shape, grad: await device.read(own.transformer.wpe.grad!) };
    };
    const [whole, last, none] = [await read(false), await read(true), await read(true, false)];
    expect(last.shape).toEqual([2, 1, 257]);
    expect(last.logits).toEqual(
      Float32Array.from([0, 1].flatMap((b) => [...whole.logits!.subarray((5 * b + 4) * 257, (5 * b + 5) * 257)])),
    );
    for (const each of [last, none]) {
      expect(each.loss).toBe(whole.loss);
      expect(each.grad).toEqual(whole.grad);
    }
    expect(none.logits).toBeUndefined();
  });
});
