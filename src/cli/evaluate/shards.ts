// An evaluation divided among jobs: each measures its share of the examples into a folder of its own, which it goes on
// from when it is started again; one more puts them together.
import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { UserError } from "../../errors.ts";
import { modelHash } from "../shared/content-hash.ts";
import { readInputFile } from "../shared/input-file.ts";
import { checkSettings, Journal } from "../shared/journal.ts";
import type { Settings } from "../shared/journal.ts";
import { shardName, shardRange } from "../shared/shard.ts";
import type { Shard } from "../shared/shard.ts";
import type { EvaluateValues } from "./flags.ts";
import { Parts } from "./parts.ts";
import { partsOf, shareOfAll } from "./run-model.ts";
import type { Share } from "./run-model.ts";
import type { EvaluationSetup, Task } from "./setup.ts";

const SHARDS_FOLDER = "shards";
const NAME = /^(\d+)-of-(\d+)$/;

/** Flags on which nothing that is measured of an example depends. */
const NO_SETTINGS: ReadonlySet<string> = new Set<keyof EvaluateValues>([
  ...(["modelNameOrPath", "compare", "judge", "texts", "testFile", "trainFile"] as const),
  ...(["revision", "offline", "cacheDir"] as const),
  ...(["perDeviceEvalBatchSize", "outputDir", "overwriteOutputDir", "shard", "mergeShards"] as const),
]);

/** What decides it. */
async function settingsOf({ values, tasks, file, theirs }: EvaluationSetup): Promise<Settings> {
  const hashOf = async (path: string): Promise<string> =>
    createHash("sha256")
      .update(await readInputFile(resolve(path)))
      .digest("hex");
  const models = await Promise.all(
    tasks.map(async ({ model }) => `${await modelHash(model.folder)}${model.fresh ? ", untrained" : ""}`),
  );
  const texts = await Promise.all(theirs.map(({ path }) => hashOf(path)));
  return {
    model: models[0],
    ...(models.length > 1 && { compare: models[1] }),
    testFile: await hashOf(file.path),
    ...(texts.length > 0 && { texts }),
    ...Object.fromEntries(Object.entries(values).filter(([key]) => !NO_SETTINGS.has(key))),
  };
}

const outputOf = (setup: EvaluationSetup, { index, count }: Shard): string =>
  join(setup.outputDir, SHARDS_FOLDER, `${index}-of-${count}`);

const taken = (numbers: readonly number[], shard: Shard): readonly number[] => {
  const { first, end } = shardRange(numbers.length, shard);
  return numbers.slice(first, end);
};

/** What of a task is the shard's. */
export function shareOf(task: Task, shard: Shard): Share {
  const { examples, toWrite } = shareOfAll(task);
  return { examples: taken(examples, shard), toWrite: taken(toWrite, shard) };
}

/**
 * What the shard has measured before, and where more is kept. Throws UserError where it was begun with other settings,
 * or is being measured by another process.
 */
export async function openShard(
  setup: EvaluationSetup,
  shard: Shard,
): Promise<{ readonly parts: Parts; readonly folder: string; readonly release: () => void }> {
  const folder = outputOf(setup, shard);
  const options = { shown: folder, outputFlag: "--output_dir", fresh: setup.values.overwriteOutputDir };
  const journal = await Journal.open(folder, await settingsOf(setup), options);
  return { parts: new Parts(journal.parts, journal), folder, release: journal.release };
}

/** What all shards have measured. Throws UserError where one is missing, unfinished, or of another evaluation. */
export async function mergedShards(setup: EvaluationSetup): Promise<Parts> {
  const place = join(setup.outputDir, SHARDS_FOLDER);
  const names = await readdir(place).catch(() => []);
  const found = names.flatMap((name) => {
    const [, index, count] = NAME.exec(name) ?? [];
    return index === undefined ? [] : [{ index: Number(index), count: Number(count) }];
  });
  const counts = [...new Set(found.map(({ count }) => count))];
  if (counts.length !== 1)
    throw new UserError(
      counts.length === 0
        ? `${place} holds no shards; measure them first, with --shard 1/4 to 4/4, say.`
        : `${place} holds shards of ${counts.join(" and of ")}; keep those that belong together.`,
    );
  const [count] = counts;
  const settings = await settingsOf(setup);
  const known = new Map<string, unknown>();
  const unfinished: string[] = [];
  for (let index = 1; index <= count; index++) {
    const shard = { index, count };
    const folder = outputOf(setup, shard);
    const { settings: before, parts } = await Journal.read(folder);
    if (before) checkSettings(before, settings, { shown: folder, outputFlag: "--output_dir" });
    const own = new Parts(parts);
    const whole = setup.tasks.every((task, m) =>
      partsOf(m, task, shareOf(task, shard)).every(([kind, which]) => own.missing(kind, which).length === 0),
    );
    if (!whole) unfinished.push(shardName(shard));
    for (const [name, value] of parts) known.set(name, value);
  }
  if (unfinished.length > 0)
    throw new UserError(
      `Of the ${count} shards in ${place} ${unfinished.length === 1 ? "one is" : `${unfinished.length} are`} not ` +
        `finished: ${unfinished.slice(0, 10).join(", ")}${unfinished.length > 10 ? ", ..." : ""}; run --shard ` +
        `${unfinished[0]} again.`,
    );
  return new Parts(known);
}
