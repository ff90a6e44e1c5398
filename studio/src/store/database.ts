// The page's database (IndexedDB, through idb): what is in it, and how it is opened.
import { openDB } from "idb";
import type { DBSchema, IDBPDatabase } from "idb";
import type { StudioModel } from "../engine/model.ts";
import type { DocumentRecord, FillRecord, UndoRecord } from "./records.ts";

export interface StudioSchema extends DBSchema {
  documents: { key: string; value: DocumentRecord };
  fills: { key: string; value: FillRecord; indexes: { document: string } };
  models: { key: string; value: StudioModel };
  /** By their documents. */
  undo: { key: string; value: UndoRecord };
  /** Books that wait in Teach, by their names. */
  books: { key: string; value: File };
}
export type StudioDatabase = IDBPDatabase<StudioSchema>;

const NAME = "studio";
const VERSION = 2;

let opening: Promise<StudioDatabase> | undefined;

/** Rejects where the browser keeps nothing: a private window, or storage that is switched off. */
export function openStudio(): Promise<StudioDatabase> {
  return (opening ??= openDB<StudioSchema>(NAME, VERSION, {
    upgrade(database, before) {
      if (before < 1) {
        database.createObjectStore("documents", { keyPath: "id" });
        database.createObjectStore("fills", { keyPath: "id" }).createIndex("document", "documentId");
        database.createObjectStore("models", { keyPath: "id" });
      }
      database.createObjectStore("undo", { keyPath: "id" });
      database.createObjectStore("books");
    },
    // Another tab has a newer page: it must not wait for this one.
    blocking: (_version, _blocked, event) => (event.target as IDBDatabase).close(),
    terminated: () => void (opening = undefined),
  }).catch((error: unknown) => {
    opening = undefined;
    throw error;
  }));
}
