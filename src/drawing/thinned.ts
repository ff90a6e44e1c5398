// Fewer points for a curve that has more of them than its picture has columns.

export type Point = readonly [x: number, y: number];

/** At most the first, lowest, highest and last point of each column of the picture, in order. */
export function thinned(points: readonly Point[], columns: number, columnOf: (x: number) => number): Point[] {
  if (points.length <= 4 * columns) return [...points];
  const byColumn = new Map<number, Point[]>();
  for (const point of points) {
    const column = Math.floor(columnOf(point[0]));
    const others = byColumn.get(column);
    if (others) others.push(point);
    else byColumn.set(column, [point]);
  }
  return [...byColumn.values()].flatMap((column) => {
    const lowest = column.reduce((a, b) => (b[1] < a[1] ? b : a));
    const highest = column.reduce((a, b) => (b[1] > a[1] ? b : a));
    const kept = new Set([column[0], lowest, highest, column[column.length - 1]]);
    return column.filter((point) => kept.has(point));
  });
}
