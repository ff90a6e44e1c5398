// An infilling example as it lies in the cache: ids, token type ids where the template has them, types, and then what
// it was made of as JSON, from which an epoch that changes it encodes it anew.
import type { FittedExample } from "../../../infill/encode.ts";
import type { InfillExample } from "../../../infill/example.ts";
import { idArray } from "./piece.ts";

export interface RecordLayout {
  readonly idBytes: 2 | 4;
  readonly sectionTypes: boolean;
}

/** Of the index for each record: tokens, bytes of the JSON, the number of the line, whether context was trimmed. */
export const INDEX_WORDS = 4;

export const tokenBytes = ({ idBytes, sectionTypes }: RecordLayout, tokens: number): number =>
  tokens * (idBytes * (sectionTypes ? 2 : 1) + 1);

/** The record's parts, one after the other, and its words of the index. */
export function encodeRecord(
  { ids, types, tokenTypeIds, trimmed }: FittedExample,
  example: InfillExample,
  line: number,
  { idBytes }: RecordLayout,
): { readonly parts: readonly Uint8Array[]; readonly index: readonly number[] } {
  const Ids = idArray(idBytes);
  const lists = tokenTypeIds ? [ids, tokenTypeIds] : [ids];
  const json = new TextEncoder().encode(JSON.stringify({ ...example, where: undefined }, withoutInfinity));
  return {
    parts: [...lists.map((list) => new Uint8Array(Ids.from(list).buffer)), types, json],
    index: [ids.length, json.length, line, Number(trimmed)],
  };
}

/** JSON reads 1e999 and cannot write it; as metadata the number and its text are the same. */
const withoutInfinity = (_: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isFinite(value) ? String(value) : value;

/** The example of a record's first bytes. */
export function decodeTokens(
  bytes: ArrayBuffer,
  tokens: number,
  trimmed: boolean,
  { idBytes, sectionTypes }: RecordLayout,
): FittedExample {
  const Ids = idArray(idBytes);
  const list = (number: number): number[] => Array.from(new Ids(bytes, number * idBytes * tokens, tokens));
  const types = new Uint8Array(bytes, (sectionTypes ? 2 : 1) * idBytes * tokens, tokens);
  return { ids: list(0), types, ...(sectionTypes && { tokenTypeIds: list(1) }), trimmed };
}

/** What it was made of. */
export function decodeTexts(bytes: ArrayBuffer, where: string): InfillExample {
  return { ...(JSON.parse(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)) as InfillExample), where };
}
