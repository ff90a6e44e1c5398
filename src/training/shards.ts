// Training's flat buffers divided over ranks, after ZeRO's first stage (Rajbhandari et al. 2020): each rank adds up the
// gradients of its own part (a reduce-scatter), has AdamW's moments of that part alone, updates it, and gives the new
// values to all (an all-gather). A part is a run of the norm's blocks, so that its sums of squares are those of one
// process. Sums are made in the order of ranks, whatever the network: the same bits in every run, and those of one
// process that adds the ranks' gradients one after the other.
import type { ParameterStore } from "../autograd/parameter.ts";
import type { Parameter } from "../autograd/variable.ts";
import type { Device } from "../gpu/device.ts";
import type { StagedRead } from "../gpu/staging.ts";
import { elementCount } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { blocksIn, cutRanges, normRanges, sumSquares } from "../kernels/grad-norm.ts";
import type { NormRange } from "../kernels/grad-norm.ts";
import type { Counts } from "./exchange.ts";
import type { Ranks } from "./ranks.ts";

/** Elements that a rank sends at a time, 16 MB: what is read back, on its way and written is a few of these. */
export const BUCKET = 1 << 22;

/** Values [start, start + count) of the trained buffer `chunk`. */
export type Span = Pick<NormRange, "chunk" | "start" | "count">;

/** What was exchanged so far, by this rank. */
export interface ExchangeMeter {
  /** Given to other ranks. */
  bytes: number;
  /** From the first read of the GPU to the last write to it. */
  seconds: number;
}

export class Shards {
  readonly ranks: Ranks;
  readonly meter: ExchangeMeter = { bytes: 0, seconds: 0 };
  /** Of each rank. */
  private readonly parts: readonly (readonly NormRange[])[];
  private readonly lengths: readonly number[];
  private readonly blocks: readonly number[];
  private readonly device: Device;
  private readonly gradients: readonly Tensor[];
  private readonly values: readonly Tensor[];
  private readonly bucket: number;

  /** Takes no memory. `bucket`: elements that a rank sends at a time. */
  constructor(store: ParameterStore, ranks: Ranks, bucket = BUCKET) {
    this.ranks = ranks;
    this.bucket = bucket;
    this.device = store.device;
    this.gradients = store.trainableChunks.map(({ grads }) => grads);
    this.values = store.trainableChunks.map(({ values }) => values);
    const all = normRanges(store.device, this.gradients);
    const total = blocksIn(all);
    const bound = (rank: number): number => Math.floor((total * rank) / ranks.size);
    this.parts = Array.from({ length: ranks.size }, (_, rank) => cutRanges(all, bound(rank), bound(rank + 1)));
    this.lengths = this.parts.map((part) => part.reduce((sum, { count }) => sum + count, 0));
    this.blocks = this.parts.map(blocksIn);
  }

  /** This rank's part. */
  get own(): readonly Span[] {
    return this.parts[this.ranks.rank];
  }

  /** TrainingStep's: adds up counts, and the gradients where they are this rank's. */
  readonly exchange = async (_: readonly Tensor[], mine: Counts): Promise<Counts> => {
    const counts = await this.ranks.agree(mine, (all) => ({
      labels: all.reduce((sum, { labels }) => sum + labels, 0),
      microBatches: all.reduce((sum, { microBatches }) => sum + microBatches, 0),
    }));
    if (counts.microBatches > 0) await this.timed(() => this.reduce());
    return counts;
  };

  /** partial [all blocks, 1]: the sums of squares of all gradients; the caller releases it. */
  async squares(): Promise<Tensor> {
    const { batch, pool } = this.device;
    const mine = pool.acquire([Math.max(1, this.blocks[this.ranks.rank]), 1]);
    let squares: Float32Array;
    try {
      sumSquares(batch, { grads: this.gradients, ranges: this.parts[this.ranks.rank], partial: mine });
      squares = (await this.device.read(mine)).subarray(0, this.blocks[this.ranks.rank]);
    } finally {
      pool.release(mine);
    }
    const all = await this.ranks.allGather(squares, this.blocks);
    const partial = pool.acquire([this.blocks.reduce((sum, blocks) => sum + blocks, 0), 1]);
    batch.write(partial, joined(all));
    return partial;
  }

  /** Gives this rank's values to all. */
  gatherValues(): Promise<void> {
    return this.timed(() => this.gather(this.values));
  }

  /** Gives this rank's gradients to all. */
  gatherGradients(): Promise<void> {
    return this.timed(() => this.gather(this.gradients));
  }

  /** What each rank has of something of this parameter's size (`mine`), put together on rank 0; elsewhere `mine`. */
  async gatherParts({ chunk, offset, value }: Parameter, mine: Float32Array): Promise<Float32Array> {
    const { rank, size } = this.ranks;
    const end = offset + elementCount(value.shape);
    const countIn = (part: readonly Span[]): number =>
      part.reduce((sum, { chunk: at, start, count }) => {
        const inside = Math.min(end, start + count) - Math.max(offset, start);
        return at === chunk && inside > 0 ? sum + inside : sum;
      }, 0);
    const lengths = this.parts.map((part) => (rank === 0 ? countIn(part) : 0));
    const none = new Float32Array();
    const parts = Array.from({ length: size }, (_, to) => (to === 0 ? mine : none));
    const received = await this.ranks.allToAll(parts, lengths);
    return rank === 0 ? joined(received) : mine;
  }

  private async timed(act: () => Promise<void>): Promise<void> {
    const started = performance.now();
    await act();
    this.meter.seconds += (performance.now() - started) / 1000;
  }

  /** Bucket by bucket: the next is read back while this one travels. */
  private async reduce(): Promise<void> {
    const { rank, size } = this.ranks;
    const spansOf = (at: Bucket): Span[][] => this.parts.map((part) => cutSpans(part, at));
    await this.readBuckets(
      (bucket) => spansOf(bucket).flat(),
      this.gradients,
      async (bucket, values) => {
        const spans = spansOf(bucket);
        const parts: Float32Array[] = [];
        let at = 0;
        for (const part of spans) parts.push(values.subarray(at, (at += countOf(part))));
        const mine = spans[rank];
        const received = await this.ranks.allToAll(parts, Array<number>(size).fill(countOf(mine)));
        this.meter.bytes += 4 * (values.length - countOf(mine));
        this.write(this.gradients, mine, summed(received));
      },
    );
  }

  private async gather(tensors: readonly Tensor[]): Promise<void> {
    const { rank, size } = this.ranks;
    await this.readBuckets(
      (bucket) => cutSpans(this.parts[rank], bucket),
      tensors,
      async (bucket, values) => {
        const spans = this.parts.map((part) => cutSpans(part, bucket));
        const all = await this.ranks.allGather(values, spans.map(countOf));
        this.meter.bytes += 4 * (size - 1) * values.length;
        for (const [from, each] of all.entries()) if (from !== rank) this.write(tensors, spans[from], each);
      },
    );
  }

  private async readBuckets(
    spansOf: (bucket: Bucket) => Span[],
    tensors: readonly Tensor[],
    use: (bucket: Bucket, values: Float32Array) => Promise<void>,
  ): Promise<void> {
    const width = Math.max(64, Math.floor(this.bucket / this.ranks.size / 64) * 64);
    const buckets = Array.from({ length: Math.ceil(Math.max(...this.lengths) / width) }, (_, i) => ({
      first: i * width,
      end: (i + 1) * width,
    }));
    const open = (bucket: Bucket): Reading => this.startReading(tensors, spansOf(bucket));
    let next = buckets.length > 0 ? open(buckets[0]) : undefined;
    try {
      for (const [i, bucket] of buckets.entries()) {
        const values = next!.staged ? new Float32Array(await next!.staged.read()) : new Float32Array();
        next = i + 1 < buckets.length ? open(buckets[i + 1]) : undefined;
        await use(bucket, values);
      }
    } finally {
      next?.staged?.dispose();
    }
  }

  private startReading(tensors: readonly Tensor[], spans: readonly Span[]): Reading {
    if (countOf(spans) === 0) return {};
    const { staging, batch } = this.device;
    const staged = staging.open(4 * countOf(spans));
    for (const span of spans) staged.add(viewOf(tensors, span));
    batch.submit();
    return { staged };
  }

  private write(tensors: readonly Tensor[], spans: readonly Span[], values: Float32Array): void {
    let at = 0;
    for (const span of spans) this.device.batch.write(viewOf(tensors, span), values.subarray(at, (at += span.count)));
  }
}

/** Elements [first, end) of every rank's part. */
interface Bucket {
  readonly first: number;
  readonly end: number;
}

interface Reading {
  /** None where there is nothing to read. */
  readonly staged?: StagedRead;
}

const countOf = (spans: readonly Span[]): number => spans.reduce((sum, { count }) => sum + count, 0);

/** Elements [first, end) of what `spans` make up, as far as it goes. */
function cutSpans(spans: readonly Span[], { first, end }: Bucket): Span[] {
  const cut: Span[] = [];
  let before = 0;
  for (const { chunk, start, count } of spans) {
    const [from, to] = [Math.max(first - before, 0), Math.min(end - before, count)];
    if (from < to) cut.push({ chunk, start: start + from, count: to - from });
    before += count;
  }
  return cut;
}

/** For copies, which unlike bindings may begin anywhere. */
function viewOf(tensors: readonly Tensor[], { chunk, start, count }: Span): Tensor {
  const tensor = tensors[chunk];
  return { ...tensor, byteOffset: tensor.byteOffset + 4 * start, shape: [count] };
}

/** The first array's element and, one after the other, those of the next, each sum rounded to float32. */
function summed([first, ...others]: readonly Float32Array[]): Float32Array {
  const sum = first.slice();
  for (const other of others) for (let i = 0; i < sum.length; i++) sum[i] += other[i];
  return sum;
}

export function joined(arrays: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    whole.set(array, at);
    at += array.length;
  }
  return whole;
}
