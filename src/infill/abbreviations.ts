// Words whose dot ends no sentence, in English and French prose.

const BEFORE = String.raw`(?:^|[\s("'“‘«[—–-])`;
/** Initials, titles, and words that always introduce something. */
const ABBREVIATION = new RegExp(
  String.raw`${BEFORE}(?:\p{Lu}|Mr|Mrs|Ms|Dr|St|Mt|Prof|Capt|Col|Gen|Lt|Sgt|Rev|Hon|MM|Mme|Mlle|Mgr|cf|vs|pp?)\.$`,
  "u",
);
/** Before a number only: "no. 5" goes on, "He said no." does not. */
const BEFORE_NUMBER = new RegExp(String.raw`${BEFORE}(?:[Nn]os?|[Vv]ols?|[Cc]haps?)\.$`, "u");
/** More characters than any of these words, with what stands before it and its dot. */
const WINDOW = 8;

/** Whether the dot that ends `text.slice(0, end)` is an abbreviation's. */
export function isAbbreviation(text: string, end: number): boolean {
  const word = text.slice(Math.max(0, end - WINDOW), end);
  return ABBREVIATION.test(word) || (BEFORE_NUMBER.test(word) && /^\s*\p{N}/u.test(text.slice(end, end + WINDOW)));
}
