// Kills small training runs and goes on with them: at any moment, at every call that changes their folder, in the
// final save, over an earlier run's folder, with the device lost on the way, and with the disk full for a while. What
// is left must be what an uninterrupted run leaves, bit for bit. `npx tsx bench/kill-resume.ts --trials 50`; ends with
// exit code 1 where a trial differs.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineFlags, parseFlags } from "../src/cli/shared/flags.ts";
import { runCli } from "../src/cli/shared/run.ts";
import { Random } from "../src/random.ts";
import { KillTrials } from "./kill-trials.ts";
import type { Trial } from "./kill-trials.ts";

const flags = defineFlags({
  trials: { type: "int", min: 1, default: 50, group: "What", help: "How many runs; with --every_call, at most." },
  everyCall: {
    type: "bool",
    defaultText: "off",
    group: "What",
    help:
      "Instead, of a run and of one over an earlier run, what each call that changes the folder would leave if the " +
      "run were killed there: those that differ are gone on with. With --trials so many of them, evenly spread.",
  },
  seed: { type: "int", min: 0, default: 1, group: "What", help: "Of when they are killed." },
});

/** In the run's own folder, not in a checkpoint's. */
const FINAL_MODEL = /\/whole\/model\.safetensors/;

interface Named {
  readonly name: string;
  readonly trial: Trial;
}

/** Trial `i` of `n`: the kinds take turns; the calls that are killed at go through all of a run's evenly. */
function trialOf(i: number, n: number, trials: KillTrials, random: Random): Named {
  const share = (i + random.float()) / n;
  const call = 1 + Math.floor(share * trials.calls.length);
  const final = trials.callsOf(FINAL_MODEL);
  const within = ({ first, last }: { readonly first: number; readonly last: number }): number =>
    first + random.below(last - first + 1);
  switch (i % 6) {
    case 0:
      return { name: "at a call", trial: { over: false, deaths: [{ atCall: call }] } };
    case 1: {
      const deaths = [{ atShare: share }, { atShare: random.float() }];
      return { name: "at two moments", trial: { over: false, deaths } };
    }
    case 2:
      return { name: "over an earlier run, at a call", trial: { over: true, deaths: [{ atCall: call }] } };
    case 3: {
      const atCall = within({ first: final.first, last: trials.calls.length });
      return { name: "in the final save", trial: { over: false, deaths: [{ atCall }] } };
    }
    case 4: {
      const loseAt = [5 + random.below(30), 5 + random.below(30)];
      return { name: "with devices lost", trial: { over: false, deaths: [{ loseAt, atCall: call }] } };
    }
    default: {
      // Of an older checkpoint, which is let go, or of the final model, which is written when the run is gone on with.
      const save = i % 12 < 6 ? trials.callsOf(/tmp-checkpoint-4/) : final;
      const first = within(save);
      const fullAt = [first, 1 + random.below(save.last - first + 1)] as const;
      return { name: "with a full disk", trial: { over: false, deaths: [{ fullAt }] } };
    }
  }
}

/** A trial to come, and what it finds to differ. */
interface Coming {
  readonly name: string;
  readonly run: () => Promise<string[]>;
}

function atRandom(count: number, seed: number, trials: KillTrials): Coming[] {
  const random = new Random(seed, 0);
  return Array.from({ length: count }, (_, i) => {
    const { name, trial } = trialOf(i, count, trials, random);
    const over = trial.over ? ", over an earlier run" : "";
    return { name: `${name}: ${JSON.stringify(trial.deaths)}${over}`, run: () => trials.run(trial) };
  });
}

async function atEveryCall(trials: KillTrials, most: number): Promise<Coming[]> {
  const coming: Coming[] = [];
  for (const over of [false, true])
    for (const [call, remains] of await trials.remains(over))
      coming.push({ name: `at call ${call}${over ? ", over an earlier run" : ""}`, run: () => trials.goOn(remains) });
  if (coming.length > most)
    process.stdout.write(`${coming.length} of what they leave differ; ${most} of those are gone on with.\n`);
  const count = Math.min(most, coming.length);
  return Array.from({ length: count }, (_, i) => coming[Math.floor((i * coming.length) / count)]);
}

await runCli(async ({ argv, signal }) => {
  const { values, given } = parseFlags(
    { command: "npx tsx bench/kill-resume.ts", summary: "Kills training runs and goes on with them.", flags },
    argv,
  );
  const folder = mkdtempSync(join(tmpdir(), "kill-resume-"));
  try {
    const trials = new KillTrials(folder);
    await trials.prepare();
    process.stdout.write(`A run changes its folder ${trials.calls.length} times.\n`);
    const all = values.everyCall
      ? await atEveryCall(trials, given.has("trials") ? values.trials : Infinity)
      : atRandom(values.trials, values.seed, trials);
    let made = 0;
    let identical = 0;
    for (const { name, run } of all) {
      const found = await run().catch((error: Error) => [error.message]);
      if (signal.aborted) break; // what a stopped trial left says nothing
      made++;
      if (found.length === 0) identical++;
      process.stdout.write(`${made} ${name}: ${found.length === 0 ? "identical" : found.join("; ")}\n`);
    }
    if (made < all.length) process.stdout.write(`Stopped before the last ${all.length - made} of ${all.length}.\n`);
    process.stdout.write(`${made} trials, ${identical} identical\n`);
    return identical === all.length ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
