// Which checkpoint a run goes on from: the one that is named, or the newest whole one of its folder.
import { join, relative, resolve } from "node:path";
import { UserError } from "../../errors.ts";
import { isObject, readJsonObject } from "../../files/json.ts";
import { openFolder } from "../../files/open.ts";
import { listCheckpoints, STATE_FILE, wholeCheckpoints } from "../../training/checkpoint.ts";
import { writeNote } from "../shared/announce.ts";
import type { FlagValues } from "../shared/flags.ts";
import type { TrainFlags } from "./flags.ts";
import { faultOf, hasManifest } from "./manifest.ts";
import type { RunFolder } from "./run-folder.ts";

type Flags = FlagValues<TrainFlags>;

/** A checkpoint to go on from. */
export interface Saved {
  /** Its folder. */
  readonly path: string;
  /** It is one of the run's own folder. */
  readonly own: boolean;
}

/** Where the run may begin, the best place first; undefined: at its beginning. */
export async function* startingPoints(flags: Flags, run: RunFolder): AsyncGenerator<Saved | undefined> {
  if (flags.resumeFromCheckpoint !== undefined) yield givenCheckpoint(flags.resumeFromCheckpoint, run);
  else if (!flags.shouldContinue) yield undefined;
  else yield* ownCheckpoints(run);
}

/** The whole checkpoints of the run's folder, the newest first. Says of the others why they are left out. */
async function* ownCheckpoints(run: RunFolder): AsyncGenerator<Saved, undefined> {
  const skip = (name: string, fault: string): void => writeNote(`${join(run.path, name)} is skipped: ${fault}.`);
  for await (const name of wholeCheckpoints(run, skip)) yield { path: join(run.path, name), own: true };
}

/** Which run a checkpoint is of, as text; as far as it says. */
export async function savedFingerprint(saved: Saved): Promise<string> {
  return JSON.stringify((await fingerprintIn(saved)) ?? "");
}

/** How many ranks its run began with, which stays what an update is made of; undefined where it does not say. */
export async function savedWorldSize(saved: Saved): Promise<number | undefined> {
  const size = (await fingerprintIn(saved))?.world_size;
  return Number.isSafeInteger(size) && Number(size) > 0 ? Number(size) : undefined;
}

async function fingerprintIn({ path }: Saved): Promise<Readonly<Record<string, unknown>> | undefined> {
  const state = await readJsonObject(await openFolder(path), STATE_FILE).catch(() => undefined);
  const { fingerprint } = state ?? {};
  return isObject(fingerprint) ? fingerprint : undefined;
}

/** The one that --resume_from_checkpoint names. Throws UserError where its files are not those that were saved. */
async function givenCheckpoint(path: string, run: RunFolder): Promise<Saved> {
  // An older version's has no manifest; then the loaders check what they can.
  const fault = (await hasManifest(path)) ? await faultOf(path) : undefined;
  if (fault !== undefined)
    throw new UserError(`${path} is not the checkpoint that was saved: ${fault}; take another checkpoint.`);
  return { path, own: isInside(path, run.path) };
}

export async function noCheckpoint(run: RunFolder): Promise<UserError> {
  const empty = (await run.list()).length === 0;
  const whole = (await listCheckpoints(run)).length === 0 ? "" : "whole ";
  return new UserError(
    `${run.path} has no ${whole}checkpoint to go on from; leave --should_continue out to start` +
      `${empty ? "" : ", and pass --overwrite_output_dir, since the folder is not empty"}.`,
  );
}

/** Whether the flags name a checkpoint to go on from in the output folder, which is then not empty. */
export function goesOn({ shouldContinue, resumeFromCheckpoint, outputDir }: Flags): boolean {
  if (resumeFromCheckpoint === undefined || outputDir === undefined) return shouldContinue;
  return isInside(resumeFromCheckpoint, outputDir);
}

/** Whether `path` is an entry of `folder`. */
export function isInside(path: string, folder: string): boolean {
  return relative(resolve(folder), resolve(path, "..")) === "";
}
