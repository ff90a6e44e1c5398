// What is kept of a writer's work: documents, and every fill that was ever made for them. Plain data, which IndexedDB
// copies; nothing in here is ever thrown away but with its document.

/** What a gap's text is asked to be; the names are those of the template's metadata fields. */
export type Wishes = Readonly<Record<string, string | readonly string[]>>;

export type NameClass = "characters" | "places" | "organisations" | "misc";
export const NAME_CLASSES: readonly NameClass[] = ["characters", "places", "organisations", "misc"];

/** Changes of the writer's to the names that were found. */
export interface NameChanges {
  readonly added: readonly { readonly name: string; readonly class: NameClass }[];
  readonly removed: readonly string[];
}

/** A gap that waits to be filled: what stands between is replaced by the text that is accepted. */
export interface OpenGap {
  readonly id: string;
  readonly from: number;
  readonly to: number;
}

export interface DocumentRecord {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  readonly created: number;
  readonly updated: number;
  readonly gaps: readonly OpenGap[];
  readonly wishes: Wishes;
  readonly names: NameChanges;
}

/** How the writer got there: steps of undo and redo (CodeMirror's, each as JSON), the next ones last. */
export interface UndoRecord {
  readonly id: string;
  /** Of the document as these steps left it: with any other text they are of no use. */
  readonly updated: number;
  readonly anchor: number;
  readonly head: number;
  readonly done: readonly string[];
  readonly undone: readonly string[];
}

/** In lists, without the text. */
export type DocumentSummary = Pick<DocumentRecord, "id" | "title" | "created" | "updated">;

/** How well a text fits its gap: mean log-probabilities a token, and their weighted sum (the package's Ranked). */
export interface Score {
  readonly score: number;
  readonly terms: Readonly<Record<string, number>>;
}

/** Where a text comes from: a fill, one like another, one that goes on from a chosen word, the writer. */
export type Origin = "fill" | "more" | "word" | "edit";

export interface CandidateRecord {
  readonly id: string;
  readonly text: string;
  readonly origin: Origin;
  readonly at: number;
  readonly pinned: boolean;
  /** It was being written when it was stopped, or the page closed. */
  readonly unfinished: boolean;
  readonly score?: Score;
  /** The text that the writer changed into this one: it stands in the history only. */
  readonly editedFrom?: string;
}

/** All that was written for one gap. */
export interface FillRecord {
  readonly id: string;
  readonly documentId: string;
  readonly begun: number;
  readonly p1: string;
  readonly p3: string;
  /** What stood there before. */
  readonly replaced: string;
  readonly wishes: Wishes;
  readonly model: string;
  readonly candidates: readonly CandidateRecord[];
  /** Of the candidate that was taken over into the text last, if any; where the gap is open again, undo took it out. */
  readonly accepted?: string;
}

export const newId = (): string => crypto.randomUUID();

export function emptyDocument(title: string, text = ""): DocumentRecord {
  const now = Date.now();
  return {
    id: newId(),
    title,
    text,
    created: now,
    updated: now,
    gaps: [],
    wishes: {},
    names: { added: [], removed: [] },
  };
}
