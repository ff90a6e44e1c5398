// The folder of a training run: who has it, what a process that died at any moment leaves of it, and the log in order.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it, test } from "vitest";
import { FolderLock } from "../src/cli/train/folder-lock.ts";
import { RunFolder } from "../src/cli/train/run-folder.ts";
import { UserError } from "../src/errors.ts";
import { listCheckpoints, rotateCheckpoints, StoreLostError, wholeCheckpoints } from "../src/training/checkpoint.ts";
import { dyingAt } from "./dying-disk.ts";

const root = mkdtempSync(join(tmpdir(), "run-folder-"));
afterAll(() => rmSync(root, { recursive: true }));
let folder = "";
let number = 0;
beforeEach(() => {
  folder = join(root, String(number++));
  mkdirSync(folder);
});

it("metrics.jsonl keeps the order of steps, and is whole when the curve is drawn", async () => {
  const run = new RunFolder(folder);
  const entries = Array.from({ length: 200 }, (_, i) => ({
    step: i + 1,
    epoch: i / 10,
    loss: 1 / (i + 1),
    learning_rate: 1e-4,
  }));
  for (const entry of entries) void run.log(entry as never);
  await run.drawLoss(entries as never);
  const steps = (): number[] => {
    const lines = readFileSync(join(folder, "metrics.jsonl"), "utf8").trimEnd().split("\n");
    return lines.map((line) => (JSON.parse(line) as { step: number }).step);
  };
  expect(steps()).toEqual(entries.map(({ step }) => step));

  // A run that goes on from step 50 says what comes after it once.
  await run.writeLog(entries.slice(0, 50) as never);
  for (const entry of entries.slice(50)) void run.log(entry as never);
  await run.drawLoss(entries as never);
  expect(steps()).toEqual(entries.map(({ step }) => step));
});

/** Files that say whose they are; several, so that there is something to be torn between. */
const filesOf = (run: string, step: number): Map<string, string> =>
  new Map(
    ["model.safetensors", "optimizer.safetensors", "trainer_state.json"].map((name) => [
      name,
      `${run} ${step} ${name} `.repeat(20),
    ]),
  );

function tree(path: string): Record<string, string> {
  const entries = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    entries
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((file) => [file.slice(path.length + 1), readFileSync(file, "utf8")]),
  );
}

interface Moment {
  readonly name: string;
  readonly before: (run: RunFolder) => Promise<unknown>;
  /** What a run does, and does again where it was killed before its end. */
  readonly act: (run: RunFolder) => Promise<unknown>;
  /** What may be the newest whole checkpoint after a death: its name, and whose it is. */
  readonly newest: readonly string[];
  readonly final?: boolean;
}

const MOMENTS: readonly Moment[] = [
  {
    name: "a checkpoint is saved and an old one goes",
    before: async (run) => {
      for (const step of [2, 4]) await run.write(`checkpoint-${step}`, filesOf("new", step));
    },
    act: async (run) => {
      await run.write("checkpoint-6", filesOf("new", 6));
      await rotateCheckpoints(run, 2, 6);
    },
    newest: ["new 4", "new 6"],
  },
  {
    name: "a checkpoint replaces one of the same step",
    before: (run) => run.write("checkpoint-4", filesOf("old", 4)),
    act: (run) => run.write("checkpoint-4", filesOf("new", 4)),
    newest: ["old 4", "new 4"],
  },
  {
    name: "a run starts over in the folder of an earlier one",
    before: async (run) => {
      for (const step of [10, 20]) await run.write(`checkpoint-${step}`, filesOf("old", step));
      await run.writeLog([{ step: 1, epoch: 0, loss: 1 }] as never);
      await run.write("", filesOf("old", 20));
    },
    act: async (run) => {
      await run.startOver();
      await run.write("checkpoint-3", filesOf("new", 3));
      await rotateCheckpoints(run, 1, 3);
    },
    newest: ["old 20", "", "new 3"],
  },
  {
    name: "the final model is written",
    before: async (run) => {
      await run.write("checkpoint-6", filesOf("new", 6));
      await run.write("", filesOf("old", 6));
    },
    act: (run) => run.write("", filesOf("final", 6)),
    newest: ["new 6"],
    final: true,
  },
];

/** The run and step of the newest whole checkpoint, from its files; all its files are then of them. */
async function newestOf(run: RunFolder): Promise<string> {
  for await (const name of wholeCheckpoints(run, () => {})) {
    const files = Object.entries(tree(join(run.path, name))).filter(([file]) => file !== "manifest.json");
    const [, content] = files[0];
    const who = content.split(" ", 2).join(" ");
    expect(files.map(([file, text]) => text === `${who} ${file} `.repeat(20))).toEqual(files.map(() => true));
    return who;
  }
  return "";
}

describe("a process that dies at any change of the disk while", () => {
  test.each(MOMENTS)("$name leaves what another goes on from", async ({ before, act, newest, final = false }) => {
    const start = join(folder, "start");
    mkdirSync(start);
    await before(new RunFolder(start));
    const whole = join(folder, "whole");
    cpSync(start, whole, { recursive: true });
    await dyingAt(Infinity, () => act(new RunFolder(whole)));

    const seen = new Set<string>();
    let deaths = 0;
    for (let died = true; died; deaths += died ? 1 : 0) {
      const place = join(folder, "trial");
      rmSync(place, { recursive: true, force: true });
      cpSync(start, place, { recursive: true });
      died = await dyingAt(deaths + 1, () => act(new RunFolder(place)));

      const run = new RunFolder(place);
      await run.mend();
      const names = await run.list();
      expect(names.filter((name) => /^(tmp|old)-|\.tmp$|^overwritten/.test(name))).toEqual([]);
      for (const name of await listCheckpoints(run)) expect(await run.fault(name), name).toBeUndefined();
      const who = await newestOf(run);
      expect(newest).toContain(who);
      seen.add(who);
      // An earlier run's checkpoints are all there, or none is.
      expect(names.includes("checkpoint-10")).toBe(who === "old 20");
      // What says that it is the final model is one.
      if (final && (await run.fault("")) === undefined) {
        const files = tree(place);
        const owners = [...filesOf("", 0).keys()].map((file) => files[file].split(" ", 1)[0]);
        expect(new Set(owners).size).toBe(1);
      }
      await dyingAt(Infinity, () => act(run));
      expect(tree(place)).toEqual(tree(whole));
    }
    expect(deaths).toBeGreaterThan(15);
    expect([...seen].sort()).toEqual([...newest].sort());
  });
});

describe("a checkpoint whose", () => {
  const damage: [string, (path: string) => void, RegExp][] = [
    ["manifest is missing", (path) => rmSync(join(path, "manifest.json")), /no manifest\.json: its writing did not/],
    ["manifest is torn", (path) => writeFileSync(join(path, "manifest.json"), '{"fi'), /manifest\.json cannot be read/],
    ["manifest is another's", (path) => writeFileSync(join(path, "manifest.json"), "{}"), /manifest\.json is damaged/],
    ["weights are missing", (path) => rmSync(join(path, "model.safetensors")), /model\.safetensors is missing/],
    ["weights are cut", (path) => writeFileSync(join(path, "model.safetensors"), "new"), /has 3 bytes, not the 480 it/],
    [
      "weights are of another run",
      (path) => writeFileSync(join(path, "model.safetensors"), filesOf("old", 4).get("model.safetensors")!),
      /model\.safetensors is not what was saved/,
    ],
  ];
  test.each(damage)("%s is left out, and why is said", async (_what, spoil, reason) => {
    const run = new RunFolder(folder);
    for (const step of [2, 4]) await run.write(`checkpoint-${step}`, filesOf("new", step));
    spoil(join(folder, "checkpoint-4"));
    const left: string[] = [];
    const { value } = await wholeCheckpoints(run, (name, fault) => left.push(`${name}: ${fault}`)).next();
    expect(value).toBe("checkpoint-2");
    expect(left).toHaveLength(1);
    expect(left[0]).toMatch(/^checkpoint-4: /);
    expect(left[0]).toMatch(reason);
  });
});

test("checkpoints of later steps than the run's are neither counted nor removed", async () => {
  const run = new RunFolder(folder);
  for (const step of [1, 2, 3, 50]) await run.write(`checkpoint-${step}`, filesOf("new", step));
  await rotateCheckpoints(run, 2, 3);
  expect(await listCheckpoints(run)).toEqual(["checkpoint-2", "checkpoint-3", "checkpoint-50"]);
});

describe("a run's folder", () => {
  const named = (name: string) => RunFolder.choose(join(folder, name), false);

  it("has one owner, also where two ask at once", async () => {
    const asked = await Promise.allSettled([named("a"), named("a"), named("a")]);
    expect(asked.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const one of asked) {
      if (one.status === "fulfilled") continue;
      expect(one.reason).toBeInstanceOf(UserError);
      expect((one.reason as Error).message).toMatch(/a is in use by another run \(process \d+\); wait for its end/);
    }
    for (const one of asked) if (one.status === "fulfilled") one.value.release();
    (await named("a")).release();
    expect(existsSync(join(folder, "a"))).toBe(false); // nothing was written
  });

  it("is another for each that names none", async () => {
    const here = process.cwd();
    process.chdir(folder);
    try {
      const runs = await Promise.all(Array.from({ length: 4 }, () => RunFolder.choose(undefined, false)));
      expect(runs.map(({ path }) => path).sort()).toEqual([1, 2, 3, 4].map((n) => join("output", `run-${n}`)));
      for (const run of runs) run.release();
    } finally {
      process.chdir(here);
    }
  });

  const me = async (): Promise<Record<string, unknown>> => {
    const lock = await FolderLock.take(folder, folder);
    const text = readFileSync(join(folder, ".run.1.lock"), "utf8");
    lock.release();
    return JSON.parse(text) as Record<string, unknown>;
  };
  const DEAD: [string, (holder: Record<string, unknown>) => string, number][] = [
    ["a process that has ended", (holder) => `${JSON.stringify({ ...holder, pid: 2 ** 22 + 1 })}\n`, 0],
    ["another process of the same number", (holder) => `${JSON.stringify({ ...holder, started: "1" })}\n`, 0],
    ["a machine that has not been heard of", (holder) => `${JSON.stringify({ ...holder, place: "x" })}\n`, 300],
    ["nobody", () => "{}\n", 0],
    ["a process that died while it wrote it", () => "", 0],
  ];
  it.each(DEAD)("is free when its lock is that of %s", async (_who, text, age) => {
    const holder = await me();
    const file = join(folder, ".run.7.lock");
    writeFileSync(file, text(holder));
    const then = Date.now() / 1000 - age;
    utimesSync(file, then, then);
    const lock = await FolderLock.take(folder, folder);
    expect(readdirSync(folder)).toEqual([".run.8.lock"]);
    expect(lock.holds()).toBe(true);
    lock.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("is taken while a process on another machine touches its lock", async () => {
    const holder = await me();
    writeFileSync(join(folder, ".run.1.lock"), `${JSON.stringify({ ...holder, place: "x", host: "far\u001b" })}\n`);
    await expect(FolderLock.take(folder, "out")).rejects.toThrow(
      /^out is in use .* on far\\u001b\); .*remove \.run\.1/,
    );
  });

  it("that cannot be written to is refused at once, in a sentence that names it", async () => {
    writeFileSync(join(folder, "file"), "");
    await expect(named("file/run")).rejects.toThrow(/^Cannot use .*file\/run as the output folder: part of the path/);
    await expect(named("file")).rejects.toThrow(/^Cannot use .*file as the output folder: there is a file/);
  });

  it("is not looked for where the working folder was removed", async () => {
    const { cwd } = process;
    process.cwd = () => {
      throw Object.assign(new Error("ENOENT: no such file or directory, uv_cwd"), { code: "ENOENT" }); // as Node does
    };
    try {
      for (const wanted of [undefined, "out"])
        await expect(RunFolder.choose(wanted, false)).rejects.toThrow(/^The working folder was removed; change to one/);
    } finally {
      process.cwd = cwd;
    }
  });

  it("that is removed in mid-run is made again, and the run is told to end", async () => {
    const run = await named("a");
    await run.write("checkpoint-1", filesOf("new", 1));
    rmSync(join(folder, "a"), { recursive: true });
    await expect(run.write("checkpoint-2", filesOf("new", 2))).rejects.toThrow(StoreLostError);
    expect(await run.fault("checkpoint-2")).toBeUndefined();
    run.release();
  });

  it("that another run has taken meanwhile is not written to", async () => {
    const run = await named("a");
    rmSync(join(folder, "a"), { recursive: true });
    const other = await named("a");
    await expect(run.write("checkpoint-2", filesOf("new", 2))).rejects.toThrow(/in use by another run/);
    expect(await listCheckpoints(other)).toEqual([]);
    other.release();
    run.release();
  });
});
