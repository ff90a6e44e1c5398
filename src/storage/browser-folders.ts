// The folders that a browser has: its own for each site (OPFS), and those on the disk that the user picks.
import { UserError } from "../errors.ts";
import { checkFileName } from "../files/file-name.ts";
import { explain, HandleFolder } from "./handle-folder.ts";
import type { DirectoryHandle, StorageManager } from "./handles.ts";

/**
 * The folder `path` ("models/tiny") of the origin private file system, which only this site sees; made when something
 * is written. `persist` asks the browser not to clear it when the disk is nearly full; default false. Throws UserError
 * where there is no such system (an address without https, an old browser) or it is denied.
 *
 * @example
 * const folder = await opfsFolder("models/mine");
 * await model.savePretrained(folder);
 */
export async function opfsFolder(
  path: string,
  { persist = false }: { readonly persist?: boolean } = {},
): Promise<HandleFolder> {
  const name = `opfs:${path}`;
  checkFileName("opfs", path);
  const storage = storageManager();
  if (storage?.getDirectory === undefined)
    throw new UserError(
      `Cannot open ${name}: this page has no private file system (OPFS); serve it over https or from localhost, in a ` +
        "browser of 2023 or newer.",
    );
  try {
    if (persist) await storage.persist?.();
    return new HandleFolder(name, await storage.getDirectory(), path.split("/"));
  } catch (error) {
    return explain(error, "open", name);
  }
}

/**
 * The folder behind a FileSystemDirectoryHandle: what showDirectoryPicker() gives (with `{ mode: "readwrite" }` where
 * it is to be written), or one that was dropped on the page. Reading and writing throw UserError where permission is
 * missing or has ended.
 */
export function directoryFolder(handle: DirectoryHandle): HandleFolder {
  if (typeof handle?.getFileHandle !== "function")
    throw new UserError("directoryFolder() wants a FileSystemDirectoryHandle, as showDirectoryPicker() gives one.");
  return new HandleFolder(handle.name || "the picked folder", handle);
}

/** Bytes that the browser still gives this site, as it estimates; undefined where it does not say. */
export async function freeBytes(): Promise<number | undefined> {
  const { quota, usage } = (await storageManager()?.estimate?.()) ?? {};
  return quota === undefined || usage === undefined ? undefined : Math.max(0, quota - usage);
}

const storageManager = (): StorageManager | undefined =>
  (globalThis as unknown as { readonly navigator?: { readonly storage?: StorageManager } }).navigator?.storage;
