// Where sentences end, well enough for masks and cuts in English and French prose: at . ! ? … with the quotes and
// brackets that close behind them, when what follows begins like a sentence and the dot is no abbreviation's.
import { isAbbreviation } from "../abbreviations.ts";

/** Each run of stops is tried once, from its first. Chinese and Japanese put no space behind theirs. */
const BOUNDARY = new RegExp(
  String.raw`(?<![.!?…])[.!?…]+(?: »|[\])"”»’'])*\s+(?=["“«‘'([¿¡—–-]*\s*[\p{Lu}\p{Lo}` +
    String.raw`\p{N}])|[。！？]+[」』”’）]*(?=[^\s」』”’）])`,
  "gu",
);

/** [start, end) of each sentence in `text`, without the white space between. */
export function sentenceSpans(text: string): [start: number, end: number][] {
  const spans: [number, number][] = [];
  let start = text.length - text.trimStart().length;
  for (const match of text.matchAll(BOUNDARY)) {
    const end = match.index + match[0].trimEnd().length;
    if (isAbbreviation(text, end)) continue;
    spans.push([start, end]);
    start = match.index + match[0].length;
  }
  const end = text.trimEnd().length;
  if (start < end) spans.push([start, end]);
  return spans;
}
