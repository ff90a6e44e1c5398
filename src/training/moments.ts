// AdamW's two moments of every trained parameter, in flat buffers of the values' layout; where ranks share them, those
// of this rank's part. They are named as in a checkpoint: `exp_avg.NAME` and `exp_avg_sq.NAME`, torch's words.
import type { ParameterStore } from "../autograd/parameter.ts";
import type { Parameter } from "../autograd/variable.ts";
import { UserError } from "../errors.ts";
import { printable } from "../files/quote.ts";
import { elementCount } from "../gpu/tensor.ts";
import type { Shape, Tensor } from "../gpu/tensor.ts";
import { joined } from "./shards.ts";
import type { Shards, Span } from "./shards.ts";

/** A part of the values, and its moments. */
export interface Slice extends Span {
  readonly m: Tensor;
  readonly v: Tensor;
}

/** Moments as a file has them. */
export interface SavedMoments {
  readonly shapes: ReadonlyMap<string, Shape>;
  readonly read: (name: string) => Float32Array | Promise<Float32Array>;
}

/** Of a parameter's moment, elements [first, first + count), where they lie. */
interface Piece {
  readonly first: number;
  readonly tensor: Tensor;
}

const MOMENTS = { exp_avg: "m", exp_avg_sq: "v" } as const;
type Moment = keyof typeof MOMENTS;

export class Moments {
  readonly slices: readonly Slice[];
  private readonly store: ParameterStore;
  private readonly shards: Shards | undefined;

  /** `zeros` makes their buffers, which stay the caller's. */
  constructor(store: ParameterStore, shards: Shards | undefined, zeros: (elements: number) => Tensor) {
    this.store = store;
    this.shards = shards;
    const spans =
      shards?.own ?? store.trainableChunks.map(({ elements }, chunk) => ({ chunk, start: 0, count: elements }));
    this.slices = spans.map((span) => ({ ...span, m: zeros(span.count), v: zeros(span.count) }));
  }

  /** Each parameter's two, in the order of parameters. */
  shapes(): Map<string, Shape> {
    const shapes = new Map<string, Shape>();
    for (const { name, value } of this.store.trainable())
      for (const moment of Object.keys(MOMENTS)) shapes.set(`${moment}.${name}`, value.shape);
    return shapes;
  }

  /** Where they lie, each of its parameter's shape. Not where ranks share them. */
  tensors(): Map<string, Tensor> {
    return new Map([...this.shapes().keys()].map((name) => [name, this.piecesOf(name)[0].tensor] as const));
  }

  /** One's values. Where ranks share it each calls this, and rank 0 gets the whole, the others their part. */
  async read(name: string): Promise<Float32Array> {
    const pieces = this.piecesOf(name);
    const values: Float32Array[] = [];
    for (const { tensor } of pieces) values.push(await this.store.device.read(tensor));
    if (!this.shards) return values[0];
    return this.shards.gatherParts(this.parameterOf(name), joined(values));
  }

  /**
   * Takes them from what was saved, one by one. Throws UserError when one is missing, of another shape or too many,
   * having changed nothing; and when one holds values that no optimizer has.
   */
  async load({ shapes, read }: SavedMoments): Promise<void> {
    const mine = this.shapes();
    expectShapes(shapes, mine);
    const { batch } = this.store.device;
    for (const name of mine.keys()) {
      const values = await read(name);
      const least = name.startsWith("exp_avg_sq.") ? 0 : -Infinity;
      const wrong = values.find((value) => !Number.isFinite(value) || value < least);
      if (wrong !== undefined)
        throw new UserError(
          `The optimizer state's ${name} holds ${wrong}: the file is damaged; take another checkpoint.`,
        );
      for (const { first, tensor } of this.piecesOf(name))
        batch.write(tensor, values.subarray(first, first + elementCount(tensor.shape)));
    }
  }

  /** What of a moment this process has, in order; of the parameter's shape where that is all. */
  private piecesOf(name: string): Piece[] {
    const { chunk, offset, value } = this.parameterOf(name);
    const size = elementCount(value.shape);
    const moment = MOMENTS[name.slice(0, name.indexOf(".")) as Moment];
    return this.slices.flatMap((slice) => {
      const [start, end] = overlap({ start: offset, end: offset + size }, slice);
      if (slice.chunk !== chunk || start >= end) return [];
      const whole = end - start === size;
      const byteOffset = slice[moment].byteOffset + 4 * (start - slice.start);
      const shape = whole ? value.shape : [end - start];
      return [{ first: start - offset, tensor: { ...slice[moment], byteOffset, shape } }];
    });
  }

  private parameterOf(moment: string): Parameter {
    return this.store.get(moment.slice(moment.indexOf(".") + 1));
  }
}

/** What two runs of elements have in common: from where, and to where (not above: nothing). */
export function overlap(a: { readonly start: number; readonly end: number }, { start, count }: Span): [number, number] {
  return [Math.max(a.start, start), Math.min(a.end, start + count)];
}

function expectShapes(saved: ReadonlyMap<string, Shape>, mine: ReadonlyMap<string, Shape>): void {
  for (const [name, shape] of mine) {
    const found = saved.get(name);
    if (!found) throw new UserError(`The optimizer state has no ${name}: it belongs to another model or is damaged.`);
    if (found.join() !== shape.join())
      throw new UserError(
        `The optimizer state's ${name} is [${found}], this model's is [${shape}]: it belongs to another model.`,
      );
  }
  for (const name of saved.keys())
    if (!mine.has(name))
      throw new UserError(
        `The optimizer state has ${printable(name)}, which this model has not: it belongs to another model.`,
      );
}
