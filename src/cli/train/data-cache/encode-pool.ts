// Pieces of a file, encoded by worker threads, with the results in the order of the pieces. Where threads cannot be had
// (a runtime without them, sources that nothing compiles there) the work is done in this one, with the same results.
import { createRequire } from "node:module";
import { setImmediate as nextTurn } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { UserError } from "../../../errors.ts";
import { pieceEncoder } from "./encoder.ts";
import type { EncoderSetup, PieceEncoder } from "./encoder.ts";
import type { WorkerAnswer } from "./encode-worker.ts";
import type { EncodedPiece, Piece } from "./piece.ts";

interface Task {
  readonly piece: Piece;
  readonly resolve: (result: EncodedPiece) => void;
  readonly reject: (error: Error) => void;
}

/** Of each thread: one in work and one waiting, so that none is idle while an answer travels. */
const TASKS_A_THREAD = 2;

export class EncodePool {
  private readonly setup: EncoderSetup;
  private readonly threads: EncodeThread[];
  private own: PieceEncoder | undefined;

  /** `threads`: 0 for this one alone. The caller closes it. */
  constructor(setup: EncoderSetup, threads: number, start: (setup: EncoderSetup) => Worker = startWorker) {
    this.setup = setup;
    this.threads = Array.from({ length: threads }, () => new EncodeThread(() => start(setup), this.encodeHere));
  }

  /** Pieces a caller does well to have in work at once. */
  get capacity(): number {
    return Math.max(1, TASKS_A_THREAD * this.threads.length);
  }

  /** Threads that have loaded what they run. */
  get threadsHeard(): number {
    return this.threads.filter((thread) => thread.isReady).length;
  }

  /** Throws UserError as encode() does. */
  encode(piece: Piece): Promise<EncodedPiece> {
    const [least] = this.threads.filter((thread) => thread.works).sort((a, b) => a.waiting - b.waiting);
    return least ? least.encode(piece) : this.encodeHere(piece);
  }

  async close(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.close()));
  }

  private readonly encodeHere = async (piece: Piece): Promise<EncodedPiece> => {
    await nextTurn(); // signals are heard between pieces
    return (this.own ??= pieceEncoder(this.setup))(piece);
  };
}

/** What the pool makes of each piece, in their order; no more pieces are asked for than it has in work. */
export async function* encodeInOrder<P extends Piece>(
  pool: EncodePool,
  pieces: AsyncIterable<P>,
): AsyncGenerator<{ readonly piece: P; readonly encoded: EncodedPiece }> {
  const inWork: { readonly piece: P; readonly encoded: Promise<EncodedPiece> }[] = [];
  const first = async (): Promise<{ piece: P; encoded: EncodedPiece }> => {
    const { piece, encoded } = inWork.shift()!;
    return { piece, encoded: await encoded };
  };
  for await (const piece of pieces) {
    const encoded = pool.encode(piece);
    encoded.catch(() => {}); // whoever awaits it hears of it
    inWork.push({ piece, encoded });
    if (inWork.length >= pool.capacity) yield first();
  }
  while (inWork.length > 0) yield first();
}

/** One worker and what it was given; until it answers for the first time, all that can be given to another. */
class EncodeThread {
  private readonly tasks: Task[] = [];
  private readonly instead: (piece: Piece) => Promise<EncodedPiece>;
  private worker: Worker | undefined;
  isReady = false;

  constructor(start: () => Worker, instead: (piece: Piece) => Promise<EncodedPiece>) {
    this.instead = instead;
    try {
      this.worker = start();
    } catch {
      return; // a runtime that has no worker threads
    }
    this.worker.on("message", (answer: WorkerAnswer) => this.take(answer));
    this.worker.on("error", (error: Error) => this.fail(error));
    this.worker.on("exit", (code) => this.fail(new Error(`A tokenising thread ended with code ${code}.`)));
    this.worker.unref();
  }

  get works(): boolean {
    return this.worker !== undefined;
  }

  get waiting(): number {
    return this.tasks.length;
  }

  encode(piece: Piece): Promise<EncodedPiece> {
    this.worker!.ref(); // while it has something to do, the process waits for it
    return new Promise((resolve, reject) => {
      this.tasks.push({ piece, resolve, reject });
      this.worker!.postMessage(piece, []);
    });
  }

  async close(): Promise<void> {
    const { worker } = this;
    this.worker = undefined;
    await worker?.terminate();
  }

  private take(answer: WorkerAnswer): void {
    if ("ready" in answer) {
      this.isReady = true;
      return;
    }
    const task = this.tasks.shift()!;
    if (this.tasks.length === 0) this.worker?.unref();
    if ("result" in answer) task.resolve(answer.result);
    else task.reject(answer.isUserError ? new UserError(answer.message) : new Error(answer.message));
  }

  private fail(reason: Error): void {
    this.worker = undefined;
    for (const { piece, resolve, reject } of this.tasks.splice(0)) {
      if (this.isReady) reject(reason);
      else this.instead(piece).then(resolve, reject);
    }
  }
}

/** What encoding leaves behind is short-lived: a small young generation is 30 MB a thread less, and no slower. */
const LIMITS = { maxYoungGenerationSizeMb: 8 };

/** Of the file beside this one, which in the built package is JavaScript. */
function startWorker(workerData: EncoderSetup): Worker {
  const isSource = import.meta.url.endsWith(".ts");
  const url = new URL(`./encode-worker.${isSource ? "ts" : "js"}`, import.meta.url);
  if (!isSource || runsTypeScript()) return new Worker(url, { workerData, resourceLimits: LIMITS });
  // Node 20 hands tsx's hooks to no worker, so this one registers them itself.
  const tsx = createRequire(import.meta.url)
    .resolve("tsx/esm/api")
    .replace(/\.cjs$/, ".mjs");
  const code = `import(${JSON.stringify(pathToFileURL(tsx).href)}).then((tsx) => {
    tsx.register();
    return import(${JSON.stringify(url.href)});
  });`;
  return new Worker(code, { eval: true, execArgv: [], workerData, resourceLimits: LIMITS });
}

/** Node from 22.18 on, Deno and Bun; tsx, where it is loaded, does not reach workers. */
function runsTypeScript(): boolean {
  const { typescript } = process.features as { readonly typescript?: string | false };
  return Boolean(typescript) || process.versions.bun !== undefined || process.versions.deno !== undefined;
}
