// An engine in a worker of its own. Whoever wants one makes the worker, with the script's address and options in plain
// sight, as bundlers want them; here it is started when it is first needed, and ended.
import { connectEngine } from "../../../src/entries/worker.ts";
import type { Engine } from "../../../src/entries/worker.ts";

export class EngineHost {
  private readonly make: () => Worker;
  private running: { readonly worker: Worker; readonly engine: Engine } | undefined;

  constructor(make: () => Worker) {
    this.make = make;
  }

  /** The engine that runs, if one does. */
  get current(): Engine | undefined {
    return this.running?.engine;
  }

  start(): Engine {
    if (!this.running) {
      const worker = this.make();
      this.running = { worker, engine: connectEngine(worker) };
    }
    return this.running.engine;
  }

  /** The memory is given back; what was asked of it rejects. */
  stop(): void {
    this.running?.worker.terminate();
    this.running = undefined;
  }
}

/** `act` with an engine that ends with it. */
export async function withEngine<R>(worker: Worker, act: (engine: Engine) => Promise<R>): Promise<R> {
  const host = new EngineHost(() => worker);
  try {
    return await act(host.start());
  } finally {
    host.stop();
  }
}
