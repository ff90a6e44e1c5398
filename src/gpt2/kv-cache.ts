// Keys and values of every layer, allocated once for a run. Rows are never moved: an ancestry table says which row
// holds each position, so beams that share a prompt or a beginning share its memory, and reordering them rewrites a
// small table.
import { UserError } from "../errors.ts";
import type { Device } from "../gpu/device.ts";
import { mebibytes } from "../gpu/bytes.ts";
import { Scope } from "../gpu/scope.ts";
import { bytesPerElement } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { attentionDecode } from "../kernels/attention-decode.ts";
import { attentionDecodeWeights } from "../kernels/attention-decode-weights.ts";
import { attentionForward } from "../kernels/attention.ts";
import { kvCacheAppend, kvCacheReorder } from "../kernels/kv-cache.ts";
import { lineWidth } from "../kernels/stored.ts";
import type { Stored } from "../kernels/stored.ts";
import type { GPT2Config } from "./config.ts";

interface Tables {
  readonly ancestry: Tensor;
  readonly mask: Tensor;
}

/** Bytes of the keys of one position, or of its values, in one layer. */
export const positionBytes = ({ nHead, headSize }: GPT2Config, dtype: Stored = "f32"): number =>
  nHead * lineWidth(headSize, dtype) * bytesPerElement(dtype);

export class KVCache {
  /** Most rows, and most positions (padding included), that it can hold. */
  readonly maxRows: number;
  readonly capacity: number;
  /** Rows and positions that it holds now. */
  rows = 0;
  length = 0;
  private readonly device: Device;
  private readonly heads: number;
  private readonly scope: Scope;
  /** Per layer, [maxRows, heads, capacity, headSize], in f16 with headSize made even. */
  private readonly layers: readonly { readonly keys: Tensor; readonly values: Tensor }[];
  /** u32 [maxRows, capacity] each; reordering reads one pair and writes the other. */
  private tables: readonly [Tables, Tables];
  private readonly parents: Tensor;

  /**
   * Takes its memory, until destroy(): keys and values as `dtype`, a model's own. Throws UserError, having taken none,
   * when one layer's keys exceed what the device binds at once, or when there is not the memory.
   */
  constructor(device: Device, config: GPT2Config, maxRows: number, capacity: number, dtype: Stored = "f32") {
    const shape = [maxRows, config.nHead, capacity, lineWidth(config.headSize, dtype)];
    const bytes = maxRows * capacity * positionBytes(config, dtype);
    if (bytes > device.maxBindingBytes) {
      throw new UserError(
        `The key-value cache of ${maxRows} rows and ${capacity} positions takes ${mebibytes(bytes)} a layer, this ` +
          `device binds at most ${mebibytes(device.maxBindingBytes)}: use fewer beams, a smaller batch or fewer ` +
          "tokens.",
      );
    }
    this.device = device;
    this.heads = config.nHead;
    this.maxRows = maxRows;
    this.capacity = capacity;
    const scope = (this.scope = new Scope(device.pool, "This key-value cache"));
    const table = (): Tables => ({
      ancestry: scope.acquire([maxRows, capacity], "u32"),
      mask: scope.acquire([maxRows, capacity], "u32"),
    });
    [this.layers, this.tables, this.parents] = device.pool.attempt(() => [
      Array.from({ length: config.nLayer }, () => ({
        keys: scope.acquire(shape, dtype),
        values: scope.acquire(shape, dtype),
      })),
      [table(), table()],
      scope.acquire([maxRows], "u32"),
    ]);
  }

  /** Empties it; the memory stays. */
  reset(): void {
    this.rows = 0;
    this.length = 0;
  }

  /** Forgets every position from `length` on. */
  truncate(length: number): void {
    this.length = Math.min(this.length, length);
  }

  /**
   * New row r goes on from former row parents[r]: a permutation, copies (a prompt that becomes several beams), or fewer
   * rows. Throws when there are more than maxRows or a parent does not exist.
   */
  reorder(parents: readonly number[]): void {
    this.scope.expectOpen();
    if (parents.length > this.maxRows)
      throw new Error(`KVCache.reorder: ${parents.length} rows, the cache holds at most ${this.maxRows}`);
    const wrong = parents.find((parent) => !(parent >= 0 && parent < this.rows));
    if (wrong !== undefined) throw new Error(`KVCache.reorder: no row ${wrong}, the cache has ${this.rows}`);
    const identity = parents.length === this.rows && parents.every((parent, row) => parent === row);
    if (identity) return;
    const { batch } = this.device;
    const [from, to] = this.tables;
    batch.write(this.parents, Uint32Array.from(parents));
    kvCacheReorder(batch, {
      parents: firstRows(this.parents, parents.length),
      length: this.length,
      ancestry: firstRows(from.ancestry, this.rows),
      mask: firstRows(from.mask, this.rows),
      newAncestry: firstRows(to.ancestry, parents.length),
      newMask: firstRows(to.mask, parents.length),
    });
    this.tables = [to, from];
    this.rows = parents.length;
  }

  /**
   * Announces `length` new tokens a row; `mask` [rows * length] is 0 on padding. Throws UserError when they do not fit.
   */
  begin(rows: number, length: number, mask: Uint32Array | undefined): void {
    this.scope.expectOpen();
    if (this.length + length > this.capacity)
      throw new UserError(
        `The cache holds ${this.length} of ${this.capacity} positions and ${length} more were given: make it larger, ` +
          "or start a new one.",
      );
    if (this.length === 0) {
      if (rows > this.maxRows)
        throw new UserError(`The input has ${rows} rows, the cache at most ${this.maxRows}: make it larger.`);
      this.rows = rows;
      const { batch } = this.device;
      const [{ ancestry, mask: visible }] = this.tables;
      batch.write(
        ancestry,
        Uint32Array.from({ length: rows * this.capacity }, (_, i) => Math.floor(i / this.capacity)),
      );
      batch.write(visible, this.maskRows(rows, length, mask));
    } else {
      if (rows !== this.rows)
        throw new UserError(`The input has ${rows} rows, the cache ${this.rows}: give one for each.`);
      if (mask)
        throw new UserError(
          "attentionMask marks padding among tokens added to a cache; only a cache's first input may be padded.",
        );
    }
  }

  /**
   * Adds this layer's new keys and values and returns the attention of the new tokens over all, [rows * length, C],
   * which the caller releases. `padding` u32 [rows, length]: the mask of begin().
   */
  attend(layer: number, qkv: Tensor, rows: number, length: number, padding: Tensor | undefined): Tensor {
    const { batch, pool } = this.device;
    const { keys, values } = this.layers[layer];
    // one token is appended by attentionDecode
    if (this.length === 0 || length > 1) kvCacheAppend(batch, { qkv, keys, values, length, past: this.length });
    const out = pool.acquire([rows * length, qkv.shape[1] / 3]);
    if (this.length === 0) {
      // nothing is cached yet: the tiled kernel is faster than one row a token
      const lse = pool.acquire([rows * this.heads * length]);
      attentionForward(batch, { qkv, mask: padding, out, lse, batch: rows, length, heads: this.heads });
      pool.release(lse);
      return out;
    }
    const { ancestry, mask } = this.tables[0];
    attentionDecode(batch, {
      qkv,
      keys,
      values,
      ancestry: firstRows(ancestry, rows),
      mask: firstRows(mask, rows),
      out,
      past: this.length,
      length,
    });
    return out;
  }

  /**
   * Fills `weights` [rows, heads, length, positions so far] with the probabilities of attend(), for output only; call
   * it after attend().
   */
  attentionWeights(layer: number, qkv: Tensor, weights: Tensor): void {
    const [rows, , length] = weights.shape;
    const { ancestry, mask } = this.tables[0];
    attentionDecodeWeights(this.device.batch, {
      qkv,
      keys: this.layers[layer].keys,
      ancestry: firstRows(ancestry, rows),
      mask: firstRows(mask, rows),
      weights,
      past: this.length,
      length,
    });
  }

  /** After every layer has its keys. */
  advance(length: number): void {
    this.length += length;
  }

  /** Gives the memory back, once. The cache cannot be used afterwards. */
  destroy(): void {
    this.scope.end("the cache was destroyed");
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  /** Everything after the prompt is visible. */
  private maskRows(rows: number, length: number, mask: Uint32Array | undefined): Uint32Array {
    const table = new Uint32Array(rows * this.capacity).fill(1);
    if (mask)
      for (let row = 0; row < rows; row++)
        table.set(mask.subarray(row * length, (row + 1) * length), row * this.capacity);
    return table;
  }
}

function firstRows(table: Tensor, rows: number): Tensor {
  return { ...table, shape: [rows, ...table.shape.slice(1)] };
}
