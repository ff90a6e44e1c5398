// Command line: says whether an infilling model uses what it is given, and how well it keeps to what is asked. See
// --help.
// oxlint-disable-next-line import/no-unassigned-import -- it takes effect before the others are evaluated
import "./cli/shared/beside-tsx.ts";
import { join } from "node:path";
import { assemble } from "./cli/evaluate/assemble.ts";
import { RESULT_FILES } from "./cli/evaluate/data.ts";
import { EVALUATE } from "./cli/evaluate/flags.ts";
import { saveFitted } from "./cli/evaluate/rerank.ts";
import { Parts } from "./cli/evaluate/parts.ts";
import { measureModel, partsOf, resultOf, shareOfAll } from "./cli/evaluate/run-model.ts";
import type { ModelResult } from "./cli/evaluate/run-model.ts";
import { setUpEvaluation } from "./cli/evaluate/setup.ts";
import type { EvaluationSetup } from "./cli/evaluate/setup.ts";
import { mergedShards, openShard, shareOf } from "./cli/evaluate/shards.ts";
import { announce } from "./cli/shared/announce.ts";
import { parseFlags } from "./cli/shared/flags.ts";
import { formatDuration, formatRate } from "./cli/shared/format.ts";
import { runCli } from "./cli/shared/run.ts";
import type { CliContext } from "./cli/shared/run.ts";
import { parseShard, shardName } from "./cli/shared/shard.ts";
import type { Shard } from "./cli/shared/shard.ts";
import { openTunedDevice } from "./cli/shared/tuned-device.ts";
import { evaluationJson } from "./evaluation/evaluation-json.ts";
import { markdownTable } from "./evaluation/markdown-table.ts";
import { htmlReport } from "./evaluation/report.ts";
import { findings } from "./evaluation/findings.ts";
import { openFolder } from "./files/open.ts";
import { printableText } from "./files/quote.ts";

async function main({ argv, signal }: CliContext): Promise<void> {
  const started = performance.now();
  const { values, given } = parseFlags(EVALUATE, argv);
  const setup = await setUpEvaluation(values, given);
  signal.throwIfAborted();

  if (values.shard !== undefined) return measureShard(setup, parseShard(values.shard), signal);
  const parts = values.mergeShards ? await mergedShards(setup) : new Parts();
  const device = await openTunedDevice(values.noTune ? "never" : "once");
  announce(device);
  const results: ModelResult[] = [];
  for (const [m, task] of setup.tasks.entries()) {
    await measureModel(device, m, task, shareOfAll(task), { values, parts, signal });
    results.push(resultOf(m, task, { ...setup, parts }));
  }
  const evaluation = await assemble(device, setup, results, signal);

  const { outputDir, tasks, fitted } = setup;
  const folder = await openFolder(outputDir);
  await folder.write(
    new Map([
      [RESULT_FILES.json, evaluationJson(evaluation)],
      [RESULT_FILES.html, htmlReport(evaluation, tasks[0].model.encoder.template)],
    ]),
  );
  process.stdout.write(`${printableText(markdownTable(evaluation))}\n`);
  for (const { name, sentences } of findings(evaluation))
    process.stdout.write(printableText(`${name}\n${sentences.map((sentence) => `  ${sentence}\n`).join("")}`));
  for (const note of evaluation.notes) process.stderr.write(`Note     ${printableText(note)}\n`);
  if (fitted)
    process.stderr.write(`Saved    ${printableText(await saveFitted(fitted, evaluation.models[0].rerank!))}\n`);
  process.stderr.write(
    `Saved    ${join(outputDir, RESULT_FILES.json)} and ${join(outputDir, RESULT_FILES.html)}, ` +
      `${formatDuration((performance.now() - started) / 1000)}\n`,
  );
}

async function measureShard(setup: EvaluationSetup, shard: Shard, signal: AbortSignal): Promise<void> {
  const started = performance.now();
  const { parts, folder } = await openShard(setup, shard);
  const shares = setup.tasks.map((task) => shareOf(task, shard));
  const missing = setup.tasks.reduce((sum, task, m) => sum + countMissing(parts, partsOf(m, task, shares[m])), 0);
  if (missing > 0) {
    const device = await openTunedDevice(setup.values.noTune ? "never" : "once");
    announce(device);
    try {
      for (const [m, task] of setup.tasks.entries())
        await measureModel(device, m, task, shares[m], { values: setup.values, parts, signal });
    } catch (error) {
      if (signal.aborted) process.stderr.write("Stopped  the same command goes on from here\n");
      throw error;
    }
  }
  const seconds = (performance.now() - started) / 1000;
  const [{ examples, toWrite }] = shares;
  process.stderr.write(
    `Done     shard ${shardName(shard)}: ${examples.length} examples, ${toWrite.length} gaps in ${folder}, ` +
      `${formatDuration(seconds)} (${formatRate(missing / seconds)} parts/s); when all ${shard.count} are done, ` +
      "the same command with --merge_shards in place of --shard\n",
  );
}

const countMissing = (parts: Parts, kinds: ReturnType<typeof partsOf>): number =>
  kinds.reduce((sum, [kind, which]) => sum + parts.missing(kind, which).length, 0);

await runCli(main);
