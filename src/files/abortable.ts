// A folder whose reading can be ended: for loaders, which know nothing of signals.
import type { Folder } from "./folder.ts";

/**
 * `folder` as it is, but once `signal` is aborted every further call rejects with its reason. A read under way is
 * waited for. Without a signal the folder itself.
 */
export function abortable(folder: Folder, signal: AbortSignal | undefined): Folder {
  if (signal === undefined) return folder;
  const unlessAborted = async <R>(call: () => Promise<R>): Promise<R> => {
    signal.throwIfAborted();
    const result = await call();
    signal.throwIfAborted();
    return result;
  };
  return {
    name: folder.name,
    list: () => unlessAborted(() => folder.list()),
    has: (file) => unlessAborted(() => folder.has(file)),
    size: (file) => unlessAborted(() => folder.size(file)),
    read: (file, range) => unlessAborted(() => folder.read(file, range)),
    write: (files) => unlessAborted(() => folder.write(files)),
  };
}
