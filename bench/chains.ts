// What a launch costs beyond its work: chains of launches that do next to nothing, of which each needs what the one
// before has written (so that the GPU must wait between them), and as many that touch nothing of one another. The
// difference is what a barrier costs, and the second what is left of a launch without one. Microseconds a launch of the
// GPU's time; `record_us` is the host's, for recording it.
import { defineFlags, parseFlags } from "../src/cli/shared/flags.ts";
import { runCli } from "../src/cli/shared/run.ts";
import type { Device } from "../src/gpu/device.ts";
import { requestDevice } from "../src/gpu/device.ts";
import { addInto } from "../src/kernels/add.ts";
import { measure } from "../src/profile/measure.ts";
import type { MeasureOptions } from "../src/profile/measure.ts";
import { jsonLine } from "./result.ts";
import { Workspace } from "./workspace.ts";

const LAUNCHES = 256;
const ELEMENTS = 64;

const flags = defineFlags({
  runs: { type: "int", min: 7, max: 1000, default: 9, group: "How", help: "Timed runs of each chain." },
  quick: { type: "bool", group: "How", help: "Short runs." },
});
const CHAINS = {
  command: "npx tsx bench/chains.ts",
  summary: "Times empty launches that wait for one another, and such that do not. JSON lines.",
  flags,
};

/** Launch i adds into `targets[i % targets.length]`: one target makes a chain of them. */
function chain(device: Device, workspace: Workspace, targets: number): () => void {
  const x = workspace.normal([ELEMENTS], 1e-6);
  const sums = Array.from({ length: targets }, () => workspace.normal([ELEMENTS]));
  return () => {
    for (let i = 0; i < LAUNCHES; i++) addInto(device.batch, { x, y: sums[i % targets] });
  };
}

await runCli(async ({ argv }) => {
  const { values } = parseFlags(CHAINS, argv);
  const options: MeasureOptions = { runs: values.runs, runMs: values.quick ? 5 : 30 };
  const device = await requestDevice();
  for (const [name, targets] of [
    ["launches, each after the one before", 1],
    ["launches that touch nothing of one another", LAUNCHES],
  ] as const) {
    const workspace = new Workspace(device);
    const launch = chain(device, workspace, targets);
    const timing = await measure(device, launch, options);
    const started = performance.now();
    launch();
    const recording = performance.now() - started;
    await device.finish();
    workspace.release();
    const details = { launch_us: (1000 * timing.median_ms) / LAUNCHES, record_us: (1000 * recording) / LAUNCHES };
    const sizes = { launches: LAUNCHES };
    process.stdout.write(`${jsonLine({ name, sizes, adapter: device.adapterKey, ...timing, details })}\n`);
  }
  device.destroy();
});
