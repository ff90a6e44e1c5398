// Damaged files for every loader: each must be read or refused in one sentence (a UserError), within seconds of
// computing and a bounded memory. Deterministic: the same seed damages the same way. Prints a line a loader, and ends
// with exit code 1 at anything else, after saving the input that did it. `npx tsx bench/mutate.ts [--inputs N] [--seed
// N] [--only NAME] [--at INDEX]`; --inputs counts for each loader, --at repeats one input.
import { mkdtemp, mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { UserError } from "../src/errors.ts";
import { MemoryFolder } from "../src/files/folder.ts";
import { printable } from "../src/files/quote.ts";
import { Random } from "../src/random.ts";
import { checkText, mutateLoaders } from "./mutate-loaders.ts";
import type { Loader } from "./mutate-loaders.ts";
import { mutate } from "./mutations.ts";

/**
 * For one input: seconds of this process's computing (a waiting machine does not count), to which each byte of input
 * adds, and bytes of memory.
 */
const MOST_SECONDS = 2;
const SECONDS_PER_BYTE = 5e-6;
const MOST_BYTES = 1e9;

export interface Outcome {
  readonly loader: string;
  readonly accepted: number;
  readonly refused: number;
  readonly slowestSeconds: number;
  /** Everything that was neither read nor refused in a sentence. */
  readonly failures: readonly Failure[];
}

export interface Failure {
  readonly index: number;
  readonly fault: unknown;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** The sound files, then `count` damaged sets of them from number `first` on; `patience` in seconds for each. */
export async function attack(
  loader: Loader,
  seed: number,
  count: number,
  { first = 0, patience = MOST_SECONDS }: { readonly first?: number; readonly patience?: number } = {},
): Promise<Outcome> {
  let accepted = 0;
  let refused = 0;
  let slowest = 0;
  const failures: Failure[] = [];
  await loader.load(new MemoryFolder("sound", loader.files));
  for (let index = first; index < first + count && failures.length < 5; index++) {
    const files = damage(loader, new Random(seed, index, ...new TextEncoder().encode(loader.name)));
    const before = { cpu: process.cpuUsage(), bytes: process.memoryUsage().rss };
    let fault: unknown;
    try {
      await loader.load(new MemoryFolder("folder", files));
      accepted++;
    } catch (error) {
      fault = faultOf(error);
      if (fault === undefined) refused++;
    }
    const { user, system } = process.cpuUsage(before.cpu);
    const seconds = (user + system) / 1e6;
    const grown = process.memoryUsage().rss - before.bytes;
    slowest = Math.max(slowest, seconds);
    const size = [...files.values()].reduce((sum, { length }) => sum + length, 0);
    if (seconds > patience + SECONDS_PER_BYTE * size) fault ??= `took ${seconds.toFixed(1)} s for ${size} bytes`;
    if (grown > MOST_BYTES) fault ??= `took ${grown} bytes of memory`;
    if (fault !== undefined) failures.push({ index, fault, files });
  }
  return { loader: loader.name, accepted, refused, slowestSeconds: slowest, failures };
}

/** What is wrong with an error; undefined for a UserError that may be shown as it is. */
function faultOf(error: unknown): unknown {
  if (!(error instanceof UserError)) return error;
  try {
    checkText(error.message);
    return undefined;
  } catch (fault) {
    return `${(fault as Error).message}: ${printable(error.message, 300)}\n${error.stack?.split("\n    at ").at(1)}`;
  }
}

/** One or two files damaged, sometimes one of them missing. */
function damage(loader: Loader, random: Random): Map<string, Uint8Array> {
  const files = new Map(loader.files);
  const names = loader.damaged ?? [...files.keys()];
  for (let rounds = random.below(4) === 0 ? 2 : 1; rounds > 0; rounds--) {
    const name = random.pick(names);
    if (random.below(50) === 0) files.delete(name);
    else files.set(name, mutate(name, files.get(name) ?? new Uint8Array(), random));
  }
  return files;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      inputs: { type: "string", default: "1000" },
      seed: { type: "string", default: "1" },
      only: { type: "string", default: "" },
      at: { type: "string" },
    },
  });
  const { loaders, end } = await mutateLoaders();
  const count = values.at === undefined ? Number(values.inputs) : 1;
  for (const loader of loaders.filter(({ name }) => name.includes(values.only))) {
    const first = Number(values.at ?? 0);
    const { accepted, refused, slowestSeconds, failures } = await attack(loader, Number(values.seed), count, { first });
    process.stdout.write(
      `${loader.name}: ${accepted} read, ${refused} refused, ${failures.length} failed; ` +
        `the slowest took ${slowestSeconds.toFixed(2)} s\n`,
    );
    for (const failure of failures) {
      process.exitCode = 1;
      process.stdout.write(`  --seed ${values.seed} --at ${failure.index}, kept in ${await keep(failure)}\n`);
      process.stdout.write(`  ${failure.fault instanceof Error ? failure.fault.stack : String(failure.fault)}\n`);
    }
  }
  await end();
}

async function keep({ files }: Failure): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "mutate-failure-"));
  for (const [name, bytes] of files) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), bytes);
  }
  return folder;
}

if (process.argv[1]?.endsWith("mutate.ts")) await main(); // the tests import this file
