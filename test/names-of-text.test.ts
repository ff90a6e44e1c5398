// Names of a text that is being written: few words, and what recurs in them.
import { describe, expect, it } from "vitest";
import { findNames } from "../src/infill/books/names-of-text.ts";

const STORY = [
  "Margaret Hale came down to the harbour early. Nobody in Bristol knew that she was back.",
  "“You again,” said Tom. He had worked for the Harbour Company since he was a boy.",
  "Margaret smiled. Her mother had warned her of Tom, and of Bristol, and of Baker Street.",
  "Tom looked at the water, and then at Margaret. When Margaret spoke of London, he laughed.",
];

describe("findNames", () => {
  it("finds people in all their forms, places and firms, the most named first", async () => {
    const { characters, places, organisations } = await findNames(STORY);
    expect(characters.map(({ name }) => name)).toEqual(expect.arrayContaining(["Margaret Hale", "Tom"]));
    expect(characters.find(({ name }) => name === "Margaret Hale")).toMatchObject({ forms: ["Margaret"], count: 4 });
    expect(characters.find(({ name }) => name === "Tom")!.count).toBe(3);
    expect(places.map(({ name }) => name)).toEqual(expect.arrayContaining(["Bristol", "Baker Street"]));
    expect(organisations.map(({ name }) => name)).toContain("Harbour Company");
    for (const names of [characters, places, organisations])
      expect(names.map(({ count }) => count)).toEqual(names.map(({ count }) => count).sort((a, b) => b - a));
  });

  it.each(["Jack", "Max", "Will", "Ted", "Ottoline", "Zorblax"])(
    "finds %s in a text of two paragraphs",
    async (name) => {
      const story = [
        `Once upon a time, a mole named ${name} lived near the woods. His best friend was a rabbit named Kim.`,
        `One day ${name} lost his kite, and Kim saw it in the oak tree. In the evening ${name} sat by the ` +
          `brook with Kim.`,
      ];
      const { characters, misc } = await findNames(story);
      expect(characters.map((each) => [each.name, each.count])).toEqual(
        expect.arrayContaining([
          [name, 3],
          ["Kim", 3],
        ]),
      );
      expect(misc).toEqual([]);
    },
  );

  it("takes no place for somebody, nor a thing, in as short a text", async () => {
    const { characters, places } = await findNames([
      "London is large. Nobody who has seen London forgets London, and the Excalibur was moored there.",
      "The Excalibur went down in June. It had come from Marseille, and Marseille was far away. They sang of London.",
    ]);
    expect(characters).toEqual([]);
    expect(places.map(({ name }) => name)).toContain("London");
  });

  it("takes nobody for a person who is named once, and finds nothing in nothing", async () => {
    const once = await findNames(["The rain fell. Then Ottoline came in and sat down by the fire."]);
    expect(once.characters).toEqual([]);
    expect(await findNames([])).toEqual({ characters: [], places: [], organisations: [], misc: [] });
    await expect(findNames(STORY, { lang: "en" } as never)).rejects.toThrow(/lang/);
  });
});
