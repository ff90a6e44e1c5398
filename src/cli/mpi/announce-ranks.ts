// Which process on which machine is which rank: launchers name a process that died by one or the other.
import { hostname } from "node:os";
import type { MpiRanks } from "./mpi-ranks.ts";

/** All ranks call it; rank 0 prints, on stderr. */
export async function announceRanks(ranks: MpiRanks): Promise<void> {
  const lines = await ranks.agree({ host: hostname(), pid: process.pid }, (all) => {
    const byHost = new Map<string, { ranks: number[]; pids: number[] }>();
    for (const [rank, { host, pid }] of all.entries()) {
      const here = byHost.get(host) ?? { ranks: [], pids: [] };
      byHost.set(host, { ranks: [...here.ranks, rank], pids: [...here.pids, pid] });
    }
    return [...byHost].map(([host, here]) => `${here.ranks.join(", ")} on ${host}, processes ${here.pids.join(", ")}`);
  });
  process.stderr.write(`Ranks    ${ranks.size} (${ranks.version}): ${lines.join("\n         ")}\n`);
}
