// The results as Markdown: what was trained and judged on what, the table before and after, the texts, and gaps with
// their candidates.
import { markdownRows, shownInterval } from "../stages.ts";
import type { Interval } from "../stages.ts";
import type { FilledCandidate, Judged, Results, TextFigures } from "./results.ts";

export function reportOf(results: Results, shown: number): string {
  const { before, after, examples, options } = results;
  return [
    "# Novels\n",
    `Trained on ${listed(results, "train", 3)}: ${after.about}, ${options.maxSteps} updates of ${options.batchSize} ` +
      `examples. Judged on ${examples.scoredAfter} examples (before: ${examples.scoredBefore}) of ` +
      `${listed(results, "test", Infinity)}. 95% intervals, by a bootstrap over books.\n`,
    markdownRows([["", "before", "after"], ...modelRows(before, after)]),
    textsTable(results),
    gapsText(results, shown),
  ].join("\n");
}

function listed({ books }: Results, part: string, names: number): string {
  const all = books[part] ?? [];
  const authors = new Set(all.map(({ author }) => author)).size;
  const titles = all.slice(0, names).map(({ title, author }) => `${title} (${author})`);
  return `${all.length} books by ${authors} authors (${titles.join("; ")}${all.length > names ? "; ..." : ""})`;
}

/** Names in evaluation.json. */
const CHANGES = [
  ["with_foreign_p3", "... with the p3 of another chapter or book"],
  ["with_p3_of_same_book_and_length", "... with another p3 of the same book, of like length"],
  ["with_next_passages_as_p3", "... with the next passages of the chapter as p3"],
  ["without_p3", "... without p3"],
  ["with_foreign_p1", "... with the p1 of another chapter or book"],
  ["without_p1", "... without p1"],
  ["with_foreign_metadata", "... with another example's metadata"],
  ["with_other_length_class", "... with another length class"],
  ["without_metadata", "... without metadata"],
] as const;

const RANKINGS = [
  ["all_terms", "by all of --rerank's terms"],
  ["p2_alone", "by log P(p2 \\| p1, p3) alone"],
  ["p3_alone", "by log P(p3 \\| p1, p2) alone"],
  ["seams_alone", "by the seams alone"],
  ["without_p2", "by all but p2's"],
  ["without_p3", "by all but p3's"],
  ["without_seams", "by all but the seams"],
] as const;

function modelRows(before: Judged, after: Judged): string[][] {
  const row = (label: string, digits: number, of: (model: Judged) => Interval | undefined, scale = 1): string[] => [
    label,
    ...[before, after].map((model) => shownInterval(of(model), digits, scale)),
  ];
  const percent = (label: string, of: (model: Judged) => Interval | undefined): string[] => {
    const [name, ...figures] = row(label, 1, of, 100);
    return [name!, ...figures.map((figure) => figure.replace(/^[\d.]+/u, "$&%"))];
  };
  const candidates = after.p3_retrieval.candidates;
  return [
    row("perplexity of p2 (infill_textonly_ppl)", 1, (model) => model.infill_textonly_ppl),
    ["p2's log-likelihood a token, nats:", "", ""],
    ...CHANGES.map(([name, label]) => row(label, 4, (model) => model.p2_log_likelihood_change_per_token[name])),
    percent(`true p3 among ${candidates} of its book and length`, (model) => model.p3_retrieval.accuracy),
    percent(`true p2 among ${candidates} of its book and length, by p2`, (model) => model.p2_retrieval.accuracy),
    ...RANKINGS.map(([name, label]) =>
      percent(`... ${label}`, (model) => model.rerank?.true_p2_found[name] as Interval | undefined),
    ),
    percent("written greedily, without bounds: length class obeyed", (model) => model.written?.length_obeyed),
    percent("... requested characters present", (model) => model.written?.characters_present),
  ];
}

function textsTable({ texts: { first, chosen, best, bounded, characters, gain } }: Results): string {
  const ways: readonly TextFigures[] = [first, chosen, best, bounded, characters];
  const percent = (label: string, of: (figures: TextFigures) => Interval | undefined): string[] => [
    label,
    ...ways.map((figures) => shownInterval(of(figures), 1, 100).replace(/^[\d.]+/u, "$&%")),
  ];
  const likelier = shownInterval(gain.p3LogProb, 4);
  return [
    markdownRows([
      [`${chosen.gaps} gaps, filled as src/generate.ts does`, "most probable of 5", "chosen by --rerank"]
        .concat("nearest to the true p2")
        .concat("--rerank --require_length", "--require_characters --require_length"),
      percent("gaps with a text", ({ answered }) => answered),
      percent("length class obeyed", ({ lengthObeyed }) => lengthObeyed),
      percent("ends with a sentence", ({ endsWithSentence }) => endsWithSentence),
      percent("requested characters present", ({ charactersPresent }) => charactersPresent),
      percent("word F1 with the true p2", ({ wordF1 }) => wordF1),
      ["what the constraint costs, nats a token"].concat(
        ways.map(({ constraintCost }) => shownInterval(constraintCost, 3)),
      ),
    ]),
    `Chosen less most probable: word F1 ${shownInterval(gain.wordF1, 1, 100)} points, ` +
      `log P(p3) a token ${likelier} nats.\n`,
  ].join("\n");
}

function gapsText({ gaps }: Results, shown: number): string {
  // Spread over all of them: gaps stand in the order of their length classes.
  const step = Math.max(1, gaps.length / Math.max(1, shown));
  const chosen = Array.from({ length: Math.min(shown, gaps.length) }, (_, i) => gaps[Math.floor(i * step)]!);
  if (chosen.length === 0) return "";
  return [`## ${chosen.length} gaps\n`, ...chosen.map(gapText)].join("\n");
}

function gapText({ ranked, bounded, characters }: Results["gaps"][number]): string {
  const { meta, p1, p2, p3, candidates } = ranked;
  const [inBounds, constrained] = [bounded.candidates[0], characters.candidates[0]];
  const { title, author, ...wanted } = meta;
  const asked = Object.entries(wanted).map(([field, value]) => `${field}: ${[value].flat().join(", ")}`);
  return [
    `### ${[title].flat().join(", ")} (${[author].flat().join(", ")})\n`,
    `Asked for: ${asked.join("; ")}\n`,
    quoted("P1", p1),
    quoted("P3", p3),
    quoted("the true P2", p2),
    ...candidates.map((each, i) => quoted(`${i + 1}. ${scoresOf(each)}`, each.p2)),
    inBounds ? quoted(`chosen, with --require_length, ${scoresOf(inBounds)}`, inBounds.p2) : "",
    constrained ? quoted(`with --require_characters, ${scoresOf(constrained)}`, constrained.p2) : "",
  ].join("\n");
}

function scoresOf({ log_prob_per_token: logProb, rerank }: FilledCandidate): string {
  const ranked = rerank ? `, P3 after it ${rerank.p3.toFixed(3)}` : "";
  return `log-probability a token ${logProb?.toFixed(3) ?? "unknown"}${ranked}`;
}

function quoted(label: string, text: string): string {
  return `**${label}**\n\n${text
    .split("\n")
    .map((line) => `> ${line}`)
    .join("\n>\n")}\n`;
}
