// Choosing tokens where the logits are: edits go up when they changed, and the chosen tokens, or each row's best candidates,
// come down. Knows kernels, and nothing of the model that made the logits.
import type { Device } from "../gpu/device.ts";
import type { Shape, Tensor } from "../gpu/tensor.ts";
import { chooseGreedy, chooseSample } from "../kernels/choose.ts";
import { editLogits, packEdits } from "../kernels/edit-logits.ts";
import { logSumExp, topK } from "../kernels/top-k.ts";
import type { Candidates, RowEdits, TokenChoice } from "./decoder.ts";
import { Patience } from "./patience.ts";
import { repeatRows } from "./scores.ts";

/** A step's logits [R / expand, Vp], of which `expand` rows of the decoder share each, and the rows' inputs u32 [2, R] (ids, positions). */
export interface Place {
  readonly logits: Tensor;
  readonly expand: number;
  readonly inputs: Tensor;
}

export class DeviceChooser {
  private readonly device: Device;
  private readonly vocabSize: number;
  private readonly lastPosition: number;
  private readonly edits: Upload;
  private readonly streams: Upload;
  /** Zeros [rows]: the base of scores that are logits. */
  private readonly zeros: Upload;
  private readonly patience: Patience;

  constructor(device: Device, { vocabSize, nPositions }: { readonly vocabSize: number; readonly nPositions: number }) {
    this.device = device;
    this.vocabSize = vocabSize;
    this.lastPosition = nPositions - 1;
    this.edits = new Upload(device);
    this.streams = new Upload(device);
    this.zeros = new Upload(device);
    this.patience = new Patience(device.software);
  }

  /** Chooses and submits; the tokens become the inputs, one position on. */
  choose({ logits, expand, inputs }: Place, { edits, sampling, step }: TokenChoice): Promise<Uint32Array> {
    const { device, lastPosition, vocabSize: columns } = this;
    const { batch } = device;
    const [rows] = logits.shape;
    if (edits) this.edit(logits, { ...this.zeros.hold(new Uint32Array(rows)), dtype: "f32", shape: [rows] }, edits, expand);
    if (sampling) {
      const names = Uint32Array.from(sampling.streams.flatMap(({ a, b }) => [a, b]));
      const streams = { ...this.streams.hold(names), shape: [rows * expand, 2] };
      chooseSample(batch, { ...sampling, logits, columns, inputs, lastPosition, expand, step, streams });
    } else chooseGreedy(batch, { logits, columns, inputs, lastPosition });
    return this.patience.read(device.stage({ ...inputs, shape: [rows * expand] })).then((bytes) => new Uint32Array(bytes));
  }

  /** See TokenChooser.candidates. */
  async candidates({ logits, expand }: Place, count: number, edits: RowEdits | undefined, renormalize: boolean): Promise<Candidates> {
    const { device, vocabSize: columns } = this;
    const { batch, pool } = device;
    const [rows] = logits.shape;
    // One tensor for all that comes back, its parts where a binding may begin.
    const aligned = Math.ceil((rows * count) / 64) * 64;
    const found = pool.acquire([2 * aligned + rows], "u32");
    const part = (at: number, shape: Shape): Tensor => ({ ...found, byteOffset: found.byteOffset + 4 * at, shape });
    const [values, ids, lse] = [part(0, [rows, count]), part(aligned, [rows, count]), part(2 * aligned, [rows])];
    logSumExp(batch, { logits, columns, lse });
    if (edits) this.edit(logits, lse, edits, expand);
    if (renormalize) logSumExp(batch, { logits, columns, lse });
    topK(batch, { logits, columns, k: count, values, ids });
    const staged = device.stage(found);
    pool.release(found);

    const bytes = await this.patience.read(staged);
    const [words, floats] = [new Uint32Array(bytes), new Float32Array(bytes)];
    const logProbs = Float64Array.from({ length: rows * count }, (_, i) => (floats[i] <= removed ? -Infinity : floats[i] - floats[2 * aligned + Math.floor(i / count)]));
    const tokens = words.slice(aligned, aligned + rows * count);
    return { count, tokens: repeatRows(tokens, count, expand), logProbs: repeatRows(logProbs, count, expand) };
  }

  /** Gives its memory back; it may be used again. */
  reset(): void {
    for (const upload of [this.edits, this.streams, this.zeros]) upload.release();
    this.patience.reset();
  }

  private edit(logits: Tensor, base: Tensor, edits: RowEdits, expand: number): void {
    const packed = packEdits(edits.filter((_, row) => row % expand === 0));
    editLogits(this.device.batch, { edits: this.edits.hold(packed), base, logits, columns: this.vocabSize });
  }
}

const LEAST_WORDS = 4096;
const removed = -3.4028234663852886e38;     // what edit_logits writes for -Infinity

/** Words on the device: uploaded only when they change, in a tensor with room that doubles when it must, so that bindings stay. */
class Upload {
  private readonly device: Device;
  private tensor: Tensor | undefined;
  private words: Uint32Array = new Uint32Array();

  constructor(device: Device) {
    this.device = device;
  }

  /** A u32 tensor that starts with `words`. */
  hold(words: Uint32Array): Tensor {
    const { tensor } = this;
    if (tensor && words.length === this.words.length && words.every((word, i) => word === this.words[i])) return tensor;
    if (tensor && tensor.shape[0] < words.length) this.release();
    const held = this.tensor ??= this.device.pool.acquire([2 ** Math.ceil(Math.log2(Math.max(LEAST_WORDS, words.length)))], "u32");
    this.device.batch.write(held, words);
    this.words = words;
    return held;
  }

  release(): void {
    if (this.tensor) this.device.pool.release(this.tensor);
    this.tensor = undefined;
    this.words = new Uint32Array();
  }
}
