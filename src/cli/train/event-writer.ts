// A run's scalars in a TensorBoard event file on disk, one record at a time as they come.
import { appendFile, mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { firstEvent, purgeEvent, scalarEvent, scalarNames } from "../../training/event-file.ts";
import type { LogEntry } from "../../training/trainer-state.ts";

let opened = 0;

export class EventWriter {
  private readonly path: string;
  private writing: Promise<void>;

  /** A new file in `folder`; `startStep`: the run goes on from there, and later steps of older files are void. */
  constructor(folder: string, startStep: number | undefined) {
    const now = Date.now() / 1000;
    const name = `events.out.tfevents.${Math.floor(now)}.${hostname()}.${process.pid}.${opened++}`;
    this.path = join(folder, name);
    this.writing = mkdir(folder, { recursive: true }).then(() => appendFile(this.path, firstEvent(now)));
    this.writing.catch(() => {}); // told at the first scalars
    if (startStep !== undefined) this.append(purgeEvent(now, startStep + 1)).catch(() => {});
  }

  /** Adds what was logged, after what was before; rejects where it cannot be written. */
  log(entry: LogEntry): Promise<void> {
    const { step } = entry;
    return this.append(scalarEvent({ wallTime: Date.now() / 1000, step, scalars: scalarNames(entry) }));
  }

  private append(record: Uint8Array): Promise<void> {
    const written = this.writing.then(() => appendFile(this.path, record));
    this.writing = written;
    written.catch(() => {}); // the caller is told
    return written;
  }
}
