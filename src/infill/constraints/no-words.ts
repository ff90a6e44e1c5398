// "This word must not occur", as whole words and for every way in which tokens can spell them: a logits processor like
// Hugging Face's NoBadWordsLogitsProcessor, by bytes instead of by one tokenisation. The token that would complete the
// word is forbidden; "concatenate" does not hold "cat". It edits few tokens by the text alone, so no row of scores is
// read back for it.
import { endsInWord, foldAscii, startsInWord, toBytes, tokenBytes } from "./token-bytes.ts";
import type { PieceTokenizer, TokenBytes } from "./token-bytes.ts";
import type { WordForms } from "./word-forms.ts";

interface Forbidden {
  readonly kind: "set";
  readonly token: number;
  readonly value: number;
}

/** Tokens that complete a word of which the text must end in `begun`. */
interface Completion {
  readonly begun: string;
  readonly wordBefore: boolean;
  readonly fold: boolean;
  readonly edits: readonly Forbidden[];
}

/** Bytes before a word that tell whether it is one. */
const BEFORE = 4;

export class NoWordsLogitsProcessor {
  readonly needs = "text";
  private readonly bytes: TokenBytes;
  private readonly start: ((ids: readonly number[]) => number) | undefined;
  private readonly always: readonly Forbidden[];
  private readonly completions: readonly Completion[];
  private readonly reach: number;

  /** `start`: the index where the text begins, so that what is before it is no part of a word; default: nowhere. */
  constructor(words: readonly WordForms[], tokenizer: PieceTokenizer, start?: (ids: readonly number[]) => number) {
    this.bytes = tokenBytes(tokenizer);
    this.start = start;
    const tokens = this.bytes.map((piece, token) => ({ piece, folded: foldAscii(piece), token }));
    const ordinary = tokens.filter(({ token }) => !tokenizer.isSpecial(token));
    const always = new Set<number>();
    const completions: Completion[] = [];
    let reach = 0;
    for (const { forms, anyCase } of words) {
      for (const form of new Set(forms.map((each) => (anyCase ? foldAscii(toBytes(each)) : toBytes(each))))) {
        reach = Math.max(reach, form.length);
        const wordBefore = startsInWord(form);
        const isEnd = (rest: string): boolean => !(endsInWord(form) && startsInWord(rest));
        for (let begun = 0; begun < form.length; begun++) {
          const rest = form.slice(begun);
          const completing = ordinary.filter(({ piece, folded }) => {
            const text = anyCase ? folded : piece;
            return text.startsWith(rest) && isEnd(text.slice(rest.length));
          });
          const edits = completing.map(({ token }) => forbid(token));
          if (edits.length > 0) completions.push({ begun: form.slice(0, begun), wordBefore, fold: anyCase, edits });
        }
        for (const { piece, folded, token } of ordinary) {
          const text = anyCase ? folded : piece;
          for (let at = text.indexOf(form, 1); at > 0; at = text.indexOf(form, at + 1))
            if (!(wordBefore && endsInWord(text.slice(0, at))) && isEnd(text.slice(at + form.length)))
              always.add(token);
        }
      }
    }
    this.always = [...always].map(forbid);
    this.completions = completions;
    this.reach = reach + BEFORE;
  }

  /** Removes the tokens after which the row's text would hold one of the words. */
  edits({ ids }: { readonly ids: readonly number[] }): readonly Forbidden[] {
    const first = this.start?.(ids) ?? 0;
    let text = "";
    for (let i = ids.length - 1; i >= first && text.length < this.reach; i--) text = this.bytes[ids[i]!] + text;
    const folded = foldAscii(text);
    const completed = this.completions.filter(({ begun, wordBefore, fold }) => {
      if (!(fold ? folded : text).endsWith(begun)) return false;
      return !wordBefore || !endsInWord(text.slice(0, text.length - begun.length));
    });
    return [...this.always, ...completed.flatMap(({ edits }) => edits)];
  }
}

const forbid = (token: number): Forbidden => ({ kind: "set", token, value: -Infinity });
