// One process at a time in a folder. The lock is a file that names its holder by process id and start time, so what a
// dead process left behind holds nothing. A dead holder's file is never taken over but followed by one of the next
// number, made exclusively: of many who find it dead, one wins. Where the holder cannot be asked (another machine,
// another container) it lives as long as it touches its file.
import { readdirSync, readFileSync, readlinkSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { UserError } from "../../errors.ts";
import { isObject } from "../../files/json.ts";
import { printable } from "../../files/quote.ts";

interface Holder {
  readonly pid: number;
  /** Of the process, as its system counts; "" where that cannot be known. */
  readonly started: string;
  /** The machine since it was started, and the processes that see each other on it. */
  readonly place: string;
  readonly host: string;
}

const NAME = /^\.run\.(\d{1,9})\.lock$/;
const TOUCH_SECONDS = 15;
/** A holder elsewhere that has not touched its file for so long is dead. */
const DEAD_AFTER_SECONDS = 120;
/** Between making the file and writing into it a process may be killed, or merely slow. */
const EMPTY_SECONDS = 2;

/** Whether a folder's entry is a lock, and none of the files that a person put there. */
export function isLockFile(name: string): boolean {
  return NAME.test(name);
}

export class FolderLock {
  private readonly file: string;
  private readonly content: string;
  private readonly touching: NodeJS.Timeout;

  private constructor(file: string, content: string) {
    this.file = file;
    this.content = content;
    this.touching = setInterval(() => this.touch(), TOUCH_SECONDS * 1000);
    this.touching.unref();
  }

  /**
   * Takes the folder, which exists. Throws UserError naming `shown`, and the flag that chooses another, when a living
   * process has it, and whatever the system says where no file can be made there.
   */
  static async take(folder: string, shown: string, outputFlag = "--output_dir"): Promise<FolderLock> {
    const content = `${JSON.stringify({ ...me(), id: crypto.randomUUID() })}\n`;
    for (let waited = 0; ;) {
      const locks = locksIn(folder);
      const states = locks.map((name) => ({ name, state: stateOf(join(folder, name)) }));
      const alive = states.find(({ state }) => typeof state === "object");
      if (alive) throw inUse(shown, outputFlag, alive.state as Holder, alive.name);
      if (states.some(({ state }) => state === "empty") && waited < EMPTY_SECONDS * 1000) {
        await wait(100);
        waited += 100;
        continue;
      }
      const next = locks.reduce((most, name) => Math.max(most, numberOf(name)), 0) + 1;
      const file = join(folder, `.run.${next}.lock`);
      try {
        writeFileSync(file, content, { flag: "wx" });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EEXIST") continue;
        throw error;
      }
      // Another who found the same dead holder much earlier may have the folder by now.
      const rival = locksIn(folder)
        .filter((name) => numberOf(name) !== next)
        .map((name) => ({ name, state: stateOf(join(folder, name)) }))
        .find(({ state }) => typeof state === "object");
      if (rival) {
        rmSync(file, { force: true });
        throw inUse(shown, outputFlag, rival.state as Holder, rival.name);
      }
      for (const name of locks) rmSync(join(folder, name), { force: true });
      return new FolderLock(file, content);
    }
  }

  /** Whether the folder is there and nobody else has taken it. */
  holds(): boolean {
    try {
      return readFileSync(this.file, "utf8") === this.content;
    } catch {
      return false;
    }
  }

  release(): void {
    clearInterval(this.touching);
    if (this.holds()) rmSync(this.file, { force: true });
  }

  private touch(): void {
    try {
      utimesSync(this.file, new Date(), new Date());
    } catch {
      // the next save finds out
    }
  }
}

function locksIn(folder: string): string[] {
  return readdirSync(folder).filter(isLockFile);
}

function numberOf(name: string): number {
  return Number(NAME.exec(name)![1]);
}

function inUse(shown: string, outputFlag: string, { pid, host, place }: Holder, file: string): UserError {
  const elsewhere = place === me().place ? "" : ` on ${printable(host)}`;
  return new UserError(
    `${shown} is in use by another run (process ${pid}${elsewhere}); wait for its end, choose another ${outputFlag}` +
      `${elsewhere ? `, or remove ${file} there if it is no longer running` : ""}.`,
  );
}

/** The living holder of a lock, or why it holds nothing. */
function stateOf(path: string): Holder | "empty" | "dead" {
  let holder: Partial<Holder>;
  let age: number;
  try {
    const text = readFileSync(path, "utf8");
    if (!text.endsWith("\n")) return "empty";
    const json: unknown = JSON.parse(text);
    if (!isObject(json)) return "dead";
    holder = json as Partial<Holder>;
    age = (Date.now() - statSync(path).mtimeMs) / 1000;
  } catch {
    return "dead";
  }
  const { pid, place, started } = holder;
  if (typeof pid !== "number" || typeof place !== "string" || typeof started !== "string") return "dead";
  const alive = place === me().place ? lives(pid, started) : Math.abs(age) < DEAD_AFTER_SECONDS;
  return alive ? (holder as Holder) : "dead";
}

function lives(pid: number, started: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false; // EPERM: it lives, and is another user's
  }
  const now = startTime(pid);
  return now === started || now === "";
}

let own: Holder | undefined;

function me(): Holder {
  return (own ??= { pid: process.pid, started: startTime(process.pid), place: placeOf(), host: hostname() });
}

/**
 * When a process was started, in its system's ticks: process ids come round again. "" where the system does not tell
 * (all but Linux), and for a zombie, which has ended and only waits for its parent to notice: "-".
 */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // from field 3 on: the name before may hold spaces
    return /[ZX]/.test(fields[0]) ? "-" : fields[19];
  } catch {
    return "";
  }
}

function placeOf(): string {
  const read = (what: () => string): string => {
    try {
      return what().trim();
    } catch {
      return "";
    }
  };
  const boot = read(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"));
  return [hostname(), boot, read(() => readlinkSync("/proc/self/ns/pid"))].join(" ");
}
