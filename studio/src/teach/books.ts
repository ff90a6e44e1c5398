// Files of books to examples, through the worker that reads them.
import { wrap } from "comlink";
import type { BookResult, BooksApi } from "./books.worker.ts";
import type { BaseFacts } from "./inspect.ts";

/** Names of files that are read; what they really are their bytes say. */
export const ACCEPTED = ".txt,.text,.md,.markdown,.docx,.epub,.html,.htm,.xhtml";

/** Throws Error in a sentence. A worker for each reading: when it is no longer wanted, it ends at once. */
export async function readBooks(
  files: readonly File[],
  { nPositions, template, base }: BaseFacts,
  validation: number,
  signal: AbortSignal,
): Promise<BookResult> {
  const worker = new Worker(new URL("./books.worker.ts", import.meta.url), { type: "module", name: "books" });
  const ended = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    worker.addEventListener("error", ({ message }) => reject(new Error(message)), { once: true });
  });
  try {
    const books = await Promise.all(
      files.map(async (file) => ({ name: file.name, data: new Uint8Array(await file.arrayBuffer()) })),
    );
    const source = "source" in base ? base.source : undefined;
    const request = { books, source, template, nPositions, validation };
    const result = await Promise.race([wrap<BooksApi>(worker).read(request), ended]);
    if ("error" in result) throw new Error(result.error);
    return result;
  } finally {
    worker.terminate();
  }
}
