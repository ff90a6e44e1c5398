// Chooses an adapter's kernels by trying them on it: for each entry of the table in gpu/tuning.ts that decides most, a
// few values, of which only those count that compute what an oracle says, and of these the fastest.
import type { Device, DeviceOptions } from "../gpu/device.ts";
import type { Tuning } from "../gpu/tuning.ts";
import { measure } from "../profile/measure.ts";
import { TRIALS } from "./trials.ts";
import type { Prepared, Trial } from "./trials.ts";
import { TrialTensors } from "./trial-tensors.ts";

export type Candidate = Partial<Tuning>;

interface Sweep {
  readonly trials: readonly Trial[];
  readonly candidates: readonly Candidate[];
}

/** In this order, each with the winners of those before. */
const SWEEPS = {
  matmul: {
    trials: TRIALS.matmul,
    candidates: [
      { matmul: "subgroup" },
      ...[64, 200, 400, 800].map((matmulWorkgroups): Candidate => ({ matmul: "workgroup", matmulWorkgroups })),
      { matmul: "workgroup", matmulWorkgroups: 8, matmulTile: 128 },
    ],
  },
  matvec: { trials: TRIALS.matvec, candidates: [4, 8, 16, 32].map((matvecRows) => ({ matvecRows })) },
  attentionDecode: {
    trials: TRIALS.attentionDecode,
    candidates: [
      { attentionDecode: "subgroup" },
      ...[64, 128, 256, 512].map((attentionLanes): Candidate => ({ attentionDecode: "workgroup", attentionLanes })),
    ],
  },
  attention: { trials: TRIALS.attention, candidates: [{ attention: "subgroup" }, { attention: "workgroup" }] },
  rows: {
    trials: TRIALS.rows,
    candidates: [{ rows: "subgroup", rowsWorkgroupSize: 64 }, { rows: "mixed" }, { rows: "workgroup" }],
  },
} as const satisfies Readonly<Record<string, Sweep>>;

/** Faster by less is taken for noise. */
const LEAST_GAIN = 0.05;
const TIMING = { runs: 7, runMs: 4 };
/** Of the largest value that should be there: sums in another order differ by rounding. */
const TOLERANCE = 1e-4;

export interface TuneOptions {
  /** Opens a device of the adapter with such a row; it is destroyed here. */
  readonly open: (options: DeviceOptions) => Promise<Device>;
  /** No candidate is begun after so many milliseconds. */
  readonly budgetMs?: number;
  readonly now?: () => number;
  /** Which entries are tuned; default: all. */
  readonly only?: readonly (keyof typeof SWEEPS)[];
  /** Of each candidate: its time over that of the row before (NaN: it was wrong, and how). */
  readonly onTried?: (candidate: Candidate, ratio: number, wrong?: string) => void;
}

export interface Tuned {
  /** What differs from the row that the adapter has without. */
  readonly tuning: Candidate;
  /** Candidates that were timed; less than all where the time was over. */
  readonly tried: number;
  /** What computed wrongly here, in words. */
  readonly wrong: readonly string[];
}

export async function tune({
  open,
  budgetMs = 5000,
  now = () => performance.now(),
  only = Object.keys(SWEEPS) as (keyof typeof SWEEPS)[],
  onTried = () => {},
}: TuneOptions): Promise<Tuned> {
  const until = now() + budgetMs;
  const plain = await open({});
  const { tuning: row } = plain;
  plain.destroy();
  let tuning: Candidate = {};
  let tried = 0;
  const wrong: string[] = [];
  for (const name of only) {
    if (now() >= until) break;
    const { trials, candidates }: Sweep = SWEEPS[name];
    const attempt = async (candidate: Candidate): Promise<readonly number[] | undefined> => {
      try {
        const times = await timesOf(open, { ...tuning, ...candidate }, candidate, trials);
        if (times) tried++;
        return times;
      } catch (error) {
        wrong.push(`${described(candidate, row)}: ${(error as Error).message}`);
        onTried(candidate, NaN, (error as Error).message);
        return undefined;
      }
    };
    const before = await attempt({});
    let best: { readonly candidate: Candidate; readonly ratio: number } = { candidate: {}, ratio: 1 };
    for (const candidate of candidates) {
      if (now() >= until) break;
      if (isSame(candidate, { ...row, ...tuning })) continue;
      const times = await attempt(candidate);
      if (!times) continue;
      // Where the present form is wrong the first right one is taken, and the others compared with it.
      const ratio = before ? geometricMean(times.map((time, i) => time / before[i])) : 1 - 2 * LEAST_GAIN;
      onTried(candidate, ratio);
      if (ratio < best.ratio) best = { candidate, ratio };
    }
    if (best.ratio < 1 - LEAST_GAIN) tuning = { ...tuning, ...best.candidate };
  }
  return { tuning, tried, wrong };
}

/**
 * Milliseconds of each trial with this row; undefined where the adapter cannot have it. Throws Error where a trial's
 * results are not what they should be.
 */
async function timesOf(
  open: TuneOptions["open"],
  tuning: Candidate,
  candidate: Candidate,
  trials: readonly Trial[],
): Promise<readonly number[] | undefined> {
  const device = await open({ tuning });
  try {
    if (!isSame(candidate, device.tuning)) return undefined;
    const times: number[] = [];
    for (const trial of trials) await withTensors(device, (tensors) => check(device, trial, tensors));
    for (const trial of trials)
      await withTensors(device, async (tensors) => {
        const { launch } = trial.prepare(tensors, trial.timed);
        times.push((await measure(device, launch, TIMING)).median_ms);
      });
    return times;
  } finally {
    device.destroy();
  }
}

async function withTensors(device: Device, act: (tensors: TrialTensors) => Promise<void>): Promise<void> {
  const tensors = new TrialTensors(device);
  try {
    await act(tensors);
  } finally {
    tensors.release();
  }
}

async function check(device: Device, trial: Trial, tensors: TrialTensors): Promise<void> {
  const prepared: Prepared = trial.prepare(tensors, trial.small);
  prepared.launch();
  for (const [tensor, expected] of prepared.expected()) {
    const found = await device.read(tensor);
    let scale = 0;
    for (let i = 0; i < expected.length; i++) scale = Math.max(scale, Math.abs(expected[i]));
    for (let i = 0; i < expected.length; i++)
      if (!(Math.abs(found[i] - expected[i]) <= TOLERANCE * scale))
        throw new Error(`${trial.name}, element ${i}: ${found[i]}, and ${expected[i]} in float64`);
  }
}

const isSame = (candidate: Candidate, tuning: Tuning): boolean =>
  Object.entries(candidate).every(([key, value]) => tuning[key as keyof Tuning] === value);

const described = (candidate: Candidate, row: Tuning): string => {
  const entries = Object.entries(candidate);
  return entries.length === 0
    ? `the usual form (${row.matmul} products)`
    : entries.map(([key, value]) => `${key} ${value}`).join(", ");
};

const geometricMean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
