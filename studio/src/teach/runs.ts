// Runs on the disk of the browser: each a folder own/<id> whose files are the model in the making, checkpoints beside
// them, and in studio/ what the page knows of it. Removing the folder removes the run.
import { opfsFolder } from "../../../src/entries/storage.ts";
import type { HandleFolder } from "../../../src/entries/storage.ts";
import type { InfillExample, TrainingArguments } from "../../../src/entries/train.ts";
import type { FreshModel, StoredModel } from "../../../src/entries/worker.ts";
import type { InfillTemplate } from "../../../src/entries/infill.ts";
import { EMPTY } from "./journal.ts";
import type { Journal } from "./journal.ts";

const HOME = "own";
const RUN = "run.json";
const DATA = "data.json";
const JOURNAL = "journal.json";
const BASE = "base";

/** What it began with: another model, or fresh weights of these sizes. */
export type Base =
  | { readonly source: StoredModel; readonly name: string }
  | { readonly fresh: FreshModel["config"]; readonly name: string };

export interface RunRecord {
  readonly version: 1;
  readonly id: string;
  readonly name: string;
  readonly created: number;
  readonly books: readonly string[];
  readonly base: Base;
  readonly template: InfillTemplate;
  readonly args: Partial<TrainingArguments>;
  readonly totalSteps: number;
  readonly lookEvery: number;
  /** Where the last update was made and the model is whole. */
  readonly finished?: number;
}

/** What is learnt from; large, and read when the run goes on. */
export interface RunData {
  readonly train: readonly InfillExample[];
  readonly validation: readonly InfillExample[];
  readonly gaps: readonly InfillExample[];
}

export const placeOf = (id: string): { readonly opfs: string } => ({ opfs: `${HOME}/${id}` });
/** A copy of what it began with, where that lies outside of the browser. */
export const basePlaceOf = (id: string): { readonly opfs: string } => ({ opfs: `${HOME}/${id}/${BASE}` });
const folderOf = (id: string): Promise<HandleFolder> => opfsFolder(`${HOME}/${id}`);
const notesOf = (id: string): Promise<HandleFolder> => opfsFolder(`${HOME}/${id}/studio`);

async function readJson<T>(id: string, file: string): Promise<T | undefined> {
  const folder = await notesOf(id);
  if (!(await folder.has(file))) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(await folder.read(file))) as T;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // a page that was closed while it was written
    throw error;
  }
}

const writeJson = async (id: string, file: string, value: unknown): Promise<void> =>
  (await notesOf(id)).write(new Map([[file, JSON.stringify(value)]]));

/** The newest first. */
export async function listRuns(): Promise<RunRecord[]> {
  const ids = await (await opfsFolder(HOME)).checkpoints().list();
  const records = await Promise.all(ids.map((id) => readJson<RunRecord>(id, RUN)));
  return records.filter((record) => record !== undefined).sort((a, b) => b.created - a.created);
}

export async function createRun(record: RunRecord, data: RunData): Promise<void> {
  try {
    await writeJson(record.id, DATA, data);
    await writeJson(record.id, RUN, record);
  } catch (error) {
    await removeRun(record.id).catch(() => undefined);
    throw error;
  }
}

export const readData = (id: string): Promise<RunData | undefined> => readJson<RunData>(id, DATA);
export const writeRecord = (record: RunRecord): Promise<void> => writeJson(record.id, RUN, record);
export const readJournal = async (id: string): Promise<Journal> => (await readJson<Journal>(id, JOURNAL)) ?? EMPTY;
export const writeJournal = (id: string, journal: Journal): Promise<void> => writeJson(id, JOURNAL, journal);

export async function removeRun(id: string): Promise<void> {
  await (await opfsFolder(HOME)).checkpoints().remove(id);
}

/** Of no use when a run is finished: the model is in its folder. */
export async function removeCheckpoints(id: string): Promise<void> {
  const store = (await folderOf(id)).checkpoints();
  for (const name of await store.list()) if (name === BASE || name.startsWith("checkpoint-")) await store.remove(name);
}

/** The step of the newest checkpoint that is whole; 0 without one. */
export async function savedStep(id: string): Promise<number> {
  const store = (await folderOf(id)).checkpoints();
  const steps = (await store.list()).flatMap((name) => /^checkpoint-(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  for (const step of steps.sort((a, b) => b - a))
    if ((await store.fault(`checkpoint-${step}`)) === undefined) return step;
  return 0;
}

/** The model in Hugging Face's layout: what of the folder is its files. */
export async function modelFiles(id: string): Promise<{ readonly folder: HandleFolder; readonly names: string[] }> {
  const folder = await folderOf(id);
  return { folder, names: (await folder.list()).filter((name) => name !== "sizes.json") };
}
