// Places, organisations and other names of a book, which forms are one person's, keywords and central sentences: in
// English and in French.
import { beforeAll, describe, expect, it } from "vitest";
import { Characters } from "../src/infill/books/characters.ts";
import { FoundFields } from "../src/infill/books/found-fields.ts";
import { openGazetteer } from "../src/infill/books/gazetteer.ts";
import type { Gazetteer } from "../src/infill/books/gazetteer.ts";
import { Keywords } from "../src/infill/books/keywords.ts";
import { languageOf } from "../src/infill/books/stop-words.ts";

let gazetteer: Gazetteer;
beforeAll(async () => {
  gazetteer = await openGazetteer();
});

const times = (count: number, ...texts: string[]): string[] => Array.from({ length: count }, () => texts).flat();

describe("one person's names", () => {
  const RENAULD = times(
    4,
    "“I am late,” said M. Renauld. Then Renauld sat down.",
    "“So am I,” answered Mr. Renauld, and nobody spoke. At last Renauld laughed.",
    "“Good night,” said Mrs. Renauld. It was dark when Mrs. Renauld went.",
    "“Wait,” cried Jack Renauld. Nobody heard when Jack came back.",
    "Mrs. Renauld and Jack were at the door. There M. Renauld saw Jack and turned.",
  );
  const cast = (paragraphs: readonly string[], language = "en"): Characters =>
    new Characters(paragraphs, gazetteer, language);

  it("are merged over the book, whatever the title's language, and told apart from others' of the surname", () => {
    const renaulds = cast(RENAULD);
    expect(renaulds.in("There was M. Renauld, and Renauld was tired; Mr. Renauld slept.")).toHaveLength(1);
    expect(renaulds.in("Here came M. Renauld. There stood Mrs. Renauld, and there Jack Renauld.")).toEqual([
      "M. Renauld",
      "Mrs. Renauld",
      "Jack Renauld",
    ]);
    expect(renaulds.in("It was Jack, and Jack Renauld it was.")).toEqual(["Jack Renauld"]);
    const { aliases } = renaulds.namesIn("They saw M. Renauld with Jack.");
    expect([...aliases["M. Renauld"]!].sort()).toEqual(["Mr. Renauld", "Renauld"]);
    expect(aliases["Jack"]).toEqual(["Jack Renauld"]);
  });

  it("are merged in French, with particles, nobility and titles in small letters", () => {
    const french = cast(
      times(
        4,
        "« Entrez », dit M. de Rênal. Puis M. de Rênal se tut.",
        "« Non », répondit Mme de Rênal. Le soir, Mme de Rênal pleurait.",
        "Julien Sorel regarda Mme de Rênal. « Partez, dit Julien. »",
        "Alors le docteur Aubry parla. « Bien », dit Aubry.",
        "Dans le château de M. le baron de Thunder-ten-tronckh on dormait. Le baron de Thunder-ten-tronckh ronflait.",
      ),
      "fr",
    );
    expect(french.in("Le soir, M. de Rênal et Mme de Rênal virent Julien Sorel, et Julien sourit.")).toEqual([
      "M. de Rênal",
      "Mme de Rênal",
      "Julien Sorel",
    ]);
    expect(french.in("Le docteur Aubry sortit, et Aubry rentra.")).toEqual(["Aubry"]);
    expect(french.in("On vit le baron de Thunder-ten-tronckh.")).toEqual(["Thunder-ten-tronckh"]);
  });

  it("are merged with the full name, by first name or surname, if only one person bears it", () => {
    const holmes = cast(
      times(
        4,
        "“Come,” said Sherlock Holmes. Then Holmes rose. “Yes, Mr. Holmes,” said Mary Morstan.",
        "“No,” said Mary. They saw that Miss Morstan wept.",
        "“Perhaps,” said John Smith. “Never,” answered Luke Smith. Then Smith was silent.",
      ),
    );
    expect(holmes.in("It was Mr. Holmes. They knew Holmes.")).toEqual(["Mr. Holmes"]);
    expect(holmes.in("It was Mary, or Miss Morstan.")).toEqual(["Miss Morstan"]);
    expect(holmes.in("It was John Smith with Luke Smith.")).toEqual(["John Smith", "Luke Smith"]);
    expect(holmes.namesIn("They met Smith.").aliases).toEqual({});
  });
});

describe("other names", () => {
  const ENGLISH = times(
    4,
    "They lived in Exeter and walked to Baker Street. In Exeter it rained, and Martha was in London.",
    "“To the Bank of England,” said Martha, “or to the Reform Club.” They went down St. James’s Street in England.",
    "The Hispaniola lay at anchor. We saw the Hispaniola, and the Hispaniola saw us; a Frenchman spoke French to " +
      "Martha.",
    "“We must go,” said Martha, and looked from Tom’s window at Jackson’s Island.",
  );
  const FRENCH = times(
    4,
    "On arriva à Nantes, puis en Islande. À Nantes il pleuvait, et l'on rêvait d'Islande.",
    "La Banque d'Angleterre payait les membres du Reform-Club ; il habitait rue Morgue, près du golfe du Bengale.",
    "Le Nautilus plongea. On suivit le Nautilus, et un Anglais admira le Nautilus. « Plongez », dit Mathilde.",
    "Mathilde monta à bord du Mongolia, et le Mongolia partit. « Adieu ! » dit Axel. On vit l'îlot Axel.",
  );

  it.each([
    [
      "en",
      ENGLISH,
      "Martha left Exeter and London for Baker Street, St. James’s Street, Jackson’s Island and the Reform Club; a " +
        "Frenchman from the Bank of England sailed in the Hispaniola.",
      {
        characters: ["Martha"],
        places: ["Exeter", "London", "Baker Street", "St. James’s Street", "Jackson’s Island"],
        organisations: ["Reform Club", "Bank of England"],
        misc: ["Frenchman", "Hispaniola"],
      },
    ],
    [
      "fr",
      FRENCH,
      "Mathilde quitta Nantes pour l'Islande sur le Nautilus ; l'Anglais du Reform-Club, à la Banque d'Angleterre, " +
        "dit " +
        "qu'elle viendrait à bord du Mongolia, jusqu'à l'îlot Axel et rue Morgue.",
      {
        characters: ["Mathilde"],
        places: ["Nantes", "Islande", "îlot Axel", "rue Morgue"],
        organisations: ["Reform-Club", "Banque d'Angleterre"],
        misc: ["Nautilus", "Anglais", "Mongolia"],
      },
    ],
  ])("are told apart: %s", (language, book, passage, names) => {
    expect(new Characters(book, gazetteer, language).namesIn(passage).names).toEqual(names);
  });

  it("stand in the text as they are given, genitives and all", () => {
    const { names } = new Characters(ENGLISH, gazetteer).namesIn(ENGLISH.join(" "));
    for (const name of Object.values(names).flat()) expect(ENGLISH.join(" ")).toContain(name);
  });
});

describe("keywords and the central sentence", () => {
  const about = (thing: string, verb: string): string =>
    `Everybody looked at the ${thing}, for the ${thing} ${verb}. It was late. Nobody in the house had ever ` +
    `seen it ${verb}.`;
  const ENGLISH = ["lantern", "violin", "garden", "lantern", "violin", "garden"].map((thing) =>
    about(thing, "trembled"),
  );
  const FRENCH = ["lanterne", "violon", "jardin", "lanterne", "violon", "jardin"].map(
    (thing) =>
      `Tout le monde regardait cette ${thing} ; la ${thing} tremblait, dit-il. Il était tard. Personne ne venait.`,
  );

  it.each([
    ["en", ENGLISH, ["lantern"], "Everybody looked at the lantern, for the lantern trembled."],
    ["fr", FRENCH, ["lanterne"], "Tout le monde regardait cette lanterne ; la lanterne tremblait, dit-il."],
  ])("say what a passage is about: %s", (language, passages, keywords, sentence) => {
    const words = new Keywords(passages, language);
    expect(words.in(passages[0]!)).toEqual(keywords);
    expect(words.centralSentence(passages[0]!)).toBe(sentence);
  });

  it("know a language by its commonest words", () => {
    expect(languageOf(ENGLISH)).toBe("en");
    expect(languageOf(FRENCH)).toBe("fr");
    expect(languageOf(["Qwe rty uio."])).toBeUndefined();
  });

  it("are found only where they are wanted", () => {
    const book = { paragraphs: ENGLISH, passages: ENGLISH, language: "en" };
    const example = { p1: ENGLISH[1]!, p2: ENGLISH[0]!, p3: ENGLISH[2]! };
    expect(new FoundFields(book, new Set(["keywords"])).of(example).fields).toEqual({ keywords: ["lantern"] });
    expect(Object.keys(new FoundFields(book, new Set(["summary", "places"])).of(example).fields)).toEqual(["summary"]);
    expect(new FoundFields(book).of(example)).toEqual({ fields: {}, aliases: {} });
  });
});
