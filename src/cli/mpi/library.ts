// The few functions of MPI that training needs, called in the system's own library through koffi. All calls are made
// from this thread and none of them waits: what takes time is begun and asked for later, so that JavaScript goes on.
// Open MPI's handles are addresses, those of MPICH (and Intel MPI, MVAPICH, Cray MPICH) are numbers of its mpi.h.
import { UserError } from "../../errors.ts";
import { LIBRARY_VARIABLE } from "./launcher.ts";
import { leaveHeapAlone } from "./ucx.ts";

type Native = (...args: unknown[]) => number;

/** Something begun. The buffers that it uses are kept by it: MPI knows them by address. */
export interface Request {
  readonly handle: BigUint64Array;
  readonly buffers: readonly ArrayBufferView[];
}

const MPI_THREAD_FUNNELED = 1;
const SUCCESS = 0;
/** MPICH's launcher may drop what came shortly before the end. */
const LAST_WORDS_MS = 500;

export class MpiLibrary {
  /** "Open MPI v4.1.4" */
  readonly version: string;
  readonly rank: number;
  readonly size: number;
  private readonly call: Readonly<Record<string, Native>>;
  private readonly world: bigint | number;
  private readonly byte: bigint | number;
  private readonly float: bigint | number;
  private readonly ignoredStatus: bigint;
  private readonly flag = new Int32Array(new ArrayBuffer(4));

  private constructor(call: Readonly<Record<string, Native>>, handles: Handles) {
    this.call = call;
    ({ world: this.world, byte: this.byte, float: this.float, ignoredStatus: this.ignoredStatus } = handles);
    this.check("MPI_Init_thread", null, null, MPI_THREAD_FUNNELED, this.flag);
    this.rank = this.number("MPI_Comm_rank");
    this.size = this.number("MPI_Comm_size");
    const text = new Uint8Array(new ArrayBuffer(8192));
    this.check("MPI_Get_library_version", text, this.flag);
    this.version = /^[^,\n]*/
      .exec(new TextDecoder().decode(text.subarray(0, this.flag[0])))![0]
      .replace(/^MPICH Version:\s*/, "MPICH ")
      .replaceAll("\0", "")
      .trim();
  }

  /** Joins the other processes, once a process. Throws UserError where none of `names` can be loaded. */
  static async open(names: readonly string[]): Promise<MpiLibrary> {
    const { default: koffi } = await import("koffi").catch((error: Error) => {
      throw new UserError(`The npm package koffi, which calls MPI, does not load (${error.message}); install it.`);
    });
    const reasons: string[] = [];
    for (const name of names) {
      let library;
      const undo = leaveHeapAlone(name);
      try {
        library = koffi.load(name, { global: true });
      } catch (error) {
        undo();
        reasons.push(`${name} (${(error as Error).message.split("\n", 1)[0]})`);
        continue;
      }
      const addressOf = (symbol: string): bigint | undefined => {
        try {
          return koffi.address(library.symbol(symbol, "void *"));
        } catch {
          return undefined;
        }
      };
      const openMpi = addressOf("ompi_mpi_comm_world");
      const handles: Handles =
        openMpi === undefined
          ? { type: "int", world: 0x44000000, byte: 0x4c00010d, float: 0x4c00040a, ignoredStatus: 1n }
          : {
              type: "uintptr_t",
              world: openMpi,
              byte: addressOf("ompi_mpi_byte")!,
              float: addressOf("ompi_mpi_float")!,
              ignoredStatus: 0n,
            };
      const call = Object.fromEntries(
        Object.entries(prototypes(handles.type)).map(([function_, parameters]) => [
          function_,
          library.func(`int ${function_}(${parameters})`) as unknown as Native,
        ]),
      );
      return new MpiLibrary(call, handles);
    }
    throw new UserError(
      `A launcher of MPI started this process, but no MPI library loads: ${reasons.join(", ")}; install the one that ` +
        `the launcher belongs to (Debian: openmpi-bin or mpich), or name its file in ${LIBRARY_VARIABLE}.`,
    );
  }

  /** Bytes to a rank, which the buffer keeps until the request is done. */
  send(bytes: Uint8Array, to: number, tag: number): Request {
    return this.begin([bytes], (request) =>
      this.check("MPI_Isend", bytes, bytes.byteLength, this.byte, to, tag, this.world, request),
    );
  }

  /** At most as many bytes as the buffer has. */
  receive(bytes: Uint8Array, from: number, tag: number): Request {
    return this.begin([bytes], (request) =>
      this.check("MPI_Irecv", bytes, bytes.byteLength, this.byte, from, tag, this.world, request),
    );
  }

  allToAll(send: Parts, receive: Parts): Request {
    const { float, world } = this;
    const from = [send.data, send.counts, send.places];
    const to = [receive.data, receive.counts, receive.places];
    return this.begin([...from, ...to], (request) =>
      this.check("MPI_Ialltoallv", ...from, float, ...to, float, world, request),
    );
  }

  allGather(send: Float32Array, receive: Parts): Request {
    const { float, world } = this;
    const to = [receive.data, receive.counts, receive.places];
    return this.begin([send, ...to], (request) =>
      this.check("MPI_Iallgatherv", send, send.length, float, ...to, float, world, request),
    );
  }

  isDone({ handle }: Request): boolean {
    this.check("MPI_Test", handle, this.flag, this.ignoredStatus);
    return this.flag[0] !== 0;
  }

  /** Gives up what was begun and did not start. */
  cancel({ handle }: Request): void {
    this.check("MPI_Cancel", handle);
    this.check("MPI_Request_free", handle);
  }

  /** Ends every process of the job, when what this one has written has had time to reach the launcher. */
  abort(code: number): void {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LAST_WORDS_MS);
    this.call.MPI_Abort(this.world, code);
  }

  /** Nothing may be under way. */
  finalize(): void {
    this.check("MPI_Finalize");
  }

  private begin(buffers: readonly ArrayBufferView[], act: (handle: BigUint64Array) => void): Request {
    const handle = new BigUint64Array(new ArrayBuffer(8));
    act(handle);
    return { handle, buffers };
  }

  private number(name: "MPI_Comm_rank" | "MPI_Comm_size"): number {
    this.check(name, this.world, this.flag);
    return this.flag[0];
  }

  /** MPI ends the job itself where a call fails, unless it is told not to, which it is not here. */
  private check(name: string, ...args: unknown[]): void {
    const code = this.call[name](...args);
    if (code !== SUCCESS) throw new Error(`${name} failed with code ${code}`);
  }
}

/** What each rank gives or gets, in one array: how many elements, and from which on. */
export interface Parts {
  readonly data: Float32Array;
  readonly counts: Int32Array;
  readonly places: Int32Array;
}

interface Handles {
  readonly type: "int" | "uintptr_t";
  readonly world: bigint | number;
  readonly byte: bigint | number;
  readonly float: bigint | number;
  readonly ignoredStatus: bigint;
}

/** Parameters of each function; `H` is the type of a handle. Arrays go by their address, and are written in place. */
function prototypes(H: Handles["type"]): Record<string, string> {
  return {
    MPI_Init_thread: "void *argc, void *argv, int required, void *provided",
    MPI_Comm_rank: `${H} comm, void *rank`,
    MPI_Comm_size: `${H} comm, void *size`,
    MPI_Get_library_version: "void *version, void *length",
    MPI_Isend: `void *data, int count, ${H} type, int to, int tag, ${H} comm, void *request`,
    MPI_Irecv: `void *data, int count, ${H} type, int from, int tag, ${H} comm, void *request`,
    MPI_Ialltoallv:
      `void *send, void *counts, void *places, ${H} type, ` +
      `void *receive, void *counts2, void *places2, ${H} type2, ${H} comm, void *request`,
    MPI_Iallgatherv:
      `void *send, int count, ${H} type, void *receive, void *counts, void *places, ${H} type2, ${H} comm, ` +
      "void *request",
    MPI_Test: "void *request, void *flag, uintptr_t status",
    MPI_Cancel: "void *request",
    MPI_Request_free: "void *request",
    MPI_Abort: `${H} comm, int code`,
    MPI_Finalize: "",
  };
}
