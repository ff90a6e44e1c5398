// Fresh weights that can copy. A model of a million parameters that sees a few million tokens does not learn within
// them what larger ones do by themselves: heads that look for an earlier occurrence of the present token and bring in
// what followed it (Olsson et al., "In-context Learning and Induction Heads", 2022), by which a name in p3 becomes
// likelier in p2. So its first two layers begin with such heads, as Trockman and Kolter begin with the structure of
// trained ones ("Mimetic Initialization of Self-Attention Layers", 2023); training changes them like all else.
//
// The channels are divided: [0, HS) hold the position as sines, [HS, 2 HS) the code of the token before, and the rest,
// of which there are D, the token. What is not said here stays as GPT-2 draws it.
//   layer 0, head 0: attends to the position before; writes that token's code A token into [HS, 2 HS)
//   layer 1, heads 0 and 1: query A token, key the code of the token before; write S' S token, what followed it
//   layer 1, all other heads: attend as drawn, to all alike; write S' S token, the louder: what occurs, recurs
// with A and S rows of random orthonormal matrices, [HS, D], S another for each head.
import { UserError } from "../../src/errors.ts";
import type { GPT2Config } from "../../src/gpt2/config.ts";
import type { GPT2LMHeadModel } from "../../src/gpt2/model.ts";
import { Random } from "../../src/random.ts";

/** Deviation of a token's channels; of the others it has a tenth. */
const TOKEN = 0.04;
/** Of positions and of the code of the token before, relative to that. */
const LOUD = 1.5;
/** What heads write, relative to a token: those that copy what followed, and those that take the mean of all. */
const COPIED = 1;
const RECURRING = 8;
/** Of the products of queries and keys that look for the same token. */
const SHARPNESS = 2;
/** Longest period of a position's sines; the shortest is 2. */
const LONGEST_PERIOD = 32;

type Matrix = Float32Array[];

/** Throws UserError for a config without room for these heads. */
export async function writeCopyingWeights(model: GPT2LMHeadModel, seed: number): Promise<void> {
  const { config, device, parameters } = model;
  const sizes = sizesOf(config);
  const random = new Random(seed, 0x636f7079);
  const edit = async (name: string, change: (values: Float32Array) => void): Promise<void> => {
    const { value } = parameters.get(`transformer.${name}.weight`);
    const values = await device.read(value);
    change(values);
    device.batch.write(value, values);
  };
  await edit("wte", (values) => scaleTokens(values, sizes, config.initializerRange));
  await edit("wpe", (values) => writePositions(values, sizes));
  const code = orthonormal(sizes.HS, sizes.D, random);
  await edit("h.0.attn.c_attn", (weight) => {
    attendToTheTokenBefore(weight, 0, sizes);
    readTokens(weight, 2, 0, code, 1, sizes);
  });
  await edit("h.0.attn.c_proj", (weight) => {
    for (let d = 0; d < sizes.HS; d++)
      for (let c = 0; c < sizes.C; c++) weight[d * sizes.C + c] = c === sizes.HS + d ? LOUD * TOKEN : 0;
  });
  await edit("h.1.attn.c_attn", (weight) => {
    for (const head of [0, 1]) {
      readTokens(weight, 0, head, code, SHARPNESS, sizes);
      for (let d = 0; d < sizes.HS; d++)
        for (let c = 0; c < sizes.C; c++) weight[at(sizes, c, 1, head, d)] = c === sizes.HS + d ? 1 : 0;
    }
  });
  const others = Array.from({ length: config.nHead - 2 }, (_, i) => i + 2);
  for (const [heads, loudness] of [
    [[0, 1], COPIED],
    [others, RECURRING],
  ] as const) {
    const spread = orthonormal(Math.min(heads.length * sizes.HS, sizes.D), sizes.D, random);
    for (const [i, head] of heads.entries()) {
      const rows = spread.slice(i * sizes.HS, (i + 1) * sizes.HS);
      await edit("h.1.attn.c_attn", (weight) => readTokens(weight, 2, head, rows, 1, sizes));
      await edit("h.1.attn.c_proj", (weight) => writeTokens(weight, head, rows, loudness * TOKEN, sizes));
    }
  }
  await device.finish();
}

interface Sizes {
  readonly C: number;
  readonly HS: number;
  /** Channels of the token. */
  readonly D: number;
}

function sizesOf({ nEmbd: C, nHead, nLayer }: GPT2Config): Sizes {
  const HS = C / nHead;
  if (nLayer < 2 || nHead < 4 || HS % 2 !== 0)
    throw new UserError(
      `A model of ${nLayer} layers with ${nHead} heads of ${HS} channels has no room for copying heads: ` +
        "wanted 2 layers or more with 4 heads or more of an even number of channels.",
    );
  return { C, HS, D: C - 2 * HS };
}

/** Where c_attn's weight [C, 3C] has channel `c` and number `d` of a head's query (0), key (1) or value (2). */
function at({ C, HS }: Sizes, c: number, part: 0 | 1 | 2, head: number, d: number): number {
  return c * 3 * C + part * C + head * HS + d;
}

function scaleTokens(wte: Float32Array, { C, HS }: Sizes, drawn: number): void {
  for (let i = 0; i < wte.length; i++) wte[i] *= (i % C < 2 * HS ? 0.1 : 1) * (TOKEN / drawn);
}

/** wpe [T, C]: sines and cosines of periods from 2 on, in geometric steps. */
function writePositions(wpe: Float32Array, { C, HS }: Sizes): void {
  const amplitude = Math.SQRT2 * LOUD * TOKEN;
  for (let t = 0; t < wpe.length / C; t++)
    for (let pair = 0; pair < HS / 2; pair++) {
      const angle = t * frequency(pair, HS);
      wpe[t * C + 2 * pair] = amplitude * Math.sin(angle);
      wpe[t * C + 2 * pair + 1] = amplitude * Math.cos(angle);
    }
}

function frequency(pair: number, HS: number): number {
  return Math.PI * (2 / LONGEST_PERIOD) ** (pair / Math.max(1, HS / 2 - 1));
}

/** Query and key of a head: the position, the query's turned back by one. */
function attendToTheTokenBefore(weight: Float32Array, head: number, sizes: Sizes): void {
  const { C, HS } = sizes;
  for (let c = 0; c < C; c++)
    for (let d = 0; d < HS; d++) {
      weight[at(sizes, c, 0, head, d)] = 0;
      weight[at(sizes, c, 1, head, d)] = c === d ? 1 : 0;
    }
  for (let pair = 0; pair < HS / 2; pair++) {
    const [sine, cosine] = [2 * pair, 2 * pair + 1];
    const [sin, cos] = [Math.sin(frequency(pair, HS)), Math.cos(frequency(pair, HS))];
    // sin(x - f) = sin x cos f - cos x sin f, cos(x - f) = cos x cos f + sin x sin f
    weight[at(sizes, sine, 0, head, sine)] = cos;
    weight[at(sizes, cosine, 0, head, sine)] = -sin;
    weight[at(sizes, cosine, 0, head, cosine)] = cos;
    weight[at(sizes, sine, 0, head, cosine)] = sin;
  }
}

/** A head's query, key or value = scale · rows · token. */
function readTokens(weight: Float32Array, part: 0 | 1 | 2, head: number, rows: Matrix, scale: number, sizes: Sizes) {
  const { C, HS } = sizes;
  for (let d = 0; d < HS; d++)
    for (let c = 0; c < C; c++)
      weight[at(sizes, c, part, head, d)] = c < 2 * HS ? 0 : scale * (rows[d]?.[c - 2 * HS] ?? 0);
}

/** c_proj [C, C]: a head's output, back to tokens. */
function writeTokens(weight: Float32Array, head: number, rows: Matrix, scale: number, { C, HS }: Sizes): void {
  for (let d = 0; d < HS; d++)
    for (let c = 0; c < C; c++) weight[(head * HS + d) * C + c] = c < 2 * HS ? 0 : scale * (rows[d]?.[c - 2 * HS] ?? 0);
}

/** Gram and Schmidt on normal draws: [count][size], count <= size. */
function orthonormal(count: number, size: number, random: Random): Matrix {
  const rows: Matrix = [];
  while (rows.length < count) {
    const row = Float32Array.from({ length: size }, () => random.normal());
    for (const other of rows) {
      const along = dot(row, other);
      other.forEach((value, i) => (row[i]! -= along * value));
    }
    const length = Math.sqrt(dot(row, row));
    rows.push(row.map((value) => value / length));
  }
  return rows;
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}
