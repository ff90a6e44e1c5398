// What test/mpi.test.ts starts under mpirun, several times over: mpi-program.ts <what>.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { UserError } from "../src/errors.ts";
import { runCli } from "../src/cli/shared/run.ts";
import { withRanks } from "../src/cli/mpi/with-ranks.ts";
import type { MpiRanks } from "../src/cli/mpi/mpi-ranks.ts";

/** What rank `from` gives to rank `to`: as many numbers as no two others exchange, and sometimes none. */
const given = (from: number, to: number, round: number): Float32Array =>
  Float32Array.from({ length: (from * 7 + to * 3 + round * 1000) % 2903 }, (_, i) => from * 100 + to * 10 + i / 8);

async function exchange(ranks: MpiRanks): Promise<string> {
  const all = Array.from({ length: ranks.size }, (_, rank) => rank);
  for (let round = 0; round < 6; round++) {
    const parts = all.map((to) => given(ranks.rank, to, round));
    const want = all.map((from) => given(from, ranks.rank, round));
    assert.deepEqual(
      await ranks.allToAll(
        parts,
        want.map(({ length }) => length),
      ),
      want,
    );
    const wantAll = all.map((from) => given(from, from, round));
    const gathered = await ranks.allGather(
      given(ranks.rank, ranks.rank, round),
      wantAll.map(({ length }) => length),
    );
    assert.deepEqual(gathered, wantAll);
    // Short and long messages: on both sides of what a first one holds.
    const text = (rank: number): string => "é".repeat(2010 + 8 * round + rank) + rank;
    const heard = await ranks.agree({ text: text(ranks.rank) }, (said) => said.map((each) => each.text));
    assert.deepEqual(heard, all.map(text));
  }
  return `${ranks.size} ranks of ${ranks.version} agree`;
}

/** Where the heap ends that malloc enlarges by brk. */
const heapEnd = (): number => Number(`0x${[...maps().matchAll(/-([\da-f]+) .*\[heap\]$/gm)].at(-1)![1]}`);
const maps = (): string => readFileSync("/proc/self/maps", "latin1");

/** Puts a page right behind the heap, which cannot grow from now on, as V8's code does by chance. Returns its end. */
async function fenceHeap(): Promise<number> {
  const { default: koffi } = await import("koffi");
  const mmap = koffi.load(null).func("intptr_t mmap(uintptr_t at, size_t length, int, int, int, intptr_t)");
  const [NO_ACCESS, PRIVATE_ANONYMOUS_AT_FREE_ADDRESS] = [0, 0x100022];
  for (;;) {
    const end = heapEnd();
    // It fails where the heap has grown meanwhile.
    if (Number(mmap(end, 4096, NO_ACCESS, PRIVATE_ANONYMOUS_AT_FREE_ADDRESS, -1, 0)) === end) return end;
  }
}

const fence = process.argv[2] === "heap" ? await fenceHeap() : 0;

async function act(what: string | undefined, ranks: MpiRanks): Promise<string> {
  switch (what) {
    case "exchange":
      return exchange(ranks);
    case "fail":
      if (ranks.rank === 1) throw new UserError("there is no sun.");
      return `${await ranks.meet()}`;
    case "differ":
      return ranks.agree(ranks.rank, (all) => {
        throw new UserError(`${all.length} cooks spoil the broth.`);
      });
    case "die":
      if (ranks.rank === 1) process.kill(process.pid, "SIGKILL");
      return `${await ranks.meet()}`;
    case "hang":
      await ranks.expectSigns(2);
      if (ranks.rank === 1) process.kill(process.pid, "SIGSTOP");
      return `${await ranks.meet()}`;
    case "heap": {
      await ranks.meet();
      if (!maps().includes("/libucm.")) return "no UCX";
      const lost = fence - heapEnd();
      return lost > 0 ? `${lost} bytes of the heap are gone` : "the heap is whole";
    }
    default:
      throw new Error(`what is ${what}?`);
  }
}

await runCli(({ argv }) =>
  withRanks(async (mpi) => {
    if (!mpi) throw new Error("mpi-program.ts was not started by mpirun");
    process.stdout.write(`${await act(argv[0], mpi.ranks)}\n`);
  }),
);
