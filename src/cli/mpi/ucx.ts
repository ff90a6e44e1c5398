// UCX, which carries the messages of MPICH, watches memory unless it is told not to. It tries its watching by asking
// for a page more of heap (sbrk) and giving a page back, whether or not it got one. V8 puts 512 MB for its code near
// node's, in one start of twenty right behind the heap: there the heap cannot grow, and the page given back is one that
// malloc has handed out. Seen by strace with UCX 1.13: of 110 starts of four ranks 5 crashed, and 0 of 110 without the
// watching. test/mpi.test.ts keeps the heap from growing, where it happens every time.
import { basename } from "node:path";
import { OPEN_MPI } from "./launcher.ts";

const VARIABLE = "UCX_MEM_EVENTS";

/**
 * Tells UCX to leave memory alone, which it reads once, while the library `name` is loaded. What a user has set stays,
 * and so does Open MPI's way, which lets UCX watch nothing itself. Returns what undoes it, should the library not load.
 */
export function leaveHeapAlone(name: string, env: NodeJS.ProcessEnv = process.env): () => void {
  const byMpich = env.PMI_SIZE !== undefined || env.PMI_PORT !== undefined;
  const isOpenMpi = env.OMPI_COMM_WORLD_SIZE !== undefined || (!byMpich && OPEN_MPI.includes(basename(name)));
  if (isOpenMpi || env[VARIABLE] !== undefined) return () => {};
  env[VARIABLE] = "no";
  return () => delete env[VARIABLE];
}
