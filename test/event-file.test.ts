// TensorBoard event files, read back by a reader written from the format alone: records, checksums, fields; the names
// of scalars; what a resumed run makes void. And the result files beside them.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventWriter } from "../src/cli/train/event-writer.ts";
import { crc32c, firstEvent, purgeEvent, scalarEvent, scalarNames } from "../src/training/event-file.ts";
import { resultFiles } from "../src/training/results.ts";
import type { LogEntry } from "../src/training/trainer-state.ts";

interface ReadEvent {
  wallTime?: number;
  step?: number;
  version?: string;
  sessionStatus?: number;
  scalars?: Record<string, number>;
}

/** A table by bytes, where the writer works bit by bit. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});
function masked(data: Uint8Array): number {
  let crc = 2 ** 32 - 1;
  for (const byte of data) crc = (table[(crc ^ byte) & 255] ^ (crc >>> 8)) >>> 0;
  crc = (crc ^ (2 ** 32 - 1)) >>> 0;
  return Number(((BigInt(crc) >> 15n) + ((BigInt(crc) << 17n) & 0xffffffffn) + 0xa282ead8n) & 0xffffffffn);
}

function readEvents(file: Uint8Array): ReadEvent[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const events: ReadEvent[] = [];
  for (let at = 0; at < file.length;) {
    const length = Number(view.getBigUint64(at, true));
    if (view.getUint32(at + 8, true) !== masked(file.subarray(at, at + 8))) throw new Error("checksum of a length");
    const data = file.subarray(at + 12, at + 12 + length);
    if (view.getUint32(at + 12 + length, true) !== masked(data)) throw new Error("checksum of a message");
    events.push(readEvent(data));
    at += 16 + length;
  }
  return events;
}

function* fields(data: Uint8Array): Generator<[field: number, value: number | Uint8Array]> {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let at = 0;
  const varint = (): number => {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = data[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < data.length) {
    const key = varint();
    const field = key >> 3;
    if ((key & 7) === 0) yield [field, varint()];
    else if ((key & 7) === 1) yield [field, view.getFloat64((at += 8) - 8, true)];
    else if ((key & 7) === 5) yield [field, view.getFloat32((at += 4) - 4, true)];
    else {
      const length = varint();
      yield [field, data.subarray(at, (at += length))];
    }
  }
}

function readEvent(data: Uint8Array): ReadEvent {
  const event: ReadEvent = {};
  const text = (value: number | Uint8Array): string => new TextDecoder().decode(value as Uint8Array);
  for (const [field, value] of fields(data)) {
    if (field === 1) event.wallTime = value as number;
    if (field === 2) event.step = value as number;
    if (field === 3) event.version = text(value);
    if (field === 7) event.sessionStatus = [...fields(value as Uint8Array)][0][1] as number;
    if (field !== 5) continue;
    event.scalars = {};
    for (const [, each] of fields(value as Uint8Array)) {
      const parts = new Map(fields(each as Uint8Array));
      event.scalars[text(parts.get(1)!)] = parts.get(2) as number;
    }
  }
  return event;
}

describe("an event file", () => {
  test("has the checksum of RFC 3720's examples", () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
  });

  test("is read back, whatever steps, names and values", () => {
    const event = fc.record({
      wallTime: fc.double({ min: 0, max: 4e9, noNaN: true }),
      step: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      scalars: fc.dictionary(fc.string({ minLength: 1, unit: "grapheme" }), fc.float({ noNaN: true }), {
        noNullPrototype: true,
      }),
    });
    fc.assert(
      fc.property(event, (each) => {
        expect(readEvents(scalarEvent(each))).toEqual([each]);
      }),
    );
  });

  test("begins with its version; one of a run that goes on makes later steps of older files void", () => {
    expect(readEvents(firstEvent(12.5))).toEqual([{ wallTime: 12.5, version: "brain.Event:2" }]);
    expect(readEvents(purgeEvent(12.5, 301))).toEqual([{ wallTime: 12.5, step: 301, sessionStatus: 1 }]);
  });

  test("names scalars as the Trainer does", () => {
    const train = { loss: 2, grad_norm: 1, learning_rate: 1e-4, epoch: 0.5, step: 10 };
    expect(Object.keys(scalarNames(train))).toEqual([
      "train/loss",
      "train/grad_norm",
      "train/learning_rate",
      "train/epoch",
    ]);
    const evaluation = { eval_loss: 2, eval_perplexity: 7, epoch: 1, step: 10 };
    expect(Object.keys(scalarNames(evaluation))).toEqual(["eval/loss", "eval/perplexity", "train/epoch"]);
  });

  test("is written as the log comes, in order, and a second beside the first", async () => {
    const folder = await mkdtemp(join(tmpdir(), "events-"));
    try {
      const first = new EventWriter(join(folder, "runs"), undefined);
      await Promise.all([1, 2, 3].map((step) => first.log({ loss: 4 - step, epoch: step / 4, step })));
      await new EventWriter(join(folder, "runs"), 2).log({ loss: 0.5, epoch: 0.75, step: 3 });
      const names = (await readdir(join(folder, "runs"))).sort();
      expect(names).toHaveLength(2);
      const files = await Promise.all(
        names.map(async (name) => readEvents(await readFile(join(folder, "runs", name)))),
      );
      for (const name of names) expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\./);
      const steps = files.map((events) =>
        events.map(({ step, sessionStatus }) => (sessionStatus ? "void" : "") + (step ?? "")),
      );
      expect(steps).toEqual([
        ["", "1", "2", "3"],
        ["", "void3", "3"],
      ]);
      expect(files[0][1].scalars).toEqual({ "train/loss": 3, "train/epoch": 0.25 });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

test("result files have the Trainer's names, sorted; the loss is the mean over updates", () => {
  const history: LogEntry[] = [
    { loss: 4, epoch: 0.2, step: 10 },
    { loss: 3, epoch: 0.4, step: 20 },
    { eval_loss: 2.5, eval_perplexity: 12.2, epoch: 0.4, step: 20 },
    { loss: 1, epoch: 0.5, step: 25 },
    { eval_loss: 2, eval_perplexity: 7.4, epoch: 0.5, step: 25 },
  ];
  const figures = {
    history,
    dataWait: 0.5,
    runtime: 10,
    updates: 25,
    batchSize: 8,
    trainSamples: 400,
    evalSamples: 30,
  };
  const files = resultFiles(figures);
  const json = (file: string): object => JSON.parse(files.get(file)!) as object;
  const train = {
    epoch: 0.5,
    train_data_wait: 0.05,
    train_loss: (40 + 30 + 5) / 25,
    train_runtime: 10,
    train_samples: 400,
    train_samples_per_second: 20,
    train_steps_per_second: 2.5,
  };
  const evaluation = { epoch: 0.5, eval_loss: 2, eval_samples: 30, perplexity: 7.4 };
  expect(json("train_results.json")).toEqual(train);
  expect(json("eval_results.json")).toEqual(evaluation);
  expect(json("all_results.json")).toEqual({ ...train, ...evaluation });
  expect(Object.keys(json("all_results.json"))).toEqual(Object.keys({ ...train, ...evaluation }).sort());
  expect(files.get("train_results.json")).toMatch(/^\{\n {4}"epoch": 0\.5,\n/);
  expect([...resultFiles({ ...figures, history: history.slice(0, 2) }).keys()]).not.toContain("eval_results.json");
});
