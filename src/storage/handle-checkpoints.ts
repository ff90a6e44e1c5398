// A run's checkpoints in folders of the browser, as training's CheckpointStore has them. A page may be closed in the
// midst of a save: sizes.json, which lists the files, is removed first and written last, so that a folder without it,
// or with other sizes than it says, is none to go on from.
import type { FileData, Store } from "../files/folder.ts";
import { isObject, readJson } from "../files/json.ts";
import { printable } from "../files/quote.ts";

/** A folder that has folders, as HandleFolder. */
interface FolderOfFolders extends Store {
  sub(name: string): FolderOfFolders;
  folders(): Promise<string[]>;
  removeFolder(name: string): Promise<void>;
}

export const SIZES_FILE = "sizes.json";

export class HandleCheckpoints {
  private readonly run: FolderOfFolders;

  constructor(run: FolderOfFolders) {
    this.run = run;
  }

  async open(name: string): Promise<Store> {
    return this.run.sub(name);
  }

  list(): Promise<string[]> {
    return this.run.folders();
  }

  remove(name: string): Promise<void> {
    return this.run.removeFolder(name);
  }

  async write(name: string, files: ReadonlyMap<string, FileData>): Promise<void> {
    const folder = this.run.sub(name);
    await folder.remove(SIZES_FILE);
    await folder.write(files);
    const sizes: Record<string, number> = {};
    for (const file of files.keys()) sizes[file] = await folder.size(file);
    await folder.write(new Map([[SIZES_FILE, `${JSON.stringify(sizes, null, 2)}\n`]]));
  }

  async fault(name: string): Promise<string | undefined> {
    const folder = this.run.sub(name);
    if (!(await folder.has(SIZES_FILE))) return `it has no ${SIZES_FILE}: its writing did not come to its end`;
    const sizes: unknown = await readJson(folder, SIZES_FILE).catch(() => undefined);
    if (!isObject(sizes)) return `its ${SIZES_FILE} is damaged`;
    for (const [file, size] of Object.entries(sizes)) {
      const shown = printable(file);
      if (!(await folder.has(file))) return `${shown} is missing`;
      if ((await folder.size(file)) !== size) return `${shown} is not as it was saved`;
    }
    return undefined;
  }
}
