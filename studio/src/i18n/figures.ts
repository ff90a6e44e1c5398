// Figures as people read them: rounded to what is worth saying, and never to a nothing that is none.

const SMALLEST = 0.001;

/** Of what is too near to nothing or to all of it to be told from that. */
export interface NearWords {
  readonly under: (amount: string) => string;
  readonly over: (amount: string) => string;
}

/**
 * A share from 0 to 1: "42%", below one percent "0.4%", below a tenth of one "under 0.1%"; and likewise just below all
 * of it, so that only what is nothing or everything is called so.
 */
export function percentOf(language: string, { under, over }: NearWords, share: number): string {
  const format = (value: number, digits: number): string =>
    new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: digits }).format(value);
  if (share <= 0 || share >= 1) return format(Math.min(1, Math.max(0, share)), 0);
  if (share < SMALLEST) return under(format(SMALLEST, 1));
  if (share > 1 - SMALLEST) return over(format(1 - SMALLEST, 1));
  return format(share, share < 0.00995 || share >= 0.995 ? 1 : 0);
}

/** A number of any size with two decimals at most, a small one with its first two digits: 12.35, 0.0042, 0.00005. */
export function figureOf(language: string, value: number): string {
  const digits = Math.abs(value) >= 0.1 ? { maximumFractionDigits: 2 } : { maximumSignificantDigits: 2 };
  return new Intl.NumberFormat(language, digits).format(value);
}

const SIZES = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** With a decimal from the megabyte on. */
export function bytesOf(language: string, bytes: number): string {
  const digits = (step: number): number => (step > 1 ? 1 : 0);
  const inStep = (step: number): number => Number((bytes / 1000 ** step).toFixed(digits(step)));
  let step = 0;
  while (step < SIZES.length - 1 && inStep(step) >= 1000) step++;
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit: SIZES[step],
    unitDisplay: step === 0 ? "long" : "short",
    maximumFractionDigits: digits(step),
  }).format(inStep(step));
}
