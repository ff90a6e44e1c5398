// Tells headings from prose, by what the books of Project Gutenberg really print: "CHAPTER I. Down the Rabbit-Hole",
// "Chapter 1.", "PART TWO--The Sea-cook", "1.  The Cyclone", "II", "-3-", "STORY OF THE DOOR", "Epilogue", "CHAPITRE
// PREMIER", "Livre II". A heading may be split over several blocks (number, then title), and may be known only from the
// table of contents.
import type { Block } from "./blocks.ts";

/**
 * What a heading opens. Chapters hold the story: "chapter" is numbered or named as one ("Chapter 2", "IV", "Epilogue"),
 * "title" has only the look of one, as a half-title has too. Front and back sections (preface, contents, notes) are
 * left out; "end" closes.
 */
export type HeadingKind = "chapter" | "title" | "contents" | "front" | "back" | "end";

/** Not a lone L or C, which is somebody's initial. */
const ROMAN = "(?![LC]\\b)[IVXLC]+\\b";
const ORDINAL =
  "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last|" +
  "premi[eè]re?|deuxi[eè]me|seconde?|troisi[eè]me|quatri[eè]me|cinqui[eè]me|sixi[eè]me|derni[eè]re?";
const COUNT =
  "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|" +
  "eighteen|nineteen|twenty[\\w-]*|thirty[\\w-]*|un|une|deux|trois|quatre|cinq|sept|huit|neuf|dix";
const PART = "chapter|part|book|volume|act|canto|letter|stave|section|chapitre|partie|livre|tome|acte|chant|lettre";
/** Words are compared without regard to case; a Roman numeral is always in capitals. */
const NUMBER = `(?:\\d{1,3}|${ROMAN}|the ${ORDINAL}|${ORDINAL}|${COUNT})`;
const NAMED = new RegExp(`^(?:the )?(?:${PART})\\.? ${NUMBER}(?![\\p{L}\\d'’])`, "iu");
const ORDERED = new RegExp(`^(?:the )?(?:${ORDINAL}) (?:${PART})(?!\\p{L})`, "iu");
const NUMBER_ALONE = new RegExp(`^(?:[-–—] ?|[[(] ?|§ ?)?(?:[1-9]\\d{0,2}|${ROMAN})(?: ?[-–—]|[.:]| ?[\\])])?$`);
const PARAGRAPH_SIGN = /^§ ?[1-9]\d{0,2}(?:[.:)]| ?[-–—]| \p{Lu}|$)/u;
const NUMBER_AND_TITLE = new RegExp(`^(?:[1-9]\\d{0,2}|${ROMAN})(?:[.:)]|\\.?[-–—]+| [-–—]+) ?\\S`);
const ENTRY_NUMBER = new RegExp(`^\\s*(?:(?:${PART})\\.? )?${NUMBER}(?:[.:)—–-]+\\s*|\\s+)`, "iu");
const UNNUMBERED = /^(?:prologue|epilogue|épilogue|conclusion|interlude|intermezzo|postlude|coda)[.:]?$/i;
const CONTENTS = new RegExp(
  String.raw`^(?:(?:table of )?contents|table(?: des (?:mati[eè]res|chapitres))?|table des mati[eè]res\b.*|` +
    String.raw`sommaire|list of illustrations|illustrations|chapters|chapitres)[.:]?$`,
  "i",
);
const FRONT = new RegExp(
  "^(?:(?:(?:author|translator|editor|publisher|printer|transcriber)'?s?'? )?" +
    "(?:prefatory |introductory |biographical )?(?:preface|foreword|introduction|introductory|note|advertisement|" +
    "memoir)(?: (?:to|by) .*)?|dedication|dedicatory (?:epistle|letter)|acknowledge?ments?|pr[ée]face(?: d[eu] .*)?|" +
    "avant[- ]propos|avertissement(?: d[eu] .*)?|introduction|d[ée]dicace|avis (?:au lecteur|de l'[ée]diteur)|" +
    "(?:(?:the )?(?:author|editor|publisher)'?s?'? |an? )?(?:(?:chapter|address|letter|word|note|apology) )?" +
    "to (?:the|my|his|all) (?:gentle |kind |young )?readers?|au lecteur)[.:]?$",
  "i",
);
/** Titles that a chapter may have as well: 'THE END OF THE ROAD', 'NOTES FROM THE ROAD'; what follows decides. */
const LOOSE = new RegExp(
  String.raw`^(?:(?:the )?end of |fin d|(?:notes?|appendix|index|glossary|advertisements?|footnotes?) (?!to\b|` +
    String.raw`d[eu] (?:trans|l'[ée]d)))`,
  "i",
);
const END_OF_PART = new RegExp(
  String.raw`^(?:(?:the )?end of (?:the )?(?:\p{L}+ )?(?:vol|book|part|chapter|story|tale|novel|project)|` +
    String.raw`fin (?:d[eu]|de la) (?:\p{L}+ )?(?:tome|volume|livre|partie|chapitre|roman))`,
  "iu",
);
const BACK = new RegExp(
  String.raw`^(?:appendix|appendice|footnotes?|endnotes?|notes?|index|glossary|bibliography|advertisements?|` +
    String.raw`errata|(?:original |the )*transcri(?:ber|ption)'?s?'? notes?|notes? d[eu] (?:transcription|` +
    String.raw`transcripteur|l'[ée]diteur)|about the author|by the same author|du m[êe]me auteur)\b.{0,30}$`,
  "i",
);
const END = /^(?:the end|end|fin|finis|the end of .*|end of .*|fin d[eu] .*)[.!]?$/i;

/** Longest heading, in characters; longer ones are prose that begins like one. */
const LONGEST = 220;
const LONGEST_TITLE = 120;
const LONGEST_SYNOPSIS = 1500;
const IN_WHICH = new RegExp(
  String.raw`^["“«(]?(?:in which|wherein|containing|showing (?:how|that|what)|treats of|being (?:an|` +
    String.raw`the) account|dans lequel|dans laquelle|où l['’]on|où il est|comment \p{L}+ .*[^!?]$)(?!\p{L})`,
  "iu",
);

export class Headings {
  /** Titles that stood in the contents, reduced to their letters. */
  private readonly titles = new Set<string>();

  /**
   * Remembers a block of a table of contents: each line, and all of them as one entry, with and without their number.
   */
  addContents({ lines }: Block): void {
    for (const line of [...lines, lines.join(" ")]) {
      const title = line.replace(/[\s.]*\s\d+\s*$/, "");
      for (const form of [title, title.replace(ENTRY_NUMBER, "")]) {
        const key = letters(form);
        if (key.length > 2) this.titles.add(key);
      }
    }
  }

  /** The kind of heading that `text`, the block as one line, is; undefined for prose. */
  kindOf(text: string, block: Block): HeadingKind | undefined {
    if (text.length > LONGEST || block.lines.length > 4) return undefined;
    if (block.isHeading) return kindByWords(text) ?? "chapter";
    const plain = text.replaceAll("’", "'").replace(/^[[(]|[\])]$/g, "");
    if (CONTENTS.test(plain)) return "contents";
    if (END.test(plain) && (plain === plain.toUpperCase() || block.blankBefore > 1)) return "end";
    if (FRONT.test(plain)) return "front";
    if (BACK.test(plain) && (block.blankBefore > 1 || plain === plain.toUpperCase())) return "back";
    return this.isChapter(text, block) ? "chapter" : this.looksLikeTitle(text, block) ? "title" : undefined;
  }

  /**
   * Whether `text`, the block below a chapter's heading, belongs to it: a title, which is short and no sentence, or a
   * synopsis.
   */
  isTitle(text: string, block: Block): boolean {
    if (block.isHeading || isSynopsis(text)) return true;
    if (block.lines.length > 4 || text.length > LONGEST) return false;
    return (
      this.titles.has(letters(text)) ||
      (isCapitals(text) && !/^["“«‘'—–-]/.test(text)) ||
      (text.length <= LONGEST_TITLE &&
        block.lines.length <= 2 &&
        /^[\p{Lu}\d(_]/u.test(text) &&
        /[\p{L}\p{N})\]_]$/u.test(text))
    );
  }

  private isChapter(text: string, block: Block): boolean {
    if (NAMED.test(text) || ORDERED.test(text))
      return /^\p{Lu}/u.test(text) && (text.length <= LONGEST_TITLE || isCapitals(text)) && !isSentence(text, block);
    if (NUMBER_ALONE.test(text) || UNNUMBERED.test(text) || PARAGRAPH_SIGN.test(text)) return true;
    return (
      block.blankBefore > 1 &&
      NUMBER_AND_TITLE.test(text) &&
      text.length <= LONGEST_TITLE &&
      !/[,;]$/.test(text) &&
      (isCapitals(text) || block.lines.length <= 2)
    );
  }

  private looksLikeTitle(text: string, block: Block): boolean {
    if (/^["“«‘—–-]/.test(text)) return false;
    return this.titles.has(letters(text))
      ? block.blankBefore > 1 || isCapitals(text)
      : block.blankBefore > 1 && isCapitals(text);
  }
}

/** Whether a closing heading's words may be a chapter's title. */
export function mayBeTitle(text: string): boolean {
  const plain = text.replaceAll("’", "'");
  return LOOSE.test(plain) && !END_OF_PART.test(plain);
}

/** By what it says, of a heading that is known to be one. */
function kindByWords(text: string): HeadingKind | undefined {
  const plain = text.replaceAll("’", "'");
  if (CONTENTS.test(plain)) return "contents";
  if (END.test(plain)) return "end";
  if (FRONT.test(plain)) return "front";
  return BACK.test(plain) ? "back" : undefined;
}

/** A chapter's number without its title: "III", "Chapter 2." */
export function isNumberOnly(text: string): boolean {
  return NUMBER_ALONE.test(text) || NAMED.exec(text)?.[0].length === text.replace(/[\s.:—–-]+$/, "").length;
}

/**
 * Whether `block` may stand in a table of contents: lines that end without a stop, or in capitals, or with a page
 * number.
 */
export function isContentsEntry(block: Block): boolean {
  return (
    block.lines.every((line) => line.trim().length <= 100) &&
    (block.lines.length > 3
      ? block.lines.filter((line) => /^\s*(?:[IVXLC\d]+\b|chap|book|part|livre)|\d\s*$/i.test(line)).length >
        block.lines.length / 2
      : isCapitals(block.lines.join(" ")) || !/[.!?,;:]["”»’]?$/.test(block.lines.join(" ")))
  );
}

/**
 * Under the heading of a chapter, what happens in it: "The start--A storm--Land at last.", "In which a storm comes."
 */
function isSynopsis(text: string): boolean {
  if (text.length > LONGEST_SYNOPSIS) return false;
  if (text.length <= LONGEST && IN_WHICH.test(text)) return true;
  const parts = text.split(/ ?(?:--|—|–) ?/);
  return parts.length > 2 && parts.every((part) => part.length <= 120 && /^["“«‘(]?[\p{Lu}\d]/u.test(part.trim()));
}

/** Every letter a capital, and at least two of them: how titles and signs are set. */
export function isCapitals(text: string): boolean {
  return text === text.toUpperCase() && /\p{Lu}.*\p{Lu}/u.test(text);
}

/** "Book one was on the table, and he ...": what begins like a heading and goes on as prose. */
function isSentence(text: string, block: Block): boolean {
  return /[,;]$/.test(text) || (block.blankBefore < 2 && /^\S+ \S+ \p{Ll}/u.test(text) && /[.!?]$/.test(text));
}

function letters(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
}
