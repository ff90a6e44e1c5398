// From the lines of a paragraph to its text: wrapped lines joined, and what the transcription added taken out again
// (marks of italics and of footnotes, doubled spaces). Quotes, dashes and spelling stay as the book has them.
import { joinLines } from "../../text/lines.ts";
import { normalizeText } from "../../text/normalize.ts";

/** One line of text; "" when nothing but marks stood there. */
export function paragraphText(lines: readonly string[]): string {
  let text = joinLines(lines);
  if (text.includes("[")) {
    text = text
      .replace(/\s?\[(?:Footnote|Illustration|Note|Sidenote)\b[^[\]]*\]/gi, "")
      .replace(/ ?\*? ?\[\*[^[\]]*\]/g, "") // a note of the author's set into the line: [* ...]
      .replace(/ ?\[(?:\d{1,3}|[A-Z*†‡])\]/g, ""); // its number: word[1]
  }
  if (text.includes("*")) text = text.replace(/(?<=\S) \*(?=\s|$)|(?<=[\p{L}\p{N}.,;!?”"»)])\*+(?=[\s,.;:!?]|$)/gu, "");
  return normalizeText(text);
}
