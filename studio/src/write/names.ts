// The names in the open document, looked for while it is being written, and the writer's own changes to them.
import { computed, effect, signal } from "@preact/signals";
import type { NamesOfText } from "../../../src/entries/books.ts";
import { reasonOf } from "../i18n/index.ts";
import { LatestWriter } from "../store/latest.ts";
import { NAME_CLASSES } from "../store/records.ts";
import type { DocumentRecord, NameClass, Wishes } from "../store/records.ts";
import { change, changeWishes, open } from "./desk.ts";
import { textReader } from "./text-reader.ts";

const PAUSE_MS = 900;
const found = signal<NamesOfText | undefined>(undefined);
/** Why no names are looked for. */
export const namesProblem = signal<string | undefined>(undefined);

export interface ShownName {
  readonly name: string;
  /** Other forms, and how often it occurs; of a name that the writer added none. */
  readonly forms: readonly string[];
  readonly count: number | undefined;
}

/** By class: the writer's own, then those that were found and not removed. */
export const names = computed<Readonly<Record<NameClass, readonly ShownName[]>>>(() => {
  const { added = [], removed = [] } = open.value?.names ?? {};
  const own = new Set(added.map(({ name }) => name));
  const each = (kind: NameClass): ShownName[] => [
    ...added.filter((name) => name.class === kind).map(({ name }) => ({ name, forms: [], count: undefined })),
    ...(found.value?.[kind] ?? []).filter(({ name }) => !own.has(name) && !removed.includes(name)),
  ];
  return Object.fromEntries(NAME_CLASSES.map((kind) => [kind, each(kind)])) as Record<NameClass, ShownName[]>;
});

export function addName(kind: NameClass, name: string): void {
  const record = open.value;
  if (!record || name === "") return;
  const { added, removed } = record.names;
  change({
    names: {
      added: [...added.filter((each) => each.name !== name), { name, class: kind }],
      removed: removed.filter((each) => each !== name),
    },
  });
}

export function removeName(kind: NameClass, name: string): void {
  const record = open.value;
  if (!record) return;
  const { added, removed } = record.names;
  change({ names: { added: added.filter((each) => each.name !== name), removed: [...removed, name] } });
  if (isPicked(record.wishes, kind, name)) pickName(kind, name);
}

export function isPicked(wishes: Wishes, kind: NameClass, name: string): boolean {
  return Array.isArray(wishes[kind]) && wishes[kind].includes(name);
}

/** Wished for in the gap's text, or no more. */
export function pickName(kind: NameClass, name: string): void {
  const picked = open.value?.wishes[kind];
  const list = Array.isArray(picked) ? picked : [];
  changeWishes({ [kind]: list.includes(name) ? list.filter((each) => each !== name) : [...list, name] });
}

/** Looks for names when the text has rested for a moment; ends with what it returns. */
export function watchNames(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last: Pick<DocumentRecord, "id" | "text"> | undefined;
  // A novel takes seconds: what was typed meanwhile is looked through once, and not edit by edit.
  const looking = new LatestWriter<Pick<DocumentRecord, "id" | "text">>(
    async ({ id, text }) => {
      const result = await textReader().names(text);
      if (id !== open.peek()?.id) return;
      found.value = result;
      namesProblem.value = undefined;
    },
    (error) => void (namesProblem.value = reasonOf(error)),
  );
  const end = effect(() => {
    const record = open.value;
    if (!record || record.text === last?.text) return;
    const isOther = record.id !== last?.id;
    if (isOther) found.value = undefined;
    const now = (last = { id: record.id, text: record.text });
    clearTimeout(timer);
    timer = setTimeout(() => looking.put(now), isOther ? 0 : PAUSE_MS);
  });
  return () => {
    end();
    clearTimeout(timer);
  };
}
