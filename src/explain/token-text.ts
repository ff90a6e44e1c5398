// Tokens as text that can be read: what each adds to a running text, and what it is by itself, with its spaces and with
// characters that do not print made visible.
import { pieceToBytes } from "../tokenizer/byte-alphabet.ts";
import type { GPT2Tokenizer } from "../tokenizer/tokenizer.ts";

/** What each token adds to the text; "" while a character lacks bytes. */
export function runningText(tokenizer: GPT2Tokenizer, ids: readonly number[]): string[] {
  const stream = tokenizer.createDecodeStream();
  return ids.map((id) => stream.push(id));
}

/** A token by itself: "␣the"; bytes that are no whole character as ⟨E2⟩. */
export function readableToken(tokenizer: GPT2Tokenizer, id: number): string {
  const text = tokenizer.decode([id]);
  if (!text.includes("\uFFFD") || tokenizer.isSpecial(id))
    return visible(text).replaceAll(" ", "␣").replaceAll("\n", "↵");
  return Array.from(pieceToBytes(tokenizer.idToToken(id)), byteText).join("");
}

/**
 * Controls and invisible characters, also those that turn the direction of a text, as ⟨U+202E⟩; line breaks stay, as do
 * the joiners of emoji.
 */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    if (character === "\n" || character === "\u200D") return character;
    if (character === "\t") return "⇥";
    return `⟨U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

function byteText(byte: number): string {
  if (byte > 0x20 && byte < 0x7f) return String.fromCharCode(byte);
  return byte === 0x20 ? "␣" : `⟨${byte.toString(16).toUpperCase().padStart(2, "0")}⟩`;
}
