// Many gaps from a .jsonl file: every line comes out again with "candidates" added, in the file's order. A run that
// stopped goes on where it was: lines that the output file holds are skipped, and so are those that were answered
// before their turn in it, which wait in a journal beside it. The journal also knows with which model and settings the
// file was begun: with others it is not gone on with.
import { access, appendFile, constants, readFile, truncate, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { UserError } from "../../errors.ts";
import { decodeUtf8 } from "../../files/folder.ts";
import { Journal } from "../shared/journal.ts";
import type { Settings } from "../shared/journal.ts";
import type { Candidate } from "./candidates.ts";
import { candidateJson } from "./print.ts";

/** A line of the output. The input's fields come first, as they were. */
export function answerLine(line: object, candidates: readonly Candidate[]): string {
  return `${answerStart(line)}${JSON.stringify(candidates.map((candidate) => candidateJson(candidate, "p2")))}}\n`;
}

/** What every answer to this line begins with. */
function answerStart(line: object): string {
  const { candidates: _, ...fields } = line as { candidates?: unknown };
  return `${JSON.stringify(fields).slice(0, -1)},"candidates":`;
}

export interface Answered {
  /** Lines of the input that are answered. */
  readonly count: number;
  /** Characters of the output that hold them; what follows is half an answer. */
  readonly length: number;
}

/**
 * How far `output` answers `lines`. Throws UserError when it is something else, so that nothing foreign is cut or added
 * to.
 */
export function answered(output: string, lines: readonly object[], outputName: string, inputName: string): Answered {
  let count = 0,
    length = 0;
  for (;;) {
    const rest = output.slice(length);
    if (rest === "") return { count, length };
    const start = count < lines.length ? answerStart(lines[count]) : undefined;
    const end = rest.indexOf("\n");
    if (start === undefined || (end < 0 ? !start.startsWith(rest.slice(0, start.length)) : !rest.startsWith(start))) {
      throw new UserError(
        `${outputName}, line ${count + 1}: is not an answer to ${
          start === undefined
            ? `any line of ${inputName}, which has ${lines.length}`
            : `line ${count + 1} of ${inputName}`
        }; choose another --output_file.`,
      );
    }
    if (end < 0) return { count, length };
    count++;
    length += end + 1;
  }
}

/** Where answers go: a file that is gone on with, or stdout. */
export interface AnswerSink {
  /** How many lines have an answer. */
  readonly answered: number;
  has(line: number): boolean;
  /** By the lines' numbers, from 0; a line's answer is written when all before it have theirs. */
  add(answers: ReadonlyMap<number, string>): Promise<void>;
  /** Whether an answer that comes before its turn is safe. */
  readonly keepsAll: boolean;
  /** Lets others have the file. */
  close(): void;
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "its folder does not exist"],
  ["EISDIR", "it is a folder"],
  ["EACCES", "permission is denied"],
  ["ENOSPC", "the disk is full"],
]);

/** The name that lines have in messages and what decides their answers. */
export interface Questions {
  readonly lines: readonly object[];
  readonly inputName: string;
  readonly settings: Settings;
}

/**
 * Looks at the output file before anything is computed. Throws UserError when it cannot be used: it holds something
 * else, was begun with other settings, or is being written by another process.
 */
export async function openAnswers(file: string | undefined, questions: Questions): Promise<AnswerSink> {
  const { lines, inputName, settings } = questions;
  if (file === undefined) return new Answers(0, new Map(), async (text) => void process.stdout.write(text));
  const explain = (error: unknown): never => {
    if (error instanceof UserError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserError(`Cannot write ${file}: ${REASONS.get(code ?? "") ?? message}; choose another --output_file.`);
  };
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) =>
    error.code === "ENOENT" ? undefined : explain(error),
  );
  await access(bytes ? file : dirname(file), constants.W_OK).catch(explain);
  const options = { shown: file, outputFlag: "--output_file", fresh: bytes === undefined };
  const journal = await Journal.open(`${file}.run`, settings, options);
  try {
    // From here on the journal is this file's: without it a later run would begin afresh.
    if (bytes === undefined) await writeFile(file, "", { flag: "wx" }).catch(explain);
    const text = bytes ? decodeAnswers(bytes, file) : "";
    const { count, length } = answered(text, lines, file, inputName);
    // Half an answer, from a run that was killed while it wrote.
    if (length < text.length) await truncate(file, Buffer.byteLength(text.slice(0, length))).catch(explain);
    const answers = new Answers(
      count,
      waiting(journal, questions, file),
      (answer) => appendFile(file, answer).catch(explain),
      journal,
    );
    await answers.add(new Map()).catch(explain); // those whose turn has come
    return answers;
  } catch (error) {
    journal.release();
    throw error;
  }
}

/** Answers that were given before their turn, by line. Throws UserError where one is to another line. */
function waiting({ parts }: Journal, { lines, inputName }: Questions, file: string): Map<number, string> {
  return new Map(
    [...parts].map(([name, answer]) => {
      const line = Number(name);
      if (typeof answer === "string" && lines[line] !== undefined && answer.startsWith(answerStart(lines[line])))
        return [line, answer];
      throw new UserError(
        `${file}.run has an answer to line ${line + 1} as it was, and ${inputName} has another there; choose another ` +
          "--output_file.",
      );
    }),
  );
}

class Answers implements AnswerSink {
  /** Lines whose answers are written: all before this one. */
  private next: number;
  private readonly held: Map<number, string>;
  private readonly write: (text: string) => Promise<void>;
  private readonly journal: Journal | undefined;

  constructor(next: number, held: Map<number, string>, write: (text: string) => Promise<void>, journal?: Journal) {
    this.next = next;
    this.held = held;
    this.write = write;
    this.journal = journal;
    for (const line of held.keys()) if (line < next) held.delete(line);
  }

  get answered(): number {
    return this.next + this.held.size;
  }

  get keepsAll(): boolean {
    return this.journal !== undefined;
  }

  has(line: number): boolean {
    return line < this.next || this.held.has(line);
  }

  async add(answers: ReadonlyMap<number, string>): Promise<void> {
    for (const [line, answer] of answers) this.held.set(line, answer);
    const due: string[] = [];
    let { next } = this;
    for (; this.held.has(next); next++) due.push(this.held.get(next)!);
    const early = [...answers].filter(([line]) => line >= next);
    await this.journal?.add(new Map(early.map(([line, answer]) => [String(line), answer])));
    if (due.length === 0) return;
    await this.write(due.join(""));
    for (; this.next < next; this.next++) this.held.delete(this.next);
    if (this.held.size === 0 && this.journal && this.journal.parts.size > 0) await this.journal.clear();
  }

  close(): void {
    this.journal?.release();
  }
}

/** A killed run may leave half a character at the end: only whole lines need to be UTF-8. */
function decodeAnswers(bytes: Uint8Array, file: string): string {
  const whole = bytes.lastIndexOf(10) + 1;
  return (
    decodeUtf8(bytes.subarray(0, whole), file) +
    new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(whole), { stream: true })
  );
}
