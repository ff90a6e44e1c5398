// Which gaps of a file are filled together. Their prompts run as one rectangle, so the less they differ in length, the
// less of it is padding; and they end together, so they must have the same limits and the same asked of them.
import { ownLimits } from "./plan.ts";
import type { Plan } from "./plan.ts";
import type { Rows } from "./rows-that-fit.ts";

/** `which`: numbers of the plan's prompts, in order. `inOrder`: neighbours only, so that answers come in that order. */
export class Batches {
  private readonly plan: Plan;
  private readonly rows: Rows;
  /** Prompts that may be filled together, each group from the shortest to the longest. */
  private groups: number[][];
  private largest = Infinity;

  constructor(
    plan: Plan,
    which: readonly number[],
    { rows, inOrder }: { readonly rows: Rows; readonly inOrder: boolean },
  ) {
    this.plan = plan;
    this.rows = rows;
    this.groups = inOrder ? runsAlike(plan, which) : allAlike(plan, which);
  }

  /** Those to be filled next; empty when none is left. */
  next(): number[] {
    const [group] = this.groups;
    if (group === undefined) return [];
    let count = 1;
    while (count < Math.min(group.length, this.largest) && this.fits(group.slice(0, count + 1))) count++;
    const batch = group.splice(0, count);
    if (group.length === 0) this.groups.shift();
    return batch;
  }

  /** There was no room for this batch, of several: they come again, fewer together. */
  tooMany(batch: readonly number[]): void {
    this.largest = Math.ceil(batch.length / 2);
    this.groups.unshift([...batch]);
  }

  private fits(batch: readonly number[]): boolean {
    return batch.length <= this.rows.most(batch.map((number) => this.plan.prompts[number]));
  }
}

/** What prompts must share to be filled together. */
function sameAs(plan: Plan): (a: number, b: number) => boolean {
  const limits = plan.prompts.map((prompt) => JSON.stringify(ownLimits(plan, prompt)));
  return (a, b) => limits[a] === limits[b] && plan.prompts[a].constraints === plan.prompts[b].constraints;
}

function runsAlike(plan: Plan, which: readonly number[]): number[][] {
  const same = sameAs(plan);
  const groups: number[][] = [];
  for (const number of which) {
    const last = groups.at(-1);
    if (last && same(last[0], number)) last.push(number);
    else groups.push([number]);
  }
  return groups;
}

function allAlike(plan: Plan, which: readonly number[]): number[][] {
  const groups = new Map<unknown, Map<string, number[]>>();
  for (const number of which) {
    const { constraints } = plan.prompts[number];
    const byLimits = groups.get(constraints) ?? new Map<string, number[]>();
    groups.set(constraints, byLimits);
    const limits = JSON.stringify(ownLimits(plan, plan.prompts[number]));
    byLimits.set(limits, [...(byLimits.get(limits) ?? []), number]);
  }
  const lengthOf = (number: number): number => plan.prompts[number].ids.length;
  return [...groups.values()]
    .flatMap((byLimits) => [...byLimits.values()])
    .map((group) => group.sort((a, b) => lengthOf(a) - lengthOf(b) || a - b));
}
