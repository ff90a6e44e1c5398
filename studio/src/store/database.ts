// The page's database (IndexedDB, through idb): what is in it, and how it is opened.
import { openDB } from "idb";
import type { DBSchema, IDBPDatabase } from "idb";
import type { StudioModel } from "../engine/model.ts";
import type { DocumentRecord, FillRecord } from "./records.ts";

export interface StudioSchema extends DBSchema {
  documents: { key: string; value: DocumentRecord };
  fills: { key: string; value: FillRecord; indexes: { document: string } };
  models: { key: string; value: StudioModel };
}
export type StudioDatabase = IDBPDatabase<StudioSchema>;

const NAME = "studio";
const VERSION = 1;

let opening: Promise<StudioDatabase> | undefined;

/** Rejects where the browser keeps nothing: a private window, or storage that is switched off. */
export function openStudio(): Promise<StudioDatabase> {
  return (opening ??= openDB<StudioSchema>(NAME, VERSION, {
    upgrade(database) {
      database.createObjectStore("documents", { keyPath: "id" });
      database.createObjectStore("fills", { keyPath: "id" }).createIndex("document", "documentId");
      database.createObjectStore("models", { keyPath: "id" });
    },
    // Another tab has a newer page: it must not wait for this one.
    blocking: (_version, _blocked, event) => (event.target as IDBDatabase).close(),
    terminated: () => void (opening = undefined),
  }).catch((error: unknown) => {
    opening = undefined;
    throw error;
  }));
}
