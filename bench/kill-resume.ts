// Kills small training runs and goes on with them: at any moment, at every call that changes their folder, in the final
// save, over an earlier run's folder, and with the device lost on the way. What is left must be what an uninterrupted
// run leaves, bit for bit. `npx tsx bench/kill-resume.ts --trials 50`; ends with exit code 1 where a trial differs.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineFlags, parseFlags } from "../src/cli/shared/flags.ts";
import { runCli } from "../src/cli/shared/run.ts";
import { Random } from "../src/random.ts";
import { KillTrials } from "./kill-trials.ts";
import type { Trial } from "./kill-trials.ts";

const flags = defineFlags({
  trials: { type: "int", min: 1, default: 50, group: "What", help: "How many runs." },
  seed: { type: "int", min: 0, default: 1, group: "What", help: "Of when they are killed." },
});

/** Trial `i` of `n`: the kinds take turns; the calls that are killed at go through all of a run's evenly. */
function trialOf(i: number, n: number, trials: KillTrials, random: Random): { readonly name: string; trial: Trial } {
  const share = (i + random.float()) / n;
  const call = 1 + Math.floor(share * trials.calls.length);
  const final = trials.callsOf("/model.safetensors");
  switch (i % 5) {
    case 0:
      return { name: "at a call", trial: { over: false, deaths: [{ atCall: call }] } };
    case 1:
      return {
        name: "at two moments",
        trial: { over: false, deaths: [{ atShare: share }, { atShare: random.float() }] },
      };
    case 2:
      return { name: "over an earlier run, at a call", trial: { over: true, deaths: [{ atCall: call }] } };
    case 3: {
      const atCall = final.last - 3 + random.below(trials.calls.length - final.last + 3);
      return { name: "in the final save", trial: { over: false, deaths: [{ atCall }] } };
    }
    default: {
      const loseAt = [5 + random.below(30), 5 + random.below(30)];
      return { name: "with devices lost", trial: { over: false, deaths: [{ loseAt, atCall: call }] } };
    }
  }
}

await runCli(async ({ argv, signal }) => {
  const { values } = parseFlags(
    { command: "npx tsx bench/kill-resume.ts", summary: "Kills training runs and goes on with them.", flags },
    argv,
  );
  const folder = mkdtempSync(join(tmpdir(), "kill-resume-"));
  try {
    const trials = new KillTrials(folder);
    await trials.prepare();
    process.stdout.write(`A run changes its folder ${trials.calls.length} times.\n`);
    const random = new Random(values.seed, 0);
    let identical = 0;
    for (let i = 0; i < values.trials && !signal.aborted; i++) {
      const { name, trial } = trialOf(i, values.trials, trials, random);
      const what = `${i + 1} ${name}: ${JSON.stringify(trial.deaths)}`;
      const found = await trials.run(trial).catch((error: Error) => [error.message]);
      if (found.length === 0) identical++;
      process.stdout.write(`${what}: ${found.length === 0 ? "identical" : found.join("; ")}\n`);
    }
    process.stdout.write(`${values.trials} trials, ${identical} identical\n`);
    return identical === values.trials ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
