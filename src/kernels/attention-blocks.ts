// What the kernels of attention share: sizes, parameters, and two ways to multiply blocks of rows by tiles of columns
// (lib/attention_subgroup.wgsl, lib/attention_workgroup.wgsl).
import type { CommandBatch } from "../gpu/batch.ts";
import { defineKernel, join, kernelForms } from "../gpu/kernel.ts";
import type { Bindings, BindingsOf, KernelSpec, None } from "../gpu/kernel.ts";
import { elementCount, expectShape, viewAs } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Variant } from "../gpu/tuning.ts";
import type { BatchWindow } from "./batch-windows.ts";
import { dropoutParams } from "./random.ts";
import type { Dropout } from "./random.ts";
import { subgroupIds } from "./subgroup-ids.ts";

export interface AttentionSizes {
  /** B sequences of T tokens each, NH heads. */
  readonly batch: number;
  readonly length: number;
  readonly heads: number;
}

export interface MaskedSizes extends AttentionSizes {
  /** u32 [B, T], 0 where a key is hidden. */
  readonly mask?: Tensor;
  /**
   * Whether rows hold several segments, of which none sees another: the mask then has for each token of one where that
   * begins, and times 2^16 where the next does. Default false.
   */
  readonly packed?: boolean;
}

export interface AttentionOptions extends MaskedSizes {
  /**
   * On the probabilities, after the softmax, as in HF. The index is ((b * NH + head) * T + query) * T + key, modulo
   * 2^32.
   */
  readonly dropout?: Dropout;
}

export const ATTENTION_PARAMS = {
  batch: "u32",
  length: "u32",
  heads: "u32",
  scale: "f32",
  qkv_at: "u32",
  out_at: "u32",
  lse_at: "u32",
  delta_at: "u32",
  mask_at: "u32",
  rows: "u32",
  chunks: "u32",
  own: "u32",
  masked: "u32",
  accumulate: "u32",
  first_sequence: "u32",
  seed: "u32",
  step: "u32",
  site: "u32",
  drop_below: "u32",
  keep_scale: "f32",
} as const;

export type AttentionParams = { -readonly [name in keyof typeof ATTENTION_PARAMS]: number };
/** Where what is bound begins in each tensor, and whether the result is added. */
type Places = Pick<AttentionParams, "qkv_at" | "out_at" | "lse_at" | "delta_at" | "mask_at" | "accumulate">;

/** Tokens of a row that holds several segments: their places have 16 bits. */
export const MAX_PACKED = 0xffff;

const ROWS_OF_A_WORKGROUP = 32; // 4 subgroups with 8 rows each, or 8 teams with 4
const FORMS = ["subgroup", "subgroup, computed ids", "workgroup"] as const;

/**
 * `products`: of two [T, HS] matrices for every head, of which causal masking needs half; of packed rows fewer, which
 * only their mask knows.
 */
function attentionPart(form: (typeof FORMS)[number], products: number) {
  const part = (variant: Variant, TEAM: number, WG_SIZE: number) =>
    ({
      source: ["lib/grid.wgsl", "lib/random.wgsl", "lib/attention.wgsl", `lib/attention_${variant}.wgsl`],
      params: ATTENTION_PARAMS,
      constants: { HS: "u32", TEAM: "u32", WG_SIZE: "u32", PACKED: "bool" },
      example: { HS: 64, TEAM, WG_SIZE, PACKED: true },
      work: ({ batch, heads, length }: AttentionParams, _: unknown, { HS }: { readonly HS: number }) => ({
        flops: products * batch * heads * length * (length + 1) * HS,
      }),
    }) as const;
  switch (form) {
    case "subgroup":
      return join(subgroupIds("builtin"), part("subgroup", 32, 128));
    case "subgroup, computed ids":
      return join(subgroupIds("computed"), part("subgroup", 32, 128));
    case "workgroup":
      return join({ source: [] }, part("workgroup", 8, 64));
    default:
      throw new Error(`attention: unknown form ${form satisfies never}`);
  }
}

/**
 * Defines a kernel in every form and returns its launch over one window of the batch. `products`: how many of the
 * products of two [T, HS] matrices it makes.
 */
export function defineAttention<const B extends Bindings>({
  products,
  ...spec
}: KernelSpec<B, None, None> & { readonly products: number }) {
  const kernels = kernelForms(FORMS, (form) =>
    defineKernel({
      ...join(attentionPart(form, products), spec),
      name: spec.name,
      variant: spec.variant === undefined ? form : `${form}, ${spec.variant}`,
    }),
  );
  return (batch: CommandBatch, bound: BindingsOf<B>, HS: number, PACKED: boolean, values: AttentionParams) => {
    const { tuning, subgroupSize } = batch.device;
    const subgroup = tuning.attention === "subgroup";
    const TEAM = subgroup ? subgroupSize : 8;
    const blocks = values.batch * values.heads * Math.ceil(values.length / ROWS_OF_A_WORKGROUP);
    values.rows = subgroup ? 8 : 4;
    values.own = Math.ceil(HS / 4 / TEAM);
    const form = !subgroup ? "workgroup" : tuning.subgroupIds === "builtin" ? "subgroup" : "subgroup, computed ids";
    batch.dispatch(kernels(form), { HS, TEAM, WG_SIZE: subgroup ? 4 * TEAM : 64, PACKED }, bound, values, blocks);
  };
}

/** The mask, or what stands in its place where there is none and the kernel does not read it. */
export function maskOr(mask: Tensor | undefined, placeholder: Tensor): Tensor {
  if (mask) return mask;
  if (placeholder.dtype !== "f16") return viewAs(placeholder, "u32");
  return { ...placeholder, dtype: "u32", shape: [elementCount(placeholder.shape) / 2] }; // heads are whole: even
}

/**
 * Written out: a step is bound by what the host does for each launch, and spreading objects costs microseconds. `rows`
 * and `own` follow at launch.
 */
export function launchParams(
  { first, count }: BatchWindow,
  { length, heads, mask, dropout }: AttentionOptions,
  HS: number,
  whole: number,
  places: Places,
): AttentionParams {
  const { seed, step, site, drop_below, keep_scale } = dropoutParams(dropout);
  const { qkv_at, out_at, lse_at, delta_at, mask_at, accumulate } = places;
  return {
    batch: count,
    length,
    heads,
    scale: 1 / Math.sqrt(HS),
    qkv_at,
    out_at,
    lse_at,
    delta_at,
    mask_at,
    rows: 0,
    chunks: whole / 4,
    own: 0,
    masked: mask ? 1 : 0,
    accumulate,
    first_sequence: first,
    seed,
    step,
    site,
    drop_below,
    keep_scale,
  };
}

/** C / NH, after checking qkv and mask. */
export function headSize(
  kernel: string,
  qkv: Tensor,
  { batch: B, length: T, heads: NH, mask, packed = false }: MaskedSizes,
): number {
  const HS = qkv.shape[1] / 3 / NH;
  if (!Number.isInteger(HS) || HS > 128)
    throw new Error(
      `${kernel}: cannot split qkv [${qkv.shape}] into q, k and v of ${NH} heads: ` +
        "head sizes 1 to 128 are supported",
    );
  expectShape(kernel, "qkv", qkv, [B * T, 3 * NH * HS], "B*T and 3C");
  if (mask) expectShape(kernel, "mask", mask, [B, T], "B and T");
  if (packed && (!mask || T > MAX_PACKED))
    throw new Error(`${kernel}: cannot tell segments apart: wanted a mask, and at most ${MAX_PACKED} tokens in a row`);
  return HS;
}
