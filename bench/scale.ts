// What training by several processes costs: `npx tsx bench/scale.ts` times updates by 1, 2 and 4 ranks under mpirun on
// this machine, and their exchange; then it prints what scale-model.ts expects of clusters. Ranks on software adapters
// share this machine's cores, so updates of more ranks take longer here: the exchange is what is measured.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { announceRanks } from "../src/cli/mpi/announce-ranks.ts";
import { withRanks } from "../src/cli/mpi/with-ranks.ts";
import type { MpiJob } from "../src/cli/mpi/with-ranks.ts";
import { defineFlags, parseFlags } from "../src/cli/shared/flags.ts";
import { formatBytes } from "../src/cli/shared/format.ts";
import { runCli } from "../src/cli/shared/run.ts";
import { UserError } from "../src/errors.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { requestDevice } from "../src/gpu/device.ts";
import { Random } from "../src/random.ts";
import { AdamW } from "../src/training/optimizer.ts";
import type { Exchange } from "../src/training/exchange.ts";
import { Shards } from "../src/training/shards.ts";
import { TrainingStep } from "../src/training/step.ts";
import { DEMO, GPT2, SMALL } from "./models.ts";
import { expectedUpdate } from "./scale-model.ts";

const MODELS = { demo: DEMO, small: SMALL, "124M": GPT2 };
const NAMES = ["demo", "small", "124M"] as const;

const flags = defineFlags({
  model: { type: "choice", choices: NAMES, default: "small", group: "Here", help: "The model that is trained." },
  updates: { type: "int", min: 1, default: 7, group: "Here", help: "Timed updates, after two that compile." },
  mpirun: {
    type: "string",
    default: "mpirun --oversubscribe",
    group: "Here",
    help: "The launcher, with its flags. MPICH's knows no --oversubscribe.",
  },
  onlyExpected: { type: "bool", group: "Clusters", help: "Time nothing, print what is expected of clusters." },
  tflops: {
    type: "float",
    above: 0,
    default: 15,
    group: "Clusters",
    help: "What training reaches of one GPU, in TFLOP/s of f32.",
  },
  tokens: { type: "int", min: 1, default: 65536, group: "Clusters", help: "Tokens a GPU computes an update." },
  hostGbs: {
    type: "float",
    above: 0,
    default: 2,
    group: "Clusters",
    help: "What the host moves between GPU and network, sums included, in GB/s: the exchange's own rate, as timed.",
  },
  latency: {
    type: "float",
    min: 0,
    default: 10,
    group: "Clusters",
    help: "Microseconds that a message takes beside its bytes: 2 on InfiniBand, 30 and more over TCP.",
  },
  timeRank: { type: "bool", group: "Inside", help: "What mpirun starts: time one rank." },
});

const PROGRAM = {
  command: "npx tsx bench/scale.ts",
  summary: "Times updates by 1, 2 and 4 ranks here, and says what to expect of clusters.",
  flags,
};

interface Timing {
  readonly ranks: number;
  readonly parameters: number;
  /** Medians, in milliseconds. */
  readonly update: number;
  readonly exchange: number;
  /** Of it, that of gradients, which alone could be hidden behind backward. */
  readonly gradients: number;
  /** That a rank sends an update. */
  readonly bytes: number;
}

/** One rank's part of the timing; rank 0 prints what it measured. */
async function timeRank(model: keyof typeof MODELS, updates: number, mpi: MpiJob | undefined): Promise<void> {
  if (mpi) await announceRanks(mpi.ranks);
  const { config, batch, length } = MODELS[model];
  const device = await requestDevice();
  const gpt2 = GPT2LMHeadModel.fromConfig(device, config);
  const shards = mpi && new Shards(gpt2.trained, mpi.ranks);
  const optimizer = new AdamW(gpt2.trained, { shards });
  let ofGradients = 0;
  // The exchange is timed from when every GPU has its gradients: waiting for them is no part of it.
  const exchange: Exchange | undefined =
    shards &&
    (async (gradients, counts) => {
      await device.read({ ...gradients[0], shape: [1] });
      await mpi.ranks.meet();
      const before = shards.meter.seconds;
      const all = await shards.exchange(gradients, counts);
      ofGradients = shards.meter.seconds - before;
      return all;
    });
  const step = new TrainingStep(gpt2, optimizer, { maxGradNorm: 1, exchange });
  const random = new Random(1, mpi?.ranks.rank ?? 0);
  const inputIds = Array.from({ length: batch }, () => Array.from({ length }, () => random.below(config.vocabSize)));
  const times: { update: number; exchange: number; gradients: number; bytes: number }[] = [];
  for (let i = 0; i < updates + 2; i++) {
    const before = { time: performance.now(), seconds: shards?.meter.seconds ?? 0, bytes: shards?.meter.bytes ?? 0 };
    await (
      await step.run([{ inputIds, labels: inputIds }], 1e-4)
    ).result;
    if (i < 2) continue;
    times.push({
      update: performance.now() - before.time,
      gradients: 1000 * ofGradients,
      exchange: 1000 * ((shards?.meter.seconds ?? 0) - before.seconds),
      bytes: (shards?.meter.bytes ?? 0) - before.bytes,
    });
  }
  const median = (of: (each: (typeof times)[number]) => number): number =>
    times.map(of).sort((a, b) => a - b)[times.length >> 1];
  const parameters = [...gpt2.trained.all()].reduce(
    (sum, { value }) => sum + value.shape.reduce((a, b) => a * b, 1),
    0,
  );
  const timing: Timing = {
    ranks: mpi?.ranks.size ?? 1,
    parameters,
    update: median(({ update }) => update),
    exchange: median(({ exchange }) => exchange),
    gradients: median(({ gradients }) => gradients),
    bytes: median(({ bytes }) => bytes),
  };
  process.stdout.write(`${JSON.stringify(timing)}\n`);
}

function timeRanks(ranks: number, mpirun: string, args: readonly string[]): Timing {
  const node = [process.execPath, "--import", "tsx", fileURLToPath(import.meta.url), "--time_rank", ...args];
  const [command, ...rest] = ranks === 1 ? node : [...mpirun.split(/\s+/), "-n", `${ranks}`, ...node];
  const ended = spawnSync(command, rest, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  if (ended.status !== 0) throw new UserError(`${ranks} ranks could not be timed: ${command} ended without a result.`);
  return JSON.parse(ended.stdout) as Timing;
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);

await runCli(async ({ argv }) => {
  const { values } = parseFlags(PROGRAM, argv);
  if (values.timeRank) return withRanks((mpi) => timeRank(values.model, values.updates, mpi));
  if (!values.onlyExpected) {
    print(
      "| ranks | update, ms | of it exchange, ms | of that gradients, ms | a rank sends | exchanged values, GB/s |\n" +
        "|---|---|---|---|---|---|",
    );
    for (const ranks of [1, 2, 4]) {
      const args = ["--model", values.model, "--updates", `${values.updates}`];
      const { update, exchange, gradients, bytes, parameters } = timeRanks(ranks, values.mpirun, args);
      const rate = ranks === 1 ? "" : ((8 * parameters) / exchange / 1e6).toFixed(2);
      const times = [update, exchange, gradients].map((each) => each.toFixed(0));
      print(`| ${[ranks, ...times, formatBytes(bytes), rate].join(" | ")} |`);
    }
    print("");
  }
  const { tflops, tokens, hostGbs, latency } = values;
  print(
    `Expected efficiency: ${tokens} tokens a GPU and update at ${tflops} TFLOP/s, ${hostGbs} GB/s through the host, ` +
      `${latency} microseconds a message; in brackets at most, if gradients were exchanged behind backward:\n`,
  );
  const speeds = [10, 25, 100, 400];
  print(`| model | GPUs | a rank sends | ${speeds.map((gbits) => `${gbits} Gbit/s`).join(" | ")} |`);
  print(`|---|---|---|${"---|".repeat(speeds.length)}`);
  for (const [name, parameters] of [["124M", 124_439_808] as const, ["1.5B", 1_557_611_200] as const])
    for (const ranks of [8, 64, 256, 1024]) {
      const cluster = { ranks, latency: latency / 1e6, flops: tflops * 1e12, tokens, hostRate: hostGbs * 1e9 };
      const expected = speeds.map((gbits) => expectedUpdate(parameters, { ...cluster, gbits }));
      const percent = (share: number): string => `${(100 * share).toFixed(0)}%`;
      const shares = expected.map((each) => `${percent(each.efficiency)} (${percent(each.overlapped)})`);
      print(`| ${name} | ${ranks} | ${formatBytes(expected[0].bytes)} | ${shares.join(" | ")} |`);
    }
  return undefined;
});
