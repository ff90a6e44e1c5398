// Sampling where the logits are: edits, or the tokens to exclude, go up when they changed, and the sampled tokens,
// of several steps at once where the caller says so, or each row's best candidates, come down. Knows kernels,
// and nothing of the model that made the logits.
import type { Device } from "../../gpu/device.ts";
import type { StagedRead } from "../../gpu/staging.ts";
import type { Shape, Tensor } from "../../gpu/tensor.ts";
import { sampleGreedy, sampleMultinomial } from "../../kernels/sample.ts";
import { editLogits, LARGEST_F32, packEdits } from "../../kernels/edit-logits.ts";
import { logSumExp } from "../../kernels/log-sum-exp.ts";
import { packTokens, excludeTokens } from "../../kernels/top-k-exclude.ts";
import { topK } from "../../kernels/top-k.ts";
import type { Candidates, SampleRequest } from "./decoder.ts";
import { ReadBackQueue } from "./read-back-queue.ts";
import { repeatRows } from "../scores/scores.ts";

/**
 * A step's logits [R / expand, Vp], of which `expand` rows of the decoder share each, and the rows' inputs u32 [2, R]
 * (ids, positions).
 */
export interface StepTensors {
  readonly logits: Tensor;
  readonly expand: number;
  readonly inputs: Tensor;
}

export class DeviceSampler {
  private readonly model: SampledModel;
  private readonly device: Device;
  private readonly edits: Upload;
  private readonly excluded: Upload;
  private readonly streams: Upload;
  /** Zeros [rows]: the base of scores that are logits. */
  private readonly zeros: Upload;
  private readonly queue: ReadBackQueue;
  private recorded: Recorded | undefined;
  /** Those that were not read yet, the recorded one among them. */
  private readonly unread = new Set<StagedRead>();

  constructor(model: SampledModel) {
    const { device } = (this.model = model);
    this.device = device;
    this.edits = new Upload(device);
    this.excluded = new Upload(device);
    this.streams = new Upload(device);
    this.zeros = new Upload(device);
    this.queue = new ReadBackQueue(device.software);
  }

  /** Records a choice; the tokens become the inputs, one position on. What it returns comes after submit(). */
  sample({ logits, expand, inputs }: StepTensors, { edits, sampling, step }: SampleRequest): Promise<Uint32Array> {
    const { batch } = this.device;
    const { vocabSize: columns, nPositions } = this.model.config;
    const lastPosition = nPositions - 1;
    const [rows] = logits.shape;
    if (edits) {
      const packed = this.edits.hold(packEdits(edits.filter((_, row) => row % expand === 0)));
      editLogits(batch, {
        edits: packed,
        base: { ...this.zeros.hold(new Uint32Array(rows)), dtype: "f32", shape: [rows] },
        logits,
        columns,
      });
    }
    if (sampling) {
      const names = Uint32Array.from(sampling.streams.flatMap(({ a, b }) => [a, b]));
      const streams = { ...this.streams.hold(names), shape: [rows * expand, 2] };
      sampleMultinomial(batch, { ...sampling, logits, columns, inputs, lastPosition, expand, step, streams });
    } else sampleGreedy(batch, { logits, columns, inputs, lastPosition });
    const tokens = { ...inputs, shape: [rows * expand] };
    if (this.recorded && !this.recorded.staged.holds(tokens)) this.submit();
    const recorded = (this.recorded ??= this.open(4 * rows * expand));
    recorded.steps++;
    const at = recorded.staged.add(tokens);
    return recorded.answer.then((bytes) => new Uint32Array(bytes, at, rows * expand));
  }

  /** Submits what is recorded. The choices among it come back together. */
  submit(): void {
    this.device.batch.submit();
    this.recorded?.start();
    this.recorded = undefined;
  }

  /** Choices that are to come: `bytes` of tokens each. */
  private open(bytes: number): Recorded {
    const staged = this.device.staging.open(bytes * MOST_STEPS);
    this.unread.add(staged);
    let start!: () => void;
    const started = new Promise<void>((resolve) => {
      start = resolve;
    });
    const recorded: Recorded = {
      staged,
      steps: 0,
      start,
      answer: started
        .then(() => this.queue.read(() => staged.read(), recorded.steps))
        .finally(() => this.unread.delete(staged)),
    };
    return recorded;
  }

  /** See TokenSampler.candidates. */
  async candidates(
    { logits, expand }: StepTensors,
    count: number,
    excluded?: readonly (readonly number[])[],
  ): Promise<Candidates> {
    const { device } = this;
    const { batch, pool } = device;
    const { vocabSize: columns } = this.model.config;
    const [rows] = logits.shape;
    const named = excluded && packTokens(excluded.filter((_, row) => row % expand === 0));
    const tokens = named && this.excluded.hold(named);
    // One tensor for all that comes back, its parts where a binding may begin.
    const best = aligned(rows * count),
      sum = aligned(rows);
    const starts = { logits: 0, ids: best, lse: 2 * best, restLse: 2 * best + sum, excludedLogits: 2 * best + 2 * sum };
    const found = pool.acquire([starts.excludedLogits + (tokens?.shape[0] ?? 0)], "u32");
    const part = (name: keyof typeof starts, shape: Shape): Tensor => ({
      ...found,
      dtype: name === "ids" ? "u32" : "f32",
      byteOffset: found.byteOffset + 4 * starts[name],
      shape,
    });
    let staged: () => Promise<ArrayBuffer>;
    try {
      staged = pool.attempt(() => {
        logSumExp(batch, { logits, columns, lse: part("lse", [rows]) });
        if (tokens) {
          excludeTokens(batch, { tokens, logits, excluded: part("excludedLogits", tokens.shape) });
          logSumExp(batch, { logits, columns, lse: part("restLse", [rows]) });
        }
        const best = { values: part("logits", [rows, count]), ids: part("ids", [rows, count]) };
        topK(batch, { logits, columns, k: count, ...best });
        const words = named ? starts.excludedLogits + named.length : starts.lse + rows;
        return device.stage({ ...found, shape: [words] });
      });
    } finally {
      pool.release(found);
    }

    const bytes = await this.queue.read(staged);
    const floats = new Float32Array(bytes).map((value) => (value <= -LARGEST_F32 ? -Infinity : value));
    const each = (name: keyof typeof starts, width: number): Float32Array =>
      repeatRows(floats.subarray(starts[name], starts[name] + rows * width), width, expand);
    const lse = each("lse", 1);
    return {
      count,
      lse,
      restLse: named ? each("restLse", 1) : lse,
      logits: each("logits", count),
      tokens: repeatRows(new Uint32Array(bytes, 4 * starts.ids, rows * count), count, expand),
      excludedLogits: Array.from({ length: rows * expand }, (_, row) => {
        const at = Math.floor(row / expand);
        return named
          ? floats.subarray(starts.excludedLogits + named[at], starts.excludedLogits + named[at + 1])
          : new Float32Array();
      }),
    };
  }

  /** Gives its memory back, and gives up what was not read yet; it may be used again. */
  release(): void {
    for (const upload of [this.edits, this.excluded, this.streams, this.zeros]) upload.release();
    for (const staged of this.unread) staged.dispose();
    this.unread.clear();
    this.queue.reset();
    this.recorded = undefined;
  }
}

/** What is to be known of the model: as it is now, not as it was when the sampler was made. */
interface SampledModel {
  readonly device: Device;
  readonly config: { readonly vocabSize: number; readonly nPositions: number };
}

/** Tokens that are recorded and not yet sent. */
interface Recorded {
  readonly staged: StagedRead;
  steps: number;
  readonly start: () => void;
  readonly answer: Promise<ArrayBuffer>;
}

const MOST_STEPS = 8;
const LEAST_WORDS = 4096;

/** Words up to where the next binding may begin. */
const aligned = (words: number): number => Math.ceil(words / 64) * 64;

/**
 * Words on the device: uploaded only when they change, in a tensor with room that doubles when it must, so that
 * bindings stay.
 */
class Upload {
  private readonly device: Device;
  private tensor: Tensor | undefined;
  private words: Uint32Array = new Uint32Array();

  constructor(device: Device) {
    this.device = device;
  }

  /** A u32 tensor that starts with `words`. */
  hold(words: Uint32Array): Tensor {
    const { tensor } = this;
    if (tensor && words.length === this.words.length && words.every((word, i) => word === this.words[i])) return tensor;
    if (tensor && tensor.shape[0] < words.length) this.release();
    // Not a power by **, which is a double: one shape of doubles makes V8 compile every launch anew, which took 300
    // tokens.
    let room = LEAST_WORDS;
    while (room < words.length) room *= 2;
    const held = (this.tensor ??= this.device.pool.acquire([room], "u32"));
    this.device.batch.write(held, words);
    this.words = words;
    return held;
  }

  release(): void {
    if (this.tensor) this.device.pool.release(this.tensor);
    this.tensor = undefined;
    this.words = new Uint32Array();
  }
}
