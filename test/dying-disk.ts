// A process that dies at its n-th change of the disk, played within this one: from then on nothing changes any more.
// What the n-th call does is half done: half of a write, half of the files of a folder that is removed.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";

const CHANGES = ["mkdir", "rename", "rm", "appendFile", "open"] as const;
const SYNC_CHANGES = ["mkdirSync", "rmSync", "rmdirSync", "writeFileSync"] as const;

export class Died extends Error {}

/** Runs `act`, which dies at change number `n` (from 1); false when it came to its end before. */
export async function dyingAt(n: number, act: () => Promise<unknown>): Promise<boolean> {
  const promises = fs.promises as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const sync = fs as unknown as Record<string, (...args: unknown[]) => unknown>;
  const before = [...CHANGES.map((name) => promises[name]), ...SYNC_CHANGES.map((name) => sync[name])];
  const { rmSync, writeSync } = fs;
  let left = n;
  const step = (half?: () => void): void => {
    left--;
    if (left === 0) half?.();
    if (left <= 0) throw new Died();
  };
  CHANGES.forEach((name, i) => {
    promises[name] = async (...args) => {
      const [path, flags] = args as [string, unknown];
      if (name === "open" && flags === "r") return before[i](...args);
      step(name === "rm" ? () => removeHalf(path, rmSync) : undefined);
      const made = await (before[i](...args) as Promise<unknown>);
      return name === "open" ? watched(made as fs.promises.FileHandle, step, writeSync) : made;
    };
  });
  SYNC_CHANGES.forEach((name, i) => {
    sync[name] = (...args) => {
      step();
      return before[CHANGES.length + i](...args);
    };
  });
  syncBuiltinESMExports();
  try {
    await act().catch((error: unknown) => {
      if (left > 0) throw error;
    });
  } finally {
    CHANGES.forEach((name, i) => (promises[name] = before[i] as (typeof promises)[string]));
    SYNC_CHANGES.forEach((name, i) => (sync[name] = before[CHANGES.length + i]));
    syncBuiltinESMExports();
  }
  return left <= 0;
}

function removeHalf(path: string, rmSync: typeof fs.rmSync): void {
  if (!fs.existsSync(path) || !fs.statSync(path).isDirectory()) return;
  const names = fs.readdirSync(path);
  for (const name of names.slice(0, Math.ceil(names.length / 2))) rmSync(join(path, name));
}

function watched(
  handle: fs.promises.FileHandle,
  step: (half?: () => void) => void,
  writeSync: typeof fs.writeSync,
): fs.promises.FileHandle {
  const calls = handle as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  for (const name of ["write", "writeFile", "sync"]) {
    const original = calls[name].bind(handle);
    calls[name] = async (...args) => {
      const [data] = args as [string | Uint8Array];
      const bytes = typeof data === "string" ? Buffer.from(data) : data;
      step(name === "sync" ? undefined : () => writeSync(handle.fd, bytes, 0, bytes.length >> 1));
      return name === "sync" ? undefined : original(...args); // this machine goes on: it may be slow, and needs none
    };
  }
  return handle;
}
