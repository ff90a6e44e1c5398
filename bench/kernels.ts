// Times every kernel at several sizes, in the variant that the adapter is tuned for or in those asked for.
import { requestDevice } from "../src/gpu/device.ts";
import { attentionCases } from "./cases-attention.ts";
import { nextTokenCases } from "./cases-choice.ts";
import { elementwiseCases } from "./cases-elementwise.ts";
import { matmulCases } from "./cases-matmul.ts";
import { rowCases } from "./cases-rows.ts";
import type { Family, KernelCase } from "./cases.ts";
import type { Ceiling } from "../src/profile/ceiling.ts";
import { measure } from "../src/profile/measure.ts";
import { rates, sizesText } from "./result.ts";
import type { Work } from "./result.ts";
import type { BenchRun } from "./options.ts";
import { Workspace } from "./workspace.ts";

export const allCases: readonly KernelCase[] = [
  ...matmulCases,
  ...attentionCases,
  ...rowCases,
  ...nextTokenCases,
  ...elementwiseCases,
];

const FAMILIES = ["rows", "matmul", "attention", "attentionDecode"] as const satisfies readonly Family[];

/**
 * Whether a launch is likely to take no longer than `limitMs`, at a tenth of what the adapter can do: known before
 * anything has run.
 */
export function withinReach({ flops = 0, bytes = 0 }: Work, { gflops, gbs }: Ceiling, limitMs: number): boolean {
  return (Math.max(flops / gflops, bytes / gbs) * 10) / 1e6 <= limitMs;
}

export async function benchKernels({ options, ceiling, report, note }: BenchRun): Promise<void> {
  const wanted = allCases.filter(({ name, sizes }) => `${name} ${sizesText(sizes)}`.includes(options.filter));
  const chosen = options.large
    ? wanted
    : wanted.filter(({ work }) => withinReach(work, ceiling, options.quick ? 40 : 1000));
  if (chosen.length < wanted.length)
    note(`${wanted.length - chosen.length} kernel sizes are too large for a short run here; --large times them too.`);

  const variants = {
    tuned: [undefined],
    subgroup: ["subgroup"],
    workgroup: ["workgroup"],
    all: ["subgroup", "workgroup"],
  }[options.variant];
  for (const [round, variant] of variants.entries()) {
    const device = await requestDevice(
      variant ? { tuning: Object.fromEntries(FAMILIES.map((family) => [family, variant])) } : {},
    );
    const workspace = new Workspace(device);
    const tuning = device.tuning;
    for (const { name, sizes, work, family, prepare } of chosen) {
      if (round > 0 && !family) continue;
      const { launch } = prepare(workspace);
      const timing = await measure(device, launch, options);
      report({
        name,
        sizes,
        adapter: device.adapterKey,
        ...(family && { variant: tuning[family] }),
        ...timing,
        ...rates(work, timing, ceiling),
      });
      workspace.release();
    }
    device.destroy();
  }
}
