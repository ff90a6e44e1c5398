// Who is in a paragraph: people and their titles, against places, ships, nationalities and words that only begin a
// sentence.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Characters } from "../src/infill/books/characters.ts";
import { wordsOf } from "../src/infill/books/words.ts";

const ENGLISH = [
  "“Come in,” said Mr. Hale. “Is Martha with you?” Then Hale rose and shook hands.",
  "Martha looked at Mr. Hale. “We walked from Exeter,” said Martha, “and Sir John rode.”",
  "Nobody in Exeter knew Mrs. Hale. In Exeter people are English, and the English say little.",
  "“Quiet, Martha!” cried Sir John. Will he come? I will ask, and you will see. So will Mr. Hale.",
  "They went from Exeter to Baker Street, and from Baker Street to Hale Court.",
  "“What o'clock is it?” asked the Hatter, and the Hatter laughed. Martha said nothing, but saw the Hatter smile. " +
    "“Tea!” said the Hatter.",
  "Tom Hale was small. Tom said so himself, and Tom knew; then Tom slept. “Tom,” said Martha, “be quiet.”",
  "The Bluebird was a ship. We sailed in the Bluebird, and the Bluebird had three masts, though Martha laughed at " +
    "the Bluebird.",
];
const FRENCH = [
  "« Bonjour, Mathilde ! » dit M. Ferrand. Mathilde ne répondit rien, et Ferrand sortit.",
  "À Nantes, on connaissait Mathilde. « Nantes est belle », répondit Mathilde à M. Ferrand.",
  "Le Vaillant quitta Nantes. Nous étions à bord du Vaillant, et le Vaillant était un beau navire.",
  "« Où allez-vous, Ferrand ? s'écria Mathilde. -- À Nantes », dit Ferrand. L'Anglais regarda l'Anglaise.",
  "On était dans Nantes depuis l'aube, et le docteur Aubry parlait à Mathilde. Aubry avait faim.",
  "Demain, dit Aubry, nous verrons. Aubry regarda Mathilde, qui pensait à Ferrand.",
];
const english = new Characters(ENGLISH),
  french = new Characters(FRENCH);

describe("wordsOf", () => {
  it("tells sentences' first words, elided articles, genitives and abbreviations", () => {
    const words = wordsOf("Mr. Hale's dog ran. L'Anglais d'Aubry said: “Quel homme, Martha?”");
    expect(words.filter(({ capital }) => capital).map(({ text, opens, genitive }) => [text, opens, genitive])).toEqual([
      ["Mr", true, false],
      ["Hale", false, true],
      ["L'Anglais", true, false],
      ["Aubry", false, false],
      ["Quel", true, false],
      ["Martha", false, false],
    ]);
  });
});

describe("Characters", () => {
  it.each([
    ["Mr. Hale nodded to Martha.", ["Mr. Hale", "Martha"]],
    ["Tom Hale ran, and Tom fell; Martha laughed.", ["Tom Hale", "Martha"]],
    ["“Quiet,” said the Hatter.", ["Hatter"]],
    ["In Exeter, in Baker Street, at Hale Court: everywhere they were English.", []],
    ["Will you come? So will the Bluebird.", []],
    ["Nobody was there. Everything was quiet, and Unknown people slept.", []],
    ["MARTHA! he wrote in capitals.", []],
  ])("finds in %s", (text, names) => expect(english.in(text, "", "")).toEqual(names));

  it.each([
    ["M. Ferrand attendait Mathilde.", ["M. Ferrand", "Mathilde"]],
    ["-- Oui, dit le docteur Aubry à l'Anglais.", ["Aubry"]],
    ["Le Vaillant entra à Nantes, et l'on dormit.", []],
    ["Demain, on partira.", []],
  ])("finds in %s", (text, names) => expect(french.in(text, "", "")).toEqual(names));

  it("asks less of a name that p1 or p3 has too", () => {
    const rare = new Characters([...ENGLISH, "“Well,” said Dr. Quill. We thanked Dr. Quill."]);
    expect(rare.in("Then came Dr. Quill.", "Nobody.", "Silence.")).toEqual([]);
    expect(rare.in("Then came Dr. Quill.", "They sent for Dr. Quill.", "Silence.")).toEqual(["Dr. Quill"]);
  });

  it("lists at most five, each once", () => {
    const people = ["Anna", "Bruno", "Carla", "Dario", "Elena", "Franz"];
    const cast = new Characters(
      people.flatMap((name) => [
        `Then ${name} said yes, and ${name} went out.`,
        `“No,” said ${name}. So ${name} came back.`,
      ]),
    );
    expect(cast.in(`We saw ${people.join(" and ")} and Anna.`)).toEqual(people.slice(0, 5));
  });

  it.each([
    ["the Lady Rowena", "Lady Rowena"],
    ["Mr. Hall", "Mr. Hall"],
    ["Mrs. Church", "Mrs. Church"],
    ["Miss West", "Miss West"],
    ["Grace", "Grace"],
    ["the Captain Nemo", "Captain Nemo"],
    ["O’Molloy", "O’Molloy"],
    ["O'Molloy", "O'Molloy"],
    ["D’Artagnan", "D’Artagnan"],
    ["Isabel", "Isabel"],
    ["Winter", "Winter"],
  ])("finds %s as it is written", (name, want) => {
    const story = [
      `The knight looked at ${name} and said nothing for a while.`,
      `“I will go with you,” said ${name}, and took the coat from the chair.`,
      `Then ${name} asked him for the lamp, and he gave it without a word.`,
      `They spoke to ${name} of the journey, and ${name} smiled.`,
      `It was late, and ${name} was tired of the road and the rain.`,
    ];
    for (const text of story.slice(1)) expect(new Characters(story).in(text)).toEqual([want]);
  });

  it.each([
    ["an inn", "We met at the Admiral Benbow, and from the Admiral Benbow we rode."],
    ["honours", "“Your Grace,” he said. His Grace slept. They told his Grace that it rained."],
    ["seasons", "It came in Winter, and in Winter it snowed. Last Winter was cold."],
    ["a hall", "We went to Hale Hall, and at Hale Hall they danced in the Hall."],
  ])("takes %s for nobody", (_name, text) => {
    expect(new Characters([text, text, text]).in(text)).toEqual([]);
  });

  it("gives only names that stand in p2 (property)", () => {
    const word = fc.constantFrom(
      "Mr.",
      "the",
      "Lady",
      "Rowena",
      "Hall",
      "O’Molloy",
      "said",
      "asked",
      "J.",
      "“Oh,”",
      "and",
      "—",
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 60 }), (words) => {
        const text = words.join(" ");
        for (const name of new Characters([text, text, text, text]).in(text)) expect(text).toContain(name);
      }),
    );
  });
});
