// The bench's side of the protocol: a system as a process that is asked, one line at a time. What it prints besides is
// kept for the message of its failure.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { printable } from "../../src/files/quote.ts";
import { readLine, writeLine } from "./protocol.ts";
import type { Hello, Reply, Request, Result } from "./protocol.ts";
import type { Task } from "./work.ts";

/** How a system's process is started. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
}

/** It cannot do what was asked ("unable"), gave up, was silent for too long, or ended ("failed"). */
export class PeerError extends Error {
  readonly unable: boolean;

  constructor(message: string, unable = false) {
    super(message);
    this.unable = unable;
  }
}

const LAST_LINES = 5;

export class Peer {
  private readonly child: ChildProcess;
  private readonly seconds: number;
  private readonly said: string[] = [];
  private readonly replies: Reply[] = [];
  private wake = (): void => {};
  private ended: string | undefined;

  /** `seconds`: the longest that one answer may take. The caller ends it. */
  constructor({ program, args }: Command, env: NodeJS.ProcessEnv, seconds: number) {
    this.seconds = seconds;
    this.child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], env });
    this.child.stdin!.on("error", () => {}); // it has ended: told below
    createInterface({ input: this.child.stdout! }).on("line", (line) => this.hear(line));
    createInterface({ input: this.child.stderr! }).on("line", (line) => this.keep(line));
    this.child.on("error", ({ message }) => this.end(message));
    this.child.on("close", (code, signal) => this.end(`it ended with ${signal ?? code}`));
  }

  async hello(): Promise<Hello> {
    return this.reply("hello");
  }

  async prepare(task: Task): Promise<Result> {
    this.send({ do: "prepare", task });
    return this.reply("prepared");
  }

  async run(times: number): Promise<{ readonly ms: readonly number[]; readonly peakBytes: number }> {
    this.send({ do: "run", times });
    const reply = await this.next();
    if (!("ms" in reply)) throw this.unexpected(reply, "ms");
    return reply;
  }

  /** Asks it to end, and ends it where it does not. */
  async stop(): Promise<void> {
    if (this.ended !== undefined) return;
    const closed = new Promise((done) => this.child.once("close", done));
    this.send({ do: "end" });
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 5000);
    await closed;
    clearTimeout(timer);
  }

  kill(): void {
    this.child.kill("SIGKILL");
  }

  private send(request: Request): void {
    this.child.stdin!.write(writeLine(request));
  }

  private async reply<K extends "hello" | "prepared">(key: K): Promise<Extract<Reply, Record<K, unknown>>[K]> {
    const reply = await this.next();
    if (!(key in reply)) throw this.unexpected(reply, key);
    return (reply as Extract<Reply, Record<K, unknown>>)[key];
  }

  private unexpected(reply: Reply, wanted: string): PeerError {
    if ("unable" in reply) return new PeerError(reply.unable, true);
    return new PeerError("failed" in reply ? reply.failed : `it answered ${Object.keys(reply)[0]}, not ${wanted}`);
  }

  private async next(): Promise<Reply> {
    const until = performance.now() + this.seconds * 1000;
    while (this.replies.length === 0) {
      if (this.ended !== undefined) throw new PeerError([this.ended, ...this.said].join("; "));
      const left = until - performance.now();
      if (left <= 0) {
        this.kill();
        throw new PeerError(`it did not answer within ${this.seconds} s`);
      }
      await new Promise<void>((done) => {
        const timer = setTimeout(done, left);
        this.wake = () => {
          clearTimeout(timer);
          done();
        };
      });
    }
    return this.replies.shift()!;
  }

  private hear(line: string): void {
    try {
      const message = readLine(line) as Reply | undefined;
      if (message) this.replies.push(message);
      else this.keep(line);
    } catch (error) {
      this.replies.push({ failed: (error as Error).message });
    }
    this.wake();
  }

  private keep(line: string): void {
    if (line.trim() === "") return;
    this.said.push(printable(line, 200));
    if (this.said.length > LAST_LINES) this.said.shift();
  }

  private end(why: string): void {
    this.ended ??= why;
    this.wake();
  }
}
