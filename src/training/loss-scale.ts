// What a loss scale can be, and what a checkpoint keeps of it. How it is adapted stands in lib/loss_scale_dynamic.wgsl.

/** The loss scale, and how many updates in a row have not overflowed since it last changed. */
export interface LossScaleState {
  readonly scale: number;
  readonly goodUpdates: number;
}

/** As in lib/loss_scale_dynamic.wgsl; apex's largest. */
const SCALES = { least: 2 ** -24, most: 2 ** 24 } as const;

/** Whether it is one that a loss scale can have. */
export const isLossScale = (scale: unknown): scale is number =>
  typeof scale === "number" && scale >= SCALES.least && scale <= SCALES.most && Number.isInteger(Math.log2(scale));
