// npm run bench: measures the adapter's ceilings, then kernels, training and decoding, one after the other.
import { mkdir, writeFile } from "node:fs/promises";
import { announce } from "../src/cli/shared/announce.ts";
import { parseFlags } from "../src/cli/shared/flags.ts";
import { formatDuration } from "../src/cli/shared/format.ts";
import { runCli } from "../src/cli/shared/run.ts";
import type { CliContext } from "../src/cli/shared/run.ts";
import { UserError } from "../src/errors.ts";
import { requestDevice } from "../src/gpu/device.ts";
import { measureCeiling } from "../src/profile/ceiling.ts";
import { benchDecoding } from "./decode.ts";
import { benchKernels } from "./kernels.ts";
import { BENCH, benchOptions, PARTS } from "./options.ts";
import type { BenchRun, Part } from "./options.ts";
import { jsonLine, tableHead, tableLines } from "./result.ts";
import type { Result } from "./result.ts";
import { benchTraining } from "./train-step.ts";

const BENCHES: Readonly<Record<Part, (run: BenchRun) => Promise<void>>> = {
  kernels: benchKernels,
  train: benchTraining,
  decode: benchDecoding,
};
const RESULTS = new URL("./results/", import.meta.url);

async function main({ argv, signal }: CliContext): Promise<void> {
  const { values } = parseFlags(BENCH, argv);
  const options = benchOptions(values);
  const started = performance.now();
  const lines: string[] = [];
  const report = (result: Result): void => {
    const line = jsonLine(result);
    lines.push(line);
    process.stdout.write(`${line}\n`);
    note(tableLines(result));
    signal.throwIfAborted();
  };

  const device = await requestDevice();
  const { adapterKey: adapter } = device;
  announce(device);
  note(tableHead);
  const ceiling = await measureCeiling(device, options);
  device.destroy();
  report({
    name: "ceiling multiply-add",
    sizes: { flops: ceiling.fmaFlops },
    adapter,
    ...ceiling.fma,
    gflops: ceiling.gflops,
  });
  report({ name: "ceiling copy", sizes: { bytes: ceiling.copyBytes }, adapter, ...ceiling.copy, gbs: ceiling.gbs });

  const ceilings = lines.length;
  for (const part of PARTS) {
    if (values.only && values.only !== part) continue;
    await BENCHES[part]({ options, ceiling, report, note });
  }
  if (lines.length === ceilings)
    throw new UserError(
      `Nothing's name and sizes contain ${JSON.stringify(options.filter)}; ` +
        `run without --filter to see what there is, such as "matmul nn m=512".`,
    );
  if (values.save) {
    const file = new URL(`${adapter}.jsonl`, RESULTS);
    await mkdir(RESULTS, { recursive: true });
    await writeFile(file, `${lines.join("\n")}\n`);
    note(`Saved ${lines.length} lines in bench/results/${adapter}.jsonl`);
  }
  note(`${lines.length} results in ${formatDuration((performance.now() - started) / 1000)}`);
}

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

await runCli(main);
