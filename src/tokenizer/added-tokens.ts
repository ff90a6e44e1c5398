// Added tokens: strings such as [P1] or <|endoftext|> that are found in the text before BPE sees it, anywhere and any
// number of times. Matching follows Hugging Face's AddedVocabulary: the leftmost match wins, then the longest.

import { UserError } from "../errors.ts";
import { quote } from "../files/quote.ts";

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Special tokens can be read as plain text when encoding and left out when decoding. */
  readonly special: boolean;
  /** The match swallows the white space on its left, or right. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** No match inside a longer word. */
  readonly singleWord: boolean;
  /** Matched in a second pass, in what the tokens that are not normalized left over. */
  readonly normalized: boolean;
}

/** The text of a token to add, and how it is matched: all false by default. */
export interface AddedTokenRules {
  readonly content: string;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  readonly singleWord?: boolean;
}

/** A token to add: its text, or its text with the matching rules. */
export type NewToken = string | AddedTokenRules;

/** A token without matching rules. Hugging Face's default is that special tokens are not normalized and others are. */
export function plainToken(id: number, content: string, special: boolean): AddedToken {
  return { id, content, special, lstrip: false, rstrip: false, singleWord: false, normalized: !special };
}

/** A stretch of plain text, or the id of an added token found in its place. */
export type Segment = string | number;

/** One pattern finds them all: at ten million letters it takes a second to build, and beyond that engines give up. */
const MAX_LETTERS = 1_000_000;

export class AddedTokens {
  private readonly byContent = new Map<string, AddedToken>();
  private letters = 0;
  private readonly byId = new Map<number, AddedToken>();
  /** Patterns by whether special tokens are found; rebuilt after a change. */
  private readonly matchers = new Map<boolean, readonly RegExp[]>();

  constructor(tokens: Iterable<AddedToken> = []) {
    for (const token of tokens) this.set(token);
  }

  /** Adds a token, or replaces the one of the same content. Throws UserError when they grow too long in all. */
  set(token: AddedToken): void {
    if (!this.byContent.has(token.content)) this.letters += token.content.length;
    if (this.letters > MAX_LETTERS)
      throw new UserError(
        `The added tokens have more than ${MAX_LETTERS} letters in all, with ${quote(token.content)} of ` +
          `${token.content.length}; use shorter or fewer ones.`,
      );
    this.byContent.set(token.content, token);
    this.byId.set(token.id, token);
    this.matchers.clear();
  }

  get(content: string): AddedToken | undefined {
    return this.byContent.get(content);
  }

  withId(id: number): AddedToken | undefined {
    return this.byId.get(id);
  }

  /** In id order. */
  list(): AddedToken[] {
    return [...this.byId.values()].sort((a, b) => a.id - b.id);
  }

  /** Cuts text at its added tokens; with `allowSpecial` false, special ones stay in the plain text. */
  split(text: string, allowSpecial: boolean): Segment[] {
    let segments: Segment[] = text === "" ? [] : [text];
    for (const pattern of this.patterns(allowSpecial)) {
      segments = segments.flatMap((segment) =>
        typeof segment === "string" ? this.splitBy(pattern, segment) : segment,
      );
    }
    return segments;
  }

  private patterns(allowSpecial: boolean): readonly RegExp[] {
    let patterns = this.matchers.get(allowSpecial);
    if (!patterns) {
      const found = this.list().filter((token) => allowSpecial || !token.special);
      patterns = [false, true]
        .map((normalized) => found.filter((token) => token.normalized === normalized).map((token) => token.content))
        .filter((contents) => contents.length > 0)
        .map(longestAlternative);
      this.matchers.set(allowSpecial, patterns);
    }
    return patterns;
  }

  private splitBy(pattern: RegExp, text: string): Segment[] {
    const segments: Segment[] = [];
    let done = 0; // up to here the text is in `segments`
    for (const match of text.matchAll(pattern)) {
      const token = this.byContent.get(match[0])!;
      let start = match.index;
      let end = start + match[0].length;
      if (token.singleWord && (endsInWord(text, start) || startsWithWord(text, end))) continue;
      if (token.lstrip) while (start > done && isSpace(text[start - 1])) start--;
      if (token.rstrip) while (end < text.length && isSpace(text[end])) end++;
      if (start > done) segments.push(text.slice(done, start));
      segments.push(token.id);
      done = end;
    }
    if (done < text.length) segments.push(text.slice(done));
    return segments;
  }
}

/** JavaScript takes the first alternative that fits at the leftmost place, so the longest come first. */
function longestAlternative(contents: readonly string[]): RegExp {
  const escaped = contents
    .toSorted((a, b) => b.length - a.length)
    .map((content) => content.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  return new RegExp(escaped.join("|"), "gu");
}

const SPACE = /\p{White_Space}/u;
const isSpace = (char: string): boolean => SPACE.test(char);

// A letter is at most two UTF-16 units, so two are enough to look at: a stray half of another pair is not a letter.
const LETTER = String.raw`[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]`;
const LETTER_LAST = new RegExp(`${LETTER}$`, "u");
const LETTER_FIRST = new RegExp(`^${LETTER}`, "u");

const endsInWord = (text: string, end: number): boolean => LETTER_LAST.test(text.slice(Math.max(0, end - 2), end));
const startsWithWord = (text: string, start: number): boolean => LETTER_FIRST.test(text.slice(start, start + 2));
