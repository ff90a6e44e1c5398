// Opens the session that a command line asks for: a new run's, or one from the newest whole checkpoint of this run.
import type { Device } from "../../gpu/device.ts";
import { OtherRunError } from "../../training/checkpoint.ts";
import { eachByRankZero, rankZeroFirst } from "../mpi/rank-zero.ts";
import { writeNote } from "../shared/announce.ts";
import type { Job } from "./job.ts";
import { requireMemory } from "./memory-check.ts";
import { describe, openDevice, printLossBefore } from "./opening.ts";
import { print } from "./program.ts";
import type { Program } from "./program.ts";
import { readJob, startFrom, startingModel } from "./read-job.ts";
import type { RunFolder } from "./run-folder.ts";
import { noCheckpoint, savedFingerprint, startingPoints } from "./saved.ts";
import { Session } from "./session.ts";
import { loadModel } from "./setup.ts";

/** The session that the flags ask for: a new run's, or from the newest whole checkpoint that is this run's. */
export async function firstSession(program: Program, run: RunFolder): Promise<{ session: Session; job: Job }> {
  const { flags, mpi } = program;
  let device: Device | undefined;
  let refusal: OtherRunError | undefined;
  const refused = new Map<string, string>(); // fingerprint -> the newest checkpoint that has it
  for await (const saved of eachByRankZero(mpi, startingPoints(flags, run))) {
    const fingerprint = refusal && saved ? await savedFingerprint(saved) : "";
    if (refused.has(fingerprint)) continue;
    const from = saved?.path ?? (await startingModel(program));
    const job = await rankZeroFirst(mpi, async () =>
      readJob(program, await startFrom(program, from, saved !== undefined)),
    );
    const { start } = job;
    program.signal.throwIfAborted();
    device ??= await openDevice(program);
    await requireMemory(device, job);
    await mpi?.ranks.meet(); // before anyone takes of what others are asking for
    const model = await loadModel(device, start, flags);
    describe(start, model);
    print(`Train    ${job.train.summary}`);
    if (job.evaluation) print(`Evaluate ${job.evaluation.summary}`);
    if (program.given.size === 0) await printLossBefore(job, model);
    try {
      const session = await Session.open(model, job, run, saved);
      for (const path of refused.values()) writeNote(`${path} is skipped: it belongs to another run.`);
      if (saved?.own) await run.writeLog(session.state!.logHistory);
      else await run.startOver();
      return { session, job };
    } catch (error) {
      if (!(error instanceof OtherRunError && flags.shouldContinue)) throw error;
      refusal ??= error;
      refused.set(await savedFingerprint(saved!), saved!.path);
      model.destroy();
    }
  }
  throw refusal ?? (await noCheckpoint(run));
}
