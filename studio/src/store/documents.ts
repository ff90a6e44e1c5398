// Documents and their fills on the disk. Where the browser keeps nothing, they last as long as the page, and
// `keepsNothing` says so.
import { signal } from "@preact/signals";
import { openStudio } from "./database.ts";
import type { StudioDatabase } from "./database.ts";
import type { DocumentRecord, DocumentSummary, FillRecord, UndoRecord } from "./records.ts";

/** Why nothing is kept, once that was seen. */
export const keepsNothing = signal<string | undefined>(undefined);

const inMemory = {
  documents: new Map<string, DocumentRecord>(),
  fills: new Map<string, FillRecord>(),
  undo: new Map<string, UndoRecord>(),
};

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

/** Both or neither: steps of undo fit one text only. */
export async function writeDocument(record: DocumentRecord, undo?: UndoRecord): Promise<void> {
  const studio = await database();
  if (!studio) {
    inMemory.documents.set(record.id, record);
    if (undo) inMemory.undo.set(record.id, undo);
    return;
  }
  const transaction = studio.transaction(["documents", "undo"], "readwrite");
  await Promise.all([
    transaction.objectStore("documents").put(record),
    undo && transaction.objectStore("undo").put(undo),
    transaction.done,
  ]);
}

/** What fits the text of `record`; undefined without such. */
export async function readUndo({ id, updated }: DocumentRecord): Promise<UndoRecord | undefined> {
  const studio = await database();
  const kept = studio ? await studio.get("undo", id) : inMemory.undo.get(id);
  return kept?.updated === updated ? kept : undefined;
}

/** With all of its fills, and its undo. */
export async function removeDocument(id: string): Promise<void> {
  const studio = await database();
  if (!studio) {
    inMemory.documents.delete(id);
    for (const fill of inMemory.fills.values()) if (fill.documentId === id) inMemory.fills.delete(fill.id);
    return;
  }
  const transaction = studio.transaction(["documents", "fills", "undo"], "readwrite");
  const fills = transaction.objectStore("fills");
  const keys = await fills.index("document").getAllKeys(id);
  await Promise.all([
    ...keys.map((key) => fills.delete(key)),
    transaction.objectStore("documents").delete(id),
    transaction.objectStore("undo").delete(id),
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
