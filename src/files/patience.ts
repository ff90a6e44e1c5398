// How long a connection may say nothing before it counts as dead.

/** Slower than this, a connection counts as stalled: a modem of 1994 had three times as much. */
const LEAST_BYTES_PER_SECOND = 1000;

/**
 * Fires with the asker's signal, and when `patienceMs` pass in which hardly anything came, as `refresh` tells it. Made
 * by hand: in Node 20.20 an AbortSignal.timeout inside AbortSignal.any never fires once the collector has run.
 */
export class Patience {
  readonly signal: AbortSignal;
  private readonly controller = new AbortController();
  private readonly patienceMs: number;
  private readonly wanted: number;
  private timer: ReturnType<typeof setTimeout>;
  private came = 0;
  readonly stop: () => void;

  constructor(signal: AbortSignal, patienceMs: number) {
    this.signal = this.controller.signal;
    const follow = (): void => this.controller.abort(signal.reason);
    if (signal.aborted) follow();
    signal.addEventListener("abort", follow);
    this.patienceMs = patienceMs;
    this.wanted = (LEAST_BYTES_PER_SECOND * patienceMs) / 1000;
    this.timer = this.start();
    this.stop = () => {
      clearTimeout(this.timer);
      signal.removeEventListener("abort", follow);
    };
  }

  /** That so many bytes came. The time begins anew when they are enough for it. */
  refresh(bytes: number): void {
    this.came += bytes;
    if (this.came < this.wanted) return;
    this.came = 0;
    clearTimeout(this.timer);
    this.timer = this.start();
  }

  private start(): ReturnType<typeof setTimeout> {
    return setTimeout(() => {
      const came = this.came > 0 ? `only ${this.came} bytes` : "nothing";
      this.controller.abort(new DOMException(`${came} came for ${this.patienceMs / 1000} s`, "TimeoutError"));
    }, this.patienceMs);
  }
}
