// What the report says about each group of figures, in a writer's words.
import type { Scale } from "./bar-chart.ts";
import type { Group } from "./row.ts";
import type { Finding } from "./verdicts.ts";

export const EXPLANATIONS: Readonly<Record<Group, string>> = {
  perplexity:
    "How surprised the model is by the real text: as if it had to choose among so many equally likely words at " +
    "each step (tokens, to be exact). The fewer, the better. A model that was trained on the missing passage " +
    "alone need not know its surroundings.",
  change:
    "The real passage is offered to the model once more, with something around it taken away or replaced. A bar " +
    "to the left: the passage has become less likely, so the model had relied on what is gone. Replacing is the " +
    "fair test: a gap where text should be startles any model. The closer the replacement stands to the real " +
    "one (the same book, the same chapter), the more the model must have understood.",
  retrieval:
    "The model is shown several passages of the same book and about the same length, one of them the right one. " +
    "How often does it find it? The dashed line is what guessing would give.",
  written:
    "What the model wrote into the gaps. A diamond is the author's own text in the same gaps; chance is what " +
    "texts written for other gaps would reach. Shares of copied or different words mean little but beside the " +
    "author's.",
  judged:
    "Does the page that follows become more likely because of this text, and do the first words on either side " +
    "fit? Each text is compared with texts that the same system wrote for other gaps. To the right of zero: it " +
    "fits its own gap better. The diamond is the author's own text.",
  ranking:
    "Each candidate is scored by how likely it is in the gap, how likely it makes what follows, and how well " +
    "both seams fit; the weights were fitted to other examples, or are the model's own. How often does the " +
    "author's text get the best score? The dashed line is what guessing would give.",
  choice:
    "The candidate that ranking puts first, beside the one that stands first without it (the most probable " +
    "sample, the best beam). Word F1 says how many words they share with the author's text. (How likely what follows " +
    "becomes, in the table, is the model's own judgement, and part of what it chooses by.)",
};

export const SCALES: Readonly<Record<Group, Scale>> = {
  perplexity: "log",
  change: "linear",
  retrieval: "share",
  written: "share",
  judged: "linear",
  ranking: "share",
  choice: "share",
};

/** By the claims of verdicts.ts. */
export const CLAIM_WORDS: ReadonlyMap<string, string> = new Map([
  ["p3", "What comes after the gap (p3)"],
  ["p3 within its book", "What comes after, against other passages of the book"],
  ["p3 within its chapter", "What comes after, against the next passages of the chapter"],
  ["p1", "What stands before the gap (p1)"],
  ["metadata", "What is wished for (metadata)"],
  ["length class", "The length that is wished for"],
]);

export const FINDING_WORDS: Readonly<Record<Finding, string>> = {
  used: "The model reads it.",
  "not used": "The model does as well with somebody else's.",
  misleading: "The model does better with somebody else's.",
  "cannot tell": "These examples are too few or too different to say.",
};

/** By the findings of textVerdict: a word, its colour's class, and a sentence. */
export const TEXT_WORDS: ReadonlyMap<
  string,
  { readonly badge: string; readonly style: string; readonly words: string }
> = new Map([
  ["lead to p3", { badge: "they lead there", style: "used", words: "They fit their own gaps better than others." }],
  [
    "lead away from p3",
    { badge: "they lead away", style: "misleading", words: "The texts of other gaps would fit better." },
  ],
  [
    "no sign that they lead to p3",
    { badge: "no sign", style: "not", words: "They may fit their own gaps no better than others." },
  ],
  ["cannot tell", { badge: "cannot tell", style: "cannot", words: FINDING_WORDS["cannot tell"] }],
]);
