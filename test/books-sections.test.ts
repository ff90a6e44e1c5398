// What of a book is the story's: chapters whose titles sound like an ending, text before the first heading, notes,
// plays and verse; and that whatever is left out is counted and shown.
import { describe, expect, it } from "vitest";
import { bookSource } from "../src/infill/books/book-source.ts";
import { readBook } from "../src/infill/books/chapters.ts";
import type { Form } from "../src/infill/books/form.ts";
import { TokenCounter } from "../src/infill/books/measure.ts";
import { DEFAULT_TRIPLES } from "../src/infill/books/triples.ts";
import { DEFAULT_MASKS } from "../src/infill/ilm.ts";
import { DEFAULT_TEMPLATE, specialTokenList } from "../src/infill/template.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";

const paragraph = (i: number): string =>
  `The miller walked down to the river before dawn on day ${i}, and the mist lay\nso thick on the water that ` +
  `he could ` +
  `not see the far bank nor hear the\nwheel turning, until somebody called him from the old bridge.`;
const paragraphs = (from: number, count: number): string =>
  Array.from({ length: count }, (_, i) => paragraph(from + i)).join("\n\n");
const days = (text: string): number[] =>
  readBook(text)
    .runs.flat()
    .map((each) => Number(/day (\d+)/.exec(each.text)?.[1]));
const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

describe("titles that sound like an ending or like notes", () => {
  it.each([
    "THE END OF THE ROAD",
    "The End of the Journey",
    "FIN DE LA ROUTE",
    "La fin du voyage",
    "NOTES FROM THE ROAD",
    "INDEX OF SORROWS",
    "INTRODUCTION",
    "THE PREFACE TO A QUARREL",
    "CONTENTS",
  ])("%s under a chapter's number", (title) => {
    for (const last of [true, false]) {
      const titles = last ? ["THE LAMP", title] : [title, "THE LAMP"];
      const text = titles.map((each, i) => `\n\nCHAPTER ${["I", "II"][i]}.\n\n${each}\n\n\n${paragraphs(5 * i, 5)}`);
      expect([readBook(text.join("\n")).chapters, days(text.join("\n"))]).toEqual([2, range(0, 10)]);
    }
  });
  it.each(["THE END OF THE ROAD", "NOTES FROM THE ROAD", "FIN DE LA ROUTE"])("%s by itself", (title) => {
    const text =
      `CONTENTS\n\nTHE LAMP\n\n${title}\n\n\n\nTHE ` +
      `LAMP\n\n\n${paragraphs(0, 5)}\n\n\n${title}\n\n\n${paragraphs(5, 5)}`;
    expect(days(text)).toEqual(range(0, 10));
  });
  it.each(["THE END", "FIN", "Finis.", "END OF VOLUME ONE", "FIN DU TOME PREMIER", "NOTES", "FOOTNOTES:", "APPENDIX"])(
    "%s closes",
    (title) => {
      const text = `CHAPTER I\n\n${paragraphs(0, 5)}\n\n\n\n${title}\n\n\n${paragraphs(5, 2)}`;
      expect(days(text)).toEqual(range(0, 5));
      expect(readBook(text).leftOut.report(1000).join("\n")).toMatch(/2 (?:after the end|notes at the end of a part)/);
    },
  );
});

describe("text before the first heading", () => {
  it.each(["II", "2", "EPILOGUE", "CHAPTER TWO", "Chapitre II"])("is kept before %s", (heading) => {
    const text = `The Miller\nby Nobody\n\n\n${paragraphs(0, 6)}\n\n\n${heading}\n\n${paragraphs(6, 6)}`;
    expect([readBook(text).chapters, days(text)]).toEqual([2, range(0, 12)]);
    expect(readBook(text).leftOut.pieces("title page and dedication")).toBe(1);
  });
  it("is kept below a long title page", () => {
    const title = ["THE MILLER", "by", "Nobody", "Author of The Mill", "Exeter", "Bee & Sons", "To Ann"].join("\n\n");
    expect(days(`${title}\n\n\n${paragraphs(0, 3)}\n\n\nII\n\n${paragraphs(3, 5)}`)).toEqual(range(0, 8));
  });
  it("is kept with the speech that it begins with", () => {
    const text = `"Wake up!" said Anna.\n\n"No."\n\n${paragraphs(0, 5)}\n\n\nII\n\n${paragraphs(5, 5)}`;
    expect(readBook(text).runs[0]![0]!.text).toBe('"Wake up!" said Anna.');
  });
  it("is the story's where two paragraphs of prose stand under a title and a dedication", () => {
    const text = `THE MILLER\n\nby\n\nNOBODY\n\n\nTo Ann\n\n\n${paragraphs(0, 2)}\n\n\nII\n\n${paragraphs(2, 4)}`;
    expect(days(text)).toEqual(range(0, 6));
  });
  it("is left out where it is a title page, with a word", () => {
    const title = "The Miller\n\nby Nobody\n\nTo my mother, who knows all of this.";
    const text = `${title}\n\n\nCHAPTER I\n\n${paragraphs(0, 5)}`;
    expect(days(text)).toEqual(range(0, 5));
    expect(readBook(text).leftOut.report(1000)[0]).toMatch(/3 title page and dedication \(\d+ characters\)/);
  });
});

describe("what was put into the text", () => {
  it.each([
    "[Illustration: a boat]",
    "[Music: three bars]",
    "[Footnote 1: Not so.]",
    "[Transcriber's Note: odd spelling is kept.]",
    "[Blank Page]",
    "[1] Not so.",
    "{1} Not so.",
    "{Transcriber's Note: odd spelling is kept.}",
    "[Sheet music]",
    "* Not so, said others.",
  ])("%s is no paragraph, and breaks nothing", (note) => {
    const text = `CHAPTER I\n\n${paragraphs(0, 2)}[1]*\n\n${note}\n\n${paragraphs(2, 2)}`;
    expect(days(text)).toEqual(range(0, 4));
    expect(readBook(text).runs.length).toBe(1);
  });
  it("a publisher's list is none, a price in a story is one", () => {
    const list =
      "THE BOAT SERIES. By A. BEE. Six volumes. Illustrated. Cloth, 12mo. Price per volume, $1.25, postpaid.";
    expect(days(`CHAPTER I\n\n${paragraphs(0, 3)}\n\n${list}`)).toEqual(range(0, 3));
    expect(readBook(`I\n\n${paragraph(0)} He paid $5 for the cloth.`).runs.flat().length).toBe(1);
  });
  it("a synopsis under a chapter's number is a heading", () => {
    for (const synopsis of ["The start--A storm--Land at last.", "In which the miller meets a fox.", "Où l'on part."])
      expect(readBook(`CHAPTER I\n\n${synopsis}\n\n${paragraphs(0, 3)}`).runs.flat().length).toBe(3);
  });
  it("takes back to the whole sentence what stops before verse", () => {
    const verse = "   The sea is wide,\n   The sea is deep,\n   And all its ships\n   Are fast asleep.";
    const { runs } = readBook(`I\n\n${paragraphs(0, 3)} Then they sang,\n\n${verse}\n\nwhich is old.\n${paragraph(3)}`);
    expect(runs.map((run) => run.map((each) => each.text.slice(-12)))).toEqual([
      ["old bridge.", "old bridge.", "old bridge."].map((end) => ` ${end}`.slice(-12)),
      [" old bridge."],
    ]);
  });
  it("leaves a letter with a margin of its own in the text", () => {
    const narrow =
      "     So far there was not a hitch. The\n     workpeople, to be sure, were most\n     annoyingly slow; but " +
      "time cured that.";
    expect(readBook(`I\n\n${paragraphs(0, 3)}\n\n${narrow}\n\n${paragraphs(3, 2)}`).runs.flat().length).toBe(6);
  });
});

describe("the account of what was left out", () => {
  it("names the reason, the size and the largest pieces with their lines", () => {
    const preface = Array.from({ length: 4 }, (_, i) => paragraph(50 + i)).join("\n\n");
    const report = readBook(`PREFACE\n\n${preface}\n\n\nCHAPTER I\n\n${paragraphs(0, 5)}`).leftOut.report(1000);
    expect(report[0]).toMatch(/^left out \d+% of the text: 4 preface or introduction \([\d,]+ characters\)/);
    expect(report[1]).toMatch(/^line 3, [\d,]+ characters of preface or introduction: "The miller walked/);
  });
  it("loses no word: what is kept and what is left out is the whole text", () => {
    const words = (text: string): number => text.match(/\p{L}+/gu)?.length ?? 0;
    const text =
      `The Miller\n\nPREFACE\n\n${paragraphs(0, 2)}\n\n\nCHAPTER I\n\n${paragraphs(2, 3)}\n\n   The sea is wide,\n` +
      `   The sea is deep,\n   And all its ships\n   Are fast ` +
      `asleep.\n\n${paragraphs(5, 3)}\n\n12\n\n${paragraphs(8, 2)}\n\nTHE END\n\nLast words.`;
    const { runs, leftOut } = readBook(text);
    expect(
      words(
        runs
          .flat()
          .map((each) => each.text)
          .join(" "),
      ) + leftOut.words,
    ).toBe(words(text));
  });
});

describe("plays and verse", () => {
  const tokenizer = GPT2Tokenizer.default();
  tokenizer.addSpecialTokens(specialTokenList(DEFAULT_TEMPLATE));
  const source = (text: string, form: Form = "auto") =>
    bookSource(
      text,
      "b.txt",
      {},
      {
        counter: new TokenCounter(DEFAULT_TEMPLATE, tokenizer),
        triples: DEFAULT_TRIPLES,
        masks: DEFAULT_MASKS,
        found: new Set(),
        form,
      },
    );
  const speeches = (speaker: (name: string) => string): string =>
    Array.from(
      { length: 40 },
      (_, i) =>
        `${speaker(["ANNA", "THE KING", "JOHN"][i % 3]!)}I have seen the boat on day ${i}, and nobody was in it.`,
    ).join("\n\n");
  it.each([
    ["ANNA.", (name: string) => `${name}. `],
    ["ANNA:", (name: string) => `${name}: `],
    ["ANNA above", (name: string) => `${name}\n`],
    ["ANNA (aside).", (name: string) => `${name} (aside). `],
    ["Anna.", (name: string) => `${name[0]}${name.split(" ").at(-1)!.slice(1).toLowerCase()}. `],
    ["_Anna._", (name: string) => `_${name}._ `],
  ])("a play is recognised by its speakers: %s", (_name, speaker) => {
    const text = `ACT I\n\nSCENE I. A mill.\n\n${speeches(speaker)}`;
    expect(() => source(text)).toThrow(/^b\.txt: looks like a play \(\d+% of its blocks.*; pass --form prose .*\.$/);
    expect(source(text, "prose").drafts.length).toBeGreaterThan(0);
  });
  const verse = Array.from(
    { length: 30 },
    (_, i) =>
      `The sea is wide on day ${i},\nThe sea is deep and grey,\nAnd all its ships lie fast asleep\nUntil another day.`,
  ).join("\n\n");
  it("verse is recognised by its lines, and read where it is wanted", () => {
    expect(() => source(verse)).toThrow(
      /^b\.txt: looks like verse \(\d+% of its text, as "The sea is wide on day 0,"\)/,
    );
    expect(source(verse, "verse").drafts[0]!.example.p2).toMatch(/^The sea is wide on day \d+,\nThe sea is deep/);
    expect(source(verse, "prose").drafts[0]!.example.p2).toMatch(/^The sea is wide on day \d+, The sea is deep/);
  });
  it("prose with speeches, chapters and a song is neither", () => {
    const talk = Array.from({ length: 30 }, (_, i) => `"Yes," said Mr. Hall. "Day ${i}."\n\nJohn. That was his name.`);
    expect(readBook(`CHAPTER I\n\n${paragraphs(0, 20)}\n\n${talk.join("\n\n")}`).form).toBeUndefined();
    expect(readBook(`CHAPTER I\n\n${paragraphs(0, 20)}\n\n${verse.slice(0, 400)}`).form).toBeUndefined();
  });
});

describe("what publishers and transcribers put around a story", () => {
  const story = `CHAPTER I\n\n\n${paragraphs(0, 12)}\n\n\nCHAPTER II\n\n\n${paragraphs(12, 12)}`;
  const LIST = [
    "OTHER BOOKS OF THE RIVER",
    "THE MILL. A Tale of the Valley. One volume, 12mo. Price, 50 cents.",
    "Nobody who has begun it can lay it down, and the reader sees the valley and its people as though he lived there.",
    "THE FERRY. Illustrated with forty engravings, neatly bound in cloth, $1.25.",
    "                    --_River Gazette._",
  ].join("\n\n");
  const DESCRIBED = [LIST, ...Array.from({ length: 9 }, (_, i) => `THE BOOK OF MAPS\n\n${paragraph(i)}`)].join("\n\n");

  it.each([
    ["a list of books with their prices", `\n\n\n\n${LIST}`],
    ["a list behind THE END, with long descriptions", `\n\n\n\nTHE END\n\n\n\n${DESCRIBED}`],
    [
      "corrections",
      "\n\n\n* * * * *\n\nTypographical errors corrected by the etext transcriber:\n\nteh mill=> the mill {pg 3}\n\n" +
        "form md sight=> from my sight {pg 9}",
    ],
    ["a printer's line", "\n\nPrinted in the United States of America."],
  ])("behind it is left out: %s", (_name, behind) => expect(days(`${story}${behind}\n`)).toEqual(range(0, 24)));

  it.each([
    ["dialogue with dashes", "\n\n--Évidemment, dit le meunier, day 1.\n\n--Bon.\n\n--Parfaitement.\n\n--Adieu."],
    [
      "sums of money",
      "\n\n“It cost $650 on day 1,” he said, “and the piazza $175, and the doctor $250, and 60 cents.”",
    ],
    ["a book's price", "\n\n“The price of the book was $5 on day 1,” said the miller, “and I paid it.”"],
  ])("and a story's last words are not: %s", (_name, last) =>
    expect(days(`${story}${last}\n`).slice(0, 25)).toEqual([...range(0, 24), 1]),
  );

  it.each([
    "Original Transcriber’s Note: This text was made with care from the edition of 1887, of which there were many " +
      "then.",
    "We thank the library that has made available the image files, authorizing the preparation of the etext by " +
      "OCR.\n\n" +
      "It is a story of a mill and of the river, which everybody who reads it will remember for a very long time " +
      "indeed.",
  ])("above it is left out: %s", (note) => expect(days(`${note}\n\n\n\n${story}`)).toEqual(range(0, 24)));

  it.each([
    "PUBLISHERS' PREFACE",
    "PREFACE BY MISS ANN BEE",
    "AUTHOR'S CHAPTER TO THE READER.",
    "DEDICATORY EPISTLE",
    "PREFATORY NOTE",
    "TO MY READERS",
    "AVIS AU LECTEUR",
  ])("under %s is no story", (title) =>
    expect(days(`${title}\n\n\n${paragraphs(90, 4)}\n\n\n\n${story}`)).toEqual(range(0, 24)),
  );

  it("knows chapters by the sign of a paragraph", () => {
    const text = range(0, 3).map((i) => `§ ${i + 1}.--_Of the Mill in Winter._\n\n\n${paragraphs(5 * i, 5)}`);
    const { runs, chapters } = readBook(text.join("\n\n\n\n"));
    expect([chapters, runs.flat().some((each) => each.text.includes("§"))]).toEqual([3, false]);
  });
});

describe("words explained in small brackets", () => {
  const told = (gloss: string, times: number): string[] => {
    const each = range(0, times).map((i) => `${paragraph(i)}\nIt was a wherry ${gloss}, and\nit was old.`);
    const texts = readBook(`CHAPTER I\n\n\n${each.join("\n\n")}`).runs.flat();
    expect(texts.length).toBe(times);
    return texts.map(({ text }) => text);
  };

  it("are taken out of a book that is full of them", () => {
    for (const gloss of ["[small boat]", "[a small\nboat]"])
      expect(told(gloss, 12).filter((text) => !text.endsWith("It was a wherry, and it was old."))).toEqual([]);
  });
  it("stay where there are few, and where they are the author's sentences or mend a word", () => {
    const lacking = (found: string, texts: string[]): string[] => texts.filter((text) => !text.includes(found));
    expect(lacking("[small boat]", told("[small boat]", 3))).toEqual([]);
    expect(lacking("[Groan.]", told("[Groan.]", 12))).toEqual([]);
    expect(lacking(" wherry and [ex]changed,", told("[small boat] and [ex]changed", 12))).toEqual([]);
  });
  it("leave a note that its author signed out", () =>
    expect(told("[Les gouverneurs ont 300 000 F. (Note de l’auteur).]", 3)[0]).toMatch(/a wherry, and it was old\.$/));
});

describe("lines that say when", () => {
  const runsWith = (line: string): number[] =>
    readBook(`${paragraphs(0, 4)}\n\n${line}\n\n${paragraphs(4, 4)}`).runs.map((run) => run.length);
  it.each([
    "SUNDAY, April 7, 1844.",
    "St. Petersburgh, Dec. 11th, 17--.",
    "Paris, le 3 mai 1863.",
    "Monday, the 4th of May.",
    "“NEW YORK, September 2, 1885.",
    "“10_th December_, 18—.",
    "ROSEBANK: June 10th, 1847.",
    "25 September, 6:30 p. m.",
    "Castle Hall, Saturday morning.",
    "Rouen, dimanche soir.",
    "To Mrs. Hall, England.",
    "À M. Hall, Rouen.",
    "_Mina Hall's Memorandum._",
    "                                   Your loving sister,",
  ])("%s begins another piece", (line) => expect(runsWith(line)).toEqual([4, 4]));
  it.each([
    "He left on Monday, the 4th of May.",
    "“Monday, the 4th of May.”",
    "May had 4 sisters.",
    "They came, Saturday.",
    "To Rouen he went in the end.",
    "_Nobody had seen him._",
    "    “Your sister,” said he.",
  ])("%s does not", (line) => expect(runsWith(line).length).toBe(1));
  it("and whose a chapter's verse is are no paragraphs", () => {
    const verse = "  O ye who tread the Narrow Way\n  By Tophet-flare to Judgment Day,\n  Be gentle to the mill!";
    const first = (above: string, under: string): string =>
      readBook(`CHAPTER I\n\n\n${above}\n\n${under}\n\n\n${paragraphs(0, 6)}`).runs[0]![0]!.text.slice(0, 20);
    expect(first(verse, "  Buddha at Kamakura.")).toBe("The miller walked do");
    expect(first(verse, "  It rained on that day.")).toBe("It rained on that da");
    const saying = "                  ‘These are the reasons, they are natural.’";
    expect(first(saying, "                              _Julius Cæsar_.")).toBe("The miller walked do");
    expect(first(saying.trim(), "It rained on that day.")).toBe("‘These are the reaso");
  });
});

describe("signs, ciphers and what an edition says of itself", () => {
  const runsWith = (block: string): number[] =>
    readBook(`${paragraphs(0, 4)}\n\n${block}\n\n${paragraphs(4, 4)}`).runs.map((run) => run.length);
  it.each([
    "NOTICE IS GIVEN TO EVERY PERSON OF THIS PARISH THAT THE MILL WILL BE CLOSED UNTIL THE NEW YEAR",
    "EF . E6 B3 DA DA BC C5 BC E6 C5 A2 C5 DA BC C5",
    "m r n l l s e s r e u e l s e e c J d e s g t s s",
  ])("%s is no paragraph", (block) => expect(runsWith(block)).toEqual([4, 4]));
  it.each([
    "“WHO HAS CLOSED THE MILL, AND WHY IS NOBODY ALLOWED TO CROSS THE BRIDGE AFTER DARK?”",
    "I, a B and a C: so they called us, and that was all we had.",
    "A man, a dog, a hen: I saw a lot.",
    "He read the copyright with care.",
  ])("%s is one", (block) => expect(runsWith(block)).toEqual([9]));
  it.each([
    "Copyright, 1897, in the United States of America, by Ann Bee",
    "Copyright © 1911 by Ann Bee.",
    "All rights reserved.",
    "Tous droits réservés.",
    "Entered according to Act of Congress, in the year 1850, by Bee & Sons.",
    "[Emphasized this in original]",
    "[See Appendix for the tune.]",
  ])("%s is a note", (block) => expect(runsWith(block)).toEqual([8]));
  it("a long title page is none of the story", () => {
    const page = [
      "THE MILL",
      "by",
      "Ann Bee",
      "NEW YORK",
      "BEE & SONS",
      "She let herself watch the wheel, and smiled.",
    ];
    const text =
      `\n\n\n${[...page, ...page].join("\n\n")}\n\n\nCHAPTER I\n\n${paragraphs(0, 6)}\n\n\nCHAPTER ` +
      `II\n\n${paragraphs(6, 6)}`;
    expect(days(text)).toEqual(range(0, 12));
  });
  it.each([
    ["a mill [Dance, always lively. D.W.] there", "a mill there"],
    ["a mill--[Dance, always lively. D.W.] there", "a mill there"],
    ["a mill [So the first edition.—ED.] there", "a mill there"],
    ["a mill [See next page.] there", "a mill there"],
    ["a mill [by which he meant A. B.] there", "a mill [by which he meant A. B.] there"],
    ["a mill [See how it turns!] there", "a mill [See how it turns!] there"],
    ["5_th December_ and 80_l._ a year", "5th December and 80l. a year"],
    ["a file 3_a and b2_c", "a file 3_a and b2_c"],
  ])("%s is read as %s", (raw, text) =>
    expect(readBook(`I\n\n${paragraph(0)}\nIt was ${raw} for him.\n\n${paragraphs(1, 3)}`).runs[0]![0]!.text).toContain(
      `It was ${text} for him.`,
    ),
  );
});

describe("a line quoted inside a sentence", () => {
  const between = (before: string, quoted: string, after: string): string[] =>
    readBook(`I\n\n${paragraphs(0, 3)}\n\nHe was quiet. ${before}\n\n${quoted}\n\n${after}\n\n${paragraphs(3, 3)}`)
      .runs.flat()
      .slice(3, -3)
      .map(({ text }) => text);
  it("is put back into it", () => {
    expect(between("It was unless, as in the song,", "“Myself creating what I saw,”", "brought him more.")).toEqual([
      "He was quiet. It was unless, as in the song, “Myself creating what I saw,” brought him more.",
    ]);
    expect(between("Then she read:", "“Ten Thousand in the Pass,”", "and he nodded.")).toEqual([
      "He was quiet. Then she read: “Ten Thousand in the Pass,” and he nodded.",
    ]);
    expect(between("She sang.", "‘The sea is wide,’—", "said the Creole.")).toEqual([
      "He was quiet. She sang.",
      "‘The sea is wide,’—said the Creole.",
    ]);
  });
  it("stays a speech where another sentence follows", () =>
    expect(between("Then she said:", "“It is wide,”", "He nodded.").length).toBe(3));
  it("a letter's half sentence goes with its signature, whole lines of it too", () => {
    const half = "Nobody knew at the time what he read. Turn now to the confession of";
    expect(between(half, "“Your unhappy friend,", "“HENRY HALL.”\n\nHe nodded.")).toEqual([
      "He was quiet. Nobody knew at the time what he read.",
      "He nodded.",
    ]);
  });
});
