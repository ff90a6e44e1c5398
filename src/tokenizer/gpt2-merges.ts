// GPT-2's merges, from the r50k ranks that the package gpt-tokenizer carries. A rank list says which byte strings are
// tokens but not which two each was merged from; that is recovered here. The built package holds the result instead
// (scripts/package/merges-as-text.ts): it is smaller than the ranks, in the package and in every page.
import r50kRanks from "gpt-tokenizer/bpeRanks/r50k_base";
import { bytesInIdOrder } from "./byte-alphabet.ts";
import { MergeTable } from "./merge-table.ts";

/**
 * Which two ids each merge joins, in the order of their ranks: merge r makes token 256 + r of pieces of lower rank. So
 * encoding a token's bytes with the merges below its rank leaves exactly the two pieces that its own merge joins.
 */
export function gpt2Merges(): readonly (readonly [left: number, right: number])[] {
  const utf8 = new TextEncoder();
  const tokens = r50kRanks.map((token) => (typeof token === "string" ? utf8.encode(token) : token));
  const idOfByte = new Map(bytesInIdOrder.map((byte, id) => [byte, id]));
  const table = new MergeTable(tokens.length);
  const merges: [number, number][] = [];
  for (let id = bytesInIdOrder.length; id < tokens.length; id++) {
    const parts = table.apply(Array.from(tokens[id], (byte) => idOfByte.get(byte)!));
    if (parts.length !== 2)
      throw new Error(`gpt2_merges: cannot split token ${id}: it has ${parts.length} parts, wanted 2`);
    const [left, right] = parts;
    merges.push([left, right]);
    table.add(left, right, id);
  }
  return merges;
}
