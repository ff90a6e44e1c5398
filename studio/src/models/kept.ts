// What the browser keeps of models, in its private file system: how much, and to remove it.
import { keptAt } from "../../../src/entries/storage.ts";
import type { StudioModel } from "../engine/model.ts";

/** Path in OPFS of the folder that holds a model's files; undefined where it lies elsewhere. */
function placeOf({ source }: StudioModel): string | undefined {
  if (typeof source === "string" || "directory" in source) return undefined;
  return "opfs" in source ? source.opfs : keptAt(source);
}

async function folderAt(path: string): Promise<FileSystemDirectoryHandle | undefined> {
  try {
    let folder = await navigator.storage.getDirectory();
    for (const name of path.split("/")) folder = await folder.getDirectoryHandle(name);
    return folder;
  } catch {
    return undefined; // nothing is there, or there is no such file system
  }
}

/** Bytes; undefined where its files are not the browser's. */
export async function keptBytes(model: StudioModel): Promise<number | undefined> {
  const place = placeOf(model);
  if (place === undefined) return undefined;
  const folder = await folderAt(place);
  return folder ? bytesIn(folder) : 0;
}

/** Files may come and go meanwhile, in a worker that loads or in another tab: what is gone takes no room. */
async function bytesIn(folder: FileSystemDirectoryHandle): Promise<number> {
  let sum = 0;
  try {
    for await (const entry of folder.values())
      sum += entry.kind === "directory" ? await bytesIn(entry) : await bytesOf(entry);
  } catch (error) {
    ignoreGone(error as Error);
  }
  return sum;
}

const bytesOf = (file: FileSystemFileHandle): Promise<number> =>
  file.getFile().then(
    ({ size }) => size,
    (error: Error) => (ignoreGone(error), 0),
  );

function ignoreGone(error: Error): void {
  if (error.name !== "NotFoundError") throw error;
}

export async function removeKept(model: StudioModel): Promise<void> {
  const place = placeOf(model);
  if (place === undefined) return;
  const names = place.split("/");
  const last = names.pop()!;
  const parent = await folderAt(names.join("/"));
  await parent?.removeEntry(last, { recursive: true }).catch(ignoreGone);
}

export interface StorageUse {
  readonly used: number;
  readonly quota: number | undefined;
  readonly persisted: boolean;
}

/** undefined where the browser does not say. */
export async function storageUse(): Promise<StorageUse | undefined> {
  if (!navigator.storage?.estimate) return undefined;
  const { usage, quota } = await navigator.storage.estimate();
  return { used: usage ?? 0, quota, persisted: (await navigator.storage.persisted?.()) ?? false };
}
