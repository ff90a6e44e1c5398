// A length of time in one or two of its units: nobody wants to know the seconds of a night.
const UNITS = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
] as const;
export type Unit = (typeof UNITS)[number][0];

export function partsOf(seconds: number): [value: number, unit: Unit][] {
  const whole = Math.max(1, Math.round(seconds));
  const at = UNITS.findIndex(([, size]) => whole >= size);
  const [unit, size] = UNITS[at]!;
  const next = UNITS[at + 1];
  const value = Math.floor(whole / size);
  if (!next || value >= 10) {
    const rounded = Math.round(whole / size);
    const larger = UNITS[at - 1];
    return larger && rounded * size >= larger[1] ? [[1, larger[0]]] : [[rounded, unit]];
  }
  const rest = Math.round((whole - value * size) / next[1]);
  if (rest * next[1] === size) return [[value + 1, unit]];
  return rest === 0
    ? [[value, unit]]
    : [
        [value, unit],
        [rest, next[0]],
      ];
}
