// How time and memory grow: training steps over length, batch, layers, width and vocabulary, and a token over its
// context, each with the exponent fitted to it (time = c * x^e) beside that of the arithmetic it does. Nothing should
// grow faster than its arithmetic. `npx tsx bench/scaling.ts` prints one table.
import { defineFlags, parseFlags } from "../src/cli/shared/flags.ts";
import { formatBytes } from "../src/cli/shared/format.ts";
import { runCli } from "../src/cli/shared/run.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { requestDevice } from "../src/gpu/device.ts";
import { measure } from "../src/profile/measure.ts";
import { exponent } from "./exponent.ts";
import type { BenchModel } from "./models.ts";
import { stepFlops, timeSteps } from "./timed-training.ts";
import { tokenLaunch } from "./token-launch.ts";
import { Workspace } from "./workspace.ts";

const flags = defineFlags({
  runs: { type: "int", min: 7, default: 7, group: "How", help: "Timed steps a size." },
  quick: { type: "bool", group: "How", help: "The two smallest sizes of each, to see that everything works." },
});
const SCALING = {
  command: "npx tsx bench/scaling.ts",
  summary: "Times training and decoding at doubling sizes, and fits exponents: does anything grow too fast?",
  flags,
};

const BASE = { batch: 2, length: 128, nLayer: 2, nEmbd: 128, vocabSize: 2048 };
type Sizes = typeof BASE;

function shapeOf({ batch, length, nLayer, nEmbd, vocabSize }: Sizes): BenchModel {
  const off = { embdPdrop: 0, attnPdrop: 0, residPdrop: 0, bosTokenId: null, eosTokenId: null };
  const config = new GPT2Config({ ...off, nLayer, nEmbd, nHead: nEmbd / 64, vocabSize, nPositions: 2048 });
  return { name: "", config, batch, length };
}

interface Series {
  readonly name: string;
  readonly xs: readonly number[];
  readonly milliseconds: number[];
  readonly flops: number[];
  readonly bytes: number[];
}

const AXES: readonly (readonly [keyof Sizes, string, readonly number[]])[] = [
  ["length", "step over length", [64, 128, 256, 512, 1024]],
  ["batch", "step over batch", [1, 2, 4, 8]],
  ["nLayer", "step over layers", [1, 2, 4, 8]],
  ["nEmbd", "step over width", [64, 128, 256, 512]],
  ["vocabSize", "step over vocabulary", [1024, 4096, 16384, 65536]],
];
const CONTEXTS = [64, 256, 1024, 2047];

async function trainingSeries([axis, name, all]: (typeof AXES)[number], runs: number, points: number): Promise<Series> {
  const series: Series = { name, xs: all.slice(0, points), milliseconds: [], flops: [], bytes: [] };
  for (const x of series.xs) {
    const shape = shapeOf({ ...BASE, [axis]: x });
    const device = await requestDevice();
    const { timing } = await timeSteps(device, shape, runs);
    series.milliseconds.push(timing.median_ms);
    series.flops.push(stepFlops(shape));
    series.bytes.push(device.pool.peakBytes);
    device.destroy();
  }
  return series;
}

/** Weights are read whatever the context is, so that short ones cost the same: the exponent is between 0 and 1. */
async function decodingSeries(runs: number, points: number): Promise<Series> {
  const { config } = shapeOf({ ...BASE });
  const series: Series = {
    name: "token over context",
    xs: CONTEXTS.slice(0, points),
    milliseconds: [],
    flops: [],
    bytes: [],
  };
  const { nLayer: L, nEmbd: C, innerSize, vocabSize: V } = config;
  for (const context of series.xs) {
    const device = await requestDevice();
    const model = GPT2LMHeadModel.fromConfig(device, config, { gradients: false });
    const workspace = new Workspace(device);
    const launch = tokenLaunch(workspace, model, { rows: 1, context, way: "greedy" });
    series.milliseconds.push((await measure(device, launch, { runs, runMs: 30 })).median_ms);
    series.flops.push(2 * (L * (4 * C * C + 2 * C * innerSize) + C * V) + 4 * L * (context + 1) * C);
    series.bytes.push(device.pool.peakBytes);
    workspace.release();
    device.destroy();
  }
  return series;
}

function row({ name, xs, milliseconds, flops, bytes }: Series): string {
  const of = (ys: readonly number[]): string => exponent(xs, ys).toFixed(2);
  const cells = [
    name,
    xs.join(", "),
    milliseconds.map((time) => time.toPrecision(3)).join(", "),
    of(milliseconds),
    of(flops),
    bytes.map(formatBytes).join(", "),
    of(bytes),
  ];
  return `| ${cells.join(" | ")} |`;
}

await runCli(async ({ argv, signal }) => {
  const { values } = parseFlags(SCALING, argv);
  const points = values.quick ? 2 : Infinity;
  const print = (text: string): void => void process.stdout.write(`${text}\n`);
  const device = await requestDevice();
  print(
    `${device.description}; where not varied: ${Object.entries(BASE)
      .map((entry) => entry.join(" "))
      .join(", ")}\n`,
  );
  device.destroy();
  print("| | sizes | median, ms | exponent | of its arithmetic | memory at the peak | exponent |");
  print("|---|---|---|---:|---:|---|---:|");
  for (const axis of AXES) {
    print(row(await trainingSeries(axis, values.runs, points)));
    signal.throwIfAborted();
  }
  print(row(await decodingSeries(values.runs, points)));
});
