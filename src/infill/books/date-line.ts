// The line above a letter or an entry in a diary that says when and where it was written, and nothing else: "SUNDAY,
// April 7, 1844.", "St. Petersburgh, Dec. 11th, 17--.", "Paris, le 3 mai." What follows it is a new piece.

const MONTHS =
  "jan(?:uary|vier)?|feb(?:ruary)?|février|mar(?:ch|s)|apr(?:il)?|avril|may|mai|june?|juin|july?|juillet|" +
  "aug(?:ust)?|août|sept?(?:ember|embre)?|oct(?:ober|obre)?|nov(?:ember|embre)?|dec(?:ember)?|décembre";
const WEEKDAYS =
  "sunday|monday|tuesday|wednesday|thursday|friday|saturday|dimanche|lundi|mardi|mercredi|jeudi|vendredi|samedi";
const DAY = new RegExp(`(?<!\\p{L})(?:${MONTHS}|${WEEKDAYS})(?!\\p{L})`, "iu");
/** "Castle Marling, Saturday morning.": a place, and no number. */
const PLACE_AND_DAY = new RegExp(
  `^\\p{Lu}[^,]*, (?:${WEEKDAYS})(?:,? (?:morning|evening|afternoon|night|matin|soir))?\\.?$`,
  "iu",
);
/** Words in small letters that such a line may hold. */
const SMALL = new RegExp(
  `^(?:${MONTHS}|${WEEKDAYS}|the|of|in|at|le|ce|à|de|du|st|nd|rd|th|er|ème|morning|evening|afternoon|night|noon|` +
    "midnight|o'clock|heures?|matin|soir|midi|minuit|nuit|p|a|m)$",
  "iu",
);
const LONGEST = 60;

/** `text`: a block of one line. */
export function isDateLine(text: string): boolean {
  const line = text.replace(/^["“«‘']\s?/, "");
  if (line.length > LONGEST || /[!?;"“”«»]|:(?!\d)/.test(line.replace(/^\p{Lu}+:/u, ""))) return false;
  if (!PLACE_AND_DAY.test(line) && !(/\d/.test(line) && DAY.test(line))) return false;
  const words = line.replaceAll("’", "'").match(/[\p{L}']+/gu) ?? [];
  return words.every((word) => /^\p{Lu}/u.test(word) || SMALL.test(word));
}
