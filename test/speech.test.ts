// Where a speech is open inside a paragraph, by each kind of quotation mark, and where a mark is an apostrophe.
import { expect, it } from "vitest";
import * as fc from "fast-check";
import { frameOf, openSpeeches, speechesThatGoOn } from "../src/infill/books/speech.ts";

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
  "»We| go.| Now!« /he said./ »And| you?«/",
  "»We| go.| Now!» /he said./",
  "” We| go.| Now!” /he said./",
  "» Et puis| nous partons.| Allons !» /Il sortit./",
  "— Le « Mongolia » arrive.| Il est là.| Allons ! » /Il sortit./",
  "— Le «Mongolia» arrive.| Il est là.|",
  "He wrote “now” and/ read: ‘We| go.| Now.’ /Then he/ left./",
  "Dit « l'«homme» de| bien. » /Il sortit./",
  'A "b"/ c "d| e" /f./',
  "„Ich bin“/, sagte er, „hier.| Komm.“ /Er ging./",
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

it.each([
  ["“", "“We/ go. ‘Yes,’/ he said. ‘Go| now.’ /Then.”/"],
  ['"', "\"We/ go. 'Yes.'/ Then.\"/"],
  ["‘", "‘We/ go. “Yes.| Now.” /Don’t.’/"],
  ["«", "« Nous/ partons. “Oui.| Allons.” /Il sortit. »/"],
  ["—", "— Nous/ partons. « Oui.| Allons. » /Il sortit./"],
] as const)("of a book that is told in %s, only what is said inside: %s", (frame, marked) => {
  const text = marked.replaceAll(/[|/]/g, "");
  const positions: number[] = [];
  const expected: boolean[] = [];
  for (const [i, { index, 0: sign }] of [...marked.matchAll(/[|/]/g)].entries()) {
    positions.push(index - i);
    expected.push(sign === "|");
  }
  expect(openSpeeches(text, positions, frame)).toEqual(expected);
});

it("tells in which marks a book is told", () => {
  expect(frameOf(["“I went.", "“I saw.”", "He slept.", "‘No.’"])).toBe("“");
  expect(frameOf(["-- Je sors.", "— Moi aussi.", "«Non.»"])).toBe("—");
  expect(frameOf(["He slept.", "She too."])).toBeUndefined();
});

it.each<[paragraphs: string[], goesOn: string]>([
  [["“I went.", "“I saw.”", "He left."], "..."], // opens again: whole paragraphs
  [["“I went.", "I saw.", "I came.” He left.", "He slept."], "||.."],
  [["« Je sors.", "Je viens. »", "Il sortit."], "|.."],
  [["« Je sors.", "-- Moi aussi. »", "Il sortit."], "..."],
  [["« Je sors.", "» Je viens. »", "Il sortit."], "..."],
  [["‘I went.", "I don’t see.’ He left.", "He slept."], "|.."],
  [['"I went.', 'I saw." He left.', "He slept."], "|.."],
  [["“I went.", "He left.", "“And you?”", "He slept.”"], "...."], // a mark forgotten
  [["“I went.", "He left.", "She said “yes.”"], "..."],
])("%j", (paragraphs, expected) => {
  const goesOn = speechesThatGoOn(paragraphs);
  expect(goesOn.map((each) => (each ? "|" : ".")).join("")).toBe(expected);
});

it("goes on from the paragraph before until it closes", () => {
  const text = "He saw it. He don’t know. I came back.” He left. “And you? Yes.” Well.";
  const ends = [...text.matchAll(/[.?]”?(?= |$)/g)].map(({ index, 0: end }) => index + end.length);
  expect(openSpeeches(text, ends, undefined, true)).toEqual([true, true, false, false, true, false, false]);
  expect(openSpeeches(text, ends)).toEqual([false, false, false, false, true, false, false]);
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
