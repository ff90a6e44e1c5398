// ONNX Runtime in Node with its WebGPU or its CPU kernels, attention fused or of standard operators (the arguments say
// which), as a program uses it: sessions over the .onnx files, and for decoding a loop that hands each step's keys and
// values to the next.
import { join } from "node:path";
import { loadPeer, versionOf } from "../packages.ts";
import { comparedRows, encodeFloats } from "../protocol.ts";
import { serve, timed, Unable } from "../serve.ts";
import type { Prepared } from "../serve.ts";
import { tokenTime } from "../token-time.ts";
import { onnxFile } from "../weights.ts";
import type { Task } from "../work.ts";

/** As much of onnxruntime-node as is used. */
interface Ort {
  readonly Tensor: new (type: "int64" | "float32", data: BigInt64Array | Float32Array, dims: number[]) => Tensor;
  readonly InferenceSession: { create(path: string, options: object): Promise<Session> };
}
interface Tensor {
  readonly data: unknown;
  dispose(): void;
}
interface Session {
  readonly inputNames: readonly string[];
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>;
}

const ort = await loadPeer<Ort>("onnxruntime-node");
const provider = process.argv[2] === "cpu" ? "cpu" : "webgpu";
const fused = process.argv[3] === "fused";

function open(task: Task, cached: boolean): Promise<Session> {
  const cache = Array.from({ length: task.layers }, (_, i) => [`present.${i}.key`, `present.${i}.value`]).flat();
  const kept = provider === "webgpu" && cached;
  return ort.InferenceSession.create(join(task.folder, onnxFile({ cached, fused })), {
    executionProviders: [provider],
    logSeverityLevel: 3,
    // keys and values stay on the device, as transformers.js has them
    ...(kept && { preferredOutputLocation: Object.fromEntries(cache.map((name) => [name, "gpu-buffer"])) }),
  });
}

const whole = (rows: readonly (readonly number[])[]): Tensor =>
  new ort.Tensor("int64", BigInt64Array.from(rows.flat().map(BigInt)), [rows.length, rows[0].length]);

const floatsOf = ({ data }: Tensor): Float32Array => data as Float32Array;

/** The model with its cache, between steps. */
class Decoder {
  private readonly session: Session;
  private readonly task: Task;
  private past: Record<string, Tensor> = {};
  private length = 0;

  constructor(session: Session, task: Task) {
    this.session = session;
    this.task = task;
  }

  /** Starts afresh with the prompt; logits of its last position. */
  prefill(): Promise<Float32Array> {
    this.release();
    const { heads, width, layers, inputIds } = this.task;
    for (let i = 0; i < layers; i++)
      for (const part of ["key", "value"])
        this.past[`past_key_values.${i}.${part}`] = new ort.Tensor("float32", new Float32Array(0), [
          1,
          heads,
          0,
          width / heads,
        ]);
    return this.append(inputIds[0]);
  }

  async append(ids: readonly number[]): Promise<Float32Array> {
    const { vocabulary } = this.task;
    const columns = this.length + ids.length;
    const outputs = await this.session.run({
      input_ids: whole([ids]),
      attention_mask: whole([Array.from({ length: columns }, () => 1)]),
      position_ids: whole([ids.map((_, i) => this.length + i)]),
      ...this.past,
    });
    this.release();
    this.length = columns;
    for (const [name, tensor] of Object.entries(outputs))
      if (name.startsWith("present.")) this.past[name.replace("present", "past_key_values")] = tensor;
    return floatsOf(outputs.logits).subarray(-vocabulary);
  }

  release(): void {
    for (const tensor of Object.values(this.past)) tensor.dispose();
    this.past = {};
    this.length = 0;
  }
}

function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

async function prepare(task: Task): Promise<Prepared> {
  const { kind, inputIds, vocabulary, tokens } = task;
  if (kind === "train") throw new Unable("onnxruntime-node does not train");
  if (kind === "forward") {
    const session = await open(task, false);
    const forward = async (): Promise<Float32Array> =>
      floatsOf((await session.run({ input_ids: whole(inputIds) })).logits);
    const logits = encodeFloats(comparedRows(await forward(), inputIds[0].length, vocabulary));
    return { result: { logits }, run: () => timed(forward) };
  }
  const decoder = new Decoder(await open(task, true), task);
  if (kind === "prefill") {
    const prefill = () => decoder.prefill();
    return { result: { logits: encodeFloats(await prefill()) }, run: () => timed(prefill) };
  }
  const decode = async (count: number) => {
    const ids = [argmax(await decoder.prefill())];
    const at = [performance.now()];
    while (ids.length < count) {
      ids.push(argmax(await decoder.append(ids.slice(-1))));
      at.push(performance.now());
    }
    return { ids, at };
  };
  const { ids } = await decode(kind === "start" ? 1 : tokens);
  return { result: { ids }, run: async () => tokenTime((await decode(tokens)).at) };
}

await serve(async () => ({
  hello: { name: `ONNX Runtime ${provider}`, version: versionOf("onnxruntime-node"), device: provider },
  prepare,
}));
