// Marks of emphasis in plain text, _as Project Gutenberg_ writes italics and *as others* do, taken out again: a reader
// sees slanted letters, the tokenizer would see other words. Signs that mark nothing stay: snake_case, ____, 3 * 4.

/** One underscore by itself: longer runs are blanks to be filled in. */
const UNDERSCORE = /(?<!_)_(?!_)/g;
/** One to three asterisks around words that they touch. Between two asterisks no third stands, so this is linear. */
const ASTERISKS = /(?<![\p{L}\p{N}*])(\*{1,3})(?=[^\s*])([^*]*[^\s*])\1(?![\p{L}\p{N}*])/gu;
/** Two or three underscores likewise: __bold__. */
const DOUBLE_UNDERSCORES = /(?<![\p{L}\p{N}_])(_{2,3})(?=[^\s_])([^_]*[^\s_])\1(?![\p{L}\p{N}_])/gu;
/** =Bold=, +small capitals+ and ~spaced~ letters, as Project Gutenberg writes them: in pairs, touching their words. */
const PAIRS = /(?<![\p{L}\p{N}=+~])([=+~])(?=\p{L}|["“«‘'])([^=+~]*[\p{L}.,;:!?"”»’'])\1(?![\p{L}\p{N}=+~])/gu;
/** "10_th December_", "80_l._ a year": what follows a number is slanted. */
const OPENS_BEHIND_NUMBER = /^\p{N}_\p{L}[\p{L}\p{M}., ’']*_(?![\p{L}\p{N}_])/u;
const WORD_CHARACTER = /[\p{L}\p{M}\p{N}]/u;

/** `line`: one paragraph without line breaks. Marks whose partner stands in another paragraph go too. */
export function removeEmphasis(line: string): string {
  let text = line;
  if (text.includes("__")) text = text.replace(DOUBLE_UNDERSCORES, "$2");
  if (text.includes("_")) text = removeUnderscores(text);
  if (text.includes("*")) text = text.replace(ASTERISKS, "$2");
  return /[=+~]/.test(text) ? text.replace(PAIRS, "$2") : text;
}

/** Inside a word an underscore is a mark where another one in the same word, or one that is open, is its partner. */
function removeUnderscores(text: string): string {
  let open = false;
  let innerPartner = -1;
  return text.replace(UNDERSCORE, (mark, at: number) => {
    const before = WORD_CHARACTER.test(text[at - 1] ?? "");
    const after = WORD_CHARACTER.test(text[at + 1] ?? "");
    if (!before || !after) {
      open = after || (open && !before);
      return "";
    }
    if (open || innerPartner === at) {
      open = false;
      return "";
    }
    innerPartner = partnerInWord(text, at);
    open = innerPartner < 0 && OPENS_BEHIND_NUMBER.test(text.slice(Math.max(0, at - 1), at + 64));
    return innerPartner < 0 && !open ? mark : "";
  });
}

/** Where the next single underscore of the same word stands; -1 without one. */
function partnerInWord(text: string, at: number): number {
  const rest = /^[\p{L}\p{M}\p{N}'’-]+_(?!_)/u.exec(text.slice(at + 1, at + 64));
  return rest ? at + rest[0].length : -1;
}
