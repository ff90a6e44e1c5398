// Chooses each row's next token from its logits and makes it the row's next input, all on the GPU: a decoding step then
// starts from tokens that the CPU has not seen.
import type { CommandBatch } from "../gpu/batch.ts";
import { bitsOf, read, readWrite } from "../gpu/kernel.ts";
import { expectShape, sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { defineRowKernel } from "./rows.ts";
import { expectColumns, rowWindows } from "./windows.ts";

/** What a row gets whose logits are not finite. */
export const NO_TOKEN = 0xffffffff;

const MAX_COLUMNS = 2 ** 24;
const window = { rows: "u32", first_row: "u32", all_rows: "u32" } as const;
const row = { columns: "u32", stride4: "u32", last_position: "u32" } as const;

/** What lib/next_token.wgsl writes. */
const nextInputs = readWrite("u32", "[2, all rows]", "ids, then positions");

const greedy = defineRowKernel({
  name: "sample_greedy",
  source: ["lib/float_order.wgsl", "lib/next_token.wgsl", "sample_greedy.wgsl"],
  bindings: {
    logits: bitsOf("f32", read("vec4u", "[rows, stride4]", "bits of f32; a window from first_row on")),
    inputs: nextInputs,
  },
  params: { ...window, ...row },
});

const sampleSource = ["lib/float_order.wgsl", "lib/random.wgsl", "lib/next_token.wgsl", "sample_multinomial.wgsl"];

const sample = defineRowKernel(
  {
    name: "sample_multinomial",
    source: [...sampleSource, "sample_multinomial_subgroup.wgsl"],
    bindings: {
      logits: bitsOf("f32", read("vec4u", "[rows / expand, stride4]", "bits of f32; a window")),
      inputs: nextInputs,
      streams: read("vec2u", "[all rows]", "names of the rows' random numbers"),
    },
    params: {
      ...window,
      expand: "u32",
      ...row,
      step: "u32",
      top_k: "u32",
      temperature: "f32",
      top_p: "f32",
      min_p: "f32",
    },
  },
  [...sampleSource, "sample_multinomial_workgroup.wgsl"],
);

interface Row {
  /** [R / expand, stride], stride a multiple of 4. */
  readonly logits: Tensor;
  /** How many of the stride's columns are tokens. */
  readonly columns: number;
  /** u32 [2, R]: ids, which are written, and positions, which advance by one, up to `lastPosition`. */
  readonly inputs: Tensor;
  readonly lastPosition: number;
}

/** The token of the greatest logit, the lowest among equals; NO_TOKEN where one is NaN or infinite. */
export function sampleGreedy(batch: CommandBatch, { logits, columns, inputs, lastPosition }: Row): void {
  const [rows, stride] = checked("sample_greedy", { logits, columns, inputs, lastPosition }, 1);
  for (const { start, count } of rowWindows(batch.device, logits)) {
    greedy(
      batch,
      {},
      { logits: sliceRows(logits, start, count), inputs },
      { rows: count, first_row: start, all_rows: rows, columns, stride4: stride / 4, last_position: lastPosition },
      count,
      columns / 4,
    );
  }
}

/**
 * A token drawn with probability softmax(logits / temperature) among those that are kept: the topK greatest (0: all;
 * equals of the last stay too), of these the most probable that together reach topP, of these those at least minP times
 * as probable as the first. The number drawn is pcg4d(stream, step), u32 [R, 2] and a counter. `expand` rows share a
 * row of logits. Inverse transform in the order of ids, as sampler.ts has it: the same token but where the number falls
 * on a boundary within rounding.
 */
export function sampleMultinomial(
  batch: CommandBatch,
  {
    streams,
    expand,
    step,
    temperature,
    topK,
    topP,
    minP,
    ...given
  }: Row & {
    readonly streams: Tensor;
    readonly expand: number;
    readonly step: number;
    readonly temperature: number;
    readonly topK: number;
    readonly topP: number;
    readonly minP: number;
  },
): void {
  const { logits, columns, inputs, lastPosition } = given;
  const [rows, stride] = checked("sample_multinomial", given, expand);
  expectShape("sample_multinomial", "streams", streams, [rows * expand, 2], "R of inputs");
  for (const { start, count } of rowWindows(batch.device, logits)) {
    sample(
      batch,
      {},
      { logits: sliceRows(logits, start, count), inputs, streams },
      {
        rows: count * expand,
        first_row: start * expand,
        all_rows: rows * expand,
        expand,
        columns,
        stride4: stride / 4,
        last_position: lastPosition,
        step,
        top_k: topK,
        temperature,
        top_p: topP,
        min_p: minP,
      },
      count * expand,
      columns / 4,
    );
  }
}

function checked(kernel: string, { logits, columns, inputs }: Row, expand: number): [rows: number, stride: number] {
  const [rows, stride] = logits.shape;
  expectColumns(kernel, logits, columns);
  if (columns >= MAX_COLUMNS)
    throw new Error(`${kernel}: cannot choose among ${columns} columns, expected fewer than ${MAX_COLUMNS}`);
  expectShape(kernel, "inputs", inputs, [2, rows * expand], "ids and positions");
  return [rows, stride];
}
