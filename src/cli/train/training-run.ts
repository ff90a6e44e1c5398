// A training run from its first word to its last: opened, trained through whatever happens, its results written, and
// said what came of it and what to do next.
import { join } from "node:path";
import { listCheckpoints } from "../../training/checkpoint.ts";
import { byRankZero } from "../mpi/rank-zero.ts";
import { writeNote } from "../shared/announce.ts";
import { describeModel } from "../shared/describe-model.ts";
import { flagName } from "../shared/flag-table.ts";
import { lossesText, nothingLeft, paddingText, waitText, whichModel, whyEarly } from "./ended.ts";
import { firstSession } from "./first-session.ts";
import { evaluateAll } from "./looking.ts";
import { print, QUICK } from "./program.ts";
import type { Program } from "./program.ts";
import { writeResults } from "./results.ts";
import type { RunFolder } from "./run-folder.ts";
import type { Saved } from "./saved.ts";
import { Session, startOf, trainThroughLosses } from "./session.ts";
import { loadModel } from "./setup.ts";
import { trainTogether } from "./together.ts";

export const STOPPED_EARLY =
  "Stopped before the first update: there is nothing to save; start again with the same flags";

/** Trains in `run`, from where its newest checkpoint stands if the flags say so. */
export async function train(program: Program, run: RunFolder): Promise<void> {
  const { flags, given, signal, mpi } = program;
  for (const name of await run.mend())
    writeNote(`${join(run.path, name)}, which a killed run left unfinished, is gone.`);
  const { session, job } = await firstSession(program, run);
  const { trainer, state } = session;
  const { worldSize } = trainer;
  const size = describeModel(session.model);
  if (state && (await trainer.isComplete())) {
    await run.writeLog(state.logHistory);
    // Killed after the model and before these: how long it took is lost.
    if (!(await byRankZero(mpi, async () => (await run.open("")).has("all_results.json"))))
      await writeResults(run, job, {
        history: state.logHistory,
        from: state.step,
        started: performance.now(),
        finalStep: await trainer.finalStep(),
        worldSize,
        size,
      });
    throw nothingLeft(run.path, state, trainer.totalSteps, whyEarly(state.logHistory, job.args));
  }
  if (state && state.step > trainer.totalSteps) throw nothingLeft("The checkpoint", state, trainer.totalSteps);
  print(
    `Run      ${trainer.totalSteps} updates of ` +
      `${flags.perDeviceTrainBatchSize * flags.gradientAccumulationSteps * worldSize} sequences` +
      `${mpi ? ` by ${mpi.ranks.size} ranks` : ""}` +
      `${state ? `, from step ${state.step}` : ""}; ${paddingText(trainer.loader, flags.packing)}; ` +
      `output in ${run.path}`,
  );
  const started = performance.now();
  const sessions = [session];
  const reopen = async (saved: Saved | undefined): Promise<Session> => {
    const model = await loadModel(await program.profiling.openDevice(), await startOf(job, saved), flags);
    sessions.push(await Session.open(model, job, run, saved));
    return sessions.at(-1)!;
  };
  const { finished, logHistory, finalStep } = await (mpi
    ? trainTogether(session, mpi, signal)
    : trainThroughLosses(session, { run, signal, reopen }));
  const dataWait = sessions.reduce((sum, { trainer }) => sum + trainer.dataWait, 0);
  if (!finished && (await listCheckpoints(run)).length === 0) {
    print(STOPPED_EARLY);
    return;
  }
  const chart = await run.writeLog(logHistory); // lines that the disk had no room for come after all
  const losses = lossesText(logHistory, started);
  if (losses !== undefined) print(`Loss     ${losses}; curve in ${chart}`);
  print(`Data     ${waitText(dataWait, started)}`);
  if (!finished) {
    const quick = Object.entries(QUICK).map(([key, value]) => flagName(key) + (value === true ? "" : ` ${value}`));
    const same = given.size === 0 ? quick.join(" ") : "the same flags and";
    print(`Stopped; go on with ${same} --output_dir ${run.path} --should_continue`);
    return;
  }
  const early = whyEarly(logHistory, job.args);
  if (early !== undefined) print(`Ended    ${early}`);
  const which = whichModel(logHistory, job.args, finalStep);
  if (which !== undefined) print(`Best     ${which}`);
  const from = state?.step ?? 0;
  await writeResults(run, job, { history: logHistory, from, started, finalStep, dataWait, worldSize, size });
  print(`Saved    ${run.path}`);
  if (flags.evalAllCheckpoints) await evaluateAll(program, run);
  print(
    `Generate npx tsx src/generate.ts --model_name_or_path ${run.path} ` +
      `${program.files.infilling ? "--beam 4" : `--prompt "Once upon a time"`}`,
  );
}
