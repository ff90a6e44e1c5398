// A text of so many words or sentences, ending at a sentence's end, perhaps with a given last sentence: a logits
// processor that forbids the end before, and whatever would make a right end impossible. With the tokens that are left
// it always leaves a way: a new word, a full stop, the last sentence, the end token. Where a right end has been
// reached and no room is left for another sentence of the text's usual length, the text ends. Reads whole rows of
// scores, as it may forbid any of them.
import { countSentences } from "../sentences.ts";
import { countWords } from "./bounds.ts";
import type { Bounds } from "./bounds.ts";
import { fromBytes, tokenBytes } from "./token-bytes.ts";
import type { PieceTokenizer, TokenBytes } from "./token-bytes.ts";
import { occurs } from "./word-forms.ts";
import type { WordForms } from "./word-forms.ts";

/** As much of generation's RowContext as is looked at. */
interface Row {
  readonly ids: readonly number[];
  readonly length: number;
  readonly promptLength: number;
  readonly maxLength: number;
}

export interface EndRules {
  readonly words: Bounds;
  readonly sentences: Bounds;
  /** The last sentence; "": any. */
  readonly endsWith: string;
  /** What constrained beam search brings in, so that room is kept for it. */
  readonly required: readonly RequiredWord[];
}

/** As much of a WordConstraint as is needed. */
interface RequiredWord {
  readonly word: WordForms;
  firstTokens(): readonly number[];
}

/** What a token does to a text, as far as it can be told from the token alone. */
interface Shape {
  readonly text: string;
  readonly spaceBefore: boolean;
  readonly spaceAfter: boolean;
  /** Words that begin after white space inside it. */
  readonly words: number;
  /** Its first character that is no space begins a sentence, if the one before has ended: not a small letter. */
  readonly opens: "nothing" | "sentence" | "more";
  readonly mark: boolean;
  readonly closing: boolean;
}

/** Where a text stands. */
interface Place {
  readonly text: string;
  readonly words: number;
  readonly sentences: number;
  /** At a sentence's end, or at the beginning. */
  readonly atEnd: boolean;
  readonly endsInSpace: boolean;
  /** Words of what is required and not there. */
  readonly missing: number;
}

export class TextBoundsLogitsProcessor {
  readonly name = "TextBoundsLogitsProcessor";
  readonly needs = "logits";
  private readonly rules: EndRules;
  private readonly eos: readonly number[];
  private readonly start: ((ids: readonly number[], promptLength: number) => number) | undefined;
  private readonly bytes: TokenBytes;
  private readonly shapes: readonly Shape[];
  /** The last sentence's tokens, with a space before it. */
  private readonly last: readonly number[];
  private readonly beginRequired: ReadonlySet<number>;

  /** `start`: the index where the text begins that counts; default: behind the prompt. */
  constructor(
    rules: EndRules,
    eos: readonly number[],
    tokenizer: PieceTokenizer,
    start?: (ids: readonly number[], promptLength: number) => number,
  ) {
    const { words, sentences, endsWith } = rules;
    // The last sentence is a part of the text: what is counted here is what comes before it.
    const less = ({ min, max }: Bounds, part: number): Bounds => ({ min: Math.max(0, min - part), max: max - part });
    this.last = endsWith === "" ? [] : tokenizer.encode(` ${endsWith}`, { allowSpecial: false });
    this.rules = {
      ...rules,
      words: less(words, countWords(endsWith)),
      sentences: less(sentences, endsWith === "" ? 0 : countSentences(endsWith).begun),
    };
    this.eos = eos;
    this.beginRequired = new Set(rules.required.flatMap((each) => each.firstTokens()));
    this.start = start;
    this.bytes = tokenBytes(tokenizer);
    this.shapes = this.bytes.map((bytes) => shapeOf(fromBytes(bytes)));
  }

  /** Tokens that a text of the least length needs at least, its end token among them. */
  get leastTokens(): number {
    const { words, sentences } = this.rules;
    return Math.max(words.min, sentences.min) + Math.max(1, sentences.min) + this.last.length + 1;
  }

  apply(scores: Float64Array, { ids, length, promptLength, maxLength }: Row): void {
    const written = ids.slice(this.start?.(ids, promptLength) ?? promptLength);
    const begun = this.begunOfLast(written);
    if (begun > 0) return keepOnly(scores, begun === this.last.length ? this.eos : [this.last[begun]!]);
    const place = this.placeOf(written);
    const mayEnd = this.mayEnd(place);
    const end = this.last.length > 0 ? [this.last[0]!] : this.eos;
    if (this.last.length > 0) {
      // The last sentence begins where the model would end, too.
      if (mayEnd) for (const id of this.eos) scores[end[0]!] = logSum(scores[end[0]!]!, scores[id]!);
      for (const id of this.eos) scores[id] = -Infinity;
    }
    const left = maxLength - length - this.last.length;
    if (mayEnd && (left <= 1 || this.mustEnd(place, written.length, left)) && end.some((id) => scores[id]! > -Infinity))
      return keepOnly(scores, [...end, ...this.goingOn(place, left)]);
    const kept = new Map(end.map((id) => [id, scores[id]!]));
    for (let id = 0; id < scores.length; id++)
      if (scores[id]! > -Infinity && !this.allows(place, id, left - 1)) scores[id] = -Infinity;
    for (const [id, score] of kept) if (mayEnd) scores[id] = score;
    if (!mayEnd && this.last.length === 0) for (const id of this.eos) scores[id] = -Infinity;
  }

  private placeOf(written: readonly number[]): Place {
    const text = fromBytes(written.map((id) => this.bytes[id]).join(""));
    const { begun, atEnd } = countSentences(text);
    const missing = this.rules.required.filter(({ word }) => !occurs(word, text));
    return {
      text,
      words: countWords(text),
      sentences: begun,
      atEnd: atEnd || begun === 0,
      endsInSpace: text === "" || /\s$/u.test(text),
      missing: missing.reduce((sum, { word }) => sum + Math.min(...word.forms.map(countWords)), 0),
    };
  }

  private mayEnd({ words, sentences, atEnd, missing, text }: Place): boolean {
    const { words: w, sentences: s } = this.rules;
    const enough = words >= w.min && sentences >= s.min && (text.trim() !== "" || this.last.length > 0);
    return atEnd && enough && missing === 0 && words <= w.max && sentences <= s.max;
  }

  /** Another sentence as long as those before would be one too many. */
  private mustEnd({ words, sentences }: Place, tokens: number, left: number): boolean {
    const { words: w, sentences: s } = this.rules;
    const usual = (amount: number): number => Math.max(1, amount) / Math.max(1, sentences);
    return sentences >= s.max || w.max - words < usual(words) || left < usual(tokens);
  }

  /** At a right end: what closes a quotation, or goes on after one in small letters. */
  private goingOn(place: Place, left: number): number[] {
    if (left <= 4) return [];
    const { text } = place;
    const open = (text.match(/"/g)?.length ?? 0) % 2 === 1 || count(text, "“") > count(text, "”");
    const after = /["”’»]$/u.test(text);
    return this.shapes.flatMap((shape, id) => {
      if (open && shape.closing && /["”]/u.test(shape.text)) return [id];
      const speaks = after && shape.spaceBefore && shape.opens === "more" && !shape.mark && !shape.spaceAfter;
      return speaks && this.allows(place, id, left - 1) ? [id] : [];
    });
  }

  /** Whether a right end can be reached after the token, with so many more. */
  private allows(place: Place, id: number, left: number): boolean {
    const shape = this.shapes[id]!;
    const { words: w, sentences: s } = this.rules;
    const newWord = shape.opens !== "nothing" && !shape.spaceBefore && place.endsInSpace ? 1 : 0;
    const words = place.words + shape.words + newWord;
    const opensSentence = shape.opens === "sentence" && place.atEnd && (place.endsInSpace || shape.spaceBefore) ? 1 : 0;
    const sentences = place.sentences + opensSentence;
    if (words > w.max || sentences > s.max) return false;
    // Words that are still to come must have room: required ones, and one for each sentence.
    const missing = place.missing - (this.beginRequired.has(id) ? 1 : 0);
    const toCome = Math.max(missing, s.min - sentences);
    if (words > place.words && words + toCome > w.max) return false;
    // After white space a word must follow: the first of another sentence, or one more of this one.
    if (shape.spaceAfter) {
      const another = countSentences(place.text + shape.text).atEnd;
      if (words + (another ? Math.max(1, toCome) : 1 + Math.max(0, toCome)) > w.max) return false;
    }
    const lastSentence = sentences === s.max;
    if (lastSentence && shape.mark && (words < w.min || place.missing > 0)) return false;
    // A finished last sentence goes on only as goingOn() says.
    if (lastSentence && place.atEnd && opensSentence === 0 && place.text !== "" && shape.opens === "nothing")
      return false;
    const moreWords = Math.max(0, w.min - words);
    const moreSentences = Math.max(0, s.min - sentences);
    const most = Math.max(moreWords, moreSentences) + moreSentences + 2;
    if (left >= most) return true;
    const ended = shape.mark && !shape.spaceAfter && countSentences(place.text + shape.text).atEnd;
    return left >= most - (ended && (moreWords === 0 || moreSentences > 0) ? 1 : 0);
  }

  /** How many tokens of the last sentence the text ends in, where it began at a right end. */
  private begunOfLast(written: readonly number[]): number {
    for (let begun = Math.min(this.last.length, written.length); begun > 0; begun--) {
      const at = written.length - begun;
      const matches = this.last.slice(0, begun).every((id, i) => written[at + i] === id);
      if (matches && this.mayEnd(this.placeOf(written.slice(0, at)))) return begun;
    }
    return 0;
  }
}

function shapeOf(text: string): Shape {
  const trimmed = text.trim();
  const spaceBefore = /^\s/u.test(text);
  return {
    text,
    spaceBefore,
    spaceAfter: /\s$/u.test(text),
    words: countWords(text) - (spaceBefore || trimmed === "" ? 0 : 1),
    opens: trimmed === "" ? "nothing" : /^\p{Ll}/u.test(trimmed) ? "more" : "sentence",
    mark: /[.!?…。！？]/u.test(text),
    closing: /^["'”’»)\]]+$/u.test(text),
  };
}

/** Leaves these tokens' scores alone and makes all others impossible. */
function keepOnly(scores: Float64Array, tokens: readonly number[]): void {
  const kept = tokens.map((id) => [id, scores[id]!] as const);
  scores.fill(-Infinity);
  for (const [id, score] of kept) scores[id] = score;
}

const count = (text: string, part: string): number => text.split(part).length - 1;

function logSum(a: number, b: number): number {
  const most = Math.max(a, b);
  return most === -Infinity ? most : most + Math.log(Math.exp(a - most) + Math.exp(b - most));
}
