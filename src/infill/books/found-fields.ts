// The metadata fields that are found in a book's passages rather than given: who and what a passage names, its
// keywords, its central sentence. What is not wanted is not looked for.
import type { MetaValue } from "../example.ts";
import { Characters, NAME_FIELDS } from "./characters.ts";
import type { Gazetteer } from "./gazetteer.ts";
import type { NameKind } from "./name-runs.ts";
import { Keywords } from "./keywords.ts";

export type FoundField = NameKind | "keywords" | "summary";
export const FOUND_FIELDS: readonly FoundField[] = [...NAME_FIELDS, "keywords", "summary"];

export interface Found {
  /** Fields without a value are left out. */
  readonly fields: Readonly<Partial<Record<FoundField, MetaValue>>>;
  /** Other names of the characters in the book, by name. */
  readonly aliases: Readonly<Record<string, readonly string[]>>;
}

export interface BookTexts {
  readonly paragraphs: readonly string[];
  /** Of all examples: each p2. */
  readonly passages: readonly string[];
  /** ISO 639-1; "" where it is not known. */
  readonly language: string;
}

export class FoundFields {
  private readonly wanted: ReadonlySet<string>;
  private readonly characters: Characters | undefined;
  private readonly keywords: Keywords | undefined;

  constructor(book: BookTexts, wanted: ReadonlySet<string> = new Set(), gazetteer?: Gazetteer) {
    this.wanted = wanted;
    if (NAME_FIELDS.some((field) => wanted.has(field)))
      this.characters = new Characters(book.paragraphs, gazetteer, book.language);
    if (wanted.has("keywords") || wanted.has("summary")) this.keywords = new Keywords(book.passages, book.language);
  }

  of({ p1, p2, p3 }: { readonly p1: string; readonly p2: string; readonly p3: string }): Found {
    const names = this.characters?.namesIn(p2, p1, p3);
    const all: Readonly<Record<FoundField, MetaValue>> = {
      characters: names?.names.characters ?? [],
      places: names?.names.places ?? [],
      organisations: names?.names.organisations ?? [],
      misc: names?.names.misc ?? [],
      keywords: this.wanted.has("keywords") ? this.keywords!.in(p2) : [],
      summary: this.wanted.has("summary") ? this.keywords!.centralSentence(p2) : "",
    };
    const found = Object.entries(all).filter(
      ([field, value]) => this.wanted.has(field) && (value as string | readonly string[]).length > 0,
    );
    return { fields: Object.fromEntries(found), aliases: this.wanted.has("characters") ? (names?.aliases ?? {}) : {} };
  }
}
