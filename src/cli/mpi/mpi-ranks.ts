// Ranks over MPI. Small things (counts, losses, whether to stop) go to rank 0 and back; gradients and values go from
// everyone to everyone. Waiting is asking now and then, so timers run, and with them the watch over the other ranks.
import { deserialize, serialize } from "node:v8";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../errors.ts";
import type { Ranks } from "../../training/ranks.ts";
import type { MpiLibrary, Parts, Request } from "./library.ts";
import { Watch } from "./watch.ts";

const TAG = { question: 1, answer: 2, rest: 3 } as const;
/** Bytes of a first message; what is longer comes in a second one. */
const FIRST = 4096;
/** Of its length, before it. */
const HEAD = 4;

/** What all ranks were told: that what they have together will not do. */
export class RefusedError extends UserError {}

/** An answer of rank 0, or why there is none. */
type Answer<R> = { readonly result: R } | { readonly refusal: string };

export class MpiRanks implements Ranks {
  readonly rank: number;
  readonly size: number;
  private readonly mpi: MpiLibrary;
  private readonly watch: Watch;
  private sending = new Uint8Array(new ArrayBuffer(0));
  private receiving = new Uint8Array(new ArrayBuffer(0));
  private left = false;

  constructor(mpi: MpiLibrary) {
    this.mpi = mpi;
    this.rank = mpi.rank;
    this.size = mpi.size;
    this.watch = new Watch(mpi, (request) => this.done(request));
  }

  get version(): string {
    return this.mpi.version;
  }

  /** From now on each rank is heard of, or after so many seconds of silence the job ends. All ranks call it. */
  async expectSigns(silence: number): Promise<void> {
    await this.meet();
    this.watch.start(silence);
  }

  /** Waits for all ranks to come here. */
  meet(): Promise<boolean> {
    return this.agree(true, () => true);
  }

  async agree<T, R>(mine: T, combine: (all: readonly T[]) => R): Promise<R> {
    if (this.rank > 0) {
      await this.send(serialize(mine), 0, TAG.question);
      const answer = deserialize(await this.receive(0, TAG.answer)) as Answer<R>;
      if ("refusal" in answer) throw new RefusedError(answer.refusal);
      return answer.result;
    }
    const all: T[] = [mine];
    for (let from = 1; from < this.size; from++) all.push(deserialize(await this.receive(from, TAG.question)) as T);
    const answer = answerOf(() => combine(all));
    const bytes = serialize(answer);
    for (let to = 1; to < this.size; to++) await this.send(bytes, to, TAG.answer);
    if ("refusal" in answer) throw new RefusedError(answer.refusal);
    return answer.result;
  }

  async allToAll(parts: readonly Float32Array[], lengths: readonly number[]): Promise<Float32Array[]> {
    const data = this.sendingRoom(bytesOf(parts.map(({ length }) => length)));
    let at = 0;
    for (const part of parts) {
      data.set(part, at);
      at += part.length;
    }
    const receive = this.receivingRoom(lengths);
    const send = { data, ...laidOut(parts.map(({ length }) => length)) };
    await this.done(this.mpi.allToAll(send, receive));
    return cut(receive.data, lengths);
  }

  async allGather(mine: Float32Array, lengths: readonly number[]): Promise<Float32Array[]> {
    const data = this.sendingRoom(4 * mine.length);
    data.set(mine);
    const receive = this.receivingRoom(lengths);
    await this.done(this.mpi.allGather(data.subarray(0, mine.length), receive));
    return cut(receive.data, lengths);
  }

  /** Parts in peace, when every rank has come here. */
  async leave(): Promise<void> {
    await this.meet();
    await this.watch.stop();
    this.left = true;
    this.mpi.finalize();
  }

  /** Ends every rank's process, unless this one has left. */
  abort(code: number): void {
    if (this.left) return;
    this.left = true;
    this.mpi.abort(code || 1);
  }

  private async send(bytes: Uint8Array, to: number, tag: number): Promise<void> {
    const first = new Uint8Array(new ArrayBuffer(Math.min(FIRST, HEAD + bytes.length)));
    new DataView(first.buffer).setUint32(0, bytes.length);
    first.set(bytes.subarray(0, FIRST - HEAD), HEAD);
    await this.done(this.mpi.send(first, to, tag));
    if (bytes.length > FIRST - HEAD) {
      const rest = new Uint8Array(new ArrayBuffer(bytes.length - FIRST + HEAD));
      rest.set(bytes.subarray(FIRST - HEAD));
      await this.done(this.mpi.send(rest, to, TAG.rest));
    }
  }

  private async receive(from: number, tag: number): Promise<Uint8Array> {
    const first = new Uint8Array(new ArrayBuffer(FIRST));
    await this.done(this.mpi.receive(first, from, tag));
    const bytes = new Uint8Array(new ArrayBuffer(new DataView(first.buffer).getUint32(0)));
    bytes.set(first.subarray(HEAD, HEAD + Math.min(bytes.length, FIRST - HEAD)));
    if (bytes.length > FIRST - HEAD) {
      const rest = new Uint8Array(new ArrayBuffer(bytes.length - FIRST + HEAD));
      await this.done(this.mpi.receive(rest, from, TAG.rest));
      bytes.set(rest, FIRST - HEAD);
    }
    return bytes;
  }

  /** Waits; at first without a pause, since most of what is waited for is on its way. */
  private async done(request: Request): Promise<void> {
    for (let asked = 0; !this.mpi.isDone(request); asked++) {
      if (asked < 50) await new Promise((resolve) => setImmediate(resolve));
      else await sleep(1);
    }
  }

  /** Kept from call to call: MPI knows the memory by its address. */
  private sendingRoom(bytes: number): Float32Array {
    if (this.sending.byteLength < bytes) this.sending = new Uint8Array(new ArrayBuffer(bytes));
    return new Float32Array(this.sending.buffer, 0, bytes / 4);
  }

  private receivingRoom(lengths: readonly number[]): Parts {
    const bytes = bytesOf(lengths);
    if (this.receiving.byteLength < bytes) this.receiving = new Uint8Array(new ArrayBuffer(bytes));
    return { data: new Float32Array(this.receiving.buffer, 0, bytes / 4), ...laidOut(lengths) };
  }
}

function answerOf<R>(act: () => R): Answer<R> {
  try {
    return { result: act() };
  } catch (error) {
    if (error instanceof UserError) return { refusal: error.message };
    throw error;
  }
}

const bytesOf = (lengths: readonly number[]): number => 4 * lengths.reduce((sum, length) => sum + length, 0);

/** Arrays of these lengths one after the other. */
function laidOut(lengths: readonly number[]): Pick<Parts, "counts" | "places"> {
  const counts = new Int32Array(new ArrayBuffer(4 * lengths.length));
  const places = new Int32Array(new ArrayBuffer(4 * lengths.length));
  let at = 0;
  for (const [i, length] of lengths.entries()) {
    counts[i] = length;
    places[i] = at;
    at += length;
  }
  return { counts, places };
}

function cut(data: Float32Array, lengths: readonly number[]): Float32Array[] {
  let at = 0;
  return lengths.map((length) => data.subarray(at, (at += length)));
}
