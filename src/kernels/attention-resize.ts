// Heads of another size: attention's kernels want a multiple of four channels, and zeros at the end of every head
// change neither scores nor sums.
import type { CommandBatch } from "../gpu/batch.ts";
import { defineKernel } from "../gpu/kernel.ts";
import { elementCount } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { batchWindows } from "./batch-windows.ts";
import { bySaved, readSaved, readWriteSaved, savedAs, savedSource, savedVariant } from "./saved.ts";

const WG_SIZE = 64;

const kernel = bySaved((dtype) =>
  defineKernel({
    name: "attention_resize",
    ...savedVariant(dtype),
    source: ["lib/grid.wgsl", savedSource(dtype), "attention_resize.wgsl"],
    bindings: {
      x: readSaved(dtype, "scalar", "[N, from_length]"),
      y: readWriteSaved(dtype, "scalar", "[N, to_length]"),
    },
    params: { elements: "u32", from_length: "u32", to_length: "u32", from_at: "u32", to_at: "u32", accumulate: "u32" },
    constants: { WG_SIZE: "u32" },
    example: { WG_SIZE },
  }),
);

/** The head size that attention computes with. */
export function wholeHead(headSize: number): number {
  return Math.ceil(headSize / 4) * 4;
}

/**
 * y [B*T, n * to] (+)= x [B*T, n * from], each head of `from` channels cut or filled with zeros to `to`; both f32 or
 * both f16. Returns y.
 */
export function resizeHeads(
  batch: CommandBatch,
  {
    x,
    y,
    from,
    to,
    sequences,
    accumulate = false,
  }: {
    readonly x: Tensor;
    readonly y: Tensor;
    readonly from: number;
    readonly to: number;
    readonly sequences: number;
    readonly accumulate?: boolean;
  },
): Tensor {
  for (const { count, part } of batchWindows("attention_resize", batch.device, sequences, from > to ? x : y)) {
    const source = part(x),
      target = part(y);
    const elements = (elementCount(y.shape) / sequences) * count;
    batch.dispatch(
      kernel[savedAs(x)],
      { WG_SIZE },
      { x: source.tensor, y: target.tensor },
      {
        elements,
        from_length: from,
        to_length: to,
        from_at: source.at,
        to_at: target.at,
        accumulate: Number(accumulate),
      },
      Math.ceil(elements / WG_SIZE),
    );
  }
  return y;
}
