// Token plus position embedding, with GPT-2's token types (rows of wte again), and the gradient of its tables. Backward
// wants the rows grouped by table index; the CPU, which has the ids anyway, makes the groups.
import type { CommandBatch } from "../gpu/batch.ts";
import type { DeviceContext } from "../gpu/context.ts";
import { defineKernel, read, readWrite } from "../gpu/kernel.ts";
import { byteLength, bytesPerElement, expectShape, sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { columnsWorkgroupSize, defineRowKernel } from "./rows.ts";
import { readStored, storedAs, storedSource, storedVariant } from "./stored.ts";
import type { Stored } from "./stored.ts";
import { rowWindows } from "./windows.ts";

const SEGMENT = 64; // rows an invocation adds up: a frequent token (padding) is cut into segments of this, then merged
const BLOCK = 128; // channels of a group that one row of the backward kernel takes, or one workgroup
const WIDTH = BLOCK / 4; // invocations of a workgroup side by side; its other dimension is the group's rows
const WG_SIZE = 256; // at most: most groups have one row

/** Both forms of backward. */
const grouped = {
  bindings: {
    x: read("f32", "[rows, channels]"),
    plan: read("u32", "[...]", "lists of rows; from groups_at on [groups, 3]: start, end, target"),
    out: readWrite("f32", "[targets, channels]"),
  },
  params: {
    groups: "u32",
    groups_at: "u32",
    blocks: "u32",
    channels: "u32",
    first_row: "u32",
    rows: "u32",
    first_target: "u32",
    targets: "u32",
  },
  work: (
    { groups, channels }: { readonly groups: number; readonly channels: number },
    { x }: { readonly x: Tensor },
  ) => ({ bytes: byteLength(x) + 8 * groups * channels }),
} as const;

const params = {
  rows: "u32",
  first_row: "u32",
  all_rows: "u32",
  channels: "u32",
  first_token: "u32",
  tokens: "u32",
  first_position: "u32",
  positions: "u32",
} as const;

const tables = (stored: Stored) => ({
  indices: read("u32", "[2 or 3, all rows]", "ids, then positions, then types"),
  wte: readStored(stored, "scalar", "[tokens, channels]"),
  wpe: readStored(stored, "scalar", "[positions, channels]"),
  y: readWrite("f32", "[rows, channels]"),
});

const lookUp = (stored: Stored) =>
  defineRowKernel({
    name: "embedding",
    ...storedVariant(stored),
    source: [storedSource(stored), "lib/embedding_row.wgsl", "embedding.wgsl"],
    bindings: tables(stored),
    params,
    work: ({ rows, channels }) => ({ bytes: (4 + 2 * bytesPerElement(stored)) * rows * channels }),
  });

const lookUpTyped = (stored: Stored) =>
  defineRowKernel({
    name: "embedding_typed",
    ...storedVariant(stored),
    source: [storedSource(stored), "lib/embedding_row.wgsl", "embedding_typed.wgsl"],
    bindings: {
      ...tables(stored),
      type_table: readStored(stored, "scalar", "[types, channels]", "wte again, perhaps another window"),
    },
    params: { ...params, first_type: "u32", types: "u32" },
    work: ({ rows, channels }) => ({ bytes: (4 + 3 * bytesPerElement(stored)) * rows * channels }),
  });

const FORWARD = { f32: lookUp("f32"), f16: lookUp("f16") };
const FORWARD_TYPED = { f32: lookUpTyped("f32"), f16: lookUpTyped("f16") };

const backward = defineRowKernel({
  name: "embedding_backward",
  source: ["embedding_backward_subgroup.wgsl"],
  ...grouped,
  constants: { BLOCK: "u32" },
  example: { BLOCK },
});

const backwardWorkgroup = defineKernel({
  name: "embedding_backward",
  variant: "workgroup, columns",
  source: ["lib/grid.wgsl", "lib/columns_workgroup.wgsl", "embedding_backward_workgroup.wgsl"],
  ...grouped,
  constants: { ACCUMULATE: "bool", WG_SIZE: "u32", WIDTH: "u32" },
  example: { ACCUMULATE: true, WG_SIZE, WIDTH },
});

/** Invocations of a workgroup that has a group, 0 where groups are added by row kernels. */
const groupSize = (device: DeviceContext): number => Math.min(WG_SIZE, columnsWorkgroupSize(device));

interface Lookup {
  readonly indices: Tensor;
  readonly wte: Tensor;
  readonly wpe: Tensor;
  readonly y: Tensor;
}

/**
 * indices u32 [2, N] (ids, then positions) or [3, N] (and types), wte [V, C], wpe [P, C], both f32 or both f16 -> y
 * [N, C]. Rows with an index outside its table are not written.
 */
export function embeddingForward(batch: CommandBatch, { indices, wte, wpe, y }: Lookup): void {
  const [rows, C] = y.shape;
  const typed = indices.shape[0] === 3;
  expectShape("embedding", "indices", indices, [typed ? 3 : 2, rows], "N of y");
  expectShape("embedding", "wte", wte, [wte.shape[0], C], "C of y");
  expectShape("embedding", "wpe", wpe, [wpe.shape[0], C], "C of y");
  const { device } = batch;
  const stored = storedAs(wte);
  for (const row of rowWindows(device, y))
    for (const token of rowWindows(device, wte))
      for (const position of rowWindows(device, wpe)) {
        const bindings = {
          indices,
          wte: sliceRows(wte, token.start, token.count),
          wpe: sliceRows(wpe, position.start, position.count),
          y: sliceRows(y, row.start, row.count),
        };
        const params = {
          rows: row.count,
          first_row: row.start,
          all_rows: rows,
          channels: C,
          first_token: token.start,
          tokens: token.count,
          first_position: position.start,
          positions: position.count,
        };
        if (!typed) FORWARD[stored](batch, {}, bindings, params, row.count, C);
        else
          for (const type of rowWindows(device, wte))
            FORWARD_TYPED[stored](
              batch,
              {},
              { ...bindings, type_table: sliceRows(wte, type.start, type.count) },
              { ...params, first_type: type.start, types: type.count },
              row.count,
              C,
            );
      }
}

/** Groups in a plan: where their [count, 3] table starts, and how many there are. */
interface Groups {
  readonly at: number;
  readonly count: number;
}

/** Which rows are added to which table row. Lives in one u32 buffer, perhaps beside the plans of other tables. */
export interface GatherPlan {
  /** Groups short enough to be added at once: rows of dy to a row of the table. */
  readonly direct: Groups;
  /** Segments of the long groups: rows of dy to a partial sum each. */
  readonly segments: Groups;
  /** The long groups again: partial sums to a row of the table. */
  readonly merged: Groups;
}

/** Rows that a launch on this device adds up at once: what plans for it cut groups into. */
export function gatherSegment(device: DeviceContext): number {
  return SEGMENT * Math.max(1, groupSize(device) / WIDTH);
}

/** A group of more than `segment` rows has fewer segments than twice its rows over `segment`, and so have all. */
const mostSegments = (rows: number, segment: number): number => Math.floor((2 * rows) / segment);

/** Room for the plan of any `rows` indices: one size of buffer, whatever the tokens are. */
export function planRoom(rows: number, segment: number): number {
  const listed = rows + mostSegments(rows, segment);
  return listed + 3 * listed;
}

/**
 * Appends to `words` the plan that adds row n of dy to row `indices[n]` of a table: groups by ascending index, rows
 * ascending. Rows of an index below 0 are left out. `segment`: see gatherSegment.
 */
export function planGather(indices: ArrayLike<number>, words: number[], segment = SEGMENT): GatherPlan {
  const N = indices.length;
  // by index, then by row; exact below 2^53
  const keys = Float64Array.from({ length: N }, (_, n) => indices[n] * N + n).sort();
  const first = keys.findIndex((key) => key >= 0);
  const sorted = keys.subarray(first < 0 ? N : first);
  const base = words.length;
  for (const key of sorted) words.push(key % N);
  const direct: number[] = [],
    segments: number[] = [],
    merged: number[] = [];
  for (let start = 0, end = 0; start < sorted.length; start = end) {
    const index = Math.floor(sorted[start] / N);
    while (end < sorted.length && sorted[end] < (index + 1) * N) end++;
    if (end - start <= segment) {
      direct.push(base + start, base + end, index);
      continue;
    }
    const firstPart = segments.length / 3;
    for (let at = start; at < end; at += segment)
      segments.push(base + at, base + Math.min(at + segment, end), segments.length / 3);
    merged.push(firstPart, segments.length / 3, index);
  }
  const partials = words.length; // the merged groups list partial sums by number
  for (let i = 0; i < segments.length / 3; i++) words.push(i);
  const append = (groups: readonly number[], shift: number): Groups => {
    const at = words.length;
    groups.forEach((word, i) => words.push(i % 3 < 2 ? word + shift : word));
    return { at, count: groups.length / 3 };
  };
  return { direct: append(direct, 0), segments: append(segments, 0), merged: append(merged, partials) };
}

/** dtable [V, C] += rows of dy [N, C] by `gather`, whose words are in `plan` (u32). */
export function embeddingBackward(
  batch: CommandBatch,
  {
    dy,
    plan,
    gather,
    dtable,
  }: { readonly dy: Tensor; readonly plan: Tensor; readonly gather: GatherPlan; readonly dtable: Tensor },
): void {
  const [rows, C] = dy.shape;
  expectShape("embedding_backward", "dtable", dtable, [dtable.shape[0], C], "C of dy");
  addGroups(batch, dy, plan, gather.direct, dtable, true);
  const { count } = gather.segments;
  if (count === 0) return;
  const { pool } = batch.device;
  // As many as there can be: one buffer for all batches of a size.
  const partial = pool.acquire([Math.max(count, mostSegments(rows, gatherSegment(batch.device))), C]);
  try {
    const once = groupSize(batch.device) > 0 && rowWindows(batch.device, dy).length === 1;
    if (!once) batch.clear(partial);
    addGroups(batch, dy, plan, gather.segments, partial, !once);
    addGroups(batch, partial, plan, gather.merged, dtable, true);
  } finally {
    pool.release(partial);
  }
}

function addGroups(
  batch: CommandBatch,
  x: Tensor,
  plan: Tensor,
  groups: Groups,
  out: Tensor,
  accumulate: boolean,
): void {
  const [, C] = x.shape;
  const size = groupSize(batch.device);
  const blocks = Math.ceil(C / BLOCK);
  for (const row of rowWindows(batch.device, x))
    for (const target of rowWindows(batch.device, out)) {
      const bindings = { x: sliceRows(x, row.start, row.count), plan, out: sliceRows(out, target.start, target.count) };
      const params = {
        groups: groups.count,
        groups_at: groups.at,
        blocks,
        channels: C,
        first_row: row.start,
        rows: row.count,
        first_target: target.start,
        targets: target.count,
      };
      if (size > 0)
        batch.dispatch(
          backwardWorkgroup,
          { ACCUMULATE: accumulate, WG_SIZE: size, WIDTH },
          bindings,
          params,
          groups.count * blocks,
        );
      else backward(batch, { BLOCK }, bindings, params, groups.count * blocks);
    }
}
