// GPT-2's merges in the package: two ids of 50,000 each, as text. Every id is written as two digits of base 85, and all
// first digits stand together, those of left ids before those of right ones, then all second digits: gzip makes 166 kB
// of that, where the ranks that the sources start from take 192.
import { createRequire } from "node:module";
import type { Plugin } from "rolldown";
import { gpt2Merges } from "../../src/tokenizer/gpt2-merges.ts";

/** As many as there are letters of one byte in UTF-8. */
const BASE = 85;
/** One character a digit; the second digit of an id is below BASE, the first goes up to 591. */
const DIGITS = Array.from({ length: 700 }, (_, i) => String.fromCharCode(0x28 + i)).filter(
  (character) => !/[\\`\x7f-\xa0]/.test(character), // neither escapes nor control characters
);

/** Whose data it is: for the licences. */
export const mergesPackage = (): string => createRequire(import.meta.url).resolve("gpt-tokenizer");

export const mergesAsText = (): Plugin => ({
  name: "merges-as-text",
  load: {
    filter: { id: /[/\\]src[/\\]tokenizer[/\\]gpt2-merges\.ts$/ },
    handler: () => {
      const merges = gpt2Merges();
      const digits = (place: (id: number) => number) =>
        [0, 1].map((side) => merges.map((pair) => DIGITS[place(pair[side])]).join(""));
      const texts = [...digits((id) => Math.floor(id / BASE)), ...digits((id) => id % BASE)];
      return `
        const [l1, r1, l0, r0] = ${JSON.stringify(texts)};
        const skipped = (code) => (code > 0xa0 ? 36 : code > 0x60 ? 2 : code > 0x5c ? 1 : 0);
        const digit = (text, at) => text.charCodeAt(at) - 0x28 - skipped(text.charCodeAt(at));
        const id = (high, low, at) => ${BASE} * digit(high, at) + digit(low, at);
        export const gpt2Merges = () => Array.from(l0, (_, at) => [id(l1, l0, at), id(r1, r0, at)]);
      `;
    },
  },
});
