// The flags that say what a text must be, of every program that writes.
import { defineFlags } from "../shared/flag-table.ts";

const WISHES = "What a text must be (its cost in log-probability is shown)";

export const WISH_FLAGS = defineFlags({
  forceWords: {
    type: "list",
    placeholder: "word",
    group: WISHES,
    help:
      'A word, name or phrase that must occur, as whole words: "boat", one of several "boat|ship", inflections ' +
      '"walk(s,ed,ing)". Give it once for each. Works by beam search (4 beams, unless --num_beams says more).',
  },
  requireCharacters: {
    type: "bool",
    defaultText: "off",
    group: WISHES,
    help:
      'Those in the metadata field "characters" must occur, as with --force_words, by any of their names: ' +
      "characters=Holmes|Mr. Holmes, Kim.",
  },
  requireLength: {
    type: "bool",
    defaultText: "off",
    group: WISHES,
    help:
      'The length class in the metadata field "length" must hold, and the text end with a whole sentence. Without it ' +
      "the class bounds the tokens, and what runs into the bound is cut back to its last sentence.",
  },
  badWords: {
    type: "list",
    placeholder: "word",
    group: WISHES,
    help: "A word or phrase that must not occur, written as for --force_words; in any tokens that spell it.",
  },
  anyCase: {
    type: "bool",
    defaultText: "off",
    group: WISHES,
    help:
      "--force_words and --bad_words count in capitals and small letters alike; without it as written, and with a " +
      "capital where a sentence begins.",
  },
  allowRepeats: {
    type: "bool",
    defaultText: "off",
    group: WISHES,
    help:
      "With words that must occur, three words in a row may come twice in the text. Without it they do only where no " +
      "text is found otherwise: the likeliest texts of a weak model go round in circles.",
  },
  words: {
    type: "string",
    placeholder: "bounds",
    group: WISHES,
    help:
      "How many words, as 60-80, 40- or -80; the text ends at a sentence's end within them. In a gap in place of the " +
      "length class of its metadata.",
  },
  sentences: { type: "string", placeholder: "bounds", group: WISHES, help: "How many sentences, as 3 or 2-4." },
  endsWith: { type: "string", placeholder: "text", group: WISHES, help: "The text's last sentence." },
});
