// One case is one launch function at one size: its tensors, what it writes, and the work it cannot avoid. The benchmark
// of kernels times them all, tuning compares and times those that a setting concerns.
import type { Tensor } from "../src/gpu/tensor.ts";
import type { Sizes, Work } from "./result.ts";
import type { Workspace } from "./workspace.ts";

/** The entries of the tuning table that name a variant of some kernels. */
export type Family = "rows" | "matmul" | "attention" | "attentionDecode";

export interface KernelCase {
  readonly name: string;
  readonly sizes: Sizes;
  /** By which its rate is given: operations where arithmetic limits it, bytes where memory does. */
  readonly work: Work;
  /** The tuning that its kernels follow; undefined: one form for all adapters. */
  readonly family?: Family;
  prepare(workspace: Workspace): Prepared;
}

export interface Prepared {
  launch(): void;
  /** What the first launch writes: the same in every variant, up to rounding. */
  readonly outputs: readonly Tensor[];
}

/** Bytes of f32 elements. */
export const f32 = (elements: number): number => 4 * elements;
