// What those who made an etext say of it without the bracket that marks their notes as a rule.

/** How such a note begins wherever it stands. */
const NOTE = new RegExp(
  "^(?:original |project gutenberg )?(?:transcri(?:ber|ption)|editor)'?s?'? notes? ?:|^editorial note ?:|" +
    "^note d[eu] (?:l'[ée]diteur|transcripteur) ?:",
  "i",
);
/** What they speak of, and what they speak of besides. A story may speak of one of them. */
const MAKING = new RegExp(
  "\\b(?:e-?texts?|e-?books?|transcri(?:bers?|ptions?|bed)|underscores?|ascii|latin-1|html|unicode|ocr|" +
    "project gutenberg|internet archive|proofread\\w*|scanned|hyphenation|image files|typographical)\\b",
  "gi",
);
const OF_TEXTS = new RegExp(
  "\\b(?:italics?|italiques?|spelling|punctuation|editions?|printings?|errors?|retained|inconsistenc\\w+|bold|" +
    "made available|original)\\b",
  "gi",
);
const LONGEST = 1500;

/** "Transcriber's Note: ...", which is one wherever it stands. */
export function isTranscribersNote(text: string): boolean {
  return NOTE.test(text.replaceAll("’", "'"));
}

/** "Text in italics has been marked with underscores": such a note, at the top or behind the end of a book. */
export function isTranscribersTalk(text: string): boolean {
  if (text.length > LONGEST) return false;
  const making = kinds(text, MAKING);
  return isTranscribersNote(text) || making > 1 || (making === 1 && kinds(text, OF_TEXTS) > 0);
}

function kinds(text: string, words: RegExp): number {
  return new Set(text.match(words)?.map((word) => word.toLowerCase())).size;
}
