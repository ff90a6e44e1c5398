// A B A B: every system in a process of its own, prepared, its result compared; then each takes its turn, round after
// round, so that what else the machine does falls on all alike. A ratio is of two turns of one round.
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { summarize } from "../../src/profile/measure.ts";
import type { Timing } from "../../src/profile/measure.ts";
import { Peer, PeerError } from "./client.ts";
import { difference } from "./compare.ts";
import type { Result } from "./protocol.ts";
import type { System } from "./systems.ts";
import type { Task } from "./work.ts";

/** What became of a system at a work. */
export interface Outcome {
  readonly system: System;
  /** "0.2.0", where it said so. */
  readonly version?: string;
  readonly timing?: Timing;
  /** This engine's time over its own, of the turns of a round: below 1 this engine is faster. */
  readonly ratio?: Timing;
  readonly peakBytes?: number;
  /** Why there are no figures. */
  readonly why?: string;
}

export interface Turns {
  readonly rounds: number;
  /** The longest that one answer may take. */
  readonly seconds: number;
  readonly signal: AbortSignal;
  note(text: string): void;
}

/** A turn lasts about so long: several runs where one is shorter. */
const TURN_MS = 30;
const MOST_RUNS = 50;

interface Player {
  readonly system: System;
  readonly version: string;
  readonly peer: Peer;
  times: number;
  readonly turns: number[];
  peakBytes: number;
  /** It failed in a turn. */
  why?: string;
}

/**
 * `want`: the right result where it is known; else the first system's is it. Throws PeerError where the first system
 * fails, with which all are compared.
 */
export async function takeTurns(
  systems: readonly System[],
  task: Task,
  options: Turns,
  want?: Result,
): Promise<Outcome[]> {
  const players: Player[] = [];
  const out: Outcome[] = [];
  try {
    for (const system of systems) {
      options.signal.throwIfAborted();
      options.note(`  ${system.title} prepares`);
      const peer = new Peer(system.command, process.env, options.seconds);
      let version: string | undefined;
      try {
        ({ version } = await peer.hello());
        const result = await peer.prepare(task);
        const differs = want && difference(result, want);
        if (differs !== undefined) throw new PeerError(`wrong: ${differs}`);
        want ??= result;
        players.push({ system, version, peer, times: 1, turns: [], peakBytes: 0 });
      } catch (error) {
        await peer.stop();
        if (system === systems[0]) throw error;
        out.push({ system, version, why: (error as Error).message });
      }
    }
    for (let round = 0; round <= options.rounds; round++)
      for (const player of players) {
        options.signal.throwIfAborted();
        await takeTurn(player, round === 0);
      }
  } finally {
    await Promise.all(players.map(({ peer }) => peer.stop()));
  }
  const [ours] = players;
  if (ours.why !== undefined) throw new PeerError(ours.why);
  const measured = players.map(({ system, version, turns, peakBytes, why }): Outcome =>
    why === undefined
      ? { system, version, timing: summarize(turns), ratio: ratioOf(ours.turns, turns), peakBytes }
      : { system, version, why },
  );
  return [...measured, ...out];
}

/** The first is not counted: it says how often to run in a turn. */
async function takeTurn(player: Player, first: boolean): Promise<void> {
  if (player.why !== undefined) return;
  try {
    const { ms, peakBytes } = await player.peer.run(player.times);
    const { median_ms } = summarize(ms);
    player.peakBytes = peakBytes;
    if (first) player.times = Math.max(1, Math.min(MOST_RUNS, Math.round(TURN_MS / median_ms)));
    else player.turns.push(median_ms);
  } catch (error) {
    player.why = (error as Error).message;
  }
}

export const ratioOf = (ours: readonly number[], theirs: readonly number[]): Timing =>
  summarize(theirs.map((time, round) => ours[round] / time));

/**
 * Processes from their start to their first token, in turn: each first with an empty folder for shader caches, then
 * with what it left there. Vulkan drivers take such a folder from the environment (Mesa, NVIDIA); others keep their
 * caches.
 */
export async function takeStarts(
  systems: readonly System[],
  task: Task,
  options: Turns,
): Promise<{ readonly cold: Outcome[]; readonly warm: Outcome[] }> {
  const players = systems.map((system) => ({
    system,
    version: undefined as string | undefined,
    why: undefined as string | undefined,
    cold: [] as number[],
    warm: [] as number[],
  }));
  let want: Result | undefined;
  for (let round = 0; round < options.rounds; round++)
    for (const player of players) {
      if (player.why !== undefined) continue;
      options.signal.throwIfAborted();
      options.note(`  ${player.system.title} starts`);
      const caches = await mkdtemp(join(task.folder, "caches-"));
      try {
        for (const kind of ["cold", "warm"] as const) {
          const { ms, version, result } = await startOnce(player.system, task, caches, options.seconds);
          const differs = want && difference(result, want);
          if (differs !== undefined) throw new PeerError(`wrong: ${differs}`);
          want ??= result;
          player.version = version;
          player[kind].push(ms);
        }
      } catch (error) {
        if (player === players[0]) throw error;
        player.why = (error as Error).message;
      } finally {
        await rm(caches, { recursive: true, force: true });
      }
    }
  const outcomes = (kind: "cold" | "warm"): Outcome[] =>
    players.map(({ system, version, why, [kind]: times }) =>
      why === undefined
        ? { system, version, timing: summarize(times), ratio: ratioOf(players[0][kind], times) }
        : { system, version, why },
    );
  return { cold: outcomes("cold"), warm: outcomes("warm") };
}

const CACHE_FOLDERS = [
  "MESA_SHADER_CACHE_DIR",
  "__GL_SHADER_DISK_CACHE_PATH",
  "XDG_CACHE_HOME",
  "TORCHINDUCTOR_CACHE_DIR",
];

async function startOnce(
  { command }: System,
  task: Task,
  caches: string,
  seconds: number,
): Promise<{ readonly ms: number; readonly version: string; readonly result: Result }> {
  const folders = Object.fromEntries(CACHE_FOLDERS.map((name) => [name, caches]));
  const begun = performance.now();
  const peer = new Peer(command, { ...process.env, ...folders }, seconds);
  try {
    const { version } = await peer.hello();
    const result = await peer.prepare(task);
    return { ms: performance.now() - begun, version, result };
  } finally {
    await peer.stop();
  }
}
