// The values that tuning tries for each entry of src/gpu/tuning.ts.
import type { Tuning } from "../src/gpu/tuning.ts";
import type { Family } from "./cases.ts";

export type Candidate = Partial<Tuning>;

/** Every combination of the listed values. */
function combinations(values: { readonly [K in keyof Tuning]?: readonly Tuning[K][] }): Candidate[] {
  return Object.entries(values).reduce<Candidate[]>(
    (found, [key, each]) => found.flatMap((one) => each.map((value) => ({ ...one, [key]: value }))),
    [{}],
  );
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
  rows: {
    family: "rows",
    concerns: () => true,
    candidates: [
      ...combinations({ rows: ["subgroup"], rowsWorkgroupSize: [32, 64, 128, 256] }),
      ...combinations({ rows: ["workgroup"], rowsWorkgroupSize: [64, 128, 256] }),
      ...combinations({
        rows: ["mixed"],
        rowsMaxSize: [512, 1024],
        rowsLanes: [2 ** 18, 2 ** 19, 2 ** 20],
        rowsShare: [4, 8],
      }),
    ],
  },
  subgroupIds: {
    family: "rows",
    concerns: () => true,
    candidates: combinations({ subgroupIds: ["builtin", "computed"] }),
  },
  matmul: {
    family: "matmul",
    concerns: (name) => !isVector(name),
    candidates: [
      { matmul: "subgroup" },
      ...combinations({ matmul: ["workgroup"], matmulWorkgroups: [1, 64, 128, 256, 400, 600], matmulTile: [64, 128] }),
    ],
  },
  matvec: { family: "matmul", concerns: isVector, candidates: combinations({ matvecRows: [0, 4, 8, 16, 32] }) },
  epilogue: {
    family: "matmul",
    concerns: (name) => /bias/.test(name),
    candidates: combinations({ epilogue: ["compiled", "parameter"] }),
  },
  attention: {
    family: "attention",
    concerns: () => true,
    candidates: combinations({ attention: ["subgroup", "workgroup"] }),
  },
  attentionDecode: {
    family: "attentionDecode",
    concerns: () => true,
    candidates: [
      { attentionDecode: "subgroup" },
      ...combinations({ attentionDecode: ["workgroup"], attentionLanes: [64, 128, 256, 512, 1024] }),
    ],
  },
} as const satisfies Readonly<Record<string, Sweep>>;

/** Entries of the table without candidates: empty, or this file is behind. */
export function untuned(tuning: Tuning): string[] {
  const tried = new Set(
    Object.values(SWEEPS)
      .flatMap(({ candidates }: Sweep) => candidates)
      .flatMap((candidate) => Object.keys(candidate)),
  );
  return Object.keys(tuning).filter((key) => !tried.has(key));
}
