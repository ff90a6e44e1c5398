// Whether an MPI launcher (mpirun, srun) started this process as one of several, from the environment that it sets.
import { fstatSync } from "node:fs";
import { UserError } from "../../errors.ts";

export interface Launch {
  /** Position among the processes on this machine, from 0: which of its GPUs is this one's. */
  readonly localRank: number;
  /** How many of them are on this machine, 1 where the launcher does not tell. */
  readonly localSize: number;
  /** Names of MPI libraries to try, the launcher's own first. */
  readonly libraries: readonly string[];
}

/** Names an MPI library: a path, or a name that the system's loader knows. */
export const LIBRARY_VARIABLE = "GPT2_WEBGPU_MPI";

export const OPEN_MPI = ["libmpi.so.40", "libmpi.so", "libmpi.40.dylib", "libmpi.dylib"];
/** MPICH and what has its binary interface: Intel MPI, MVAPICH, Cray MPICH. */
const MPICH = ["libmpich.so.12", "libmpi.so.12", "libmpich.so", "libmpi_cray.so.12", "libmpi.12.dylib"];

type Environment = Readonly<Record<string, string | undefined>>;

/** undefined where this process is alone, also as the only one of a launcher that tells. */
export function launchOf(env: Environment): Launch | undefined {
  const number = (name: string): number | undefined => (/^\d+$/.test(env[name] ?? "") ? Number(env[name]) : undefined);
  const first = (...names: string[]): number | undefined => names.map(number).find((value) => value !== undefined);
  const openMpi = number("OMPI_COMM_WORLD_SIZE");
  const hydra = number("PMI_SIZE");
  // srun sets the variables of the process manager that it was built with; their size is the step's.
  const slurm = env.PMIX_RANK === undefined ? undefined : number("SLURM_STEP_NUM_TASKS");
  // mpirun -pmi-port of MPICH says where to ask for it.
  const asked = env.PMI_PORT !== undefined && number("PMI_ID") !== undefined ? Infinity : undefined;
  const size = openMpi ?? hydra ?? slurm ?? asked;
  if (size === undefined || size < 2) return undefined;
  const isMpich = openMpi === undefined && (hydra ?? asked) !== undefined;
  const libraries = isMpich ? [...MPICH, ...OPEN_MPI] : [...OPEN_MPI, ...MPICH];
  const named = env[LIBRARY_VARIABLE];
  return {
    localRank: first("OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID") ?? 0,
    localSize: first("OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS") ?? slurmTasksHere(env) ?? 1,
    libraries: named === undefined || named === "" ? libraries : [named],
  };
}

/** Of "4(x2),3", one figure for each of the step's nodes, that of this one. */
function slurmTasksHere({ SLURM_STEP_TASKS_PER_NODE: list = "", SLURM_NODEID: node }: Environment): number | undefined {
  const figures = [...list.matchAll(/(\d+)(?:\(x(\d+)\))?/g)].flatMap(([, tasks, nodes]) =>
    Array<number>(Number(nodes ?? 1)).fill(Number(tasks)),
  );
  return figures[Number(node ?? 0)];
}

/**
 * MPICH's launcher talks to a process through an open descriptor, which programs in between (npx, tsx) close. Throws
 * UserError where that has happened: MPI itself would end the process without a sentence.
 */
export function expectConnected(env: Environment): void {
  if (env.PMI_FD === undefined || env.PMI_PORT !== undefined) return;
  try {
    if (fstatSync(Number(env.PMI_FD)).isSocket()) return;
  } catch {
    // it is closed
  }
  throw new UserError(
    "MPICH's mpirun passes its connection to the program that it starts, which was npx or tsx, and these do not pass " +
      "it on; give mpirun -pmi-port, or start node itself: node dist/gpt2-webgpu.js train.",
  );
}
