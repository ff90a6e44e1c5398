// Whether the other ranks live. Each says so to the next one every second and listens to the one before, so every rank
// is watched by one other. A process that was killed is noticed by the launcher, which ends the job; one that hangs
// (stopped, swapped out, its machine gone) is noticed here.
import { writeSync } from "node:fs";
import type { MpiLibrary, Request } from "./library.ts";

const TAG = 9;
const BEAT_MS = 1000;
const ALIVE = 1;
const GOODBYE = 2;

export class Watch {
  private readonly mpi: MpiLibrary;
  private readonly done: (request: Request) => Promise<void>;
  private readonly heard = new Uint8Array(new ArrayBuffer(1));
  private listening: Request | undefined;
  private beat: Request | undefined;
  private timer: NodeJS.Timeout | undefined;
  private silence = Infinity;
  /** Beats of our own since the one before us was heard of: time in which this process stood still does not count. */
  private silent = 0;

  constructor(mpi: MpiLibrary, done: (request: Request) => Promise<void>) {
    this.mpi = mpi;
    this.done = done;
  }

  /** `silence`: seconds; another call changes them. */
  start(silence: number): void {
    this.silence = silence;
    if (this.timer !== undefined) return;
    this.listening = this.listen();
    this.timer = setInterval(() => this.tick(), BEAT_MS);
    this.timer.unref();
  }

  /** Waits until the one before has said that it stops, too. */
  async stop(): Promise<void> {
    if (this.timer === undefined) return;
    clearInterval(this.timer);
    if (this.beat) await this.done(this.beat);
    const goodbye = this.say(GOODBYE);
    while (this.listening) {
      await this.done(this.listening);
      this.listening = this.heard[0] === GOODBYE ? undefined : this.listen();
    }
    await this.done(goodbye);
  }

  private tick(): void {
    const { silence, before } = this;
    if (this.beat === undefined || this.mpi.isDone(this.beat)) this.beat = this.say(ALIVE);
    this.silent++;
    while (this.listening && this.mpi.isDone(this.listening)) {
      this.silent = 0;
      this.listening = this.heard[0] === GOODBYE ? undefined : this.listen();
    }
    if (!this.listening || (this.silent * BEAT_MS) / 1000 < silence) return;
    writeSync(
      2,
      `Error: Rank ${before} hangs: rank ${this.mpi.rank} has not heard of it for ${silence} s. The run ends; what ` +
        "was saved is safe: look at that rank's machine, then go on with --should_continue.\n",
    );
    this.mpi.abort(1);
  }

  private get before(): number {
    return (this.mpi.rank + this.mpi.size - 1) % this.mpi.size;
  }

  private listen(): Request {
    return this.mpi.receive(this.heard, this.before, TAG);
  }

  private say(what: number): Request {
    const bytes = new Uint8Array(new ArrayBuffer(1));
    bytes[0] = what;
    return this.mpi.send(bytes, (this.mpi.rank + 1) % this.mpi.size, TAG);
  }
}
