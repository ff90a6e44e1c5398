// transformers.js over ONNX Runtime's WebGPU kernels, as a program uses it: a model from a local folder, and its
// generate().
import { basename, dirname } from "node:path";
import { loadPeer, versionOf } from "../packages.ts";
import { encodeFloats } from "../protocol.ts";
import { serve, timed, Unable } from "../serve.ts";
import type { Prepared } from "../serve.ts";
import { tokenTime } from "../token-time.ts";
import type { Task } from "../work.ts";

/** As much of it as is used. */
interface Transformers {
  readonly env: { allowRemoteModels: boolean; localModelPath: string };
  readonly Tensor: new (type: "int64", data: BigInt64Array, dims: number[]) => Tensor;
  readonly AutoModelForCausalLM: { from_pretrained(name: string, options: object): Promise<Model> };
  readonly BaseStreamer: new () => { put(ids: unknown): void; end(): void };
}
interface Tensor {
  readonly data: ArrayLike<number | bigint>;
}
interface Model {
  (inputs: object): Promise<{ readonly logits: Tensor; readonly past_key_values?: { dispose?(): Promise<void> } }>;
  generate(options: object): Promise<Tensor>;
}

const { env, Tensor, AutoModelForCausalLM, BaseStreamer } = await loadPeer<Transformers>("@huggingface/transformers");

/** Instants at which tokens came; the prompt comes first. */
class Clock extends BaseStreamer {
  readonly at: number[] = [];
  override put(): void {
    this.at.push(performance.now());
  }
  override end(): void {}
}

async function prepare(task: Task): Promise<Prepared> {
  const { kind, inputIds, vocabulary, tokens } = task;
  if (kind === "train") throw new Unable("transformers.js does not train");
  if (kind === "forward") throw new Unable("it is ONNX Runtime's own forward pass, measured there");
  env.allowRemoteModels = false;
  env.localModelPath = dirname(task.folder);
  const model = await AutoModelForCausalLM.from_pretrained(basename(task.folder), {
    device: "webgpu",
    dtype: "fp32",
    subfolder: "",
  });
  const [ids] = inputIds;
  const inputs = () => ({
    input_ids: new Tensor("int64", BigInt64Array.from(ids.map(BigInt)), [1, ids.length]),
    attention_mask: new Tensor("int64", BigInt64Array.from(ids.map(() => 1n)), [1, ids.length]),
  });
  const prefill = async (): Promise<Float32Array> => {
    const { logits, past_key_values: cache } = await model(inputs());
    await cache?.dispose?.();
    return logits.data as Float32Array;
  };
  if (kind === "prefill") {
    const logits = encodeFloats((await prefill()).slice(-vocabulary));
    return { result: { logits }, run: () => timed(prefill) };
  }
  const decode = async (count: number) => {
    const streamer = new Clock();
    const options = { ...inputs(), do_sample: false, max_new_tokens: count, min_new_tokens: count, streamer };
    const { data } = await model.generate(options);
    return { ids: Array.from(data, Number).slice(ids.length), at: streamer.at.slice(-count) };
  };
  const { ids: chosen } = await decode(kind === "start" ? 1 : tokens);
  return { result: { ids: chosen }, run: async () => tokenTime((await decode(tokens)).at) };
}

await serve(async () => ({
  hello: { name: "transformers.js", version: versionOf("@huggingface/transformers"), device: "webgpu" },
  prepare,
}));
