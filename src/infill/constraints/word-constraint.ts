// "This word must occur" for constrained beam search: a Constraint in generation's form (as Hugging Face's
// DisjunctiveConstraint), that follows the text by its bytes. So any tokens that spell the word fulfil it, at a text's
// start, after a quotation mark or inside a sentence, but not as a part of another word: " cat" goes on to "catch" and
// is missing again.
import { endsInMiddle, endsInWord, foldAscii, fromBytes, startsInWord, toBytes, tokenBytes } from "./token-bytes.ts";
import type { PieceTokenizer, TokenBytes } from "./token-bytes.ts";
import type { WordForms } from "./word-forms.ts";

interface Followed {
  readonly done: boolean;
  /** The text ends in the word: it is there unless the next token goes on with a letter. */
  readonly held: boolean;
  /** The text's end; all of it while it is short. */
  readonly tail: string;
  /** The index in it where the text begins; before it is what the prompt ends in. */
  readonly from: number;
}

interface Form {
  readonly bytes: string;
  readonly folded: string;
  readonly wordBefore: boolean;
  readonly wordAfter: boolean;
}

/** Bytes before a word that tell whether it is one. */
const BEFORE = 8;

export class WordConstraint {
  readonly word: WordForms;
  readonly seqlen: number;
  private readonly shortest: number;
  private readonly forms: readonly Form[];
  private readonly reach: number;
  /** What may follow a word so that it stays one. */
  private readonly boundaries: readonly number[];
  private readonly bytes: TokenBytes;
  private readonly tokenizer: PieceTokenizer;
  private readonly start: ((prompt: readonly number[]) => number) | undefined;
  private readonly tokensOf = new Map<string, readonly number[]>();

  /** `start`: the index in a prompt where the text begins that counts; default: behind it. */
  constructor(word: WordForms, tokenizer: PieceTokenizer, start?: (prompt: readonly number[]) => number) {
    this.word = word;
    this.tokenizer = tokenizer;
    this.start = start;
    this.bytes = tokenBytes(tokenizer);
    this.forms = word.forms.map((form) => {
      const bytes = toBytes(form);
      return { bytes, folded: this.folded(bytes), wordBefore: startsInWord(bytes), wordAfter: endsInWord(bytes) };
    });
    this.reach = Math.max(...this.forms.map(({ bytes }) => bytes.length)) + BEFORE;
    this.boundaries = [".", ",", " "].flatMap((mark) => tokenizer.encode(mark, { allowSpecial: false }));
    const lengths = this.forms.map(({ bytes }) => Math.max(this.spelt(bytes).length, this.spelt(` ${bytes}`).length));
    this.seqlen = Math.max(...lengths);
    this.shortest = Math.min(...lengths);
  }

  initial(prompt: readonly number[]): Followed {
    const at = this.start?.(prompt) ?? prompt.length;
    const text = (ids: readonly number[]): string => ids.map((id) => this.bytes[id]).join("");
    // In a gap the text stands alone; elsewhere the prompt's end says whether a word goes on.
    const tail = this.start ? "" : text(prompt.slice(-BEFORE)).slice(-BEFORE);
    const state = { done: false, held: false, tail, from: tail.length };
    return prompt.slice(at).reduce((followed: Followed, id) => this.update(followed, id), state);
  }

  update(state: Followed, token: number): Followed {
    if (state.done) return state;
    const text = state.tail + this.bytes[token];
    const searched = this.folded(text);
    let held = false;
    for (const form of this.forms) {
      // What ended before the tail did was judged then, when all that stands before it was still there.
      const first = Math.max(state.from, state.tail.length - form.folded.length);
      for (let at = searched.indexOf(form.folded, first); at >= 0; at = searched.indexOf(form.folded, at + 1)) {
        if (form.wordBefore && endsInWord(text.slice(0, at))) continue;
        const rest = text.slice(at + form.folded.length);
        if (form.wordAfter && rest === "") held = true;
        else if (!form.wordAfter || !startsInWord(rest)) return { done: true, held: true, tail: "", from: 0 };
      }
    }
    const cut = Math.max(0, text.length - this.reach);
    return { done: false, held, tail: text.slice(cut), from: Math.max(0, state.from - cut) };
  }

  advance(state: Followed): readonly number[] {
    if (state.held) return state.done ? [] : this.boundaries;
    if (endsInMiddle(state.tail) && this.begunBytes(state) === 0) return [];
    return [...new Set(this.rests(state).map((rest) => this.spelt(rest)[0]!))];
  }

  remaining(state: Followed): number {
    if (state.held) return 0;
    if (endsInMiddle(state.tail) && this.begunBytes(state) === 0) return this.shortest;
    return Math.min(...this.rests(state).map((rest) => this.spelt(rest).length));
  }

  begun(state: Followed): number {
    return this.begunBytes(state) > 0 ? Math.max(1, this.seqlen - this.remaining(state)) : 0;
  }

  restart(state: Followed): number {
    return state.held ? 0 : this.shortest;
  }

  /** The tokens that a form may begin with. */
  firstTokens(): readonly number[] {
    return this.forms.flatMap(({ bytes }) => [this.spelt(bytes)[0]!, this.spelt(` ${bytes}`)[0]!]);
  }

  /** What is missing of the forms that the text's end has begun; of all, with a space where one is due, if of none. */
  private rests(state: Followed): string[] {
    const begun = this.begunBytes(state);
    if (begun > 0)
      return this.forms.flatMap((form) => (this.hasBegun(state, form, begun) ? [form.bytes.slice(begun)] : []));
    const space = /(?:^|\s)["'([]?$|\xe2\x80[\x98\x9c]$|\xc2\xab$/.test(state.tail) && state.tail !== "" ? "" : " ";
    return this.forms.map(({ bytes }) => space + bytes);
  }

  /** Bytes of the longest beginning of a form that the text ends in. */
  private begunBytes(state: Followed): number {
    for (let length = Math.min(this.reach, state.tail.length - state.from); length > 0; length--)
      if (this.forms.some((form) => this.hasBegun(state, form, length))) return length;
    return 0;
  }

  private hasBegun({ tail }: Followed, { folded, wordBefore }: Form, length: number): boolean {
    if (length >= folded.length || !this.folded(tail).endsWith(folded.slice(0, length))) return false;
    return !wordBefore || !endsInWord(tail.slice(0, tail.length - length));
  }

  /** Tokens that spell bytes, so that the tokens of what the first leaves are the others. */
  private spelt(bytes: string): readonly number[] {
    if (bytes === "") return [];
    let tokens = this.tokensOf.get(bytes);
    if (tokens === undefined) {
      const text = fromBytes(bytes);
      // What is left of a character whose beginning is there already goes byte by byte.
      const first = text.startsWith("\uFFFD")
        ? this.bytes.indexOf(bytes[0]!)
        : this.tokenizer.encode(text, { allowSpecial: false })[0]!;
      tokens = [first, ...this.spelt(bytes.slice(this.bytes[first]!.length))];
      this.tokensOf.set(bytes, tokens);
    }
    return tokens;
  }

  private folded(bytes: string): string {
    return this.word.anyCase ? foldAscii(bytes) : bytes;
  }
}
