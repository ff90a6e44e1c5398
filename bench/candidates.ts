// The values that tuning tries for each entry of src/kernels/tuning.ts.
import type { Tuning } from "../src/kernels/tuning.ts";
import type { Family } from "./cases.ts";

export type Candidate = Partial<Tuning>;

/** Every combination of the listed values. */
function combinations(values: { readonly [K in keyof Tuning]?: readonly Tuning[K][] }): Candidate[] {
  return Object.entries(values).reduce<Candidate[]>((found, [key, each]) => found.flatMap((one) => each.map((value) => ({ ...one, [key]: value }))), [{}]);
}

/** What is tried for each family of kernels. Every entry of the tuning table stands here. */
export const CANDIDATES: Readonly<Record<Family, readonly Candidate[]>> = {
  rows: combinations({ rows: ["subgroup", "workgroup"], rowsWorkgroupSize: [32, 64, 128, 256] }),
  matmul: [{ matmul: "subgroup" }, ...combinations({ matmul: ["workgroup"], matmulTile: [64, 128], matmulTileK: [8, 16, 32] })],
  attention: combinations({ attention: ["subgroup", "workgroup"] }),
};

/** Entries of the table without candidates: empty, or this file is behind. */
export function untuned(tuning: Tuning): string[] {
  const tried = new Set(Object.values(CANDIDATES).flat().flatMap((candidate) => Object.keys(candidate)));
  return Object.keys(tuning).filter((key) => !tried.has(key));
}
