// What a text must and must not be, in a writer's words (words that occur or do not, so many words or sentences, a
// given beginning or last sentence), made into what generate() takes: constraints for beam search and logits
// processors. What was asked for is also looked up in the finished text: nothing is claimed that the text does not
// show.
import { UserError } from "../../errors.ts";
import { expectFields } from "../../fields.ts";
import type { FieldsOf } from "../../fields.ts";
import { quote } from "../../files/quote.ts";
import { normalizeText } from "../../text/normalize.ts";
import type { PieceTokenizer } from "./token-bytes.ts";
import { countSentences } from "../sentences.ts";
import { ANY, boundsText, countWords, parseBounds } from "./bounds.ts";
import type { Bounds } from "./bounds.ts";
import { NoRepeatedRunsLogitsProcessor } from "./no-repeats.ts";
import { NoWordsLogitsProcessor } from "./no-words.ts";
import { TextBoundsLogitsProcessor } from "./text-bounds.ts";
import { WordConstraint } from "./word-constraint.ts";
import { occurs, wordForms } from "./word-forms.ts";
import type { WordForms } from "./word-forms.ts";

export interface TextWishes {
  /** Words or phrases, each of which must occur: "boat", "boat|ship", "walk(s,ed)". Beam search only. */
  readonly forceWords?: readonly string[];
  /** Words or phrases that must not occur. */
  readonly badWords?: readonly string[];
  /** Both count in capital and small letters alike. Default false: as written, and with a capital to begin with. */
  readonly anyCase?: boolean;
  /** "60-80", "40-", "-80" or "70". */
  readonly words?: string;
  readonly sentences?: string;
  /** What the text begins with: it stands in the prompt already (InfillEncoder's `prefix`). */
  readonly beginsWith?: string;
  /** Its last sentence. */
  readonly endsWith?: string;
  /** It ends where a sentence does, within the new tokens that there may be. Default: where something above says so. */
  readonly wholeSentences?: boolean;
  /**
   * Three words in a row may come twice in the text. Default: not where words must occur, because there a weak model
   * goes round in circles.
   */
  readonly repeats?: boolean;
}

export const TEXT_WISHES: FieldsOf<TextWishes> = {
  forceWords: true,
  badWords: true,
  anyCase: true,
  words: true,
  sentences: true,
  beginsWith: true,
  endsWith: true,
  wholeSentences: true,
  repeats: true,
};

export interface TextPlace {
  readonly tokenizer: PieceTokenizer;
  readonly eosTokenId: number | readonly number[];
  /** The token behind which the text begins; without it the text is all that follows the prompt. */
  readonly p2?: number;
}

const PLACE: FieldsOf<TextPlace> = { tokenizer: true, eosTokenId: true, p2: true };

export class TextConstraints {
  /** For generate()'s `constraints`. */
  readonly constraints: readonly WordConstraint[];
  /** For generate()'s `logitsProcessors`. */
  readonly logitsProcessors: readonly (
    NoRepeatedRunsLogitsProcessor | NoWordsLogitsProcessor | TextBoundsLogitsProcessor
  )[];
  /** The one of them that may be left out where no text is found that holds everything else. */
  readonly preferred: NoRepeatedRunsLogitsProcessor | undefined;
  /** New tokens that a text needs at least, or 0 where nothing says. */
  readonly leastTokens: number;
  /** The greatest number of words, or Infinity. */
  readonly mostWords: number;
  private readonly forced: readonly WordForms[];
  private readonly bad: readonly WordForms[];
  private readonly words: Bounds;
  private readonly sentences: Bounds;
  private readonly beginsWith: string;
  private readonly endsWith: string;
  private readonly bounded: boolean;

  /** Throws UserError for wishes that no text can meet, and for what is not a word or a bound. */
  constructor(wishes: TextWishes, place: TextPlace) {
    expectFields("TextConstraints", wishes, TEXT_WISHES);
    expectFields("TextConstraints", place, PLACE);
    const { tokenizer, eosTokenId, p2 } = place;
    const { forceWords = [], badWords = [], anyCase = false } = wishes;
    this.forced = forceWords.map((word) => wordForms(word, anyCase));
    this.bad = badWords.map((word) => wordForms(word, anyCase));
    this.words = wishes.words === undefined ? ANY : parseBounds(wishes.words, "words");
    this.sentences = wishes.sentences === undefined ? ANY : parseBounds(wishes.sentences, "sentences");
    this.beginsWith = normalizeText(wishes.beginsWith ?? "");
    this.endsWith = normalizeText(wishes.endsWith ?? "");
    this.mostWords = this.words.max;
    this.checkTogether();
    const eos = typeof eosTokenId === "number" ? [eosTokenId] : eosTokenId;
    const start = p2 === undefined ? undefined : (ids: readonly number[]): number => ids.lastIndexOf(p2) + 1;
    const last = this.endsWith;
    const open = this.forced.filter((word) => !occurs(word, last));
    this.constraints = open.map((word) => new WordConstraint(word, tokenizer, start));
    const counted = this.words !== ANY || this.sentences !== ANY;
    this.bounded = counted || wishes.wholeSentences === true;
    const ends = this.bounded || last !== "";
    if (ends && eos.length === 0)
      throw new UserError("A text that ends with a whole sentence needs an end token to end by; set eosTokenId.");
    const rules = { words: this.words, sentences: this.sentences, endsWith: last, required: this.constraints };
    const given = [last, ...this.forced.flatMap(({ forms }) => forms)];
    const repeats = wishes.repeats ?? this.constraints.length === 0;
    const noRepeats = repeats ? undefined : new NoRepeatedRunsLogitsProcessor(given, tokenizer, start);
    this.preferred = wishes.repeats === undefined ? noRepeats : undefined;
    const bounds = ends ? new TextBoundsLogitsProcessor(rules, eos, tokenizer, start) : undefined;
    this.leastTokens = bounds && (counted || last !== "") ? bounds.leastTokens : 0;
    this.logitsProcessors = [
      ...(noRepeats ? [noRepeats] : []),
      ...(this.bad.length > 0 ? [new NoWordsLogitsProcessor(this.bad, tokenizer, start)] : []),
      ...(bounds ? [bounds] : []),
    ];
  }

  /** What the text is not that it must be, each in words; none where all holds. */
  violations(text: string): string[] {
    const words = countWords(text);
    const { begun, atEnd } = countSentences(text);
    const within = (amount: number, { min, max }: Bounds): boolean => amount >= min && amount <= max;
    return [
      ...this.forced.filter((word) => !occurs(word, text)).map(({ name }) => `${quote(name)} does not occur`),
      ...this.bad.filter((word) => occurs(word, text)).map(({ name }) => `${quote(name)} occurs`),
      ...(within(words, this.words) ? [] : [`it has ${words} words, wanted ${boundsText(this.words, "words")}`]),
      ...(within(begun, this.sentences)
        ? []
        : [`it has ${begun} sentences, wanted ${boundsText(this.sentences, "sentences")}`]),
      ...(this.bounded && this.endsWith === "" && !atEnd ? ["it does not end at a sentence's end"] : []),
      ...(text.startsWith(this.beginsWith) ? [] : [`it does not begin with ${quote(this.beginsWith)}`]),
      ...(text.endsWith(this.endsWith) ? [] : [`it does not end with ${quote(this.endsWith)}`]),
    ];
  }

  private checkTogether(): void {
    const given = [this.beginsWith, this.endsWith].filter((text) => text !== "").join(" ");
    for (const word of this.bad) {
      if (occurs(word, this.beginsWith) || occurs(word, this.endsWith))
        throw new UserError(`${quote(word.name)} must not occur and stands in the given text; drop one of them.`);
      const clash = this.forced.find(({ forms }) => forms.every((form) => occurs(word, form)));
      if (clash)
        throw new UserError(
          `${quote(clash.name)} must occur and ${quote(word.name)} must not; no text has one without the other.`,
        );
    }
    const names = this.forced.map(({ forms }) => forms.join("|"));
    const twice = this.forced.find(({ forms }, i) => names.indexOf(forms.join("|")) < i);
    if (twice) throw new UserError(`${quote(twice.name)} must occur twice over; name it once.`);
    const needed = this.forced
      .filter((word) => !occurs(word, given))
      .reduce((sum, { forms }) => sum + Math.min(...forms.map(countWords)), countWords(given));
    if (needed > this.words.max)
      throw new UserError(
        `The given words alone are ${needed}, and the text is to have ${boundsText(this.words, "words")}; ` +
          "ask for more.",
      );
    if (countSentences(given).begun > this.sentences.max)
      throw new UserError(
        `The given sentences alone are ${countSentences(given).begun}, and the text is to have ` +
          `${boundsText(this.sentences, "sentences")}; ask for more.`,
      );
    const before = { words: countWords(this.endsWith), sentences: countSentences(this.endsWith).begun };
    if (
      this.sentences.min - before.sentences > this.words.max - before.words ||
      (this.sentences.max <= before.sentences && this.words.min > before.words)
    )
      throw new UserError(
        `No text has ${boundsText(this.sentences, "sentences")} and ${boundsText(this.words, "words")}` +
          `${this.endsWith === "" ? "" : ` and ends with ${quote(this.endsWith)}`}; ask for other bounds.`,
      );
  }
}

/** The names of a metadata value such as "Jack, Kim and Ella" or a list. */
export function namesIn(value: unknown): string[] {
  const parts = Array.isArray(value) ? value.map(String) : [String(value ?? "")];
  return [...new Set(parts.flatMap((part) => part.split(/[,;&]|\s(?:and|et)\s/u)).map((name) => name.trim()))].filter(
    (name) => /[\p{L}\p{N}]/u.test(name),
  );
}
