// jax-js on WebGPU, as a program uses it: GPT-2 as a function of its parameters, compiled by jit; valueAndGrad, and
// AdamW written out; decoding over a cache of fixed length, since a compiled function has fixed shapes. Every use of an
// array takes it over: `ref` keeps it.
import { loadPeer, versionOf } from "../packages.ts";
import { comparedRows, encodeFloats, LOSSES } from "../protocol.ts";
import { serve, timed } from "../serve.ts";
import type { Prepared } from "../serve.ts";
import { tokenTime } from "../token-time.ts";
import type { Task } from "../work.ts";
import { modelWeights } from "./weights-of.ts";
import { provideNavigator } from "./navigator.ts";

/** As much of @jax-js/jax as is used. */
interface Jax {
  init(...devices: string[]): Promise<readonly string[]>;
  defaultDevice(device: string): string;
  jit<F>(f: F): F;
  valueAndGrad<P, A extends readonly unknown[]>(f: (p: P, ...rest: A) => Arr): (p: P, ...rest: A) => [Arr, P];
  readonly numpy: {
    readonly int32: unknown;
    array(values: Float32Array | Int32Array, options: { shape: readonly number[]; dtype?: unknown }): Arr;
    zeros(shape: readonly number[]): Arr;
    arange(stop: number): Arr;
    take(a: Arr, indices: Arr, axis: number): Arr;
    matmul(a: Arr, b: Arr): Arr;
    split(a: Arr, parts: number, axis: number): Arr[];
    where(condition: Arr, a: Arr, b: Arr): Arr;
    argmax(a: Arr, axis: number): Arr;
    concatenate(arrays: readonly Arr[], axis: number): Arr;
    sqrt(a: Arr): Arr;
  };
  readonly nn: {
    standardize(x: Arr, axis: number, options: { epsilon: number }): Arr;
    gelu(x: Arr): Arr;
    logsumexp(x: Arr, axis: number): Arr;
    dotProductAttention(q: Arr, k: Arr, v: Arr, options: { isCausal?: boolean; keyValueSeqLengths?: Arr }): Arr;
  };
}
interface Arr {
  readonly ref: Arr;
  readonly shape: readonly number[];
  add(other: Arr | number): Arr;
  sub(other: Arr | number): Arr;
  mul(other: Arr | number): Arr;
  div(other: Arr | number): Arr;
  equal(other: Arr): Arr;
  mean(): Arr;
  sum(axis: number): Arr;
  reshape(shape: readonly number[]): Arr;
  transpose(): Arr;
  slice(...index: (number | readonly number[])[]): Arr;
  data(): Promise<Float32Array | Int32Array>;
  dispose(): void;
}
type Parameters = Record<string, Arr>;

await provideNavigator();
// It is written for pages of today: Node 20 lacks the methods of iterators that it uses.
if (!("Iterator" in globalThis)) await loadPeer("core-js/actual/iterator/index.js");
const jax = await loadPeer<Jax>("@jax-js/jax");
const { numpy: np, nn } = jax;

/** From a layer's q, k and v of these tokens to the heads' outputs. */
type Attend = (layer: number, q: Arr, k: Arr, v: Arr) => Arr;

/**
 * Hidden states after ln_f, [B, T, C]; takes all parameters over but wte, of which it takes a reference. `places`:
 * wpe's rows for these tokens.
 */
function hidden(
  p: Parameters,
  ids: Arr,
  places: (wpe: Arr) => Arr,
  { layers, heads, width }: Task,
  attend: Attend,
): Arr {
  const norm = (x: Arr, name: string): Arr =>
    nn.standardize(x, -1, { epsilon: 1e-5 }).mul(p[`${name}.weight`]).add(p[`${name}.bias`]);
  const linear = (x: Arr, name: string): Arr => np.matmul(x, p[`${name}.weight`]).add(p[`${name}.bias`]);
  const [batch, length] = ids.shape;
  let x = np.take(p["transformer.wte.weight"].ref, ids, 0).add(places(p["transformer.wpe.weight"]));
  for (let layer = 0; layer < layers; layer++) {
    const block = `transformer.h.${layer}`;
    const qkv = np.split(linear(norm(x.ref, `${block}.ln_1`), `${block}.attn.c_attn`), 3, -1);
    const [q, k, v] = qkv.map((each) => each.reshape([batch, length, heads, width / heads]));
    const mixed = attend(layer, q, k, v).reshape([batch, length, width]);
    x = x.add(linear(mixed, `${block}.attn.c_proj`));
    x = x.add(linear(nn.gelu(linear(norm(x.ref, `${block}.ln_2`), `${block}.mlp.c_fc`)), `${block}.mlp.c_proj`));
  }
  return norm(x, "transformer.ln_f");
}

const firstRows =
  (length: number) =>
  (wpe: Arr): Arr =>
    wpe.slice([0, length]);
const causal: Attend = (_layer, q, k, v) => nn.dotProductAttention(q, k, v, { isCausal: true });
const head = (p: Parameters, x: Arr): Arr => np.matmul(x, p["transformer.wte.weight"].transpose());
const whole = (values: readonly number[], shape: readonly number[]): Arr =>
  np.array(Int32Array.from(values), { shape, dtype: np.int32 });
const refs = <T extends Record<string, Arr>>(tree: T): T =>
  Object.fromEntries(Object.entries(tree).map(([name, array]) => [name, array.ref])) as T;
const floats = async (array: Arr): Promise<Float32Array> => (await array.data()) as Float32Array;

async function prepare(task: Task): Promise<Prepared> {
  const parameters: Parameters = {};
  await modelWeights(task.folder, (name, shape, values) => {
    parameters[name] = np.array(values, { shape });
  });
  const { kind, inputIds, vocabulary, tokens } = task;
  const [batch, length] = [inputIds.length, inputIds[0].length];
  const ids = whole(inputIds.flat(), [batch, length]);
  if (kind === "forward") {
    const logits = jax.jit((p: Parameters, tokens: Arr) => head(p, hidden(p, tokens, firstRows(length), task, causal)));
    const forward = () => floats(logits(refs(parameters), ids.ref));
    return {
      result: { logits: encodeFloats(comparedRows(await forward(), length, vocabulary)) },
      run: () => timed(forward),
    };
  }
  if (kind === "train") return training(parameters, ids, task);
  const decoder = new Decoder(parameters, task, length + Math.max(1, tokens));
  if (kind === "prefill") {
    const prefill = () => floats(decoder.prefill(ids.ref));
    return { result: { logits: encodeFloats(await prefill()) }, run: () => timed(prefill) };
  }
  const decode = (count: number) => decoder.generate(ids.ref, count);
  return {
    result: { ids: (await decode(kind === "start" ? 1 : tokens)).ids },
    run: async () => tokenTime((await decode(tokens)).at),
  };
}

interface TrainState extends Record<string, Parameters> {
  readonly p: Parameters;
  readonly m: Parameters;
  readonly v: Parameters;
}

async function training(parameters: Parameters, ids: Arr, task: Task): Promise<Prepared> {
  const [batch, length] = ids.shape;
  const rows = batch * (length - 1);
  /** A target's logit is its row of wte times the hidden state; indices are inputs, or its scatter is not compiled. */
  const lossOf = (p: Parameters, tokens: Arr, targets: Arr): Arr => {
    const x = hidden(p, tokens, firstRows(length), task, causal)
      .slice([], [0, length - 1])
      .reshape([rows, task.width]);
    const wanted = np.take(p["transformer.wte.weight"].ref, targets, 0).mul(x.ref).sum(-1);
    return nn.logsumexp(head(p, x), -1).sub(wanted).mean();
  };
  const gradients = jax.valueAndGrad(lossOf);
  const [beta1, beta2, eps] = [0.9, 0.999, 1e-8];
  /** `corrections`: [2], 1 - beta^t. */
  const update = jax.jit(({ p, m, v }: TrainState, tokens: Arr, targets: Arr, corrections: Arr): [Arr, TrainState] => {
    const [loss, g] = gradients(refs(p), tokens, targets);
    const next: TrainState = { p: {}, m: {}, v: {} };
    for (const name of Object.keys(p)) {
      const moment = m[name].mul(beta1).add(g[name].ref.mul(1 - beta1));
      const square = v[name].mul(beta2).add(g[name].ref.mul(g[name]).mul(1 - beta2));
      const [first, second] = [corrections.ref.slice(0), corrections.ref.slice(1)];
      const step = moment.ref.div(first).div(np.sqrt(square.ref.div(second)).add(eps));
      next.p[name] = p[name].sub(step.mul(task.learningRate));
      next.m[name] = moment;
      next.v[name] = square;
    }
    corrections.dispose();
    return [loss, next];
  });
  const zeros = (): Parameters =>
    Object.fromEntries(Object.entries(parameters).map(([name, { shape }]) => [name, np.zeros(shape)]));
  let state: TrainState = { p: parameters, m: zeros(), v: zeros() };
  let steps = 0;
  const targets = whole(
    task.inputIds.flatMap((row) => row.slice(1)),
    [rows],
  );
  const train = async (): Promise<number> => {
    steps++;
    const corrections = np.array(Float32Array.of(1 - beta1 ** steps, 1 - beta2 ** steps), { shape: [2] });
    const [loss, next] = update(state, ids.ref, targets.ref, corrections);
    state = next;
    return (await floats(loss))[0];
  };
  const losses: number[] = [];
  for (let i = 0; i < LOSSES; i++) losses.push(await train());
  return { result: { losses }, run: () => timed(train) };
}

class Decoder {
  private readonly parameters: Parameters;
  private readonly first: (p: Parameters, ids: Arr) => Record<string, Arr>;
  private readonly next: (p: Parameters, cache: Record<string, Arr>, id: Arr, place: Arr) => Record<string, Arr>;
  private cache: Record<string, Arr> = {};

  constructor(parameters: Parameters, task: Task, capacity: number) {
    this.parameters = parameters;
    const { heads, width } = task;
    const last = (p: Parameters, x: Arr, length: number): Record<string, Arr> => {
      const logits = head(p, x.slice([], length - 1));
      return { id: np.argmax(logits.ref, -1), logits };
    };
    this.first = jax.jit((p: Parameters, ids: Arr) => {
      const out: Record<string, Arr> = {};
      const [, length] = ids.shape;
      const filled = (x: Arr): Arr => np.concatenate([x, np.zeros([1, capacity - length, heads, width / heads])], 1);
      const x = hidden(p, ids, firstRows(length), task, (layer, q, k, v) => {
        [out[`k${layer}`], out[`v${layer}`]] = [filled(k.ref), filled(v.ref)];
        return causal(layer, q, k, v);
      });
      return { ...out, ...last(p, x, length) };
    });
    this.next = jax.jit((p: Parameters, cache: Record<string, Arr>, id: Arr, place: Arr) => {
      const out: Record<string, Arr> = {};
      const own = np.arange(capacity).equal(place.ref).reshape([1, capacity, 1, 1]);
      const lengths = place.ref.add(1);
      const x = hidden(
        p,
        id.reshape([1, 1]),
        (wpe) => np.take(wpe, place, 0),
        task,
        (layer, q, k, v) => {
          const keys = np.where(own.ref, k, cache[`k${layer}`]);
          const values = np.where(own.ref, v, cache[`v${layer}`]);
          [out[`k${layer}`], out[`v${layer}`]] = [keys.ref, values.ref];
          return nn.dotProductAttention(q, keys, values, { keyValueSeqLengths: lengths.ref });
        },
      );
      own.dispose();
      lengths.dispose();
      return { ...out, ...last(p, x, 1) };
    });
  }

  /** Logits of the last position. */
  prefill(ids: Arr): Arr {
    const { logits, id } = this.keep(this.first(refs(this.parameters), ids));
    id.dispose();
    return logits;
  }

  /** Each token is read before the next is asked for, as a program that shows them does; `at`: when. */
  async generate(prompt: Arr, count: number): Promise<{ readonly ids: number[]; readonly at: number[] }> {
    const ids: number[] = [];
    const at: number[] = [];
    let [, place] = prompt.shape;
    let { id, logits } = this.keep(this.first(refs(this.parameters), prompt));
    for (;;) {
      logits.dispose();
      ids.push((await id.ref.data())[0]);
      at.push(performance.now());
      if (ids.length === count) break;
      ({ id, logits } = this.keep(this.next(refs(this.parameters), this.cache, id, whole([place++], [1]))));
    }
    id.dispose();
    return { ids, at };
  }

  private keep({ id, logits, ...cache }: Record<string, Arr>): { id: Arr; logits: Arr } {
    this.cache = cache;
    return { id, logits };
  }
}

await serve(async () => {
  if (!(await jax.init("webgpu")).includes("webgpu")) throw new Error("jax-js found no WebGPU");
  jax.defaultDevice("webgpu");
  return { hello: { name: "jax-js", version: versionOf("@jax-js/jax"), device: "webgpu" }, prepare };
});
