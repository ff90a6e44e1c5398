// Sparse edits of logits against the same edits made one after the other in float64: every kind, many edits of one
// token, rows with none and with hundreds, columns beyond the vocabulary untouched, windows.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device } from "../src/gpu/device.ts";
import { EDIT_KINDS, editLogits, packEdits } from "../src/kernels/edit-logits.ts";
import type { Edit } from "../src/kernels/edit-logits.ts";
import { expectClose, openDevice, randomNormal, ROW_VARIANTS } from "./check-kernel.ts";

const REMOVED = -Infinity;
const LARGEST = 3.4028234663852886e38; // how f32 holds what was removed

function oracle(row: ArrayLike<number>, edits: readonly Edit[], base: number, columns: number): Float64Array {
  const scores = Float64Array.from(row, (logit) => (logit <= -LARGEST ? REMOVED : logit - base));
  for (const { kind, token, value } of edits) {
    const s = scores[token];
    if (kind === "clear") scores.fill(REMOVED, 0, columns);
    else if (kind === "set") scores[token] = value;
    else if (s === REMOVED) continue;
    else if (kind === "add") scores[token] = s + value;
    else if (kind === "penalize") scores[token] = s < 0 ? s * value : s / value;
    else scores[token] = s + Math.abs(s) * value;
  }
  return scores.map((score) => (score === REMOVED ? -LARGEST : score + base));
}

/** `count` edits of any kind on a few tokens, so that they meet. */
function drawEdits(count: number, columns: number, seed: number): Edit[] {
  const draw = randomNormal([3 * count + 1], seed).map(Math.abs);
  return Array.from({ length: count }, (_, i) => {
    const kind = EDIT_KINDS[Math.floor(draw[3 * i] * 1e4) % 4]; // without clear, which has its own tests
    const token = Math.floor(draw[3 * i + 1] * 1e4) % columns;
    const removes = kind === "set" && i % 7 === 0;
    return { kind, token, value: removes ? REMOVED : kind === "penalize" ? 0.5 + draw[3 * i + 2] : draw[3 * i + 2] };
  });
}

describe.each([
  ...ROW_VARIANTS.map((tuning) => ({ ...tuning, tuning, limit: undefined })),
  { ...ROW_VARIANTS[1], tuning: ROW_VARIANTS[1], limit: 65536 },
])("edits of logits, rows by $rows, binding limit $limit", ({ tuning, limit }) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ tuning, maxStorageBufferBindingSize: limit });
  });
  afterAll(() => device.destroy());

  async function check(counts: readonly number[], columns: number, stride: number, edits: readonly Edit[][]) {
    const rows = counts.length;
    const logits = randomNormal([rows, stride], 5, { scale: 4 });
    for (let n = 0; n < rows; n++) logits.fill(NaN, n * stride + columns, (n + 1) * stride); // padding: not to be read
    const bases = randomNormal([rows], 6, { scale: 3 });
    const words = packEdits(edits);
    const target = device.tensor(logits, [rows, stride]);
    editLogits(device.batch, {
      edits: device.tensor(words, [words.length]),
      base: device.tensor(bases, [rows]),
      logits: target,
      columns,
    });
    const got = await device.read(target);
    for (let n = 0; n < rows; n++) {
      const from = n * stride;
      const want = oracle(logits.subarray(from, from + columns), edits[n], bases[n], columns);
      const removed = (value: number): number => (value <= -LARGEST ? -LARGEST : value);
      const row = Float64Array.from(got.subarray(from, from + columns), removed);
      expectClose(`row ${n}`, row, want, [columns], { atol: 1e-5, rtol: 1e-5 });
      expect([...got.subarray(from + columns, from + stride)].every(Number.isNaN), "padding").toBe(true);
    }
    device.pool.release(target);
  }

  it.each([
    { counts: [1], columns: 1, stride: 64 },
    { counts: [0, 5, 0, 40], columns: 7, stride: 64 },
    { counts: [300, 0, 3], columns: 253, stride: 256 },
    { counts: Array.from({ length: 33 }, (_, i) => i), columns: 1021, stride: 1024 },
  ])("$counts edits of $columns columns", ({ counts, columns, stride }) =>
    check(
      counts,
      columns,
      stride,
      counts.map((count, n) => drawEdits(count, columns, 31 + n)),
    ),
  );

  it("clear a row in the midst of others, and set what comes back", async () => {
    const edit = (kind: Edit["kind"], token: number, value: number): Edit => ({ kind, token, value });
    const edits = [
      [edit("add", 3, 1), edit("clear", 0, 0), edit("set", 200, 1.5), edit("add", 3, 9), edit("penalize", 200, 2)],
      [edit("set", 3, REMOVED), edit("add", 3, 100), edit("raise", 4, 0.5)],
      [edit("set", 3, REMOVED), edit("set", 3, 0.25), edit("penalize", 3, 4)],
    ];
    await check([1, 1, 1], 201, 256, edits);
  });

  it("edit by edit as in float64 (property)", async () => {
    const edit = fc.record({
      kind: fc.constantFrom(...EDIT_KINDS),
      token: fc.nat(4),
      value: fc.oneof(
        fc.constantFrom(REMOVED, 0),
        fc.integer({ min: 1, max: 8 }).map((eighths) => eighths / 4),
      ),
    });
    const sane = edit.map((each): Edit => {
      if (each.kind === "clear") return { ...each, token: 0, value: 0 };
      return each.kind === "set" ? each : { ...each, value: Math.max(0.25, each.value) };
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(sane, { maxLength: 6 }), { minLength: 1, maxLength: 3 }), (edits) =>
        check(
          edits.map(() => 1),
          5,
          64,
          edits,
        ),
      ),
      { numRuns: 20 },
    );
  });
});
