// trainer_state.json and the run's fingerprint: a state that no run can have been in is refused, whichever field says
// so, and so is the checkpoint of a run that would have become another model.
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserError } from "../src/errors.ts";
import { MemoryFolder } from "../src/files/folder.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import { positionAfter, totalSteps } from "../src/training/arguments.ts";
import type { TrainingArguments } from "../src/training/arguments.ts";
import { differences, digest, fingerprintOf } from "../src/training/fingerprint.ts";
import type { Fingerprint, RunDescription } from "../src/training/fingerprint.ts";
import { parseFingerprint, parseState, stateText } from "../src/training/trainer-state.ts";
import type { RunShape, TrainerState } from "../src/training/trainer-state.ts";
import { Trainer } from "../src/training/trainer.ts";
import { openDevice } from "./check-kernel.ts";
import { example, MemoryStore, tinyArgs, tinyConfig } from "./training-runs.ts";

const args: TrainingArguments = { ...tinyArgs, gradientAccumulationSteps: 2, maxSteps: 9 };
const run: RunShape = {
  args,
  totalSteps: totalSteps(args, 5),
  batchesPerEpoch: 5,
  positionAfter: (step) => positionAfter(step, args, 5),
};
const state: TrainerState = {
  step: 5,
  dropoutStep: 7,
  optimizerStep: 4,
  skippedUpdates: 2,
  skippedInARow: 1,
  pending: { loss: 3.25, count: 2, skipped: 1, gradNorm: 0.5 },
  logHistory: [
    { step: 2, epoch: 0.8, loss: 3, grad_norm: 1, learning_rate: 0.1 },
    { step: 4, epoch: 1.4, loss: 2, grad_norm: 1, learning_rate: 0.1 },
    { step: 4, epoch: 1.4, eval_loss: 2.5, eval_perplexity: 12 },
  ],
};
const fingerprint: Fingerprint = { seed: 3 };
const saved = (): Record<string, unknown> => JSON.parse(stateText(state, fingerprint, run)) as Record<string, unknown>;

const parse = (json: unknown): TrainerState => {
  parseFingerprint(json, "c/trainer_state.json");
  return parseState(json, run, "c/trainer_state.json");
};

describe("a state", () => {
  test("is read as it was written, at every step of a run", () => {
    expect(parse(saved())).toEqual(state);
    for (let step = 0; step <= run.totalSteps; step++) {
      const none = { dropoutStep: 0, optimizerStep: 0, skippedUpdates: 0, skippedInARow: 0, logHistory: [] };
      const at: TrainerState = { ...state, ...none, step };
      const pending = { loss: 0, count: 0, skipped: 0, gradNorm: null };
      const text = stateText({ ...at, pending }, fingerprint, run);
      expect(parse(JSON.parse(text))).toEqual({ ...at, pending });
    }
  });

  test("without the number of skipped updates, as it was saved before, is one without any", () => {
    const { skipped_updates, ...before } = saved();
    expect(skipped_updates).toBe(2);
    expect(parse(before)).toEqual({ ...state, skippedUpdates: 0 });
  });

  const IMPOSSIBLE: readonly unknown[] = [undefined, null, "3", true, [], {}, -1, -5, 0.5, 1e300];
  const NUMBERS: readonly unknown[] = [undefined, null, "3", true, [], {}, -1, -0.5];
  const WHOLE = (path: string): [string, readonly unknown[]] => [path, IMPOSSIBLE];
  const fields: [string, readonly unknown[]][] = [
    ["", [null, [], "", 3, true]],
    ...["global_step", "data_position.epoch", "data_position.batch", "dropout_step", "optimizer_step"].map(WHOLE),
    ...["skipped_in_a_row", "pending.count", "pending.skipped", "max_steps", "logging_steps"].map(WHOLE),
    ...["eval_steps", "save_steps", "train_batch_size", "log_history.1.step"].map(WHOLE),
    ...["epoch", "pending.loss", "log_history.1.loss", "num_train_epochs"].map((path): [string, readonly unknown[]] => [
      path,
      path.startsWith("log_history") ? NUMBERS.slice(1) : NUMBERS,
    ]),
    ["log_history.1.epoch", NUMBERS],
    ["pending.grad_norm", [undefined, "3", true, [], {}, -1]],
    ["data_position", [undefined, null, [], 3, "x", {}]],
    ["pending", [undefined, null, [], 3, "x", {}]],
    ["fingerprint", [undefined, null, [], 3, "x", { seed: {} }, { seed: [3] }]],
    ["log_history", [undefined, null, {}, 3, "x", [null], [3], [[]], [{}]]],
    // Possible each by itself, but not with the others.
    ["global_step", [4, 6, 9, 10]],
    ["data_position.epoch", [0, 2]],
    ["data_position.batch", [0, 2, 3]],
    ["dropout_step", [10]],
    ["optimizer_step", [6]],
    ["skipped_in_a_row", [5]],
    ["skipped_updates", [...IMPOSSIBLE.slice(1), 5]],
    ["pending.skipped", [5]],
    ["pending.count", [0]],
    ["max_steps", [4, 0]],
    ["num_train_epochs", [0]],
    ["logging_steps", [0]],
    ["epoch", [0, 1.2, 2]],
    ["log_history.1.step", [1, 5, 6]],
    ["log_history.0.step", [5]],
  ];

  test.each(fields)("with %s as %j is refused in a sentence that names it", (path, values) => {
    for (const value of values) {
      let json: unknown = saved();
      if (path === "") json = value;
      else {
        const keys = path.split(".");
        const last = keys.pop()!;
        let at = json as Record<string, unknown>;
        for (const key of keys) at = at[key] as Record<string, unknown>;
        if (value === undefined) delete at[last];
        else at[last] = value;
      }
      const attempt = (): TrainerState => parse(json);
      expect(attempt, `${path} = ${JSON.stringify(value)}`).toThrow(UserError);
      expect(attempt).toThrow(/^c\/trainer_state\.json: .*(wanted|which run)/);
    }
  });

  test("of any other content is refused too, or is one that could have been", () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(saved())), fc.jsonValue({ maxDepth: 3 }), (key, value) => {
        try {
          const { step, optimizerStep } = parse({ ...saved(), [key]: value });
          expect([step, optimizerStep]).toEqual([5, key === "optimizer_step" ? value : 4]);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("of an older version, which does not say which run it is, is refused with what to do", () => {
    const { fingerprint: _, ...old } = saved();
    expect(() => parse(old)).toThrow(/does not say which run it belongs to.*--model_name_or_path/);
  });
});

describe("a fingerprint", () => {
  const description: RunDescription = {
    args,
    config: tinyConfig,
    examples: [example(4, 1), example(5, 2)],
    precision: "float32",
    worldSize: 1,
    settings: {
      training_data: "sha256:0",
      template: null,
      tokenizer: "sha256:1",
      block_size: 12,
      max_train_samples: null,
    },
  };
  const OTHERS: [string, Partial<RunDescription>, string][] = [
    ...Object.entries({
      perDeviceTrainBatchSize: 3,
      gradientAccumulationSteps: 1,
      lossReduction: "mean_of_means",
      learningRate: 0.5,
      weightDecay: 0.5,
      adamBeta1: 0.5,
      adamBeta2: 0.5,
      adamEpsilon: 0.5,
      optim: "hf_adamw_2020",
      maxGradNorm: 0.5,
      lrSchedulerType: "cosine",
      warmupSteps: 5,
      groupByLength: true,
      padToMultipleOf: 4,
      lossOn: "target",
      seed: 4,
    }).map(([name, value]): [string, Partial<RunDescription>, string] => [
      name,
      { args: { ...args, [name]: value } },
      `--${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)} was `,
    ]),
    ["dropout", { config: tinyConfig.with({ attnPdrop: 0.2 }) }, "--dropout was 0 and is 0/0.2/0"],
    [
      "lrSchedulerKwargs",
      { args: { ...args, lrSchedulerKwargs: { numCycles: 2 } } },
      "_kwargs was not given and is num_cycles=2",
    ],
    ["worldSize", { worldSize: 2 }, "--world_size was 1 and is 2"],
    ["precision", { precision: "float16" }, "--precision was float32 and is float16"],
    ["examples", { examples: [example(4, 1), example(5, 3)] }, "the training examples are not the same"],
    [
      "how examples are cut",
      { examples: [{ ids: [...example(4, 1).ids, ...example(5, 2).ids], types: new Uint8Array(9).fill(3) }] },
      "the training examples are not the same",
    ],
    ["tokenizer", { settings: { ...description.settings, tokenizer: "sha256:2" } }, "the tokenizer is not the same"],
    ["template", { settings: { ...description.settings, template: "sha256:2" } }, "the template is not the same"],
    [
      "limit",
      { settings: { ...description.settings, max_train_samples: 7 }, examples: [example(4, 1)] },
      "--max_train_samples was not given and is 7",
    ],
    [
      "a setting more",
      { settings: { ...description.settings, constructor: "x" } },
      "--constructor was not given and is x",
    ],
  ];

  test.each(OTHERS)("tells another %s", async (_, other, words) => {
    const mine = await fingerprintOf(description);
    const theirs = await fingerprintOf({ ...description, ...other });
    expect(differences(mine, theirs)).toEqual([expect.stringContaining(words)]);
    expect(differences(mine, await fingerprintOf(description))).toEqual([]);
  });

  test("does not care how long a run goes on, or what it logs, evaluates and keeps", async () => {
    const longer = { maxSteps: 99, numTrainEpochs: 9, loggingSteps: 9, evalSteps: 9, saveSteps: 9, saveTotalLimit: 9 };
    const best = {
      loadBestModelAtEnd: true,
      metricForBestModel: "perplexity",
      greaterIsBetter: true,
      earlyStoppingPatience: 9,
      earlyStoppingThreshold: 9,
    } as const;
    const other = { ...args, ...longer, ...best, perDeviceEvalBatchSize: 9, maxSkippedUpdates: 9 };
    expect(await fingerprintOf({ ...description, args: other })).toEqual(await fingerprintOf(description));
    // Nor what else an object with these arguments holds.
    const more = { ...args, outputDir: "elsewhere" };
    expect(await fingerprintOf({ ...description, args: more })).toEqual(await fingerprintOf(description));
  });

  test("knows every argument of a run: a new one is either part of it or named as free", () => {
    expect(Object.keys(args)).toHaveLength(OTHERS.findIndex(([name]) => name === "dropout") + 13);
  });

  test("holds data by their SHA-256", async () => {
    expect(await digest("abc")).toBe("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});

describe("a trainer", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device.destroy());

  test("goes on only from its own run's checkpoint, and says what differs", async () => {
    const store = new MemoryStore();
    const options = { args, train: [4, 5, 6, 7].map(example), padId: 0, settings: { block_size: 12 } };
    const model = GPT2LMHeadModel.fromConfig(device, tinyConfig, { seed: 1 });
    const first = new Trainer({ ...options, model, store, args: { ...args, maxSteps: 2 } });
    await first.train();
    const checkpoint = store.folders.get("checkpoint-2")!;
    const resuming = (other: object): Promise<unknown> =>
      new Trainer({ ...options, model, ...other }).resume(checkpoint);
    await expect(resuming({})).resolves.toMatchObject({ step: 2 });
    await expect(resuming({ args: { ...args, seed: 4, learningRate: 0.5 } })).rejects.toThrow(
      /^checkpoint-2 belongs to another run: --learning_rate was 0\.01 and is 0\.5; --seed was 3 and is 4\. Go on with/,
    );
    await expect(resuming({ train: [4, 5, 6, 8].map(example) })).rejects.toThrow(
      "the training examples are not the same",
    );
    await expect(resuming({ settings: { block_size: 8 } })).rejects.toThrow("--block_size was 12 and is 8.");
    await expect(resuming({ worldSize: 2 })).rejects.toThrow("--world_size was 1 and is 2");

    const files = new Map<string, Uint8Array | string>();
    for (const name of await checkpoint.list()) files.set(name, await checkpoint.read(name));
    files.set("trainer_state.json", "null");
    await expect(first.resume(new MemoryFolder("c", files))).rejects.toThrow(
      "c/trainer_state.json: its content is null, wanted a JSON object",
    );
  });
});
