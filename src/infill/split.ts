// Which examples are for training, validation and test. Neighbouring examples share paragraphs (the P2 of one is the P1
// of the next), so examples drawn one by one would put the same paragraph into all three. Instead each book gives up
// two contiguous regions, at random places; examples across a border go, and so does what repeats a held-out paragraph
// elsewhere (the same story given twice).
import type { Random } from "../random.ts";
import type { InfillExample } from "./example.ts";

export const SPLITS = ["train", "validation", "test"] as const;
export type Split = (typeof SPLITS)[number];

export interface PlacedExample {
  readonly example: InfillExample;
  /** The first and the last unit of its source (paragraph, line, document) that it holds. */
  readonly first: number;
  readonly last: number;
  /** Where it comes from, for people: "book.txt:120". */
  readonly source: string;
  /** Of p2, and of the whole sequence with its markers. */
  readonly tokens: number;
  readonly total: number;
}

export interface Source {
  readonly units: number;
  readonly examples: readonly PlacedExample[];
}

export interface Shares {
  readonly validation: number;
  readonly test: number;
}

export interface SplitExamples {
  readonly parts: Readonly<Record<Split, PlacedExample[]>>;
  /** Examples left out because they cross a border, or repeat a paragraph of a held-out part. */
  readonly across: number;
  readonly repeated: number;
}

/** Units of a region, so that whole examples (three passages) lie in it, and of a source that can spare them. */
const LEAST_REGION = 3,
  SPARES_REGION = 20;

/** A line of fewer characters is a stock phrase ("Yes, sir."), which stands everywhere and gives nothing away. */
export const STOCK_PHRASE = 40;

export function splitExamples(sources: readonly Source[], shares: Shares, random: Random): SplitExamples {
  const parts: Record<Split, PlacedExample[]> = { train: [], validation: [], test: [] };
  let across = 0;
  for (const source of sources) {
    const spans = source.examples.some(({ first, last }) => last > first);
    const least = spans && source.units >= SPARES_REGION ? LEAST_REGION : 0;
    const regions = heldOutRegions(source.units, shares, least, random);
    for (const placed of source.examples) {
      const touched = regions.filter(({ from, to }) => from < to && placed.last >= from && placed.first < to);
      const whole = touched.every(({ from, to }) => placed.first >= from && placed.last < to);
      if (whole) parts[touched[0]?.split ?? "train"].push(placed);
      else across++;
    }
  }
  const test = new Set(parts.test.flatMap(textsOf));
  const validation = parts.validation.filter((placed) => !textsOf(placed).some((text) => test.has(text)));
  const heldOut = new Set([...test, ...validation.flatMap(textsOf)]);
  const train = parts.train.filter((placed) => !textsOf(placed).some((text) => heldOut.has(text)));
  const repeated = parts.train.length - train.length + parts.validation.length - validation.length;
  return { parts: { train, validation, test: parts.test }, across, repeated };
}

/** Two regions of units [from, to) that do not meet, in random order at random places. */
function heldOutRegions(
  units: number,
  shares: Shares,
  least: number,
  random: Random,
): { split: Split; from: number; to: number }[] {
  const order = random.shuffle<Exclude<Split, "train">>(["validation", "test"]);
  const lengths = order.map((split) => Math.max(Math.round(units * shares[split]), shares[split] > 0 ? least : 0));
  const free = units - lengths[0]! - lengths[1]!;
  const [a, b] = [random.below(free + 1), random.below(free + 1)].sort((x, y) => x - y) as [number, number];
  return [
    { split: order[0]!, from: a, to: a + lengths[0]! },
    { split: order[1]!, from: b + lengths[0]!, to: b + lengths[0]! + lengths[1]! },
  ];
}

/** The texts by which an example could give another away: its three, and the paragraphs in them. */
function textsOf({ example: { p1, p2, p3 } }: PlacedExample): string[] {
  return [p1, p2, p3].flatMap((text) => [text, ...text.split("\n")]).filter((text) => text.length >= STOCK_PHRASE);
}
