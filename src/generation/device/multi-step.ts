// How many steps to send to a device at once. Sending and reading back cost the same for one step as for several, which
// is much where a step takes less than a millisecond; but tokens that come together are seen late, and steps that were
// sent are wasted when the text ends before them.

/** Tokens are held back for about this long at most, in milliseconds. */
const HELD_BACK = 8;
const MOST = 8;
/** Of the steps so far: a short text wastes few. */
const SHARE = 1 / 8;

export class MultiStepSchedule {
  private last = performance.now();
  /** Milliseconds a step took lately, with what the caller did with its tokens. */
  private each = Infinity;

  /** So many steps' tokens were dealt with since the last call. */
  record(steps: number): void {
    if (steps === 0) return;
    const now = performance.now();
    this.each = (now - this.last) / steps;
    this.last = now;
  }

  /** How many steps to send after `step` of them. */
  steps(step: number): number {
    return Math.max(1, Math.min(MOST, Math.floor(step * SHARE), Math.floor(HELD_BACK / this.each)));
  }
}
