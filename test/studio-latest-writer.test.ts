// The studio's autosave: the newest is always written, and what came while a write was under way is written once.
import { describe, expect, it } from "vitest";
import { LatestWriter } from "../studio/src/store/latest.ts";

/** A disk whose writes end when they are told to. */
function slowDisk() {
  const written: string[] = [];
  const waiting: { end: () => void; fail: (error: Error) => void }[] = [];
  const failures: string[] = [];
  const writer = new LatestWriter<string>(
    (value) =>
      new Promise((end, fail) => {
        waiting.push({ end: () => (written.push(value), end()), fail });
      }),
    (error) => void failures.push(error.message),
  );
  const tick = (): Promise<void> => new Promise((done) => setTimeout(done));
  return { written, waiting, failures, writer, tick };
}

describe("LatestWriter", () => {
  it("writes at once, then the newest of what came meanwhile", async () => {
    const { writer, waiting, written, tick } = slowDisk();
    writer.put("a");
    writer.put("b");
    writer.put("c");
    expect(waiting).toHaveLength(1);
    expect(writer.isBusy).toBe(true);
    waiting[0].end();
    await tick();
    expect(written).toEqual(["a"]);
    waiting[1].end();
    await writer.done();
    expect(written).toEqual(["a", "c"]);
    expect(writer.isBusy).toBe(false);
  });

  it("goes on after a failure, which it tells", async () => {
    const { writer, waiting, written, failures, tick } = slowDisk();
    writer.put("a");
    writer.put("b");
    waiting[0].fail(new Error("full"));
    await tick();
    expect(failures).toEqual(["full"]);
    waiting[1].end();
    await writer.done();
    writer.put("c");
    waiting[2].end();
    await writer.done();
    expect(written).toEqual(["b", "c"]);
  });
});
