// What page.ts answers: apart from it, since it stands in a page and is compiled with a page's types alone.
import type { EngineResult } from "./portable-engine.ts";

export interface StorageResult {
  /** Of a file written, changed, listed and removed. */
  readonly opfs: string;
  /** Bytes that came when a model's files were read for the first time, and for the second. */
  readonly came: readonly [number, number];
}

export interface WorkerResult extends EngineResult {
  /** Longest time between two frames of the page: while it did nothing, and while the worker worked. */
  readonly idleGapMs: number;
  readonly busyGapMs: number;
}

export interface FailureResult {
  /** Of a file whose every answer is cut after a while. */
  readonly cut: string;
  /** Of a load that is stopped, and of the one after it. */
  readonly stopped: string;
  readonly withoutWebGpu: string;
}
