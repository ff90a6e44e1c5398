// A system's side of the protocol: says hello, then does what it is told, line by line, until it is told to end. What
// a library prints between is its own matter.
import { createInterface } from "node:readline";
import { readLine, writeLine } from "./protocol.ts";
import type { Hello, Reply, Request, Result } from "./protocol.ts";
import type { Task } from "./work.ts";

export interface System {
  readonly hello: Hello;
  /** Loads the model and runs the task for the first time. Throws Unable where the system has not what it takes. */
  prepare(task: Task): Promise<Prepared>;
}
export interface Prepared {
  readonly result: Result;
  /** Does it once more; milliseconds (decode: a token). */
  run(): Promise<number>;
}

/** The system cannot do a task, for the reason in the message. */
export class Unable extends Error {}

/** Milliseconds of `work`, waited for. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Serves until stdin ends or says so, then ends the process. */
export async function serve(open: () => Promise<System>): Promise<never> {
  let prepared: Prepared | undefined;
  const say = (reply: Reply): Promise<void> =>
    new Promise((done) => void process.stdout.write(writeLine(reply), () => done()));
  try {
    const system = await open();
    await say({ hello: system.hello });
    for await (const line of createInterface({ input: process.stdin })) {
      const request = readLine(line) as Request | undefined;
      if (!request) continue;
      if (request.do === "end") break;
      if (request.do === "prepare") {
        prepared = await system.prepare(request.task);
        await say({ prepared: prepared.result });
      } else {
        const ms: number[] = [];
        for (let i = 0; i < request.times; i++) ms.push(await prepared!.run());
        await say({ ms, peakBytes: process.resourceUsage().maxRSS * 1024 });
      }
    }
  } catch (error) {
    const { message } = error as Error;
    await say(error instanceof Unable ? { unable: message } : { failed: String(message ?? error) });
    process.exit(1);
  }
  process.exit(0); // a live device of Dawn's keeps Node alive
}
