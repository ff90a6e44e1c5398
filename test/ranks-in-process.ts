// Ranks that are no processes: each collective is a meeting of promises. It checks what MPI would not tell: that all
// take part in the same way.
import type { Ranks } from "../src/training/ranks.ts";

interface Meeting {
  readonly kind: string;
  readonly values: unknown[];
  arrived: number;
  readonly all: Promise<unknown[]>;
  readonly open: (values: unknown[]) => void;
}

export function ranksInProcess(size: number): Ranks[] {
  const meetings: Meeting[] = [];
  const meet = (rank: number, at: number, kind: string, value: unknown): Promise<unknown[]> => {
    if (!meetings[at]) {
      let open!: Meeting["open"];
      const all = new Promise<unknown[]>((resolve) => (open = resolve));
      meetings[at] = { kind, values: Array<unknown>(size), arrived: 0, all, open };
    }
    const meeting = meetings[at];
    if (meeting.kind !== kind) throw new Error(`rank ${rank} calls ${kind} where another calls ${meeting.kind}`);
    meeting.values[rank] = value;
    if (++meeting.arrived === size) meeting.open(meeting.values);
    return meeting.all;
  };
  return Array.from({ length: size }, (_, rank) => {
    let calls = 0;
    const expectLengths = (arrays: readonly Float32Array[], lengths: readonly number[]): Float32Array[] => {
      if (arrays.map(({ length }) => length).join() !== lengths.join())
        throw new Error(`rank ${rank} expects [${lengths}] elements and gets [${arrays.map((a) => a.length)}]`);
      return arrays.map((array) => array.slice());
    };
    return {
      rank,
      size,
      async agree<T, R>(mine: T, combine: (all: readonly T[]) => R): Promise<R> {
        const all = await meet(rank, calls++, "agree", structuredClone(mine));
        return structuredClone(combine(all as T[]));
      },
      async allToAll(parts, lengths) {
        const copies = parts.map((part) => part.slice());
        const all = (await meet(rank, calls++, "allToAll", copies)) as Float32Array[][];
        return expectLengths(
          all.map((from) => from[rank]),
          lengths,
        );
      },
      async allGather(mine, lengths) {
        const all = (await meet(rank, calls++, "allGather", mine.slice())) as Float32Array[];
        return expectLengths(all, lengths);
      },
    };
  });
}
