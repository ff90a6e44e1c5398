// Many gaps from a .jsonl file: every line comes out again with "candidates" added. Lines are written in the file's
// order as soon as they are done, so a run that stopped goes on where it was: lines that the output file holds already
// are skipped.
import { access, appendFile, constants, readFile, truncate } from "node:fs/promises";
import { dirname } from "node:path";
import { UserError } from "../../errors.ts";
import { decodeUtf8 } from "../../files/folder.ts";
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

/** Where answers go: a file that is added to, or stdout. */
export interface AnswerSink {
  readonly answered: number;
  write(text: string): Promise<void>;
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "its folder does not exist"],
  ["EISDIR", "it is a folder"],
  ["EACCES", "permission is denied"],
]);

/** Looks at the output file before anything is computed. Throws UserError when it cannot be used. */
export async function openAnswers(
  file: string | undefined,
  lines: readonly object[],
  inputName: string,
): Promise<AnswerSink> {
  if (file === undefined) return { answered: 0, write: async (text) => void process.stdout.write(text) };
  const explain = (error: unknown): never => {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserError(`Cannot write ${file}: ${REASONS.get(code ?? "") ?? message}; choose another --output_file.`);
  };
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) =>
    error.code === "ENOENT" ? undefined : explain(error),
  );
  await access(bytes ? file : dirname(file), constants.W_OK).catch(explain);
  const text = bytes ? decodeAnswers(bytes, file) : "";
  const { count, length } = answered(text, lines, file, inputName);
  // Half an answer, from a run that was killed while it wrote.
  if (length < text.length) await truncate(file, Buffer.byteLength(text.slice(0, length))).catch(explain);
  return { answered: count, write: (answer) => appendFile(file, answer).catch(explain) };
}

/** A killed run may leave half a character at the end: only whole lines need to be UTF-8. */
function decodeAnswers(bytes: Uint8Array, file: string): string {
  const whole = bytes.lastIndexOf(10) + 1;
  return (
    decodeUtf8(bytes.subarray(0, whole), file) +
    new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(whole), { stream: true })
  );
}
