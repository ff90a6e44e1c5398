// Tokens as the bytes that they stand for, one character a byte, and words in such strings. Rules about words look at
// bytes, because tokens may end in the middle of a character: so they hold for every way in which tokens spell a word.
import { pieceToBytes } from "../../tokenizer/byte-alphabet.ts";

/** What rules about bytes need of a tokenizer: `idToToken` gives a token in GPT-2's byte alphabet. */
export interface PieceTokenizer {
  readonly vocabSize: number;
  encode(text: string, options?: { readonly allowSpecial?: boolean }): number[];
  idToToken(id: number): string;
  isSpecial(id: number): boolean;
}

/** The bytes of each token, as a string of as many characters. */
export type TokenBytes = readonly string[];

const known = new WeakMap<PieceTokenizer, TokenBytes>();

export function tokenBytes(tokenizer: PieceTokenizer): TokenBytes {
  let bytes = known.get(tokenizer);
  if (bytes === undefined || bytes.length !== tokenizer.vocabSize) {
    bytes = Array.from({ length: tokenizer.vocabSize }, (_, id) => binary(pieceToBytes(tokenizer.idToToken(id))));
    known.set(tokenizer, bytes);
  }
  return bytes;
}

/** A text's UTF-8. */
export const toBytes = (text: string): string => binary(new TextEncoder().encode(text));

/** The text of bytes; what is no character becomes U+FFFD. */
export const fromBytes = (bytes: string): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));

/** ASCII letters in small ones. */
export const foldAscii = (bytes: string): string => bytes.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

function binary(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

// A character of a word: letters, digits, combining marks. In UTF-8 quotes, dashes and spaces beyond ASCII begin with
// C2 or E2, the punctuation of Chinese and Japanese with E3 80, emoji with F0: the others are taken for letters.
const WORD_END =
  /(?:[A-Za-z0-9_]|[\xc3-\xdf][\x80-\xbf]|(?:[\xe0\xe1\xe4-\xef][\x80-\xbf]|\xe3[\x81-\xbf])[\x80-\xbf])$/;
const WORD_START = /^(?:[A-Za-z0-9_]|[\xc3-\xe1]|\xe3(?!\x80)|[\xe4-\xef])/;

/** Whether the last character is one of a word. */
export const endsInWord = (bytes: string): boolean => WORD_END.test(bytes.slice(-3));
/** Whether the first character is one of a word. */
export const startsInWord = (bytes: string): boolean => WORD_START.test(bytes);
/** Whether the last character is not complete. */
export const endsInMiddle = (bytes: string): boolean =>
  /(?:[\xc0-\xff]|[\xe0-\xff][\x80-\xbf]|[\xf0-\xff][\x80-\xbf]{2})$/.test(bytes.slice(-4));
