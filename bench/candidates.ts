// The values that tuning tries for each entry of src/kernels/tuning.ts.
import type { Tuning } from "../src/kernels/tuning.ts";
import type { Family } from "./cases.ts";

export type Candidate = Partial<Tuning>;

/** Every combination of the listed values. */
function combinations(values: { readonly [K in keyof Tuning]?: readonly Tuning[K][] }): Candidate[] {
  return Object.entries(values).reduce<Candidate[]>((found, [key, each]) => found.flatMap((one) => each.map((value) => ({ ...one, [key]: value }))), [{}]);
}

/** Entries that are tuned together, over the cases of one family whose name passes. */
export interface Sweep {
  readonly family: Family;
  readonly concerns: (caseName: string) => boolean;
  readonly candidates: readonly Candidate[];
}

const isVector = (name: string): boolean => name.startsWith("matvec");

/** In this order, each with the winners of those before. Every entry of the tuning table stands in one. */
export const SWEEPS = {
  rows: { family: "rows", concerns: () => true, candidates: combinations({ rows: ["subgroup", "workgroup"], rowsWorkgroupSize: [32, 64, 128, 256] }) },
  matmul: {
    family: "matmul", concerns: (name) => !isVector(name),
    candidates: [{ matmul: "subgroup" }, ...combinations({ matmul: ["workgroup"], matmulTile: [64, 128], matmulTileK: [8, 16, 32] })],
  },
  matvec: { family: "matmul", concerns: isVector, candidates: combinations({ matvecRows: [0, 4, 8, 16, 32] }) },
  attention: { family: "attention", concerns: () => true, candidates: combinations({ attention: ["subgroup", "workgroup"] }) },
} as const satisfies Readonly<Record<string, Sweep>>;

/** Entries of the table without candidates: empty, or this file is behind. */
export function untuned(tuning: Tuning): string[] {
  const tried = new Set(Object.values(SWEEPS).flatMap(({ candidates }: Sweep) => candidates).flatMap((candidate) => Object.keys(candidate)));
  return Object.keys(tuning).filter((key) => !tried.has(key));
}
