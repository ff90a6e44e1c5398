// Loaded with --import before a program: ends it with SIGKILL at the n-th call that changes something below a folder,
// as a power cut would, or fills the disk from there on. A write is cut in half and a removal of a folder left half
// done first.
//   KILL_ROOT   the folder
//   KILL_AT     n, from 1; 0 or nothing: never
//   KILL_LOG    a file for one line a call: what it does, to what
//   KILL_COPIES a folder that gets <n>, at every call: the folder as it were if the program ended there
//   FULL_AT     "n,m": from call n on, m calls that need room on the disk find none
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join, relative, resolve, sep } from "node:path";

const { KILL_ROOT: root, KILL_AT: at = "0", KILL_LOG: log, KILL_COPIES: copies, FULL_AT: full = "0,0" } = process.env;
const [fullFrom, fullCalls] = full.split(",").map(Number);
const below = (path) => typeof path === "string" && (resolve(path) + sep).startsWith(resolve(root) + sep);
const append = fs.appendFileSync;
const NEED_ROOM = /^(mkdir|open|write|append)/;
let calls = 0;

/** Counts a call; at the n-th, `half` is done to the path and the process is gone. */
function count(what, path, half) {
  if (log) append(log, `${what} ${path}\n`);
  calls++;
  if (copies && fs.existsSync(root)) {
    const copy = join(copies, String(calls));
    fs.cpSync(root, copy, { recursive: true });
    half?.(join(copy, relative(resolve(root), resolve(path))));
  }
  if (NEED_ROOM.test(what) && calls >= fullFrom && calls < fullFrom + fullCalls) {
    half?.(path);
    const message = `ENOSPC: no space left on device, ${what} '${path}'`;
    throw Object.assign(new Error(message), { code: "ENOSPC", syscall: what, path });
  }
  if (calls !== Number(at)) return;
  half?.(path);
  process.kill(process.pid, "SIGKILL");
  for (;;); // the signal arrives within moments
}

const { rmSync, readdirSync, openSync, writeSync, closeSync } = fs;
const halfRemove = (path) => {
  if (!fs.existsSync(path) || !fs.statSync(path).isDirectory()) return;
  const names = readdirSync(path);
  for (const name of names.slice(0, Math.ceil(names.length / 2))) rmSync(`${path}/${name}`, { recursive: true });
};

if (root) {
  for (const name of ["mkdir", "rename", "rm", "appendFile"]) {
    const original = fs.promises[name];
    fs.promises[name] = async (path, ...rest) => {
      if (below(path)) count(name, path, name === "rm" ? halfRemove : undefined);
      return original(path, ...rest);
    };
  }
  for (const name of ["mkdirSync", "rmSync", "rmdirSync", "writeFileSync"]) {
    const original = fs[name];
    fs[name] = (path, ...rest) => {
      if (below(path)) count(name, path);
      return original(path, ...rest);
    };
  }
  const { open } = fs.promises;
  fs.promises.open = async (path, flags, ...rest) => {
    if (!below(path) || flags === "r") return open(path, flags, ...rest);
    count("open", path);
    const handle = await open(path, flags, ...rest);
    for (const name of ["write", "writeFile", "sync", "close"]) {
      const original = handle[name].bind(handle);
      handle[name] = async (data, ...more) => {
        const bytes = typeof data === "string" ? Buffer.from(data) : data;
        const halfWrite = (to) => {
          const file = openSync(to, "a"); // what is written follows what was
          writeSync(file, bytes, 0, bytes.length >> 1);
          closeSync(file);
        };
        count(name, path, name.startsWith("write") ? halfWrite : undefined);
        return original(data, ...more);
      };
    }
    return handle;
  };
  syncBuiltinESMExports();
}
