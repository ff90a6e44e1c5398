// The log of a training run: lines in the order in which they were added, however fast they come.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { RunFolder } from "../src/cli/train/run-folder.ts";

it("metrics.jsonl keeps the order of steps, and is whole when the curve is drawn", async () => {
  const folder = mkdtempSync(join(tmpdir(), "run-folder-"));
  const run = new RunFolder(folder);
  const entries = Array.from({ length: 200 }, (_, i) => ({
    step: i + 1,
    epoch: i / 10,
    loss: 1 / (i + 1),
    learning_rate: 1e-4,
  }));
  for (const entry of entries) void run.log(entry as never);
  await run.drawLoss(entries as never);
  const lines = readFileSync(join(folder, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  expect(lines.map((line) => (JSON.parse(line) as { step: number }).step)).toEqual(entries.map(({ step }) => step));
  rmSync(folder, { recursive: true });
});
