// Times every kernel at several sizes, in the variant that the adapter is tuned for or in those asked for.
import { requestDevice } from "../src/gpu/device.ts";
import { tuningOf } from "../src/kernels/tuning.ts";
import type { Variant } from "../src/kernels/tuning.ts";
import { attentionCases } from "./cases-attention.ts";
import { elementwiseCases } from "./cases-elementwise.ts";
import { matmulCases } from "./cases-matmul.ts";
import { rowCases } from "./cases-rows.ts";
import type { Family, KernelCase } from "./cases.ts";
import { measure } from "./measure.ts";
import { rates, sizesText } from "./report.ts";
import type { Work } from "./report.ts";
import type { BenchRun } from "./run.ts";
import { Workspace } from "./workspace.ts";

export const allCases: readonly KernelCase[] = [...matmulCases, ...attentionCases, ...rowCases, ...elementwiseCases];

const FAMILIES: readonly Family[] = ["rows", "matmul", "attention"];

export async function benchKernels({ options, ceiling, report, note }: BenchRun): Promise<void> {
  // Very small shares of the ceiling are what a limit can go by before anything has run.
  const limitMs = options.large ? Infinity : options.quick ? 100 : 1000;
  const expectedMs = ({ flops = 0, bytes = 0 }: Work): number => Math.max(flops / ceiling.gflops, bytes / ceiling.gbs) * 10 / 1e6;
  const wanted = allCases.filter(({ name, sizes }) => `${name} ${sizesText(sizes)}`.includes(options.filter));
  const chosen = wanted.filter(({ work }) => expectedMs(work) <= limitMs);
  if (chosen.length < wanted.length) note(`${wanted.length - chosen.length} kernel sizes are too large for a short run here; --large times them too.`);

  const variants: readonly (Variant | undefined)[] = options.variant === "all" ? ["subgroup", "workgroup"] : options.variant === "tuned" ? [undefined] : [options.variant];
  for (const [round, variant] of variants.entries()) {
    const device = await requestDevice(variant ? { tuning: Object.fromEntries(FAMILIES.map((family) => [family, variant])) } : {});
    const workspace = new Workspace(device);
    const tuning = tuningOf(device);
    for (const { name, sizes, work, family, prepare } of chosen) {
      if (round > 0 && !family) continue;
      const { launch } = prepare(workspace);
      const timing = await measure(device, launch, options);
      report({ name, sizes, adapter: device.adapterKey, ...(family && { variant: tuning[family] }), ...timing, ...rates(work, timing, ceiling) });
      workspace.release();
    }
    device.destroy();
  }
}
