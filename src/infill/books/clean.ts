// From the lines of a paragraph to its text: wrapped lines joined, and what the transcription added taken out again
// (marks of italics and of footnotes, doubled spaces). Quotes, dashes and spelling stay as the book has them.

/** One line of text; "" when nothing but marks stood there. */
export function paragraphText(lines: readonly string[]): string {
  let text = "";
  for (const line of lines) {
    const next = line.trim();
    text += text === "" || touches(text.slice(-3), next) ? next : ` ${next}`;
  }
  if (text.includes("[")) {
    text = text
      .replace(/\s?\[(?:Footnote|Illustration|Note|Sidenote)\b[^[\]]*\]/gi, "")
      .replace(/ ?\*? ?\[\*[^[\]]*\]/g, "") // a note of the author's set into the line: [* ...]
      .replace(/ ?\[(?:\d{1,3}|[A-Z*†‡])\]/g, ""); // its number: word[1]
  }
  if (text.includes("*")) text = text.replace(/(?<=\S) \*(?=\s|$)|(?<=[\p{L}\p{N}.,;!?”"»)])\*+(?=[\s,.;:!?]|$)/gu, "");
  if (text.includes("_")) text = text.replace(/(?<!_)_(?!_)/g, ""); // _italics_; a blank to fill in is written ____
  return text.replace(/\s\s+|[^\S ]/g, " ").trim();
}

/**
 * Whether a line end stood inside a word ("sun-" "beam") or beside a dash that touches its words ("he came--" "and
 * went"). `before`: the last characters above.
 */
function touches(before: string, after: string): boolean {
  if (/[-—–]$/.test(before)) return /[^\s—–-][—–-]+$/.test(before) && !/^(?:--?|[—–])\s/.test(after);
  return /^(?:--|—)\S/.test(after) && /[\p{L}\p{N}]$/u.test(before);
}
