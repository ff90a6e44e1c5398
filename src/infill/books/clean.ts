// From the lines of a paragraph to its text: wrapped lines joined, and what the transcription added taken out again (marks of
// italics and of footnotes, doubled spaces). Quotes, dashes and spelling stay as the book has them.

/** One line of text; "" when nothing but marks stood there. */
export function paragraphText(lines: readonly string[]): string {
  let text = "";
  for (const line of lines) {
    const next = line.trim();
    text += text === "" || touches(text, next) ? next : ` ${next}`;
  }
  return text
    .replace(/\s?\[(?:Footnote|Illustration|Note|Sidenote)\b[^[\]]*\]/gi, "")
    .replace(/ ?\*? ?\[\*[^[\]]*\]/g, "")         // a note of the author's set into the line: [* ...]
    .replace(/ ?\[(?:\d{1,3}|[A-Z*†‡])\]/g, "")   // its number: word[1]
    .replace(/(?<=\S) \*(?=\s|$)|(?<=[\p{L}\p{N}.,;!?”"»)])\*+(?=[\s,.;:!?]|$)/gu, "")
    .replace(/(?<!_)_(?!_)/g, "")                 // _italics_; a blank to fill in is written ____
    .replace(/\s+/g, " ")
    .trim();
}

/** Whether a line end stood inside a word ("sun-" "beam") or beside a dash that touches its words ("he came--" "and went"). */
function touches(before: string, after: string): boolean {
  return /[^\s-]-+$|[^\s—–][—–]+$/.test(before) && !/^(?:--?|[—–])\s/.test(after) || /^(?:--|—)\S/.test(after) && /[\p{L}\p{N}]$/u.test(before);
}
