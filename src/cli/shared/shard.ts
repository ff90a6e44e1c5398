// --shard 3/16: one of the jobs that divide a file among them, as a cluster's job arrays do. Each takes a run of
// neighbours, so that the shards' outputs, one after the other, are the output of all.
import { UserError } from "../../errors.ts";

export interface Shard {
  /** From 1 to `count`. */
  readonly index: number;
  readonly count: number;
}

/** "3/16". Throws UserError for what is none. */
export function parseShard(text: string): Shard {
  const found = /^(\d{1,9})\/(\d{1,9})$/.exec(text.trim());
  const [index, count] = found ? found.slice(1).map(Number) : [0, 0];
  if (index >= 1 && index <= count) return { index, count };
  throw new UserError(
    `--shard is ${JSON.stringify(text)}, expected which of how many, counted from 1: 1/16 to 16/16, say.`,
  );
}

export const shardName = ({ index, count }: Shard): string => `${index}/${count}`;

/** Its part of `total` in order: from `first` up to, and without, `end`. Perhaps empty, where there are many shards. */
export function shardRange(total: number, { index, count }: Shard): { readonly first: number; readonly end: number } {
  const bound = (shards: number): number => Math.floor((total * shards) / count);
  return { first: bound(index - 1), end: bound(index) };
}
