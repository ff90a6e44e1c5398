// Keeps the template's own writing out of p2: a model that met "\nlength: M; theme: hope" before every p2 writes it at
// times into p2 itself. Forbidden are a field's name with its colon, in capital and small letters, with spaces between
// the two, and after a false start ("lenglength:"); a line that begins with a small letter, as those of metadata do, or
// with a mark that separates; and markers spelt in ordinary tokens. The rule looks at bytes, so it holds for every way
// in which tokens can spell them.
// Prose stays possible where it can be told apart: "the length of the rope", "two lengths: one", and words that the
// vocabulary has as one token ("wavelength:"). "The length: three yards" cannot be told from metadata, so a model goes
// on without the colon there; what a writer gives p2 to begin with is not looked at. Of 8433 passages of novels with
// several lines 5 have one that begins with a small letter; a model that may not write a field's name there went on
// with half of one ("\nthemers: Tom"). A logits processor in the form of generation's, as Hugging Face's
// NoBadWordsLogitsProcessor is one; it edits by the text alone, so no row of scores is read back for it.
import { foldAscii, toBytes, tokenBytes } from "./constraints/token-bytes.ts";
import type { PieceTokenizer, TokenBytes } from "./constraints/token-bytes.ts";
import { plainFields, specialTokenList } from "./template.ts";
import type { InfillTemplate, SpecialIds } from "./template.ts";

/** As much of generation's RowContext as is looked at. */
interface Row {
  readonly ids: readonly number[];
}

interface Forbidden {
  readonly kind: "set";
  readonly token: number;
  readonly value: number;
}

/** What may stand between a name and its colon: white space, two kinds of no-break space among it. */
const SPACE = "(?:[\\t-\\r ]|\\xc2\\xa0|\\xe2\\x80\\xaf)";
/** What ends a word. Quotes, dashes and spaces beyond ASCII begin with C2 or E2 80. */
const NO_LETTER = "(?:^|[\\x00-/:-@[-`{-\\x7f]|\\xc2[\\x80-\\xbf]|\\xe2\\x80[\\x80-\\xbf])";
/** What stands for text that is out of reach: no byte. */
const MORE = "…";
const NOTHING = /$^/;
/** How a line of metadata begins, or the rest of one; a token that would begin a line so, and one with such a line. */
const BEGINS_LIKE_METADATA = /^ *[a-z:;,]/;
const LINE_LIKE_METADATA = /\n *[a-z:;,]/;

export class NoTemplateSyntaxLogitsProcessor {
  readonly needs = "text";
  private readonly p2: number;
  private readonly bytes: TokenBytes;
  private readonly markers: readonly string[];
  /** A field's name and colon at the end of a text whose ASCII letters are small. */
  private readonly named: RegExp;
  /** A last line that is a field's name. */
  private readonly line: RegExp;
  /** The beginning of such a line or of a marker at the end of a text. */
  private readonly begun: RegExp;
  /** What stands before the colon of tokens that have one: a name may end in it. */
  private readonly heads: readonly string[];
  /** The tokens that can complete what is forbidden. */
  private readonly completing: readonly (readonly [token: number, piece: string])[];
  /** Bytes before a token that matter. */
  private readonly reach: number;
  /** The tokens that no line begins with. */
  private readonly lineBeginnings: readonly number[];
  private readonly alone: readonly Forbidden[];
  private readonly afterEnd = new Map<string, readonly Forbidden[]>();

  constructor(template: InfillTemplate, ids: SpecialIds, tokenizer: PieceTokenizer) {
    this.p2 = ids.p2;
    this.bytes = tokenBytes(tokenizer);
    this.markers = specialTokenList(template).map(toBytes);
    const fields = plainFields(template);
    const small = fields.filter((field) => /^\p{Ll}/u.test(field)).map(toBytes);
    const tokens = [...this.bytes.entries()].filter(([token]) => !tokenizer.isSpecial(token));
    const words = tokens.flatMap(([, piece]) => (/^ [A-Za-z\x80-\xff]+$/.test(piece) ? foldAscii(piece.slice(1)) : []));
    const named = oneOf(
      fields.map((field) => {
        const starts = startsOfWords(anyCase(field), words).map(escaped);
        return (starts.length > 0 ? `(?<!${NO_LETTER}${oneOf(starts)})` : "") + anyCase(field);
      }),
    );
    this.named = fields.length > 0 ? new RegExp(`${named}${SPACE}*:$`) : NOTHING; // else any colon would be one
    this.line = small.length > 0 ? new RegExp(`\\n *${oneOf(small.map(escaped))}$`) : NOTHING;
    const begunLine = small.length > 0 ? [`\\n *${oneOf([...small.map(beginnings), ""])}`] : [];
    this.begun = new RegExp(`${oneOf([...begunLine, ...this.markers.map(beginnings)])}$`);
    this.reach = 2 * Math.max(...[...fields.map(toBytes), ...this.markers].map(({ length }) => length)) + 32;
    const lasts = [":", ...this.markers.map((marker) => marker.at(-1)!)];
    this.completing = tokens.filter(
      ([, piece]) =>
        lasts.some((last) => piece.includes(last)) ||
        small.some((name) => name.endsWith(piece) || piece.endsWith(name)) ||
        (small.length > 0 && LINE_LIKE_METADATA.test(piece)),
    );
    const heads = tokens.flatMap(([, piece]) =>
      piece.includes(":") ? foldAscii(piece.slice(0, piece.indexOf(":"))) : [],
    );
    this.heads = [...new Set(heads)].filter((head) => !this.named.test(`${MORE}${head}:`));
    this.lineBeginnings =
      small.length > 0 ? tokens.flatMap(([token, piece]) => (BEGINS_LIKE_METADATA.test(piece) ? token : [])) : [];
    this.alone = this.forbiddenAfter(MORE);
  }

  /** Removes the tokens after which the row's p2 would hold what is forbidden. */
  edits({ ids }: Row): readonly Forbidden[] {
    const text = this.textBefore(ids);
    const folded = foldAscii(text);
    const isNamed = this.heads.some((head) => this.named.test(`${folded}${head}:`));
    const begun = this.begun.exec(text);
    if (!isNamed && begun === null) return this.alone;
    // What begins before this end is over: only the end matters, and there are few different ones.
    const end = isNamed || begun!.index === 0 ? text : MORE + begun![0];
    let known = this.afterEnd.get(end);
    if (known === undefined) this.afterEnd.set(end, (known = this.forbiddenAfter(end)));
    return known;
  }

  /** Whether a text, as it would stand in a p2, has a field's name with its colon or a marker: no p2 will hold it. */
  holds(text: string): boolean {
    const whole = toBytes(` ${text}`);
    return this.completesField(foldAscii(whole), 0) || this.markers.some((marker) => whole.includes(marker));
  }

  private forbiddenAfter(text: string): Forbidden[] {
    const folded = foldAscii(text);
    const tokens = this.completing
      .filter(([, piece]) => this.completesField(folded + foldAscii(piece), text.length) || this.completes(text, piece))
      .map(([token]) => token);
    const all = /\n *$/.test(text) ? [...new Set([...tokens, ...this.lineBeginnings])] : tokens;
    return all.map((token) => ({ kind: "set", token, value: -Infinity }));
  }

  /** Whether one of the text's colons from `from` on stands behind a field's name. */
  private completesField(text: string, from: number): boolean {
    for (let at = text.indexOf(":", from); at >= 0; at = text.indexOf(":", at + 1))
      if (this.named.test(text.slice(0, at + 1))) return true;
    return false;
  }

  /** Whether the piece completes a marker, or a line as those of metadata are. */
  private completes(text: string, piece: string): boolean {
    const whole = text + piece;
    if (this.markers.some((marker) => whole.includes(marker, Math.max(0, text.length - marker.length + 1))))
      return true;
    return this.line.test(whole) || (this.lineBeginnings.length > 0 && LINE_LIKE_METADATA.test(piece));
  }

  /** The last bytes of p2; where p2 begins among them, the text begins there too. */
  private textBefore(ids: readonly number[]): string {
    let text = "";
    for (let i = ids.length - 1; i >= 0 && text.length < this.reach; i--) {
      if (ids[i] === this.p2) return text;
      text = this.bytes[ids[i]!] + text;
    }
    return MORE + text;
  }
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
const oneOf = (patterns: readonly string[]): string => `(?:${patterns.join("|")})`;

/** A pattern for a name's bytes in capital and small letters, accents in one character or in two; ASCII ones small. */
function anyCase(name: string): string {
  const spelt = (char: string): string[] =>
    [char.toLowerCase(), char.toUpperCase()].flatMap((each) => [each, each.normalize("NFD")]).map(toBytes);
  return [...name.normalize("NFC")]
    .map((char) => (char === " " ? `${SPACE}+` : oneOf([...new Set(spelt(char).map(foldAscii))].map(escaped))))
    .join("");
}

/** Of the words those that end in the name and are longer: what they have before it. */
function startsOfWords(name: string, words: readonly string[]): string[] {
  const pattern = new RegExp(`^(.+)${name}$`);
  return words.flatMap((word) => pattern.exec(word)?.[1] ?? []);
}

/** A pattern for every beginning of `text`, from its first character to the whole of it. */
function beginnings(text: string): string {
  return [...text].reduceRight((rest, char) => `${escaped(char)}${rest === "" ? "" : `(?:${rest})?`}`, "");
}
