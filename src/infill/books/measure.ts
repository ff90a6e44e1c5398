// How long examples are in tokens, counted without encoding each whole: texts stand in many examples (a paragraph is P2
// once, P1 once and P3 once), so each is counted once. The sums are exact, because the template never lets a token span
// two parts.
import { UserError } from "../../errors.ts";
import { normalizeText } from "../../text/normalize.ts";
import type { InfillExample } from "../example.ts";
import { metadataFields, metadataSections, metadataText } from "../metadata-text.ts";
import { specialTokenList } from "../template.ts";
import type { InfillTemplate, TemplateTokenizer } from "../template.ts";

/** In every example: markers of the three parts, and the end. */
export const SPECIAL_TOKENS = 4;

export class TokenCounter {
  private readonly template: InfillTemplate;
  private readonly tokenizer: TemplateTokenizer;
  private readonly known = new Map<string, number>();

  constructor(template: InfillTemplate, tokenizer: TemplateTokenizer) {
    this.template = template;
    this.tokenizer = tokenizer;
  }

  /** Tokens of a trimmed text as it stands in the layout, behind one space; 0 for "". */
  text(text: string): number {
    return text === "" ? 0 : this.count(` ${text}`);
  }

  /**
   * Tokens of the whole example, markers and end included: as many as InfillEncoder gives it where nothing is trimmed.
   * Throws UserError, as that does, on a metadata field that the template does not know and on a text that holds a
   * special token.
   */
  example(example: InfillExample): number {
    const where = example.where ?? "The example";
    const fields = metadataFields(this.template, example.meta, where);
    const texts = [example.p1, example.p2, example.p3].map(normalizeText);
    for (const text of [...texts, metadataText(fields)]) {
      const special = specialTokenList(this.template).find((token) => text.includes(token));
      if (special)
        throw new UserError(
          `${where}: the text contains ${special}, which marks the layout and cannot stand in a text; remove it.`,
        );
    }
    return (
      SPECIAL_TOKENS +
      texts.reduce((sum, text) => sum + this.text(text), 0) +
      metadataSections(this.template, fields).reduce(
        (sum, { marker, text }) => sum + (marker ? 1 : 0) + (text === "" ? 0 : this.count(text)),
        0,
      )
    );
  }

  private count(text: string): number {
    let count = this.known.get(text);
    if (count === undefined)
      this.known.set(text, (count = this.tokenizer.encode(text, { allowSpecial: false }).length));
    return count;
  }
}
