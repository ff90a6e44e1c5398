// Books that were dropped in Teach and wait for a run to begin: a page that is loaded again has them still. Where the
// browser keeps nothing, they last as long as the page.
import { openStudio } from "./database.ts";

export async function listWaiting(): Promise<File[]> {
  const studio = await openStudio().catch(() => undefined);
  return studio ? studio.getAll("books") : [];
}

/** These, and no others. Rejects where they have no room. */
export async function keepWaiting(books: readonly File[]): Promise<void> {
  const studio = await openStudio().catch(() => undefined);
  if (!studio) return;
  const transaction = studio.transaction("books", "readwrite");
  const names = new Set(books.map(({ name }) => name));
  const kept = await transaction.store.getAllKeys();
  await Promise.all([
    ...kept.filter((name) => !names.has(name)).map((name) => transaction.store.delete(name)),
    ...books.map((book) => transaction.store.put(book, book.name)),
    transaction.done,
  ]);
}
