// Where the lines and numbers of an axis stand.

/** Four to nine round numbers that enclose low and high. */
export function niceTicks(low: number, high: number): number[] {
  const span = high - low || Math.abs(high) || 1;
  const raw = span / 5;
  const magnitude = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * magnitude).find((s) => s >= raw)!;
  const first = Math.floor(low / step),
    last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Three to seven round numbers (powers of ten, times 1, 2, 3, 5) from low to high, above 0; else evenly spaced. */
export function logTicks(low: number, high: number): number[] {
  const powers = Array.from(
    { length: Math.ceil(Math.log10(high)) - Math.floor(Math.log10(low)) + 1 },
    (_, i) => Math.floor(Math.log10(low)) + i,
  );
  const inside = (ticks: readonly number[]): number[] => ticks.filter((tick) => tick >= low && tick <= high);
  const rounds = [[1], [1, 3], [1, 2, 5]].map((steps) =>
    inside(powers.flatMap((power) => steps.map((step) => Number((step * 10 ** power).toPrecision(1))))),
  );
  const enough = rounds.find((ticks) => ticks.length >= 3 && ticks.length <= 7);
  return enough ?? inside(niceTicks(low, high).filter((tick) => tick > 0));
}
