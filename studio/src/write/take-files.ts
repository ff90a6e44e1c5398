// Files that were chosen or dropped become documents, each its own.
import { reasonOf, t } from "../i18n/index.ts";
import { createDocument, problem } from "./desk.ts";
import { importFile } from "./transfer.ts";

/** What cannot be read is told; the others are taken. */
export async function takeFiles(files: Iterable<File>): Promise<void> {
  const failed: string[] = [];
  const all = [...files]; // a list of a form's is emptied with it
  for (const file of all) {
    try {
      const { title, text } = await importFile(file);
      await createDocument(title, text);
    } catch (error) {
      failed.push(t.value.write.importFailed(file.name, reasonOf(error as Error)));
    }
  }
  if (failed.length > 0) problem.value = failed.join(" ");
}
