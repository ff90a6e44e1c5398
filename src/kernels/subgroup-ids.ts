// Which of its workgroup's subgroups an invocation is in: WGSL does not say how local indices are dealt to subgroups,
// so the device is asked where the compiler knows the question (language feature subgroup_id).
import type { Part } from "../gpu/kernel.ts";
import type { SubgroupIds } from "../gpu/tuning.ts";

/** The part of a kernel that provides `struct Invocation` and subgroup_of(). */
export function subgroupIds(ids: SubgroupIds): Part {
  return {
    source: [`lib/subgroup_ids_${ids}.wgsl`],
    needs: ids === "builtin" ? ["subgroups", "subgroup_id"] : ["subgroups"],
  };
}
