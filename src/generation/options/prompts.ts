// Prompts as they come (rows of any length, or a padded rectangle with its mask) into what a decoder takes.
import { UserError } from "../../errors.ts";
import type { GenerationConfig } from "./options.ts";
import { padToken } from "./config.ts";

export interface Prompt {
  /** The tokens that count: the row as given, without padding that was added here. */
  readonly ids: readonly number[];
  /** The same without any padding. */
  readonly tokens: readonly number[];
  /** The row as the decoder gets it, and as it starts the output. */
  readonly padded: readonly number[];
  readonly mask: readonly number[];
  /** Of `padded`: types, where there are any. */
  readonly types?: readonly number[];
  /** Greatest length of its sequences, in the same count as `ids`. */
  readonly maxLength: number;
}

/**
 * Checks the prompts and pads them on the left to one width. With `attentionMask` the rows are taken as they are,
 * padding and all, as in HF: lengths and processors see that padding. Without it rows may differ in length, and the
 * padding that is added counts nowhere, so a row is generated as if it were alone. Throws UserError for rows, masks or
 * lengths that cannot be run.
 */
export function preparePrompts(
  inputIds: readonly (readonly number[])[],
  attentionMask: readonly (readonly number[])[] | undefined,
  config: GenerationConfig,
  model: { readonly vocabSize: number; readonly nPositions: number },
  tokenTypeIds?: readonly (readonly number[])[],
): Prompt[] {
  if (inputIds.length === 0) throw new UserError("inputIds holds no prompt; give at least one row of token ids.");
  const rows = inputIds.map((row, r) => (row.length > 0 ? row : [startToken(config, r)]));
  const masks = attentionMask ? checkMask(attentionMask, rows) : rows.map((row) => row.map(() => 1));
  rows.forEach((row, r) => checkTokens(`inputIds row ${r}`, row, model.vocabSize));
  const width = Math.max(...rows.map((row) => row.length));
  const padded = leftPad(rows, width, padToken(config));
  const mask = leftPad(masks, width, 0);
  if (tokenTypeIds) checkTypes(tokenTypeIds, inputIds, model.vocabSize);
  return rows.map((ids, r) => {
    const maxLength = config.maxNewTokens !== null ? ids.length + config.maxNewTokens : config.maxLength;
    const tokens = ids.filter((_, i) => masks[r][i] === 1);
    checkLength(r, ids.length, tokens.length, maxLength, model.nPositions);
    const types = tokenTypeIds && [...repeat(0, width - ids.length), ...tokenTypeIds[r]];
    return { ids, tokens, padded: padded[r], mask: mask[r], maxLength, ...(types && { types }) };
  });
}

/** Throws UserError unless every token of every prompt has a type; a prompt has one token at least. */
function checkTypes(
  tokenTypeIds: readonly (readonly number[])[],
  inputIds: readonly (readonly number[])[],
  vocabSize: number,
): void {
  if (tokenTypeIds.length !== inputIds.length)
    throw new UserError(
      `tokenTypeIds has ${tokenTypeIds.length} rows, inputIds ${inputIds.length}; give one row for each prompt.`,
    );
  inputIds.forEach((row, r) => {
    if (row.length === 0 || tokenTypeIds[r].length !== row.length)
      throw new UserError(
        `tokenTypeIds row ${r} has ${tokenTypeIds[r].length} types for ${row.length} tokens; give one for each, and ` +
          "at least one token.",
      );
    checkTokens(`tokenTypeIds row ${r}`, tokenTypeIds[r], vocabSize);
  });
}

/** Bytes that one step's scores of all sequences may take; far above what any device holds beside the model. */
const MOST_SCORES = 2 ** 33;

/** Throws UserError for more sequences at once than any device has room for, before anything is made for each. */
export function checkRows(
  prompts: number,
  { numBeams, numReturnSequences }: Pick<GenerationConfig, "numBeams" | "numReturnSequences">,
  vocabSize: number,
): void {
  const name = numBeams > 1 ? "numBeams" : "numReturnSequences";
  const each = Math.max(numBeams, numReturnSequences);
  const most = Math.floor(MOST_SCORES / (4 * vocabSize * prompts));
  if (each <= most) return;
  const gigabytes = Math.ceil((4 * vocabSize * prompts * each) / 1e9);
  throw new UserError(
    `${name} ${each} for ${prompts} prompt${prompts === 1 ? "" : "s"} makes ${each * prompts} sequences at once, ` +
      `whose scores alone take ${gigabytes} GB; use at most ${most}, or fewer for a small device.`,
  );
}

/** Rows of any length as a rectangle of `width` columns, `fill` in front. */
export function leftPad(rows: readonly (readonly number[])[], width: number, fill: number): number[][] {
  return rows.map((row) => [...repeat(fill, width - row.length), ...row]);
}

export const repeat = (value: number, length: number): number[] => Array.from({ length }, () => value);

/** Throws UserError unless every token is one of the vocabulary's. `what` names the list. */
export function checkTokens(what: string, tokens: readonly number[], vocabSize: number): void {
  for (const token of tokens) {
    if (!Number.isInteger(token) || token < 0 || token >= vocabSize) {
      throw new UserError(
        `${what} holds ${token}; the model has tokens 0 to ${vocabSize - 1}. ` +
          "Use the tokenizer that belongs to the model.",
      );
    }
  }
}

function startToken(config: GenerationConfig, row: number): number {
  if (config.bosTokenId === null)
    throw new UserError(`inputIds row ${row} is empty; give at least one token, or set bosTokenId to start from.`);
  return config.bosTokenId;
}

function checkMask(
  mask: readonly (readonly number[])[],
  rows: readonly (readonly number[])[],
): readonly (readonly number[])[] {
  if (mask.length !== rows.length)
    throw new UserError(
      `attentionMask has ${mask.length} rows, inputIds ${rows.length}; give one row for each prompt.`,
    );
  rows.forEach((row, r) => {
    if (row.length !== rows[0].length)
      throw new UserError(
        `inputIds row ${r} has ${row.length} tokens, row 0 has ${rows[0].length}; ` +
          "pad rows to one length on the left, or leave attentionMask out.",
      );
    if (mask[r].length !== row.length)
      throw new UserError(
        `attentionMask row ${r} has ${mask[r].length} entries for ${row.length} tokens; give one for each.`,
      );
    const first = mask[r].indexOf(1);
    if (first < 0 || mask[r].some((bit, i) => bit !== (i < first ? 0 : 1))) {
      throw new UserError(`attentionMask row ${r} is not zeros followed by ones; prompts are padded on the left.`);
    }
  });
  return mask;
}

function checkLength(row: number, length: number, positions: number, maxLength: number, nPositions: number): void {
  if (maxLength <= length)
    throw new UserError(
      `The prompt in row ${row} has ${length} tokens and maxLength is ${maxLength}, prompt included; ` +
        "set maxNewTokens, or a greater maxLength.",
    );
  const total = positions + maxLength - length;
  if (total > nPositions) {
    throw new UserError(
      `The prompt in row ${row} has ${positions} tokens and ${maxLength - length} more are wanted: ` +
        `${total} in all, and the model has ${nPositions} positions; ` +
        `shorten the prompt or set maxNewTokens to at most ${Math.max(0, nPositions - positions)}.`,
    );
  }
}
