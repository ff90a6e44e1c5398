// The same example with something withheld or exchanged, p2 unchanged. What p2's probability loses without a part is
// partly the shock of missing text; what it loses with another example's part is what the model takes from that part.
// The exchanged parts come from three distances: another chapter or book, the same book at the same length, and the
// next passages of the same chapter, which speak of the same people and things.
import type { InfillExample } from "../infill/example.ts";
import { metadataFields, metadataText } from "../infill/metadata-text.ts";
import type { InfillTemplate } from "../infill/template.ts";
import { Random } from "../random.ts";
import { wantedClass } from "./length-rule.ts";
import { LikeTexts } from "./like-texts.ts";
import { clustersOf, tellingPieces } from "./places.ts";
import type { Cluster } from "./places.ts";

export const WITHHELD = ["p1", "p3", "metadata"] as const;
export type Withheld = (typeof WITHHELD)[number];

/**
 * foreignP1, foreignP3, foreignMetadata: those of an example of another chapter. bookP3: p3 of the same book and of
 * like length. nearP3: the next passages of the same chapter. otherLength: the other two length classes.
 */
export const CONTROLS = ["foreignP1", "foreignP3", "bookP3", "nearP3", "foreignMetadata", "otherLength"] as const;
export type Control = (typeof CONTROLS)[number];

/** Passages that count as near, from the next one on. */
const NEAR = 2;

/** The example without that part; undefined where it has none. */
export function without(part: Withheld, example: InfillExample, template: InfillTemplate): InfillExample | undefined {
  if (part === "metadata") {
    const fields = metadataFields(template, example.meta, example.where ?? "The example");
    return fields.length > 0 ? { ...example, meta: undefined } : undefined;
  }
  return example[part].trim() === "" ? undefined : { ...example, [part]: "" };
}

export interface ControlOptions {
  readonly template: InfillTemplate;
  /** Passages among which p3 has to be found, the true one included. */
  readonly candidates: number;
  readonly seed: number;
}

/** Makes an example's controls out of the other examples of its file. */
export class Controls {
  private readonly pool: readonly InfillExample[];
  private readonly clusters: readonly Cluster[];
  private readonly indices: ReadonlyMap<InfillExample, number>;
  private readonly likeP3: LikeTexts;
  private readonly metadata: readonly string[];
  private readonly options: ControlOptions;

  /** `pool`: all of the file, in its order. */
  constructor(pool: readonly InfillExample[], options: ControlOptions) {
    this.pool = pool;
    this.options = options;
    this.clusters = clustersOf(pool);
    this.indices = new Map(pool.map((example, i) => [example, i]));
    this.likeP3 = new LikeTexts(pool, "p3");
    this.metadata = pool.map((example) =>
      metadataText(metadataFields(options.template, example.meta, example.where ?? "The example")),
    );
  }

  /** The place of an example of the pool. */
  clusterOf(example: InfillExample): Cluster {
    return this.clusters[this.indexOf(example)];
  }

  /** An example of the pool with one part exchanged; an empty list where there is nothing to exchange it with. */
  variants(control: Control, example: InfillExample): InfillExample[] {
    const withP3 = (texts: readonly string[]): InfillExample[] =>
      example.p3.trim() === "" ? [] : texts.map((p3) => ({ ...example, p3 }));
    switch (control) {
      case "foreignP1":
        return example.p1.trim() === "" ? [] : this.foreignTexts("p1", example).map((p1) => ({ ...example, p1 }));
      case "foreignP3":
        return withP3(this.foreignTexts("p3", example));
      case "bookP3":
        return withP3(this.likeP3.of(example, this.options.candidates - 1));
      case "nearP3":
        return withP3(this.nearTexts(example));
      case "foreignMetadata":
        return this.foreignMetadata(example);
      case "otherLength":
        return this.otherLengths(example);
      default:
        return control satisfies never;
    }
  }

  private indexOf(example: InfillExample): number {
    const index = this.indices.get(example);
    if (index === undefined)
      throw new Error("Controls: cannot find the example: it is not in the pool, wanted one of it");
    return index;
  }

  /** A text drawn from the other chapters; from the rest of the file where there is no other. */
  private foreignTexts(part: "p1" | "p3", example: InfillExample): string[] {
    const own = new Set(tellingPieces([example.p1, example.p2, example.p3]));
    const drawn = this.drawn(example, part, (index) => {
      const text = this.pool[index][part].trim();
      return text !== "" && !tellingPieces([text]).some((piece) => own.has(piece));
    });
    return drawn === undefined ? [] : [this.pool[drawn][part].trim()];
  }

  private foreignMetadata(example: InfillExample): InfillExample[] {
    const own = this.metadata[this.indexOf(example)];
    if (own === "") return [];
    const drawn = this.drawn(example, "meta", (index) => !["", own].includes(this.metadata[index]));
    return drawn === undefined ? [] : [{ ...example, meta: this.pool[drawn].meta }];
  }

  /** An index of the pool that suits, each alike; in another chapter where one suits there. */
  private drawn(
    example: InfillExample,
    part: "p1" | "p3" | "meta",
    suits: (index: number) => boolean,
  ): number | undefined {
    const own = this.indexOf(example);
    const order = new Random(this.options.seed, own, part.length, part.charCodeAt(1)).shuffle(
      this.pool.map((_, index) => index),
    );
    const elsewhere = (index: number): boolean => this.clusters[index].chapter !== this.clusters[own].chapter;
    return (
      order.find((index) => elsewhere(index) && suits(index)) ?? order.find((index) => index !== own && suits(index))
    );
  }

  /** The passages that follow p3 in its chapter; at the chapter's end, those that stand before p1. */
  private nearTexts(example: InfillExample): string[] {
    const own = this.indexOf(example);
    const inChapter = this.pool.flatMap((_, i) => (this.clusters[i].chapter === this.clusters[own].chapter ? [i] : []));
    const after = inChapter.filter((i) => i > own).map((i) => this.pool[i].p3.trim());
    const before = inChapter.filter((i) => i < own).reverse();
    const known = new Set(tellingPieces([example.p1, example.p2, example.p3]));
    const near: string[] = [];
    for (const text of [...after, ...before.map((i) => this.pool[i].p1.trim())]) {
      const pieces = tellingPieces([text]);
      if (near.length === NEAR || text === "" || pieces.some((piece) => known.has(piece))) continue;
      near.push(text);
      for (const piece of pieces) known.add(piece);
    }
    return near;
  }

  private otherLengths(example: InfillExample): InfillExample[] {
    const { meta } = example;
    const own = wantedClass(example);
    if (own === undefined || typeof meta !== "object" || !this.options.template.metadataFields.includes("length"))
      return [];
    return ["S", "M", "L"].filter((each) => each !== own).map((length) => ({ ...example, meta: { ...meta, length } }));
  }
}
