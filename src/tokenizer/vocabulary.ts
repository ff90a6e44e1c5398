// Tokens by id and ids by token: the pieces of the vocabulary, which never change, and the added tokens, which do.
import { UserError } from "../errors.ts";
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import { quote } from "../files/quote.ts";
import { AddedTokens, plainToken } from "./added-tokens.ts";
import type { AddedToken, AddedTokenRules, NewToken } from "./added-tokens.ts";
import { pieceToBytes } from "./byte-alphabet.ts";

const RULES: FieldsOf<AddedTokenRules> = { content: true, lstrip: true, rstrip: true, singleWord: true };

export class Vocabulary {
  readonly added: AddedTokens;
  private readonly pieces: ReadonlyMap<string, number>;
  private readonly tokenOfId: string[] = [];
  private readonly bytesOfId: (Uint8Array | undefined)[] = []; // filled as ids are decoded

  /** `pieces`: in the byte alphabet; ids of both together run from 0 without a gap. */
  constructor(pieces: ReadonlyMap<string, number>, addedTokens: readonly AddedToken[]) {
    this.pieces = pieces;
    this.added = new AddedTokens(addedTokens);
    for (const [piece, id] of pieces) this.tokenOfId[id] = piece;
    for (const token of addedTokens) this.tokenOfId[token.id] = token.content;
  }

  /** Number of tokens; ids run from 0 to size - 1. */
  get size(): number {
    return this.tokenOfId.length;
  }

  /** Id of a whole token: an added token's text, or a piece. */
  idOf(token: string): number | undefined {
    return this.added.get(token)?.id ?? this.pieces.get(token);
  }

  /** Throws UserError on an id out of range. */
  tokenOf(id: number): string {
    this.checkId(id);
    return this.tokenOfId[id];
  }

  /** UTF-8 of the text that a token stands for, or a part of it. Throws UserError on an id out of range. */
  bytesOf(id: number): Uint8Array {
    this.checkId(id);
    return (this.bytesOfId[id] ??= this.added.withId(id)
      ? new TextEncoder().encode(this.tokenOfId[id])
      : pieceToBytes(this.tokenOfId[id]));
  }

  isSpecial(id: number): boolean {
    return this.added.withId(id)?.special ?? false;
  }

  /** Adds a token, or gives a known one these rules. Returns its text. Throws UserError when that is empty. */
  add(token: NewToken, special: boolean): string {
    const rules = typeof token === "string" ? { content: token } : token;
    expectFields("A token to add", rules, RULES);
    const { content, lstrip = false, rstrip = false, singleWord = false } = rules;
    if (content === "") throw new UserError("A token to add is empty; give it at least one character.");
    if (typeof content !== "string") throw new UserError(`A token to add is ${quote(content)}, wanted a text.`);
    const known = this.added.get(content);
    if (known && typeof token === "string") {
      this.added.set({ ...known, special: special || known.special });
    } else {
      const id = this.idOf(content) ?? this.size;
      this.added.set({ ...plainToken(id, content, special), lstrip, rstrip, singleWord });
      this.tokenOfId[id] = content;
      this.bytesOfId[id] = undefined;
    }
    return content;
  }

  private checkId(id: number): void {
    if (!Number.isInteger(id) || id < 0 || id >= this.size) {
      throw new UserError(
        `Token id ${id} is out of range: this tokenizer has ids 0 to ${this.size - 1}; use the tokenizer ` +
          "that belongs to the model.",
      );
    }
  }
}
