// A finished run as Teach keeps one, put on the page's disk without training: for what is looked at, not computed.
import type { Page } from "playwright-core";

export const RUN_NAME = "Taught by the brook";

/** Its id. The model's own file is a stand-in that nothing loads. */
export function makeRun(page: Page): Promise<string> {
  return page.evaluate(async (name) => {
    const id = "made-run";
    const gap = { p1: "Kim sat by the brook.", p2: "She threw her ball.", p3: "Then it rained." };
    const log = [1, 2, 3, 4, 5].flatMap((step) => [
      { step, epoch: step / 5, loss: 4 - step / 4 },
      ...(step % 2 === 0 ? [{ step, epoch: step / 5, eval_loss: 4.2 - step / 5 }] : []),
    ]);
    const samples = [0, 2, 4, 5].map((step) => ({ step, number: 0, text: `She looked at the water ${step} times.` }));
    const notes = {
      "run.json": {
        version: 1,
        id,
        name,
        created: Date.now(),
        books: ["the-brook.txt"],
        base: { source: "./models/demo", name: "The demo model" },
        template: {},
        args: {},
        totalSteps: 5,
        lookEvery: 2,
        finished: Date.now(),
      },
      "data.json": { train: [gap], validation: [gap], gaps: [gap, gap, gap] },
      "journal.json": { log, samples, resumed: [2], step: 5 },
    };
    const root = await navigator.storage.getDirectory();
    const own = await root.getDirectoryHandle("own", { create: true });
    const folder = await own.getDirectoryHandle(id, { create: true });
    const studio = await folder.getDirectoryHandle("studio", { create: true });
    const write = async (where: FileSystemDirectoryHandle, file: string, text: string): Promise<void> => {
      const writable = await (await where.getFileHandle(file, { create: true })).createWritable();
      await writable.write(text);
      await writable.close();
    };
    for (const [file, value] of Object.entries(notes)) await write(studio, file, JSON.stringify(value));
    await write(folder, "model.safetensors", "stand-in");
    await new Promise((done, fail) => {
      const opening = indexedDB.open("studio");
      opening.addEventListener("error", fail);
      opening.addEventListener("success", () => {
        const transaction = opening.result.transaction("models", "readwrite");
        transaction.objectStore("models").put({ id, name, kind: "own", source: { opfs: `own/${id}` } });
        transaction.addEventListener("complete", () => {
          opening.result.close();
          done(undefined);
        });
      });
    });
    return id;
  }, RUN_NAME);
}

/** The folders of runs on the page's disk. */
export function runFolders(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const root = await navigator.storage.getDirectory();
    const names: string[] = [];
    for await (const name of (await root.getDirectoryHandle("own", { create: true })).keys()) names.push(name);
    return names;
  });
}
