// Texts of one byte a character do not say which characters their upper half is: Windows-1252 (and Latin-1 in it),
// Latin-9, the DOS code pages 437 and 850 of etexts from the 1990s, or Mac Roman. The words around each such byte do:
// "caf" + 0x82 is "café" in DOS and "caf‚" in Windows. No library: iconv-lite brings two hundred tables and Node's
// Buffer, needed are five.
import { latin1 } from "./formats.ts";

/** Characters 0x80 to 0xff; U+FFFD where the code page has none. */
interface CodePage {
  readonly name: string;
  readonly upper: string;
}

/** 0xa0 to 0xff of Latin-1 are Unicode's. */
const LATIN1 = String.fromCharCode(...Array.from({ length: 96 }, (_, i) => 0xa0 + i));
const LATIN9 = [..."€Š š Ž ž ŒœŸ".replaceAll(" ", "")];
const GREEK = "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";
const DOS_LETTERS = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ";

const CODE_PAGES: readonly CodePage[] = [
  { name: "windows-1252", upper: `€\uFFFD‚ƒ„…†‡ˆ‰Š‹Œ\uFFFDŽ\uFFFD\uFFFD‘’“”•–—˜™š›œ\uFFFDžŸ${LATIN1}` },
  {
    name: "iso-8859-15",
    upper:
      "\uFFFD".repeat(32) +
      [...LATIN1].map((char, i) => LATIN9[[4, 6, 8, 20, 24, 28, 29, 30].indexOf(i)] ?? char).join(""),
  },
  {
    name: "cp437",
    upper: `${DOS_LETTERS}¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀${GREEK}`,
  },
  {
    name: "cp850",
    upper:
      `${DOS_LETTERS}ø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤` +
      "ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤" +
      "ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u00ad±‗¾¶§÷¸°¨·¹³²■\u00a0",
  },
  {
    name: "macintosh",
    upper:
      "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü" +
      "†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø" +
      "¿¡¬√ƒ≈∆«»…\u00a0ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\uF8FFÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ",
  },
];

/** High bytes that are weighed, more do not change the answer; and the shortest text that has words to judge by. */
const WEIGHED = 20_000;
const SHORTEST = 16;
/** High bytes from which on noise is told from words, and their greatest share in a language of Latin letters. */
const ENOUGH = 20;
const MOST_HIGH = 0.3;
const LOOKED_AT = 65_536;
const LETTER = /[A-Za-z]/;
const BOX = /[\u2500-\u259f]/;
const OPENING = /[“‘«„‚‹¿¡]/;
const CLOSING = /[”’»›…]/;

/**
 * The text of `bytes`, which are not UTF-8, by the code page under which they read best; Windows-1252 where nothing
 * speaks for another one. What a code page leaves open comes out as the control character it is in Latin-1. Undefined
 * where none gives words: Russian, Greek or Polish in their own code pages, Chinese, Japanese or Korean.
 */
export function decodeSingleByte(bytes: Uint8Array): string | undefined {
  const [best] = CODE_PAGES.slice(0, bytes.length < SHORTEST ? 1 : undefined)
    .map((page) => ({ page, ...evidence(bytes, page) }))
    // sort() is stable: the first page, Windows-1252, wins where scores are equal
    .sort((a, b) => b.score - a.score);
  const { page, score, weighed } = best!;
  if (weighed >= ENOUGH && (score < 0 || shareOfHighBytes(bytes) > MOST_HIGH)) return undefined;
  return latin1(bytes).replace(/[\x80-\xff]/g, (char) => {
    const known = page.upper[char.charCodeAt(0) - 0x80]!;
    return known === "\uFFFD" ? char : known;
  });
}

/** Of all that is no space. */
function shareOfHighBytes(bytes: Uint8Array): number {
  let high = 0;
  let visible = 0;
  for (const byte of bytes.subarray(0, LOOKED_AT)) {
    if (byte >= 0x80) high++;
    if (byte > 0x20) visible++;
  }
  return high / visible;
}

function evidence(bytes: Uint8Array, { upper }: CodePage): { readonly score: number; readonly weighed: number } {
  const at = (i: number): string => {
    const byte = bytes[i];
    if (byte === undefined) return " ";
    return byte < 0x80 ? String.fromCharCode(byte) : upper[byte - 0x80]!;
  };
  let score = 0;
  let weighed = 0;
  for (let i = 0; i < bytes.length && weighed < WEIGHED; i++) {
    if (bytes[i]! < 0x80) continue;
    weighed++;
    score += weight(at(i), at(i - 2), at(i - 1), at(i + 1), at(i + 2));
  }
  return { score, weighed };
}

/** How well `char` stands between the two characters before and behind it. */
function weight(char: string, before2: string, before: string, after: string, after2: string): number {
  if (char === "\uFFFD" || (char === before && char === before2 && isLetter(char))) return -2;
  const inWord = isLetter(before) || isLetter(after);
  if (BOX.test(char)) return BOX.test(before) || BOX.test(after) ? 0.5 : -1;
  if (/\p{Ll}/u.test(char)) {
    // The capitals of a word come first: "é" before "T" is more likely another page's capital.
    if (/[A-Z]/.test(after) || (/[A-Z]/.test(before) && /[A-Z]/.test(before2))) return -0.5;
    if (!inWord) return char === "à" ? 0.5 : -0.5;
    // Three letters of context, or the guess is one about noise.
    return [before2, before, after, after2].filter((each) => isLetter(each)).length > 1 ? 1 + commonness(char) : 0;
  }
  if (/\p{Lu}/u.test(char)) {
    if (/[a-z]/.test(before)) return -1;
    return inWord || char === "À" ? 0.5 + commonness(char) : -0.5;
  }
  if (/[’']/.test(char) && isLetter(before)) return 1;
  if (OPENING.test(char)) return !isLetter(before) && !/\s/.test(after) ? 0.7 : char === "«" && !inWord ? 0.5 : -1;
  if (CLOSING.test(char)) return /\s|[.,;:!?)\]]/.test(after) ? 0.7 : char === "»" && !inWord ? 0.5 : -1;
  if (/[—–]/.test(char)) return 0.5;
  if (char === "\u00a0") return /[!?;:»]/.test(after) || before === "«" || !inWord ? 0.3 : -0.3;
  if (/[°§£©½¼]/.test(char)) return isLetter(before) && isLetter(after) ? -1 : 0.2;
  return inWord ? -1 : -0.2;
}

function isLetter(char: string): boolean {
  return LETTER.test(char) || /\p{L}/u.test(char);
}

/** Letters that French, German and Spanish use daily weigh more than those of rarer spellings. */
function commonness(char: string): number {
  return /[éèêëàâäçîïôöùûüœæñáíóúßÉÈÊÀÂÄÇÎÔÖÙÛÜŒ]/.test(char) ? 0.2 : 0;
}
