// A run that the adapter has no memory for is refused before its first step, whoever says how much there is.
import { afterAll, describe, expect, it } from "vitest";
import { parseFlags } from "../src/cli/shared/flags.ts";
import { TRAIN } from "../src/cli/train/flags.ts";
import { requireMemory } from "../src/cli/train/memory-check.ts";
import type { Job } from "../src/cli/train/session.ts";
import { UserError } from "../src/errors.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { requestDevice } from "../src/gpu/device.ts";
import type { Device } from "../src/gpu/device.ts";
import { trialAllocation } from "../src/gpu/trial-allocation.ts";
import { argumentsAmong, DEFAULT_ARGUMENTS } from "../src/training/arguments.ts";
import { memoryNeeds } from "../src/training/memory-needs.ts";
import { shortOfMemory } from "./short-of-memory.ts";

const device = await requestDevice();
afterAll(() => device.destroy());
const config = new GPT2Config({ vocabSize: 300, nPositions: 128, nLayer: 2, nHead: 2, nEmbd: 32 });

/** As many examples of `length` tokens as a batch takes. */
function examplesOf(batchSize: number, length: number) {
  const ids = Array.from({ length }, (_, i) => i % config.vocabSize);
  const examples = Array.from({ length: batchSize }, () => ({ ids, types: ids.map(() => 1), trimmed: false }));
  return { examples, summary: "", source: "" };
}

function jobOf(argv: string, train = examplesOf(16, 128), evaluation?: ReturnType<typeof examplesOf>): Job {
  const { values: flags } = parseFlags(TRAIN, argv === "" ? [] : argv.split(" "));
  const args = argumentsAmong({ ...DEFAULT_ARGUMENTS, ...flags, lossOn: "all", lrSchedulerKwargs: {} });
  const start = { config, fresh: false, tokenizer: { vocabSize: config.vocabSize } };
  return { flags, args, start, blockSize: 128, train, evaluation } as unknown as Job;
}

async function refusal(device: Device, job: Job): Promise<string> {
  const error = await requireMemory(device, job).then(
    () => undefined,
    (error: Error) => error,
  );
  expect(error).toBeInstanceOf(UserError);
  return error!.message;
}

/** As a GPU of so many bytes. */
async function withGpuOf<R>(bytes: number, afterwards: boolean, act: () => Promise<R>): Promise<R> {
  const isShort = ({ size }: GPUBufferDescriptor): boolean => device.pool.allocatedBytes + size > bytes;
  const restore = shortOfMemory(device, isShort, { afterwards });
  Object.assign(device, { software: false });
  try {
    return await act();
  } finally {
    Object.assign(device, { software: true });
    restore();
  }
}

const peakOf = async (batchSize: number, length = 128): Promise<number> =>
  (await memoryNeeds(device, config, { batchSize, length })).peak;

describe("a run is refused", () => {
  it("where --memory_limit says less than it takes, in one sentence with what would do", async () => {
    const limit = (await peakOf(8)) / 1e9;
    const argv = `--memory_limit ${limit} --per_device_train_batch_size 16`;
    const message = await refusal(device, jobOf(argv));
    expect(message).toMatch(/^Updates of 16 x 128 tokens take [\d.]+ MB of memory, and --memory_limit says that there/);
    expect(message).toMatch(/--per_device_train_batch_size 8 --gradient_accumulation_steps 2 \(/);
    expect(message.match(/\.(\s|$)/g)).toHaveLength(1);
    await requireMemory(device, jobOf(`--memory_limit ${limit} --per_device_train_batch_size 8`));
  });

  it("for the longest example, padded, in a batch no larger than the set", async () => {
    const train = { ...examplesOf(5, 20), summary: "" };
    train.examples.push(...examplesOf(1, 110).examples);
    const argv = "--memory_limit 0.001 --per_device_train_batch_size 64 --pad_to_multiple_of 40";
    expect(await refusal(device, jobOf(argv, train))).toMatch(/^Updates of 6 x 120 tokens/);
    expect(await refusal(device, jobOf(argv.replace("40", "100"), train))).toMatch(/^Updates of 6 x 128 tokens/);
  });

  it("where its evaluation takes more, with a smaller batch of that", async () => {
    const limit = (await peakOf(2, 64)) / 1e9;
    const argv = `--memory_limit ${limit} --per_device_train_batch_size 2 --per_device_eval_batch_size 32`;
    const job = jobOf(argv, examplesOf(2, 64), examplesOf(32, 128));
    expect(await refusal(device, job)).toMatch(/fit with --per_device_eval_batch_size \d+ \(/);
    await requireMemory(device, { ...job, evaluation: undefined });
  });

  it.each([false, true])("where the GPU does not give it (told afterwards: %s)", async (afterwards) => {
    const gpu = (await peakOf(4)) + device.pool.allocatedBytes;
    const before = device.pool.allocatedBytes;
    const message = await withGpuOf(gpu, afterwards, () => refusal(device, jobOf("--per_device_train_batch_size 16")));
    expect(message).toMatch(/ gave only [\d.]+ MB when asked for them; it would fit with --per_device_train_batch/);
    expect(device.pool.allocatedBytes).toBe(before);
    await withGpuOf(gpu, afterwards, () => requireMemory(device, jobOf("--per_device_train_batch_size 4")));
    expect(device.pool.allocatedBytes).toBe(before);
    device.throwIfFailed();
  });

  it("where one buffer exceeds the device's largest", async () => {
    const job = jobOf("");
    const large = config.with({ vocabSize: 2 ** 24, nEmbd: 128 });
    const start = { ...job.start, config: large } as Job["start"];
    const message = await refusal(device, { ...job, start });
    expect(message).toMatch(/^Updates of 8 x 128 tokens are too much for .*largest buffer is \d+; it would fit with/);
  });
});

it("tries an allocation of all buffers at once, the largest first", async () => {
  const sizes = [256, 1024, 512];
  expect(await trialAllocation(device, sizes)).toBe(1792);
  const { allocatedBytes } = device.pool;
  expect(await withGpuOf(allocatedBytes + 1600, false, () => trialAllocation(device, sizes))).toBe(1536);
  expect(device.pool.allocatedBytes).toBe(allocatedBytes);
});
