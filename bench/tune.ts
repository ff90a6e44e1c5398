// Finds the fastest form of each kernel for the adapter at hand: every candidate of src/gpu/tuning.ts is compared
// with the present row's results, then timed. Prints the row to put there.
import { announce } from "../src/cli/shared/announce.ts";
import { defineFlags, parseFlags } from "../src/cli/shared/flags.ts";
import type { Program } from "../src/cli/shared/flags.ts";
import { runCli } from "../src/cli/shared/run.ts";
import type { CliContext } from "../src/cli/shared/run.ts";
import type { Device } from "../src/gpu/device.ts";
import { requestDevice } from "../src/gpu/device.ts";
import type { Tensor } from "../src/gpu/tensor.ts";
import type { Tuning } from "../src/gpu/tuning.ts";
import { SWEEPS, untuned } from "./candidates.ts";
import type { Candidate, Sweep } from "./candidates.ts";
import { measureCeiling } from "../src/profile/ceiling.ts";
import type { KernelCase } from "./cases.ts";
import { allCases, withinReach } from "./kernels.ts";
import { measure } from "../src/profile/measure.ts";
import { sizesText } from "./result.ts";
import { Workspace } from "./workspace.ts";

const NAMES = Object.keys(SWEEPS) as readonly (keyof typeof SWEEPS)[];

const flags = defineFlags({
  only: { type: "choice", choices: NAMES, group: "Tuning", help: "Tune only these kernels." },
  runs: { type: "int", min: 7, max: 1000, default: 7, group: "Tuning", help: "Timed runs of each candidate and size." },
  quick: { type: "bool", group: "Tuning", help: "Small sizes only." },
});
const TUNE: Program<typeof flags> = {
  command: "npx tsx bench/tune.ts",
  summary: "Finds the fastest form of each kernel on this adapter and prints the row for src/gpu/tuning.ts.",
  flags,
};

async function main({ argv, signal }: CliContext): Promise<void> {
  const { values } = parseFlags(TUNE, argv);
  const device = await requestDevice();
  announce(device);
  const timing = { runs: values.runs, runMs: values.quick ? 5 : 20 };
  const ceiling = await measureCeiling(device, timing);
  const present = device.tuning;
  const missing = untuned(present);
  if (missing.length > 0) throw new Error(`tune: no candidates for ${missing.join(", ")}`);
  device.destroy();

  let row: Tuning = present;
  for (const name of NAMES) {
    if (signal.aborted || (values.only && values.only !== name)) continue;
    const { family, concerns, candidates }: Sweep = SWEEPS[name];
    const cases = allCases.filter(
      (each) =>
        each.family === family && concerns(each.name) && withinReach(each.work, ceiling, values.quick ? 20 : 200),
    );
    print(`\n${name}: ${cases.length} sizes`);
    if (cases.length > 0) row = { ...row, ...(await fastest(candidates, cases, row, timing, signal)) };
  }
  const { adapterKey } = device;
  const key = /^[a-z]\w*$/.test(adapterKey) ? adapterKey : JSON.stringify(adapterKey);
  const entries = Object.entries(row).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  print(`\n  ${key}: { ${entries.join(", ")} },`);
}

interface Measured {
  readonly outputs: readonly ArrayLike<number>[];
  readonly milliseconds: number;
}

/** The candidate with the least geometric mean of its times over the present row's. */
async function fastest(
  candidates: readonly Candidate[],
  cases: readonly KernelCase[],
  present: Tuning,
  timing: { runs: number; runMs: number },
  signal: AbortSignal,
): Promise<Candidate> {
  const reference = await measureAll(cases, present, timing);
  let best: { candidate: Candidate; ratio: number } = { candidate: {}, ratio: 1 };
  for (const candidate of candidates) {
    if (signal.aborted) break;
    const name = sizesText(candidate as Record<string, string | number>);
    if (Object.entries(candidate).every(([key, value]) => present[key as keyof Tuning] === value)) {
      print(`  ${name.padEnd(56)} 1.00  as it is`);
      continue;
    }
    try {
      const found = await measureAll(cases, { ...present, ...candidate }, timing, reference);
      const ratio = Math.exp(
        found.reduce((sum, { milliseconds }, i) => sum + Math.log(milliseconds / reference[i].milliseconds), 0) /
          cases.length,
      );
      print(`  ${name.padEnd(56)} ${ratio.toFixed(2)}`);
      if (ratio < best.ratio) best = { candidate, ratio };
    } catch (error) {
      print(`  ${name.padEnd(56)} out   ${(error as Error).message}`); // wrong, or more than this adapter can do
    }
  }
  return best.candidate;
}

/** Times every case on a device with this tuning. Throws where outputs differ from the reference's. */
async function measureAll(
  cases: readonly KernelCase[],
  tuning: Tuning,
  timing: { runs: number; runMs: number },
  reference?: readonly Measured[],
): Promise<Measured[]> {
  const device = await requestDevice({ tuning: { ...tuning } });
  try {
    const workspace = new Workspace(device);
    const all: Measured[] = [];
    for (const [i, { name, sizes, prepare }] of cases.entries()) {
      const { launch, outputs: tensors } = prepare(workspace);
      launch();
      const outputs: ArrayLike<number>[] = [];
      for (const tensor of tensors) outputs.push(await readValues(device, tensor));
      if (reference)
        outputs.forEach((output, o) => compare(`${name} ${sizesText(sizes)}`, output, reference[i].outputs[o]));
      all.push({ outputs, milliseconds: (await measure(device, launch, timing)).median_ms });
      workspace.release();
    }
    return all;
  } finally {
    device.destroy();
  }
}

function readValues(device: Device, tensor: Tensor): Promise<ArrayLike<number>> {
  return tensor.dtype === "u32" ? device.readU32(tensor) : device.read(tensor);
}

/** Variants add in other orders: they may differ by rounding, measured against the largest value. */
function compare(what: string, got: ArrayLike<number>, want: ArrayLike<number>): void {
  let scale = 0;
  for (let i = 0; i < want.length; i++) scale = Math.max(scale, Math.abs(want[i]));
  for (let i = 0; i < want.length; i++) {
    if (!(Math.abs(got[i] - want[i]) <= 1e-4 * scale))
      throw new Error(`${what}: element ${i} is ${got[i]}, the present form gives ${want[i]}`);
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

await runCli(main);
