// Smaller tokenizers for small models: the byte alphabet, some of the merges, and the added tokens, numbered anew.
import { UserError } from "../errors.ts";
import { quote } from "../files/quote.ts";
import type { AddedToken } from "./added-tokens.ts";
import type { Merge } from "./bpe.ts";
import { bytesInIdOrder, charOfByte } from "./byte-alphabet.ts";
import { checkParts } from "./parts.ts";
import type { TokenizerParts } from "./parts.ts";

/** The first `mergeCount` merges. Throws UserError unless there are so many. */
export function firstMerges({ merges }: TokenizerParts, mergeCount: number): readonly Merge[] {
  const first = merges.slice(0, mergeCount);
  if (first.length === mergeCount) return first;
  throw new UserError(
    `truncate: wanted the first ${mergeCount} merges, the tokenizer has ${merges.length}; ` +
      "ask for a whole number up to that.",
  );
}

/** The merges, in their order, that make up these pieces: each piece comes from one merge only. */
export function mergesOf({ merges }: TokenizerParts, pieces: Iterable<string>): readonly Merge[] {
  const mergeOf = new Map(merges.map((merge) => [merge[0] + merge[1], merge]));
  const kept = new Set<Merge>();
  const open = [...pieces];
  for (let piece = open.pop(); piece !== undefined; piece = open.pop()) {
    const merge = mergeOf.get(piece);
    if (!merge || kept.has(merge)) continue;
    kept.add(merge);
    open.push(...merge);
  }
  return merges.filter((merge) => kept.has(merge));
}

/**
 * `parts` with these merges only: the 256 bytes, what the merges make, then the added tokens, numbered from 0 in that
 * order. `what` names the operation in messages. Throws UserError when the vocabulary lacks a byte.
 */
export function withMerges(parts: TokenizerParts, merges: readonly Merge[], what: string): TokenizerParts {
  const idInSource = (piece: string): number => parts.vocab.get(piece) ?? -1;
  const bytes = bytesInIdOrder.map((byte) => charOfByte[byte]).sort((a, b) => idInSource(a) - idInSource(b));
  if (idInSource(bytes[0]) < 0)
    throw new UserError(
      `${what}: the vocabulary lacks the byte ${quote(bytes[0])}; give one with the whole byte alphabet.`,
    );
  const inVocab = parts.addedTokens.map(({ content }) => content).filter((content) => parts.vocab.has(content));
  const pieces = new Set([...bytes, ...merges.map(([left, right]) => left + right), ...inVocab]);
  const vocab = new Map([...pieces].map((piece, id) => [piece, id]));
  let nextId = vocab.size;
  const addedTokens = parts.addedTokens.map((token): AddedToken => {
    return { ...token, id: vocab.get(token.content) ?? nextId++ };
  });
  const smaller = { ...parts, vocab, merges, addedTokens };
  checkParts(smaller, what);
  return smaller;
}
