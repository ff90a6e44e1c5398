// Why something failed, in the page's language. The engine speaks English and to all its users; those of its sentences
// that a writer can meet are known here by how they begin, and said in the writer's words. Any other is shown as it is.
import type { Messages } from "./messages.ts";

type Words = Messages["reasons"];
type Kind = keyof Words;

/** In this order; what the pattern's groups find is what the text is given. */
export const PATTERNS: readonly (readonly [kind: Kind, pattern: RegExp])[] = [
  ["deviceLost", /^The GPU device was lost/],
  ["outOfMemory", /^The GPU is out of memory/],
  ["noAdapter", /^No WebGPU adapter was found/],
  ["notSecure", /^This page has no WebGPU because it is not a secure context/],
  ["noWebGpu", /^This browser has no WebGPU/],
  ["workerEnded", /^The engine's worker has ended/],
  ["storageFull", /the storage is full;/],
  ["noRoom", /^(\S+): (\S+) bytes are to come, and the browser gives this site (\S+) more/],
  ["notAllowed", /permission is denied or has ended/],
  ["noStorage", /the browser denies this page its storage|this page has no private file system/],
  ["busyFile", /another tab or worker is writing it/],
  ["noSuchFile", /^(.*?)\/?([^/\s]+): there is no such file on the server/],
  ["cannotFetch", /^(\S+): cannot be fetched/],
  ["cannotReach", /^Cannot reach the Hub at \S+ for (\S+):/],
  ["serverRefused", /^(\S+): the server answered (\S+)/],
  ["cutShort", /^(\S+) came to .* bytes only/],
  ["notOnHub", /^Neither a folder here nor a model on the Hub is named (\S+)/],
  ["gated", /^(\S+) is gated/],
  ["tooManyRequests", /^The Hub has had too many requests/],
  ["badName", /^No model on the Hub can be named (\S+): names look like/],
  ["badAddress", /^(\S+) is no http\(s\) address/],
  ["notATokenizer", /^(\S+): .*; use a GPT-2 tokenizer/],
  ["noTemplate", /this model was not trained to fill gaps|^This model was not trained to fill gaps/],
  ["unknownField", /metadata field (\S+) is unknown, wanted one of ([^;]*);/],
  ["badLength", /metadata field "length" is (\S+), wanted/],
  ["twiceInGap", /the gap gives (\S+) twice/],
  ["mixedGap", /: (.+) stands among key=value pairs/],
  ["marker", / contains (\S+), which marks the layout/],
  ["openingTooLong", /^The prompt needs \S+ tokens for its markers and prefix/],
  ["textTooLong", /^The text has (\S+) tokens, and this model sees from 1 to (\S+) at once/],
  ["candidateTooLong", /^A candidate has \S+ tokens, and the context/],
  ["tooManyNames", /^The constraints need at least \S+ new tokens/],
  ["brokenModel", /^The model gives (?:no usable logits|losses that are not numbers)/],
  ["noText", /: the file holds no text/],
  ["notThisFormat", /: not a readable text but [^;]*?\b([A-Z]{2}\w*)/],
  ["notReadable", /: not a readable text/],
  ["copyProtected", /locked by copy protection/],
  ["password", /locked by a password/],
  ["damagedBook", /: damaged or cut short \(/],
  ["noPassages", /: no usable triple of paragraphs/],
  ["damaged", /^(\S+): .*(?:fetch|so fetch)(?: or save)? (?:it|the file) again/],
];

/** The engine quotes names; texts have their language's own quotation marks, or none. */
const bare = (part: string): string => part.replace(/^"(.*)"$/, "$1");

/** `message`: an error's; the same in words of the page's language, or as it is. */
export function reasonIn(words: Words, message: string): string {
  for (const [kind, pattern] of PATTERNS) {
    const found = pattern.exec(message);
    if (!found) continue;
    const { [kind]: text } = words;
    return typeof text === "string" ? text : (text as (...parts: string[]) => string)(...found.slice(1).map(bare));
  }
  return message;
}
