// What the adapter lists, the products that a subgroup does at once among it: those are experimental in Dawn, which
// names them only where unsafe features are allowed. The stages run without, as users have it.
import { examineMachine } from "../../src/doctor/machine.ts";
import type { Machine } from "../../src/doctor/machine.ts";
import { DAWN_FLAGS } from "../../src/gpu/node-gpu.ts";
import { requestAdapter } from "../../src/gpu/platform.ts";

/** A product that a subgroup does at once, as the adapter lists it; sizes of left M x K times right K x N. */
export interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

export async function examine(): Promise<{ machine: Machine; matrices: readonly MatrixConfig[] }> {
  const before = process.env[DAWN_FLAGS];
  process.env[DAWN_FLAGS] = [before, "enable-dawn-features=allow_unsafe_apis"].filter(Boolean).join(" ");
  try {
    const machine = await examineMachine();
    const { info } = (await requestAdapter()).adapter as { info: { subgroupMatrixConfigs?: Iterable<MatrixConfig> } };
    const matrices = [...(info.subgroupMatrixConfigs ?? [])].map(({ componentType, resultComponentType, M, N, K }) => ({
      componentType,
      resultComponentType,
      M,
      N,
      K,
    }));
    return { machine, matrices };
  } finally {
    if (before === undefined) delete process.env[DAWN_FLAGS];
    else process.env[DAWN_FLAGS] = before;
  }
}
