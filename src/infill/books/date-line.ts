// The line above a letter or an entry in a diary that says when and where it was written, and nothing else: "SUNDAY,
// April 7, 1844.", "St. Petersburgh, Dec. 11th, 17--.", "Paris, le 3 mai." What follows it is a new piece.

const MONTHS =
  "jan(?:uary|vier)?|feb(?:ruary)?|février|mar(?:ch|s)|apr(?:il)?|avril|may|mai|june?|juin|july?|juillet|" +
  "aug(?:ust)?|août|sept?(?:ember|embre)?|oct(?:ober|obre)?|nov(?:ember|embre)?|dec(?:ember)?|décembre";
const WEEKDAYS =
  "sunday|monday|tuesday|wednesday|thursday|friday|saturday|dimanche|lundi|mardi|mercredi|jeudi|vendredi|samedi";
const DAY = new RegExp(`(?<!\\p{L})(?:${MONTHS}|${WEEKDAYS})(?!\\p{L})`, "iu");
/** Words in small letters that such a line may hold. */
const SMALL = new RegExp(
  `^(?:${MONTHS}|${WEEKDAYS}|the|of|in|at|le|ce|à|de|du|st|nd|rd|th|er|ème|morning|evening|afternoon|night|noon|` +
    "midnight|o'clock|heures?|matin|soir|midi|minuit|nuit|p|a|m)$",
  "iu",
);
const LONGEST = 60;

/** `text`: a block of one line. */
export function isDateLine(text: string): boolean {
  if (text.length > LONGEST || !/\d/.test(text) || !DAY.test(text) || /[!?;:"“”«»]/.test(text)) return false;
  const words = text.replaceAll("’", "'").match(/[\p{L}']+/gu) ?? [];
  return words.every((word) => /^\p{Lu}/u.test(word) || SMALL.test(word));
}
