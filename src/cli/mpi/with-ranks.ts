// A program that mpirun started several times over: joins the other processes, lets rank 0 alone speak, and ends all of
// them together, in peace or with the number and the reason of the rank that failed.
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../errors.ts";
import { TextRequested } from "../shared/flags.ts";
import { chooseGpu } from "./choose-gpu.ts";
import { expectConnected, launchOf } from "./launcher.ts";
import { MpiLibrary } from "./library.ts";
import { MpiRanks, RefusedError } from "./mpi-ranks.ts";

/** Rank 0 has as long to say what all ranks have found (a wrong flag), and to end them. */
const FIRST_WORD_MS = 2000;
/** Seconds: reading and encoding data keeps a process busy without a pause, and nothing is heard of it meanwhile. */
const LONGEST_START = 600;

/** The ranks of a job, and how many of them are on this machine. */
export interface MpiJob {
  readonly ranks: MpiRanks;
  readonly localSize: number;
}

/** Runs `main` with the ranks that a launcher of MPI has started, or without any where this process is alone. */
export async function withRanks<R>(main: (mpi: MpiJob | undefined) => Promise<R>): Promise<R> {
  const launch = launchOf(process.env);
  if (!launch) return main(undefined);
  expectConnected(process.env);
  const ranks = new MpiRanks(await MpiLibrary.open(launch.libraries));
  const { rank } = ranks;
  process.once("exit", (code) => ranks.abort(code));
  const speak = rank > 0 ? mute() : () => {};
  try {
    await ranks.expectSigns(LONGEST_START);
    chooseGpu(launch.localRank);
    const result = await main({ ranks, localSize: launch.localSize });
    await ranks.leave();
    return result;
  } catch (error) {
    if (error instanceof TextRequested) {
      await ranks.leave();
      throw error;
    }
    if (rank > 0) await sleep(FIRST_WORD_MS);
    speak();
    throw tagged(error, rank);
  }
}

function tagged(error: unknown, rank: number): unknown {
  if (!(error instanceof Error) || error.name === "AbortError" || error instanceof RefusedError) return error;
  if (error instanceof UserError) return new UserError(`Rank ${rank}: ${error.message}`, { cause: error });
  error.message = `Rank ${rank}: ${error.message}`;
  error.stack = `Rank ${rank}: ${error.stack}`;
  return error;
}

/** Drops what is written from now on; returns what ends that. */
function mute(): () => void {
  const streams = [process.stdout, process.stderr];
  const writes = streams.map(({ write }) => write);
  const drop = (_: unknown, encoding?: unknown, done?: unknown): boolean => {
    const callback = typeof encoding === "function" ? encoding : done;
    if (typeof callback === "function") queueMicrotask(() => callback());
    return true;
  };
  for (const stream of streams) stream.write = drop as typeof stream.write;
  return () => {
    for (const [i, stream] of streams.entries()) stream.write = writes[i];
  };
}
