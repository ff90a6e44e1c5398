// The layout of a gap in tokens: its texts in their one spelling, sections with their markers and types, in the order
// of the template.
import { UserError } from "../errors.ts";
import { TOKEN_TYPE } from "../examples/encoded-example.ts";
import type { EncodedExample } from "../examples/encoded-example.ts";
import { normalizeText } from "../text/normalize.ts";
import type { InfillExample, InfillRequest } from "./example.ts";
import type { Context } from "./fit.ts";
import { metadataFields, metadataSections, metadataText } from "./metadata-text.ts";
import { markerIds, specialIds, specialTokenList } from "./template.ts";
import type { InfillTemplate, SpecialIds, TemplateTokenizer } from "./template.ts";

export interface Piece {
  readonly ids: readonly number[];
  /** A TOKEN_TYPE. */
  readonly type: number;
  /** Id of the section's marker. */
  readonly section: number;
}

/** Construction verifies the special tokens (see specialIds), throwing UserError. */
export class GapLayout {
  readonly template: InfillTemplate;
  readonly ids: SpecialIds;
  /** Of metadata, by the marker. */
  readonly markers: ReadonlyMap<string, number>;
  private readonly tokenizer: TemplateTokenizer;

  constructor(template: InfillTemplate, tokenizer: TemplateTokenizer) {
    this.template = template;
    this.tokenizer = tokenizer;
    this.ids = specialIds(template, tokenizer);
    this.markers = markerIds(template, tokenizer);
  }

  joined(pieces: readonly Piece[]): EncodedExample {
    const each = (of: (piece: Piece) => number): number[] => pieces.flatMap((piece) => piece.ids.map(() => of(piece)));
    return {
      ids: pieces.flatMap(({ ids }) => ids),
      types: Uint8Array.from(each(({ type }) => type)),
      ...(this.template.sectionTypes && { tokenTypeIds: each(({ section }) => section) }),
    };
  }

  /**
   * Markers and context up to [P2]. Metadata without a marker is encoded together with the text before it, as it would
   * be in the whole string.
   */
  before(context: Context): Piece[] {
    const sections: { marker: number | undefined; text: string }[] = [];
    for (const part of this.template.order) {
      if (part !== "metadata") {
        sections.push({ marker: this.ids[part], text: part === "p2" ? "" : spaced(context[part]) });
        continue;
      }
      for (const { marker, text } of metadataSections(this.template, context.metadata)) {
        const last = sections.at(-1);
        if (marker === undefined && last) last.text += text;
        else sections.push({ marker: marker === undefined ? undefined : this.markers.get(marker)!, text });
      }
    }
    return sections.flatMap(({ marker, text }, i) => {
      const section = marker ?? sections[i + 1]!.marker!; // text at the very start has a section after it
      return [
        { ids: marker === undefined ? [] : [marker], type: TOKEN_TYPE.special, section },
        { ids: this.plain(text), type: TOKEN_TYPE.context, section },
      ];
    });
  }

  /** The example as one string, untrimmed: what the ids stand for, for previews. */
  render(example: InfillExample): string {
    const { specialTokens: tokens, order } = this.template;
    const { p1, p3, metadata } = this.context(example);
    const text = {
      p1: tokens.p1 + spaced(p1),
      p3: tokens.p3 + spaced(p3),
      metadata: metadataSections(this.template, metadata)
        .map(({ marker = "", text }) => marker + text)
        .join(""),
      p2: tokens.p2 + spaced(normalizeText(example.p2)),
    };
    return order.map((part) => text[part]).join("") + tokens.eos;
  }

  context(request: InfillRequest): Context {
    const metadata = metadataFields(this.template, request.meta, request.where ?? "The example");
    this.checked(metadataText(metadata), "meta", request);
    return { p1: this.checked(request.p1, "p1", request), p3: this.checked(request.p3, "p3", request), metadata };
  }

  /**
   * The text in its one spelling. A special token inside it would become a real marker, so it is refused, not escaped.
   */
  checked(text: string, field: string, { where }: InfillRequest): string {
    const token = specialTokenList(this.template).find((special) => text.includes(special));
    if (token)
      throw new UserError(
        `${where ?? "The example"}: field "${field}" contains ${token}, which marks the layout and cannot ` +
          "stand in a text; remove it.",
      );
    return normalizeText(text);
  }

  encodeText(text: string): number[] {
    return this.plain(spaced(text));
  }

  plain(text: string): number[] {
    return text === "" ? [] : this.tokenizer.encode(text, { allowSpecial: false });
  }
}

function spaced(text: string): string {
  return text === "" ? "" : ` ${text}`;
}
