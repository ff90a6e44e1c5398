// Where a speech is open inside a paragraph, by each kind of quotation mark, and where a mark is an apostrophe.
import { expect, it } from "vitest";
import * as fc from "fast-check";
import { openSpeeches } from "../src/infill/books/speech.ts";

/** `marked`: a paragraph with | at places where a speech is open and / where none is. */
it.each([
  "“We| go.| Now.” /He went./ “And| you?”/",
  '"We| go.| Now." /He went./ "And| you?"/',
  "‘We| don’t go.| Now.’ /He didn’t go./ ‘And| you?’/",
  "'We| don't go.| Now.' /He didn't go./ 'And| you?'/",
  "He said:/ ‘We| go.|’ /And the boys’ hats were off./",
  "«We| go.| Now.» /He went./",
  "« We| go.| Now. » /He went./",
  "— We| go, dit-il.| Now.|",
  "--We| go.| Now.» /He went./",
  "„We| go.| Now.“ /He went./",
  "「We|。」/He went。/",
  "“He said ‘no.’| Then| he went.” /Yes./",
  "The boys’ hats/ and Tom's/ cap, rock 'n' roll,/ were gone./ Nobody knew./",
  "‘Oh—’twas| he.| Yes.’ /He went./",
  "The ’em and ’tis/ of it./",
])("%s", (marked) => {
  const positions: number[] = [];
  const expected: boolean[] = [];
  let text = "";
  for (const character of marked) {
    if (character !== "|" && character !== "/") text += character;
    else {
      positions.push(text.length);
      expected.push(character === "|");
    }
  }
  expect(openSpeeches(text, positions)).toEqual(expected);
});

it("says of each position what it says of it alone, and reads a long paragraph once (property)", () => {
  const marks = fc.array(fc.constantFrom("“", "”", '"', "‘", "’", "'", "«", "»", "a", ".", " ", "--"), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(marks, (pieces) => {
      const text = pieces.join("");
      const positions = Array.from({ length: text.length + 1 }, (_, i) => i);
      expect(openSpeeches(text, positions)).toEqual(positions.map((at) => openSpeeches(text, [at])[0]));
    }),
    { numRuns: 300 },
  );
  const long = "“a.” ".repeat(200_000);
  const ends = Array.from({ length: 200_000 }, (_, i) => 5 * i);
  const start = performance.now();
  expect(openSpeeches(long, ends).some(Boolean)).toBe(false);
  expect(performance.now() - start).toBeLessThan(5000);
});
