// What was written lately in any document: the candidates of its fills, the newest first.
import { listDocuments, listFills } from "../store/documents.ts";
import type { FillRecord } from "../store/records.ts";

export interface WrittenText {
  readonly id: string;
  readonly document: string;
  readonly at: number;
  readonly p1: string;
  readonly p3: string;
  readonly text: string;
  readonly wishes: FillRecord["wishes"];
}

const MOST = 50;

export async function writtenTexts(): Promise<WrittenText[]> {
  const documents = await listDocuments();
  const fills = await Promise.all(
    documents.map(async ({ id, title }) => (await listFills(id)).map((fill) => ({ fill, title }))),
  );
  return fills
    .flat()
    .flatMap(({ fill: { p1, p3, wishes, candidates }, title }) =>
      candidates
        .filter(({ text }) => text.trim() !== "")
        .map(({ id, text, at }) => ({ id, document: title, at, p1, p3, text, wishes })),
    )
    .sort((a, b) => b.at - a.at)
    .slice(0, MOST);
}
