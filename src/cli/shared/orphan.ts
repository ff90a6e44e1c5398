// npx and npm run start a program through a shell (and tsx through another node). Who ends npm ends that shell, but the
// program below never hears of it and would go on without anybody knowing. So it looks now and then whether its
// ancestors up to npm are those that it started with.
import { readFileSync } from "node:fs";

interface Ancestor {
  readonly pid: number;
  readonly parent: number;
}

const LOOK_MS = 500;
/** tsx, a shell, npm, and one to spare. */
const MOST_ANCESTORS = 4;

/**
 * Calls `stop`, once, when npm started this process and a process between npm and this one, or npm itself, has ended.
 * Looks at the whole chain where the system tells it (Linux), else at the parent.
 */
export function onOrphaned(stop: () => void): void {
  if (process.env.npm_command === undefined) return;
  const chain = ancestorsToNpm();
  if (chain === undefined) return;
  const timer = setInterval(() => {
    if (process.ppid === chain[0].parent && chain.slice(1).every(({ pid, parent }) => parentOf(pid) === parent)) return;
    clearInterval(timer);
    stop();
  }, LOOK_MS);
  timer.unref();
}

/** This process and those above it, each with its parent, the last of them npm's child; undefined: npm is not there. */
function ancestorsToNpm(): readonly [Ancestor, ...Ancestor[]] | undefined {
  const chain: [Ancestor, ...Ancestor[]] = [{ pid: process.pid, parent: process.ppid }];
  if (parentOf(process.pid) === undefined) return chain;
  while (chain.length <= MOST_ANCESTORS) {
    const pid = chain[chain.length - 1].parent;
    if (/^npm\b/.test(commandOf(pid))) return chain;
    const parent = parentOf(pid);
    if (parent === undefined) return undefined;
    chain.push({ pid, parent });
  }
  return undefined;
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]); // behind the name, which may hold spaces
  } catch {
    return undefined;
  }
}

/** npm names itself "npm exec tsx ..." or "npm run train". */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ");
  } catch {
    return "";
  }
}
