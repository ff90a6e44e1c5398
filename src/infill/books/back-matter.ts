// What a publisher or a transcriber put behind a story: lists of books with their prices, praise from the papers,
// corrections. Its titles look like chapters', so it is found from the end of the book: its blocks show what they are
// again and again, and a story's do not.
import type { Block } from "./blocks.ts";
import { isCapitals } from "./headings.ts";
import { isTranscribersTalk } from "./transcribers.ts";

/** A block, its words in one line, and whether it is a heading. */
interface Item {
  readonly block: Block;
  readonly text: string;
  readonly heading: string | undefined;
}

/** Of the blocks of a book: what stands before is the story's. */
const FIRST = 0.5;
/** Paragraphs in a row without a sign, as of a long description: more are a story's. */
const LONGEST_GAP = 7;
/** Signs that make it sure, and their share of the blocks. */
const FEWEST_SIGNS = 2;
const SIGNS_SHARE = 0.15;
/** Of signs and titles together, behind THE END. */
const TITLES_SHARE = 0.3;
/** Blocks above the first sign in which the list may have begun. */
const REACH = 4;
const PARAGRAPH = 60;
const LONGEST_SIGN = 2000;

const MONEY = "(?:[$£] ?\\d|\\d+s\\.|\\d+ ?c(?:en)?ts|(?:one|two|twenty-five|fifty) (?:dollars?|cents))";
/** What lists of books say, and hardly any story in one short block. */
const SIGNS: readonly RegExp[] = [
  /\b(?:12|16|18|24|32)mo\b|\b[48]vo\b|\bin-(?:8|12|18)°?(?!\d)|\bpost-?paid\b/i,
  new RegExp(`\\b(?:price|each|per vol(?:ume)?|net|cloth|by mail[^$]{0,30}),? ?:?,? ${MONEY}`, "i"),
  /\bprice,? \d|\b\d+s\. ?\d+d\.|\b(?:prix|fr\.) ?\d|\d ?fr\. ?\d/i,
  /^(?:by|from|d[ue]) the same (?:author|publisher)|\bby the (?:same )?author of\b|^by the author|du m[êe]me auteur/i,
  /\b(?:illustrated|bound) (?:by|with|in)\b.*\b(?:engravings|cloth|boards|colou?rs|volumes?)\b|\b\d+ engrav/i,
  /\b(?:complete in|in) (?:one|two|three|four|six|twelve|\d+) vol(?:ume)?s?\b.*\b(?:price|cloth|bound)\b/i,
  /\bpublishers?\b.{0,30}\b(?:new york|london|boston|chicago|philadelphia)\b|\bwherever books are sold/i,
  /\bsays? of it: |=>|\{pg|^page \d+\b/i,
];
/** Who praised it: set to the right, as "--_Boston Journal._" and "_The Survey._" in quotes. */
const PRAISE = /^\s{8,}(?:(?:--|—)\s?_?\p{Lu}[^!?]{2,50}|["“]_[^"”]{2,50}_["”])\s*$/u;

/** Index of the first item of what stands behind the story; undefined where nothing does. */
export function backMatterFrom(items: readonly Item[]): number | undefined {
  const first = Math.floor(items.length * FIRST);
  const end = items.findLastIndex(({ heading }) => heading === "end");
  if (end >= first && isList(items.slice(end + 1))) return end;
  let from = items.length;
  let signs = 0;
  let gap = 0;
  for (let i = items.length - 1; i >= first && gap <= LONGEST_GAP; i--) {
    const { text, block } = items[i]!;
    if (isSign(text, block)) {
      signs++;
      from = i;
      gap = 0;
    } else if (text.length >= PARAGRAPH && !isCapitals(text)) gap++;
  }
  if (signs >= FEWEST_SIGNS && signs >= SIGNS_SHARE * (items.length - from)) return beginning(items, from);
  return undefined;
}

/** Whether what stands behind THE END is no other story: signs and titles, however long it describes them. */
function isList(items: readonly Item[]): boolean {
  const signs = items.filter(({ text, block }) => isSign(text, block)).length;
  const titles = items.filter(({ text }) => isCapitals(text) || !/[\p{L}\p{N}]/u.test(text)).length;
  return signs >= FEWEST_SIGNS && signs + titles >= TITLES_SHARE * items.length;
}

function isSign(text: string, { lines }: Block): boolean {
  if (text.length > LONGEST_SIGN) return false;
  if (SIGNS.some((sign) => sign.test(text)) || isTranscribersTalk(text)) return true;
  return lines.length === 1 && PRAISE.test(lines[0]!);
}

/** Goes up from the first sign to the heading of the list. */
function beginning(items: readonly Item[], sign: number): number {
  let from = sign;
  for (let i = sign - 1; i >= Math.max(0, sign - REACH); i--) {
    const { text, heading, block } = items[i]!;
    const opens = heading !== undefined || !/[\p{L}\p{N}]/u.test(text) || isCapitals(text);
    if (opens) from = i;
    else if (block.blankBefore < 2 && text.length >= PARAGRAPH) break;
  }
  return from;
}
