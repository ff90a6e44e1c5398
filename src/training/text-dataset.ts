// Plain text as sequences. To train on, in the two ways of the 2020 run_language_modeling.py: the whole file cut into
// blocks (TextDataset), or one sequence a line (LineByLineTextDataset); to evaluate on, also in windows that overlap.
// As Python reads a text file, CRLF and CR become LF; unlike it, a byte-order mark is dropped: it is no text. Every
// token is a target: all of them are in the loss.
import { UserError } from "../errors.ts";
import { normalizeLineEnds } from "../text/normalize.ts";
import { TOKEN_TYPE } from "../examples/encoded-example.ts";
import type { EncodedExample } from "../examples/encoded-example.ts";
import { slidingWindows } from "./sliding-windows.ts";
import type { WindowOptions } from "./sliding-windows.ts";

export interface TextTokenizer {
  encode(text: string): number[];
}

/**
 * The text tokenised as a whole and cut into consecutive blocks of exactly `blockSize` ids; what is left at the end is
 * dropped. Throws UserError, naming `name`, when there is not one whole block.
 */
export function textBlocks(text: string, tokenizer: TextTokenizer, blockSize: number, name: string): EncodedExample[] {
  const ids = tokenizer.encode(readable(text, name));
  const blocks = cutBlocks(ids, blockSize);
  if (blocks.length === 0) throw tooShort(name, ids.length, blockSize);
  return blocks.map(asTarget);
}

/**
 * One sequence for each line that is not blank, cut after `blockSize` ids. Lines end where Python's str.splitlines ends
 * them, which also counts vertical tab, form feed, U+001C to U+001E, U+0085, U+2028 and U+2029.
 */
export function textLines(text: string, tokenizer: TextTokenizer, blockSize: number, name: string): EncodedExample[] {
  return textLinesOf(readable(text, name)).map((line) => asTarget(tokenizer.encode(line).slice(0, blockSize)));
}

/** The whole text in windows: see slidingWindows(). Throws UserError, naming `name`, when nothing can be predicted. */
export function textWindows(
  text: string,
  tokenizer: TextTokenizer,
  options: WindowOptions,
  name: string,
): EncodedExample[] {
  const ids = tokenizer.encode(readable(text, name));
  if (ids.length < 2)
    throw new UserError(`${name}: the text is a single token, in which nothing is predicted; use a longer text.`);
  return slidingWindows(ids, options);
}

/** Consecutive runs of exactly `blockSize` ids, the last partial one dropped. */
export function cutBlocks(ids: readonly number[], blockSize: number): number[][] {
  return Array.from({ length: Math.floor(ids.length / blockSize) }, (_, i) =>
    ids.slice(i * blockSize, (i + 1) * blockSize),
  );
}

/** The lines of a text that are not blank, without their ends. */
export function textLinesOf(text: string): string[] {
  return splitLines(text).filter((line) => !isBlank(line));
}

/** Whether a line ends with this character. */
export function isLineEnd(char: string): boolean {
  return LINE_ENDS.includes(char);
}

const LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029";
const LINE_END = new RegExp(`\r\n|[${LINE_ENDS}]`);

function splitLines(text: string): string[] {
  return text.split(LINE_END);
}

/** What Python's str.isspace accepts, and "". */
export function isBlank(line: string): boolean {
  // oxlint-disable-next-line no-control-regex -- Python counts these four among white space, Unicode does not
  return /^[\p{White_Space}\x1c-\x1f]*$/u.test(line);
}

function readable(text: string, name: string): string {
  const plain = normalizeLineEnds(text);
  if (isBlank(plain)) throw noText(name);
  return plain;
}

export const noText = (name: string): UserError =>
  new UserError(`${name}: the file holds no text, wanted something to train on; check the path.`);

export const tooShort = (name: string, tokens: number, blockSize: number): UserError =>
  new UserError(
    `${name}: the text has ${tokens} tokens, fewer than one block of ${blockSize}; ` +
      `use a longer text or a smaller block size.`,
  );

/** Every token is a target. */
export function asTarget(ids: readonly number[]): EncodedExample {
  return { ids, types: new Uint8Array(ids.length).fill(TOKEN_TYPE.target) };
}
