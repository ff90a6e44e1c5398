// Token and position embedding against a float64 oracle: forward, the gradient of both tables, frequent tokens,
// windows.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { embedding } from "../src/autograd/embedding.ts";
import { ParameterStore } from "../src/autograd/parameter.ts";
import { Tape } from "../src/autograd/tape.ts";
import type { Device } from "../src/gpu/device.ts";
import { embeddingForward, planGather } from "../src/kernels/embedding.ts";
import {
  asKept,
  centralDifferences,
  expectClose,
  garbage,
  keptTensor,
  openDevice,
  randomNormal,
  ROW_VARIANTS,
} from "./check-kernel.ts";

const TABLE = [
  { N: 1, C: 5, V: 7, P: 3 },
  { N: 57, C: 60, V: 257, P: 100 },
  { N: 33, C: 253, V: 503, P: 33 },
  { N: 300, C: 64, V: 11, P: 300, pad: 0.6 }, // a padding id in 180 rows: three segments
  { N: 9, C: 12, V: 50257, P: 1024 },
];

type Indices = { ids: number[]; positions: number[]; types?: number[] };

function oracle(
  { ids, positions, types }: Indices,
  wte: ArrayLike<number>,
  wpe: ArrayLike<number>,
  C: number,
): Float64Array {
  return Float64Array.from({ length: ids.length * C }, (_, i) => {
    const n = Math.floor(i / C);
    const type = types ? wte[types[n] * C + (i % C)] : 0;
    return wte[ids[n] * C + (i % C)] + wpe[positions[n] * C + (i % C)] + type;
  });
}

/** table[indices[n]] += dy[n] */
function scatter(indices: readonly number[], dy: ArrayLike<number>, table: ArrayLike<number>, C: number): Float64Array {
  const sum = Float64Array.from(table);
  indices.forEach((row, n) => {
    for (let c = 0; c < C; c++) sum[row * C + c] += dy[n * C + c];
  });
  return sum;
}

function drawIndices(N: number, V: number, P: number, pad = 0): Indices {
  const draw = randomNormal([2 * N], 9).map((z) => Math.abs(z * 1e4));
  return {
    ids: Array.from({ length: N }, (_, n) => (n < pad * N ? V - 1 : Math.floor(draw[n]) % V)),
    positions: Array.from({ length: N }, (_, n) => (n < 3 ? P - 1 : Math.floor(draw[N + n]) % P)),
  };
}

/** One forward and backward of a tape whose loss has gradient dy in y. Tables' gradients start from `start`. */
async function run(
  device: Device,
  indices: Indices,
  wte: Float32Array,
  wpe: Float32Array,
  dy: Float32Array,
  C: number,
  start: number,
) {
  const store = new ParameterStore(
    device,
    new Map([
      ["wte", [wte.length / C, C]],
      ["wpe", [wpe.length / C, C]],
    ]),
    { gradients: true },
  );
  const [tokens, places] = [store.get("wte"), store.get("wpe")];
  device.batch.write(tokens.value, wte);
  device.batch.write(places.value, wpe);
  device.batch.write(
    tokens.grad!,
    wte.map(() => start),
  );
  device.batch.write(
    places.grad!,
    wpe.map(() => start),
  );
  const tape = new Tape(device, true);
  const y = embedding(tape, indices, tokens, places);
  const forward = await device.read(y.value);
  const loss = tape.record("loss", [y], tape.acquire([1]), [], (_, into) =>
    into.write(y, (dst) => device.batch.write(dst, dy)),
  );
  tape.backward(loss);
  const result = { y: forward, dwte: await device.read(tokens.grad!), dwpe: await device.read(places.grad!) };
  store.destroy();
  return result;
}

describe.each([
  ...ROW_VARIANTS.map((tuning) => ({ ...tuning, tuning, limit: undefined })),
  ...[ROW_VARIANTS[0], ROW_VARIANTS[2]].map((tuning) => ({ ...tuning, tuning, limit: 65536 })),
])("embedding, rows by $rows, binding limit $limit", ({ tuning, limit }) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ tuning, maxStorageBufferBindingSize: limit });
  });
  afterAll(() => device.destroy());

  const table = limit ? TABLE.filter(({ V }) => V < 1000) : TABLE;
  const typed = table.map((sizes) => ({ ...sizes, types: true }));
  it.each([...table, ...typed])("N=$N C=$C V=$V P=$P types: $types", async ({ N, C, V, P, pad, ...rest }) => {
    const drawn = drawIndices(N, V, P, pad);
    // Few types in long runs, as sections are; they are rows of wte, ids of tokens perhaps.
    const sections = [V - 1, 0, Math.floor(V / 2)];
    const types = Array.from({ length: N }, (_, n) => sections[Math.floor((3 * n) / N)]);
    const indices: Indices = "types" in rest ? { ...drawn, types } : drawn;
    const wte = randomNormal([V, C], 1),
      wpe = randomNormal([P, C], 2),
      dy = randomNormal([N, C], 3);
    const live = device.pool.liveBytes;
    const first = await run(device, indices, wte, wpe, dy, C, 0.5);
    expectClose("y", first.y, oracle(indices, wte, wpe, C), [N, C], { atol: 1e-6, rtol: 1e-6 });
    expectClose(
      "dwte",
      first.dwte,
      scatter(
        [...indices.ids, ...(indices.types ?? [])],
        indices.types ? [...dy, ...dy] : dy,
        wte.map(() => 0.5),
        C,
      ),
      [V, C],
      { atol: 2e-5, rtol: 1e-5 },
    );
    expectClose(
      "dwpe",
      first.dwpe,
      scatter(
        indices.positions,
        dy,
        wpe.map(() => 0.5),
        C,
      ),
      [P, C],
      { atol: 2e-5, rtol: 1e-5 },
    );
    expect(device.pool.liveBytes).toBe(live);
    if (V > 1000) return;
    expect(await run(device, indices, wte, wpe, dy, C, 0.5)).toEqual(first); // the same bits
  });
});

describe.each(ROW_VARIANTS)("embedding from tables kept as f16, rows by $rows", (tuning) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ tuning, maxStorageBufferBindingSize: 65536 });
  });
  afterAll(() => device.destroy());

  // rows of odd numbers of halves begin within a word; the last table goes by windows, whose rows end between words
  const sizes = [
    { N: 1, C: 1, V: 1, P: 1 },
    { N: 57, C: 253, V: 31, P: 100 },
    { N: 40, C: 60, V: 257, P: 33 },
    { N: 20, C: 253, V: 400, P: 200 },
  ];
  it.each(sizes.flatMap((each) => [each, { ...each, types: true }]))(
    "N=$N C=$C V=$V P=$P types: $types",
    async ({ N, C, V, P, ...rest }) => {
      const { ids, positions } = drawIndices(N, V, P);
      const types = "types" in rest ? ids.map((_, n) => (n % 2 === 0 ? V - 1 : 0)) : undefined;
      const [wte, wpe] = [randomNormal([V, C], 1), randomNormal([P, C], 2)];
      const lists = types ? [ids, positions, types] : [ids, positions];
      const y = garbage(device, [N, C]);
      const tables = { wte: keptTensor(device, wte, [V, C], "f16"), wpe: keptTensor(device, wpe, [P, C], "f16") };
      embeddingForward(device.batch, {
        indices: device.tensor(Uint32Array.from(lists.flat()), [lists.length, N]),
        ...tables,
        y,
      });
      const want = oracle({ ids, positions, types }, asKept(wte, "f16"), asKept(wpe, "f16"), C);
      expectClose("y", await device.read(y), want, [N, C], { atol: 1e-6, rtol: 1e-6 });
    },
  );
});

it("the oracle's gradient agrees with central differences", () => {
  const N = 6,
    C = 2,
    V = 4,
    P = 3,
    indices = drawIndices(N, V, P);
  const wte = randomNormal([V, C], 1),
    wpe = randomNormal([P, C], 2),
    dy = randomNormal([N, C], 3);
  const f = (table: Float64Array) => oracle(indices, table, wpe, C).reduce((sum, v, i) => sum + v * dy[i], 0);
  expectClose("dwte", scatter(indices.ids, dy, new Float64Array(V * C), C), centralDifferences(f, wte), [V, C], {
    atol: 1e-7,
    rtol: 1e-6,
  });
});

it("a plan names every row once, under its own index, in groups of at most 64", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 400 }), fc.nat(3), (indices, before) => {
      const words: number[] = Array.from({ length: before }, () => 0);
      const plan = planGather(indices, words);
      const groups = ({ at, count }: { at: number; count: number }) =>
        Array.from({ length: count }, (_, g) => {
          const [start, end, target] = words.slice(at + 3 * g, at + 3 * g + 3);
          return { listed: words.slice(start, end), target };
        });
      const seen = new Map<number, number[]>();
      for (const { listed, target } of groups(plan.direct)) seen.set(target, listed);
      const segments = groups(plan.segments);
      expect(segments.map(({ target }) => target)).toEqual(segments.map((_, i) => i));
      for (const { listed, target } of groups(plan.merged))
        seen.set(
          target,
          listed.flatMap((segment) => segments[segment].listed),
        );
      for (const { listed } of [...groups(plan.direct), ...segments]) expect(listed.length).toBeLessThanOrEqual(64);
      const want = new Map<number, number[]>();
      indices.forEach((index, row) => want.set(index, [...(want.get(index) ?? []), row]));
      expect(seen).toEqual(want);
    }),
  );
});

it("a wrong shape is refused by name", async () => {
  const device = await openDevice();
  const [wte, wpe, y] = [garbage(device, [7, 4]), garbage(device, [3, 5]), garbage(device, [2, 4])];
  expect(() =>
    embeddingForward(device.batch, { indices: device.tensor(new Uint32Array(4), [2, 2]), wte, wpe, y }),
  ).toThrow("embedding: cannot bind wpe: shape is [3,5], expected [3,4] (C of y)");
  device.destroy();
});
