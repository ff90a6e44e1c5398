// TensorFlow.js with its WebGPU backend, as a program uses it: GPT-2 of its own operations, run one by one; gradients
// and Adam its own, without decay and clipping; decoding with keys and values that grow.
import { loadPeer, requirePeer, versionOf } from "../packages.ts";
import { comparedRows, encodeFloats, LOSSES } from "../protocol.ts";
import { serve, timed, Unable } from "../serve.ts";
import type { Prepared } from "../serve.ts";
import { tokenTime } from "../token-time.ts";
import type { Task } from "../work.ts";
import { provideNavigator } from "./navigator.ts";
import { modelWeights } from "./weights-of.ts";

/** As much of @tensorflow/tfjs-core as is used. */
interface TF {
  setBackend(name: string): Promise<boolean>;
  getBackend(): string;
  variable(x: Tensor): Tensor;
  tensor(values: Float32Array, shape: readonly number[]): Tensor;
  tensor2d(values: readonly number[], shape: readonly number[], dtype: string): Tensor;
  gather(x: Tensor, indices: Tensor): Tensor;
  slice(x: Tensor, begin: readonly number[], size: readonly number[]): Tensor;
  moments(x: Tensor, axis: number, keepDims: boolean): { readonly mean: Tensor; readonly variance: Tensor };
  add(a: Tensor, b: Tensor | number): Tensor;
  sub(a: Tensor, b: Tensor | number): Tensor;
  mul(a: Tensor, b: Tensor | number): Tensor;
  rsqrt(x: Tensor): Tensor;
  tanh(x: Tensor): Tensor;
  softmax(x: Tensor): Tensor;
  logSumExp(x: Tensor, axis: number): Tensor;
  mean(x: Tensor): Tensor;
  sum(x: Tensor, axis: number): Tensor;
  matMul(a: Tensor, b: Tensor, transposeA?: boolean, transposeB?: boolean): Tensor;
  split(x: Tensor, parts: number, axis: number): Tensor[];
  reshape(x: Tensor, shape: readonly number[]): Tensor;
  transpose(x: Tensor, perm: readonly number[]): Tensor;
  concat(tensors: readonly Tensor[], axis: number): Tensor;
  argMax(x: Tensor, axis: number): Tensor;
  tidy<T>(work: () => T): T;
  dispose(tensors: unknown): void;
  readonly train: { adam(rate: number, beta1: number, beta2: number, epsilon: number): Optimizer };
}
interface Optimizer {
  minimize(f: () => Tensor, returnCost: true): Tensor;
}
interface Tensor {
  readonly shape: readonly number[];
  data(): Promise<Float32Array | Int32Array>;
  dispose(): void;
}

await provideNavigator();
const tf = await loadPeer<TF>("@tensorflow/tfjs-core");
await loadPeer<object>("@tensorflow/tfjs-backend-webgpu");

type Parameters = ReadonlyMap<string, Tensor>;
/** Of a layer, [B, heads, T, head size]. */
interface KeysValues {
  readonly keys: Tensor;
  readonly values: Tensor;
}

/** Hidden states after ln_f [B, T, C] of tokens from position `past` on, and the cache as it is then. */
function hidden(
  p: Parameters,
  ids: Tensor,
  { layers, heads, width }: Task,
  cache: readonly KeysValues[] = [],
): { readonly x: Tensor; readonly cache: readonly KeysValues[] } {
  const past = cache[0]?.keys.shape[2] ?? 0;
  const [batch, length] = ids.shape;
  const norm = (x: Tensor, name: string): Tensor => {
    const { mean, variance } = tf.moments(x, -1, true);
    const normed = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5)));
    return tf.add(tf.mul(normed, p.get(`${name}.weight`)!), p.get(`${name}.bias`)!);
  };
  const linear = (x: Tensor, name: string): Tensor => {
    const rows = tf.reshape(x, [batch * length, x.shape[2]]);
    const out = tf.add(tf.matMul(rows, p.get(`${name}.weight`)!), p.get(`${name}.bias`)!);
    return tf.reshape(out, [batch, length, out.shape[1]]);
  };
  const byHead = (x: Tensor): Tensor =>
    tf.transpose(tf.reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
  const mask = causalMask(past, length);
  const grown: KeysValues[] = [];
  const places = tf.slice(p.get("transformer.wpe.weight")!, [past, 0], [length, width]);
  let x = tf.add(tf.gather(p.get("transformer.wte.weight")!, ids), places);
  for (let layer = 0; layer < layers; layer++) {
    const block = `transformer.h.${layer}`;
    const [q, k, v] = tf.split(linear(norm(x, `${block}.ln_1`), `${block}.attn.c_attn`), 3, 2).map(byHead);
    const before = cache[layer];
    const keys = before ? tf.concat([before.keys, k], 2) : k;
    const values = before ? tf.concat([before.values, v], 2) : v;
    grown.push({ keys, values });
    const scores = tf.mul(tf.matMul(q, keys, false, true), 1 / Math.sqrt(width / heads));
    const mixed = tf.transpose(tf.matMul(tf.softmax(tf.add(scores, mask)), values), [0, 2, 1, 3]);
    x = tf.add(x, linear(tf.reshape(mixed, [batch, length, width]), `${block}.attn.c_proj`));
    const inner = gelu(linear(norm(x, `${block}.ln_2`), `${block}.mlp.c_fc`));
    x = tf.add(x, linear(inner, `${block}.mlp.c_proj`));
  }
  return { x: norm(x, "transformer.ln_f"), cache: grown };
}

/** [T, past + T]: 0, or very low where a column is later than the row's. */
function causalMask(past: number, length: number): Tensor {
  const columns = past + length;
  const values = Float32Array.from({ length: length * columns }, (_, i) =>
    i % columns > past + Math.floor(i / columns) ? -1e9 : 0,
  );
  return tf.tensor(values, [length, columns]);
}

/** GPT-2's, by tanh. */
function gelu(x: Tensor): Tensor {
  const cubic = tf.mul(tf.mul(tf.mul(x, x), x), 0.044715);
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(tf.mul(tf.add(x, cubic), Math.sqrt(2 / Math.PI))), 1));
}

/** [rows, V] */
function head(p: Parameters, x: Tensor): Tensor {
  const [batch, length, width] = x.shape;
  return tf.matMul(tf.reshape(x, [batch * length, width]), p.get("transformer.wte.weight")!, false, true);
}

const lastOf = (x: Tensor): Tensor => tf.slice(x, [0, x.shape[1] - 1, 0], [x.shape[0], 1, x.shape[2]]);

/** Its values, and then it is gone. */
async function take(x: Tensor): Promise<Float32Array> {
  const values = (await x.data()) as Float32Array;
  x.dispose();
  return values;
}

async function prepare(task: Task): Promise<Prepared> {
  const p = new Map<string, Tensor>();
  await modelWeights(task.folder, (name, shape, values) => {
    const constant = tf.tensor(values.slice(), shape);
    p.set(name, task.kind === "train" ? tf.variable(constant) : constant);
  });
  const { kind, inputIds, vocabulary, tokens } = task;
  const [batch, length] = [inputIds.length, inputIds[0].length];
  const ids = tf.tensor2d(inputIds.flat(), [batch, length], "int32");
  if (kind === "forward") {
    const forward = () => take(tf.tidy(() => head(p, hidden(p, ids, task).x)));
    const logits = encodeFloats(comparedRows(await forward(), length, vocabulary));
    return { result: { logits }, run: () => timed(forward) };
  }
  if (kind === "train") {
    const train = trainer(p, ids, task);
    const losses: number[] = [];
    for (let i = 0; i < LOSSES; i++) losses.push(await train());
    return { result: { losses }, run: () => timed(train) };
  }
  const step = (tokensIn: Tensor, cache: readonly KeysValues[] = []) => {
    const out = tf.tidy(() => {
      const { x, cache: grown } = hidden(p, tokensIn, task, cache);
      const logits = head(p, lastOf(x));
      return { logits, id: tf.argMax(logits, -1), cache: grown };
    });
    tf.dispose(cache);
    return out;
  };
  if (kind === "prefill") {
    const prefill = async () => {
      const { logits, id, cache } = step(ids);
      const values = await take(logits);
      tf.dispose({ id, cache });
      return values;
    };
    return { result: { logits: encodeFloats(await prefill()) }, run: () => timed(prefill) };
  }
  const decode = async (count: number) => {
    const chosen: number[] = [];
    const at: number[] = [];
    let out = step(ids);
    for (;;) {
      out.logits.dispose();
      chosen.push((await take(out.id))[0]);
      at.push(performance.now());
      if (chosen.length === count) break;
      const next = tf.tensor2d(chosen.slice(-1), [1, 1], "int32");
      out = step(next, out.cache);
      next.dispose();
    }
    tf.dispose(out.cache);
    return { ids: chosen, at };
  };
  const { ids: first } = await decode(kind === "start" ? 1 : tokens);
  return { result: { ids: first }, run: async () => tokenTime((await decode(tokens)).at) };
}

/** The gradients of all operations, which the package's entry for Node leaves out. */
function registerGradients(): void {
  try {
    requirePeer("@tensorflow/tfjs-core/dist/register_all_gradients.js");
  } catch (error) {
    throw new Unable(`its gradients are not loaded without tsx: ${(error as Error).message}`);
  }
}

/** A step, which returns its loss before the update. */
function trainer(p: Parameters, ids: Tensor, task: Task): () => Promise<number> {
  registerGradients();
  const [batch, length] = ids.shape;
  const optimizer = tf.train.adam(task.learningRate, 0.9, 0.999, 1e-8);
  const rows = batch * (length - 1);
  const targets = task.inputIds.flatMap((row) => row.slice(1));
  const flat = tf.tensor2d(targets, [rows, 1], "int32");
  const lossOf = (): Tensor => {
    const { x } = hidden(p, ids, task);
    const used = tf.slice(x, [0, 0, 0], [batch, length - 1, task.width]);
    const logits = head(p, used);
    // The target's logit is its row of wte times the hidden state: a gather with a gradient that this backend has.
    const wanted = tf.gather(p.get("transformer.wte.weight")!, tf.reshape(flat, [rows]));
    const target = tf.sum(tf.mul(tf.reshape(used, [rows, task.width]), wanted), -1);
    return tf.mean(tf.sub(tf.logSumExp(logits, -1), target));
  };
  return async () => (await take(optimizer.minimize(lossOf, true)))[0];
}

await serve(async () => {
  await tf.setBackend("webgpu");
  if (tf.getBackend() !== "webgpu") throw new Error("TensorFlow.js found no WebGPU");
  return { hello: { name: "TensorFlow.js", version: versionOf("@tensorflow/tfjs-core"), device: "webgpu" }, prepare };
});
