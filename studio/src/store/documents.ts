// Documents and their fills on the disk. Where the browser keeps nothing, they last as long as the page, and
// `keepsNothing` says so.
import { signal } from "@preact/signals";
import { openStudio } from "./database.ts";
import type { StudioDatabase } from "./database.ts";
import type { DocumentRecord, DocumentSummary, FillRecord } from "./records.ts";

/** Why nothing is kept, once that was seen. */
export const keepsNothing = signal<string | undefined>(undefined);

const inMemory = { documents: new Map<string, DocumentRecord>(), fills: new Map<string, FillRecord>() };

async function database(): Promise<StudioDatabase | undefined> {
  try {
    return await openStudio();
  } catch (error) {
    keepsNothing.value = (error as Error).message;
    return undefined;
  }
}

/** The last edited first. */
export async function listDocuments(): Promise<DocumentSummary[]> {
  const studio = await database();
  const all = studio ? await studio.getAll("documents") : [...inMemory.documents.values()];
  return all
    .map(({ id, title, created, updated }) => ({ id, title, created, updated }))
    .sort((a, b) => b.updated - a.updated);
}

export async function readDocument(id: string): Promise<DocumentRecord | undefined> {
  const studio = await database();
  return studio ? studio.get("documents", id) : inMemory.documents.get(id);
}

export async function writeDocument(record: DocumentRecord): Promise<void> {
  const studio = await database();
  if (studio) await studio.put("documents", record);
  else inMemory.documents.set(record.id, record);
}

/** With all of its fills. */
export async function removeDocument(id: string): Promise<void> {
  const studio = await database();
  if (!studio) {
    inMemory.documents.delete(id);
    for (const fill of inMemory.fills.values()) if (fill.documentId === id) inMemory.fills.delete(fill.id);
    return;
  }
  const transaction = studio.transaction(["documents", "fills"], "readwrite");
  const fills = transaction.objectStore("fills");
  const keys = await fills.index("document").getAllKeys(id);
  await Promise.all([
    ...keys.map((key) => fills.delete(key)),
    transaction.objectStore("documents").delete(id),
    transaction.done,
  ]);
}

/** The newest first. */
export async function listFills(documentId: string): Promise<FillRecord[]> {
  const studio = await database();
  const found = studio
    ? await studio.getAllFromIndex("fills", "document", documentId)
    : [...inMemory.fills.values()].filter((fill) => fill.documentId === documentId);
  return found.sort((a, b) => b.begun - a.begun);
}

export async function writeFill(record: FillRecord): Promise<void> {
  const studio = await database();
  if (studio) await studio.put("fills", record);
  else inMemory.fills.set(record.id, record);
}
