// How src/generate.ts shows what it wrote: paragraphs with margins for people, plain objects for programs.
import { printableText } from "../../files/quote.ts";
import type { GPT2Config } from "../../gpt2/config.ts";
import { metadataFields, metadataText } from "../../infill/metadata-text.ts";
import type { InfillTemplate } from "../../infill/template.ts";
import type { InfillRequest } from "../../infill/example.ts";
import { TERM_NAMES, TERMS } from "../../rerank/terms.ts";
import type { Candidate, Written } from "./candidates.ts";
import type { Plan } from "./plan.ts";
import { RERANK_FILE } from "../../rerank/weights.ts";
import type { RerankWeights } from "../../rerank/weights.ts";
import { terminalWidth, wrapText } from "../shared/format.ts";
import { styleFor } from "../shared/style.ts";

export type Screen = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

/** Margins are five columns wide; what the model writes has a bar in them. */
const PLAIN = "     ";
const BAR = "   ┃ ";
const READING_WIDTH = 84;

/** A gap's surroundings and its candidates, as blocks of wrapped text. */
export class GapPrinter {
  readonly screen: Screen;
  private readonly gap: InfillRequest;
  private readonly template: InfillTemplate;

  constructor(screen: Screen, gap: InfillRequest, template: InfillTemplate) {
    this.screen = screen;
    this.gap = gap;
    this.template = template;
  }

  /** p1 and what is wanted of p2. */
  before(): string {
    const { dim } = styleFor(this.screen);
    const meta = metadataText(metadataFields(this.template, this.gap.meta, "The gap"));
    const wanted = meta === "" ? "" : `${dim(this.block(`(${meta})`, "", PLAIN))}\n\n`;
    return `\n${this.paragraph("P1", this.gap.p1, "nothing before")}\n\n${wanted}`;
  }

  after(): string {
    return `\n${this.paragraph("P3", this.gap.p3, "nothing after")}\n`;
  }

  /** p2 as it stands on the screen, without colour. */
  written(text: string): string {
    return this.block(text, "P2", BAR);
  }

  candidates(candidates: readonly Candidate[]): string {
    const { dim, written } = styleFor(this.screen);
    const several = candidates.length > 1;
    return candidates
      .map((candidate, i) => {
        const line = `${i + 1} of ${candidates.length} · ${figures(candidate)}`;
        const lines = [line, ...(candidate.ranked ? [rankFigures(candidate.ranked)] : [])].join("\n");
        const head = several ? `${dim(this.block(lines, i === 0 ? "P2" : "", BAR))}\n` : "";
        const text = candidate.text || "(nothing: the model ended at once)";
        return `${head}${written(this.block(text, several ? "" : "P2", BAR))}\n`;
      })
      .join(`${BAR.trimEnd()}\n`);
  }

  private paragraph(label: string, text: string, ifEmpty: string): string {
    return this.block(text.trim() || `(${ifEmpty})`, label, PLAIN);
  }

  private block(text: string, label: string, margin: string): string {
    const lines = wrapText(printableText(text), terminalWidth(this.screen, READING_WIDTH) - 1, margin);
    return label + (lines || margin).slice(label.length);
  }
}

/** Plain text that goes on from a prompt: wrapped on a terminal only, as a file should get it as it is. */
export function proseLayout(screen: Screen): (text: string) => string {
  return (text) => {
    const shown = printableText(text.replace(/\r$/, "")); // it may be the first half of a line end
    return screen.isTTY ? wrapText(shown, terminalWidth(screen, READING_WIDTH) - 1) : shown;
  };
}

/** What goes on from a prompt, one text after the other. */
export function prose(screen: Screen, candidates: readonly Candidate[]): string {
  const { dim } = styleFor(screen);
  const layout = proseLayout(screen);
  return candidates
    .map((candidate, i) => {
      const head = candidates.length > 1 ? `${dim(`${i + 1} of ${candidates.length} · ${figures(candidate)}`)}\n` : "";
      return `${head}${layout(candidate.text)}\n`;
    })
    .join("\n");
}

/** "58 tokens, log-probability -0.412 a token", and how many sequences came to the text where it is not one. */
export function figures({ tokens, logProb, sequences }: Candidate): string {
  const probability = logProb === undefined ? "" : `, log-probability ${logProb.toFixed(3)} a token`;
  return `${tokens} token${tokens === 1 ? "" : "s"}${probability}${sequences ? `, ${sequences.length} times` : ""}`;
}

/** What a candidate's place follows from, by name: "score", then the terms, log-probabilities a token. */
export function rankParts({ score, terms }: NonNullable<Candidate["ranked"]>): [name: string, value: number][] {
  return [["score", score], ...TERMS.map((term): [string, number] => [TERM_NAMES[term], terms[term]])];
}

/** "score -4.10: p2 -1.20, p3 -2.90, seam p1-p2 -2.31, seam p2-p3 -2.78" */
function rankFigures(ranked: NonNullable<Candidate["ranked"]>): string {
  const [score, ...terms] = rankParts(ranked).map(([name, value]) => `${name} ${value.toFixed(2)}`);
  return `${score}: ${terms.join(", ")}`;
}

/** "320" or "320 to 404". */
export function range(least: number, most: number): string {
  return least === most ? String(least) : `${least} to ${most}`;
}

/** What must be said of gaps whose context did not fit; undefined when all did. */
export function cutNote({ gaps, room: [least, most] }: Plan["cut"]): string | undefined {
  if (gaps === 0) return undefined;
  const which = gaps === 1 ? "The paragraphs around the gap were" : `The paragraphs around ${gaps} gaps were`;
  return `${which} cut at their far ends, to the ${range(least, most)} tokens that the context leaves them`;
}

/** What must be said where candidates are ranked by weights that nobody fitted; undefined where they were. */
export function unfittedNote(weights: RerankWeights | undefined, model: string): string | undefined {
  if (weights === undefined || weights.fittedOn) return undefined;
  return (
    `${model} has no fitted weights in ${RERANK_FILE}, so p2 and p3 count alike; fit them with ` +
    `src/evaluate.ts --model ${model} --test_file validation.jsonl --fit_rerank`
  );
}

/** What must be said of candidates that ran into a limit; undefined when none did. */
export function limitNote(candidates: readonly Candidate[], maxNewTokens: number | undefined): string | undefined {
  const cut = candidates.filter(({ unfinished }) => unfinished);
  if (cut.length === 0) return undefined;
  const who = candidates.length === 1 ? "The text" : `${cut.length} of ${candidates.length} texts`;
  const limit =
    cut[0].reason === "time"
      ? "the time limit"
      : maxNewTokens === undefined
        ? "the length limit"
        : `the limit of ${maxNewTokens} new tokens`;
  const trimmed = cut.filter((candidate) => candidate.trimmed).length;
  const left = cut.length - trimmed;
  const done = [
    trimmed > 0 ? `cut back to the last sentence end${left > 0 ? ` (${trimmed})` : ""}; --no_trim keeps all` : "",
    left > 0 ? `left unfinished${trimmed > 0 ? ` (${left})` : ""}` : "",
  ]
    .filter(Boolean)
    .join(", ");
  return `${who} came to ${limit} in the middle of a sentence: ${done}`;
}

/** What must be said of texts that do not keep to their length class; undefined when all do. */
export function shortNote(candidates: readonly Candidate[]): string | undefined {
  const short = candidates.filter(({ shortOfClass }) => shortOfClass).length;
  if (short === 0) return undefined;
  const who = candidates.length === 1 ? "The text is" : `${short} of ${candidates.length} texts are`;
  const last = short < candidates.length ? ", so they come last" : "";
  return `${who} shorter than the length class asks for${last}; --require_length ends texts within it`;
}

/** What must be said of sequences that came to the same text; undefined when all differ. */
export function sameNote(candidates: readonly Candidate[]): string | undefined {
  const same = candidates.flatMap(({ sequences }) => (sequences ? [sequences.length] : []));
  if (same.length === 0) return undefined;
  const all = candidates.length - same.length + same.reduce((sum, count) => sum + count, 0);
  const texts = candidates.length === 1 ? "1 text, which is shown once" : `${candidates.length} texts, each shown once`;
  return `The ${all} sequences came to ${texts}, when their unfinished sentences were cut off; --no_trim keeps them`;
}

/** What the constraints cost the first candidate; undefined without constraints. */
export function costNote([candidate]: readonly Candidate[]): string | undefined {
  if (candidate?.cost === undefined) return undefined;
  const { logProb, logProbPerToken } = candidate.cost;
  return (
    `What the text must be costs ${logProbPerToken.toFixed(3)} in log-probability a token (${logProb.toFixed(2)} in ` +
    "all), against the best text of the same search without it"
  );
}

/** A candidate as JSON. `name` is what its text is: "p2" or "text"; `sequences`: those that came to this one text. */
export function candidateJson(candidate: Candidate, name: "p2" | "text"): object {
  const { text, tokens, logProb, reason, trimmed, shortOfClass, cost, sequences, ranked } = candidate;
  return {
    [name]: text,
    tokens,
    log_prob_per_token: logProb !== undefined && Number.isFinite(logProb) ? logProb : null,
    finish_reason: reason,
    trimmed,
    ...(shortOfClass && { short_of_class: true }),
    ...(cost && { constraint_cost: { log_prob: cost.logProb, log_prob_per_token: cost.logProbPerToken } }),
    ...(sequences && { sequences }),
    ...(ranked && { rerank: { score: ranked.score, ...ranked.terms } }),
  };
}

/** The run's own numbers, for --json: only what the options asked for. -Infinity becomes null. */
export function recordJson({ output }: Written, config: GPT2Config): object {
  const { sequencesScores, beamIndices, seed, scores, logits, attentions, hiddenStates } = output;
  const table = (values: Float32Array, width: number): number[][] =>
    Array.from({ length: values.length / width }, (_, row) =>
      Array.from(values.subarray(row * width, (row + 1) * width)),
    );
  return {
    seed,
    sequences_scores: sequencesScores,
    beam_indices: beamIndices,
    // [step][row][vocabulary]
    scores: scores?.map((step) => table(step, config.vocabSize)),
    logits: logits?.map((step) => table(step, config.vocabSize)),
    // [step][layer] of flat [row, head, query, key], and of [row · query][channel]
    attentions: attentions?.map((step) => step.map((layer) => Array.from(layer))),
    hidden_states: hiddenStates?.map((step) => step.map((layer) => table(layer, config.nEmbd))),
  };
}
