// This engine beside others on one machine: the same weights, the same work, results compared before anything is timed,
// turns taken A B A B. `npx tsx bench/peers/run.ts`, after `npm ci` in this folder.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseFlags } from "../../src/cli/shared/flags.ts";
import { formatDuration } from "../../src/cli/shared/format.ts";
import { runCli } from "../../src/cli/shared/run.ts";
import type { CliContext } from "../../src/cli/shared/run.ts";
import { UserError } from "../../src/errors.ts";
import { requestAdapter } from "../../src/gpu/platform.ts";
import type { FoundAdapter } from "../../src/gpu/platform.ts";
import { jsonLine } from "../result.ts";
import { chosen, PEERS } from "./options.ts";
import { peersMissing } from "./packages.ts";
import { float64Logits } from "./reference.ts";
import { SYSTEMS } from "./systems.ts";
import type { System } from "./systems.ts";
import { resultsOf, table } from "./table.ts";
import type { Measured } from "./table.ts";
import { takeStarts, takeTurns } from "./turns.ts";
import type { Turns } from "./turns.ts";
import { writeModel } from "./weights.ts";
import { isQuick, taskOf, WORKS, workTitle } from "./work.ts";
import type { Work } from "./work.ts";

/** Of starts, each with two processes of each system. */
const MOST_STARTS = 3;

async function main({ argv, signal }: CliContext): Promise<void> {
  const { values, given } = parseFlags(PEERS, argv);
  const works = chosen(WORKS, values.only).filter((work) => !values.quick || given.has("only") || isQuick(work));
  const asked = chosen(SYSTEMS, values.systems);
  const why = peersMissing();
  if (why !== undefined) throw new UserError(`Nothing can be compared: ${why}, then this again.`);
  const systems = [SYSTEMS[0], ...asked.filter((system) => system !== SYSTEMS[0])];
  const { key, description } = await adapterForAll();
  note(`Adapter  ${description}`);
  const missing = systems.flatMap((system) => {
    const why = system.missing();
    return why === undefined ? [] : [{ system, why }];
  });
  const there = systems.filter((system) => !missing.some((each) => each.system === system));
  const turns: Turns = { rounds: values.rounds ?? (values.quick ? 3 : 9), seconds: values.patience, signal, note };
  const file = values.output ?? fileURLToPath(new URL(`../results/peers-${key}.json`, import.meta.url));
  if (values.output === undefined) await mkdir(new URL("../results/", import.meta.url), { recursive: true });
  const started = performance.now();
  const temporary = await mkdtemp(join(tmpdir(), "gpt2-peers-"));
  const measured: Measured[] = [];
  try {
    for (const work of works) {
      const minutes = (performance.now() - started) / 60_000;
      if (minutes > (values.minutes ?? Infinity)) {
        note(`${workTitle(work)}: left out after ${minutes.toFixed(1)} minutes`);
        continue;
      }
      note(workTitle(work));
      const done = await measureWork(work, there, turns, temporary, values.quick);
      for (const { title, outcomes } of done) measured.push({ title, outcomes: [...outcomes, ...missing] });
      for (const result of resultsOf(done, key)) process.stdout.write(`${jsonLine(result)}\n`);
      const json = { date: new Date().toISOString(), adapter: description, measured: measured.map(forFile) };
      await writeFile(file, `${JSON.stringify(json, undefined, 1)}\n`);
    }
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  note(`\n${table(measured)}\n${file}, after ${formatDuration((performance.now() - started) / 1000)}`);
}

/** A start gives two: without shader caches, and with them. */
async function measureWork(
  work: Work,
  systems: readonly System[],
  turns: Turns,
  temporary: string,
  quick: boolean,
): Promise<Measured[]> {
  const { name, config } = work.model;
  const task = taskOf(work, await modelFolder(temporary, name, config), quick);
  const title = workTitle(work);
  try {
    if (work.kind !== "start") {
      const want = work.kind === "forward" ? { logits: await float64Logits(config, task) } : undefined;
      return [{ title, outcomes: await takeTurns(systems, task, turns, want) }];
    }
    const { cold, warm } = await takeStarts(systems, task, { ...turns, rounds: Math.min(MOST_STARTS, turns.rounds) });
    return [
      { title: `${title}, shader caches empty`, outcomes: cold },
      { title: `${title}, filled`, outcomes: warm },
    ];
  } catch (error) {
    turns.signal.throwIfAborted();
    throw new UserError(`This engine did not do ${title}, so nothing is compared: ${(error as Error).message}.`);
  }
}

const folders = new Map<string, Promise<string>>();

/** Made when it is first needed. */
function modelFolder(temporary: string, name: string, config: Work["model"]["config"]): Promise<string> {
  const made = folders.get(name) ?? writeModel(temporary, name, config);
  folders.set(name, made);
  return made;
}

/**
 * The adapter that this engine takes, for all: jax-js and TensorFlow.js are given the same, and a Vulkan loader that
 * knows several drivers is told which, for ONNX Runtime, which opens its own.
 */
async function adapterForAll(): Promise<FoundAdapter> {
  const found = await requestAdapter(); // sets VK_DRIVER_FILES where the driver comes from npm
  if (found.key === "llvmpipe" && !process.env.VK_DRIVER_FILES) process.env.VK_LOADER_DRIVERS_SELECT ??= "*lvp*";
  return found;
}

const forFile = ({ title, outcomes }: Measured): object => ({
  title,
  systems: outcomes.map(({ system, ...outcome }) => ({ name: system.name, title: system.title, ...outcome })),
});

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

await runCli(main);
