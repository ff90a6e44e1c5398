// Writing at the terminal: paste the paragraphs around a gap, choose among candidates, write again, accept. Talk goes
// to stderr and accepted paragraphs to stdout, so that `--interactive > accepted.txt` keeps what was chosen. A piped
// stdin works alike.
import { UserError } from "../../errors.ts";
import { printableText, quote } from "../../files/quote.ts";
import { gapMetadata } from "../../infill/document.ts";
import type { InfillRequest } from "../../infill/example.ts";
import { metadataFields, metadataText } from "../../infill/metadata-text.ts";
import type { InfillTemplate } from "../../infill/template.ts";
import { LineReader } from "./line-reader.ts";
import { GapPrinter } from "./print.ts";
import type { Candidate } from "./candidates.ts";
import { styleFor } from "../shared/style.ts";

export interface InteractiveOptions {
  readonly template: InfillTemplate;
  readonly gap: InfillRequest | undefined;
  readonly prefix: string;
  /** Candidates for a gap; `round` counts from 0. Throws UserError for what cannot be written. */
  readonly write: (
    gap: InfillRequest,
    prefix: string,
    round: number,
    signal: AbortSignal,
  ) => Promise<{ readonly candidates: readonly Candidate[]; readonly notes: readonly string[] }>;
  /** Ends the session. */
  readonly signal: AbortSignal;
}

const CHOICES = "a number accepts, r writes again, m changes the metadata, p how it begins, n takes a new gap, q quits";

const COMMANDS: ReadonlyMap<string, Choice> = new Map([
  ["r", "again"],
  ["m", "metadata"],
  ["p", "prefix"],
  ["n", "new"],
  ["q", "quit"],
]);

/** Returns when the person quits, the input ends, or the signal fires. */
export async function interactive({
  template,
  gap: first,
  prefix: firstPrefix,
  write,
  signal,
}: InteractiveOptions): Promise<void> {
  let writing: AbortController | undefined;
  const lines = new LineReader(process.stdin, process.stderr, () => (writing ? writing.abort() : lines.close()));
  signal.addEventListener("abort", () => {
    writing?.abort();
    lines.close();
  });
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const { dim } = styleFor(process.stderr);
  try {
    for (
      let gap = first ?? (await askGap(lines, say, template));
      gap !== undefined;
      gap = await askGap(lines, say, template)
    ) {
      let prefix = firstPrefix;
      for (let round = 0; gap !== undefined; round++) {
        const page = new GapPrinter(process.stderr, gap, template);
        say(page.before().trimEnd());
        let found: Awaited<ReturnType<typeof write>> | undefined;
        try {
          writing = new AbortController();
          found = await write(gap, prefix, round, writing.signal);
          say(`\n${page.candidates(found.candidates).trimEnd()}\n${page.after().trimEnd()}`);
          if (found.notes.length > 0) say(dim(`\n${found.notes.join("\n")}`));
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          say(`Error: ${printableText(error.message)}`);
        } finally {
          writing = undefined;
        }
        if (signal.aborted) return;
        const next = await choose(lines, say, found?.candidates ?? []);
        if (next === "quit") return;
        if (next === "new") break;
        if (next === "metadata") gap = { ...gap, meta: await askMetadata(lines, say, template) };
        if (next === "prefix") prefix = ((await ask(lines, say, "How p2 begins (empty: free):")) ?? "").trim();
        if (typeof next === "object") {
          process.stdout.write(`${process.stdout.isTTY ? printableText(next.text) : next.text}\n`);
          say(dim(`accepted (${next.tokens} tokens)`));
          break;
        }
      }
    }
  } finally {
    lines.close();
  }
}

type Choice = Candidate | "again" | "metadata" | "prefix" | "new" | "quit";

async function choose(
  lines: LineReader,
  say: (text: string) => void,
  candidates: readonly Candidate[],
): Promise<Choice> {
  for (;;) {
    const line = await ask(lines, say, `\n${CHOICES}`);
    if (line === undefined) return "quit";
    const word = line.trim().toLowerCase();
    if (word === "") continue; // the rest of a paste
    const command = COMMANDS.get(word);
    if (command) return command;
    const chosen = /^\d+$/.test(word) ? candidates[Number(word) - 1] : undefined;
    if (chosen) return chosen;
    say(
      `${quote(line)} is not one of them; there ` +
        `${candidates.length === 1 ? "is 1 candidate" : `are ${candidates.length} candidates`}.`,
    );
  }
}

async function askGap(
  lines: LineReader,
  say: (text: string) => void,
  template: InfillTemplate,
): Promise<InfillRequest | undefined> {
  for (;;) {
    say("\nP1, the paragraph before the gap; an empty line ends it:");
    const p1 = await lines.paragraph();
    if (p1 === undefined) return undefined;
    say("P3, the paragraph after the gap; an empty line ends it:");
    const p3 = (await lines.paragraph()) ?? "";
    if (p1 === "" && p3 === "") {
      say("Both are empty; give one of them some text, or quit with Ctrl-D.");
      continue;
    }
    return { p1, p3, where: "The gap", meta: await askMetadata(lines, say, template) };
  }
}

async function askMetadata(
  lines: LineReader,
  say: (text: string) => void,
  template: InfillTemplate,
): Promise<InfillRequest["meta"]> {
  for (;;) {
    const line = await ask(
      lines,
      say,
      `Metadata, as length=M; theme=hope (${template.metadataFields.join(", ")}), or a sentence, or nothing:`,
    );
    try {
      const meta = gapMetadata(line ?? "", "The metadata");
      const read = metadataText(metadataFields(template, meta, "The metadata"));
      if (read !== "") say(printableText(read));
      return meta;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      say(`Error: ${printableText(error.message)}`);
    }
  }
}

function ask(lines: LineReader, say: (text: string) => void, question: string): Promise<string | undefined> {
  say(question);
  return lines.ask("> ");
}
