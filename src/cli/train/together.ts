// A run of several ranks: whose folder it is, and how it is watched.
import type { MpiJob } from "../mpi/with-ranks.ts";
import { byRankZero } from "../mpi/rank-zero.ts";
import type { FlagValues } from "../shared/flags.ts";
import { FollowedFolder } from "./followed-folder.ts";
import type { TrainFlags } from "./flags.ts";
import { RunFolder } from "./run-folder.ts";
import { goesOn } from "./saved.ts";
import type { Session } from "./session.ts";

/** Seconds without a sign of life after which a rank is taken to hang. */
const LONGEST_SILENCE = 40;

/** The run's folder, which rank 0 takes, or this process alone. */
export async function chooseFolder(flags: FlagValues<TrainFlags>, mpi: MpiJob | undefined): Promise<RunFolder> {
  let run: RunFolder | undefined;
  const path = await byRankZero(mpi, async () => {
    run = await RunFolder.choose(flags.outputDir, flags.overwriteOutputDir || goesOn(flags));
    return run.path;
  });
  return run ?? new FollowedFolder(path);
}

/**
 * As session.train(). A rank that loses its device ends the job, which can be started again with --should_continue.
 */
export async function trainTogether(
  session: Session,
  { ranks }: MpiJob,
  signal: AbortSignal,
): ReturnType<Session["train"]> {
  await ranks.expectSigns(LONGEST_SILENCE);
  return session.train(signal);
}
