// Keeps the template's own writing out of p2: a model that met "\nlength: M; theme: hope" before every p2 writes it at
// times into p2 itself. Forbidden are a field's name with its colon, and markers spelt in ordinary tokens; and a line
// that begins with a field's name. The rule looks at bytes, so it holds for every way in which tokens can spell them;
// "the length of the rope" stays possible. A logits processor in the form of generation's, as Hugging Face's
// NoBadWordsLogitsProcessor is one; it edits few tokens by the text alone, so no row of scores is read back for it.
import { plainFields, specialTokenList } from "./template.ts";
import type { InfillTemplate, SpecialIds } from "./template.ts";

/** What the rule needs of a tokenizer: `idToToken` gives a token in GPT-2's byte alphabet. */
export interface PieceTokenizer {
  readonly vocabSize: number;
  encode(text: string, options?: { readonly allowSpecial?: boolean }): number[];
  idToToken(id: number): string;
  isSpecial(id: number): boolean;
}

/** As much of generation's RowContext as is looked at. */
interface Row {
  readonly ids: readonly number[];
}

interface Forbidden {
  readonly kind: "set";
  readonly token: number;
  readonly value: number;
}

/**
 * What may stand before a name: no letter. In the byte alphabet space is Ġ and newline Ċ, and the quotes, dashes and
 * dots outside ASCII are two or three characters.
 */
const BOUNDARY = "(?:^|Ċ|Ġ|[!-/:-@[-`{-~]|âĢ[ĵĶĺĻľĿ¦]|Â[«»])";
/** Half of such a mark. */
const HALF_MARK = "âĢ?|Â";
/** What stands for text that is out of reach: no character of the byte alphabet. */
const MORE = "…";

export class NoTemplateSyntaxLogitsProcessor {
  readonly needs = "text";
  private readonly p2: number;
  private readonly pieceOf: (id: number) => string;
  /** Whether a text's end may be the beginning of what is forbidden; otherwise no token needs a look. */
  private readonly begun: RegExp;
  /** What is forbidden, at the end of a text or with something behind it. */
  private readonly whole: RegExp;
  /** The tokens that can complete it, with their pieces. */
  private readonly completing: readonly (readonly [token: number, piece: string])[];
  /** Bytes before a token that matter. */
  private readonly reach: number;
  private readonly alone: readonly Forbidden[];
  private readonly afterEnd = new Map<string, readonly Forbidden[]>();

  constructor(template: InfillTemplate, ids: SpecialIds, tokenizer: PieceTokenizer) {
    const spelt = (text: string): string =>
      tokenizer
        .encode(text, { allowSpecial: false })
        .map((id) => tokenizer.idToToken(id))
        .join("");
    const fields = plainFields(template).map((field) => ({ field, name: spelt(field) }));
    // A line of p2 that begins with a field's name in small letters is metadata: prose begins with a capital.
    const small = fields.flatMap(({ field, name }) => (/^\p{Ll}/u.test(field) ? [name] : []));
    const names = fields.map(({ name }) => name);
    const markers = specialTokenList(template).map(spelt);
    const lineStart = small.length > 0 ? [`ĊĠ*${oneOf(small.map(escaped))}$`] : [];
    this.p2 = ids.p2;
    this.pieceOf = (id) => tokenizer.idToToken(id);
    const named = names.length > 0 ? [`${BOUNDARY}${oneOf(names.map(escaped))}:`] : []; // else any colon would be one
    this.whole = new RegExp(oneOf([...named, ...markers.map(escaped), ...lineStart]));
    const begunField = `(?:ĊĠ*|${BOUNDARY})${oneOf([...names.map(beginnings), ""])}`;
    this.begun = new RegExp(`${oneOf([begunField, ...markers.map(beginnings), HALF_MARK])}$`);
    this.reach = Math.max(...[...names, ...markers].map((text) => text.length)) + 16;
    const lasts = [":", ...markers.map((marker) => marker.at(-1)!)];
    this.completing = Array.from({ length: tokenizer.vocabSize }, (_, id) => id)
      .filter((id) => !tokenizer.isSpecial(id))
      .map((id) => [id, tokenizer.idToToken(id)] as const)
      .filter(
        ([, piece]) =>
          lasts.some((last) => piece.includes(last)) ||
          small.some((name) => name.endsWith(piece) || piece.endsWith(name)),
      );
    this.alone = this.forbiddenAfter(MORE);
  }

  /** Removes the tokens after which the row's p2 would hold what is forbidden. */
  edits({ ids }: Row): readonly Forbidden[] {
    const text = this.textBefore(ids);
    const begun = this.begun.exec(text);
    if (begun === null) return this.alone;
    // What begins before this end is over: only the end matters, and there are few different ones.
    const end = begun.index === 0 ? text : MORE + begun[0];
    let known = this.afterEnd.get(end);
    if (known === undefined) this.afterEnd.set(end, (known = this.forbiddenAfter(end)));
    return known;
  }

  private forbiddenAfter(text: string): Forbidden[] {
    return this.completing
      .filter(([, piece]) => this.whole.test(text + piece))
      .map(([token]) => ({ kind: "set", token, value: -Infinity }));
  }

  /** The last pieces of p2; where p2 begins among them, the text begins there too. */
  private textBefore(ids: readonly number[]): string {
    let text = "";
    for (let i = ids.length - 1; i >= 0 && text.length < this.reach; i--) {
      if (ids[i] === this.p2) return text;
      text = this.pieceOf(ids[i]!) + text;
    }
    return MORE + text;
  }
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const oneOf = (patterns: readonly string[]): string => `(?:${patterns.join("|")})`;

/** A pattern for every beginning of `text`, from its first character to the whole of it. */
function beginnings(text: string): string {
  return [...text].reduceRight((rest, char) => `${escaped(char)}${rest === "" ? "" : `(?:${rest})?`}`, "");
}
