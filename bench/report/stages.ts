// What bench/report.ts runs, in this order: programs of this folder, each a process of its own, since Dawn's toggles
// hold for a whole process and since one that hangs or dies must not take the rest with it.
import { peersMissing } from "../peers/packages.ts";

export interface Stage {
  readonly name: string;
  /** A program of bench/ and its flags. */
  readonly command: readonly [file: string, ...flags: string[]];
  /** For Dawn, as GPT2_WEBGPU_DAWN has them. */
  readonly toggles?: string;
  /** It is stopped after so many seconds; what it has printed counts. */
  readonly seconds: number;
  /** Where it fails nothing after it is worth timing. */
  readonly must?: boolean;
  /** Why it cannot be run here. */
  readonly skipped?: string;
}

/** What may make kernels faster, and what shows where their time goes; Dawn's names. */
const TOGGLES = {
  "indices are not clamped": "enable-dawn-features=disable_robustness",
  "no maximal reconvergence": "disable-dawn-features=use_spirv_reconvergence_mode",
  "workgroup memory is not cleared": "enable-dawn-features=disable_workgroup_init",
  "calls are not validated": "enable-dawn-features=skip_validation",
} as const;

/** What the toggles are compared by: `plain` is run before and after, so that what changed meanwhile is seen. */
const SAMPLE = ["run.ts", "--only", "kernels", "--filter", "matmul nn"] as const;
export const PLAIN = "plain";

/** With `quick` the same on small sizes, to see that everything works. */
export function stages(quick: boolean): Stage[] {
  const flags = quick ? ["--quick"] : [];
  const toggled = Object.entries(TOGGLES).map(([name, toggles]): Stage => ({
    name,
    command: [...SAMPLE, ...flags],
    toggles,
    seconds: 20,
  }));
  const plain: Stage = { name: PLAIN, command: [...SAMPLE, ...flags], seconds: 20 };
  return [
    { name: "correctness", command: ["check.ts", ...(quick ? ["layernorm"] : [])], seconds: 150, must: true },
    { name: "launches", command: ["chains.ts", ...flags], seconds: 20 },
    plain,
    ...toggled,
    { ...plain, name: `${PLAIN} again` },
    { name: "kernels", command: ["run.ts", "--only", "kernels", ...flags], seconds: 75 },
    { name: "training", command: ["run.ts", "--only", "train", ...flags], seconds: 75 },
    { name: "decoding", command: ["run.ts", "--only", "decode", ...flags], seconds: 60 },
    { name: "peers", command: ["peers/run.ts", "--minutes", "2", ...flags], seconds: 240, skipped: peersMissing() },
  ];
}
