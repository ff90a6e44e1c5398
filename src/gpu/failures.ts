// What went wrong on a device, and who is told. Only the loss of the device is final. Any other failure (a shader that
// does not compile, an invalid launch, memory that was not there) fails the calls that were under way when it was seen,
// or else the next one, and is forgotten once it was told: what was not spoilt goes on.

export class Failures {
  private lost: Error | undefined;
  private untold: Error | undefined;
  /** The first of those that were last told of, or are to be: the others follow from it. */
  private latest: Error | undefined;
  private count = 0;
  private readonly awaited = new Set<Promise<unknown>>();

  /** How many there were so far: for throwSince(). */
  get mark(): number {
    return this.count;
  }

  /** The device is gone: from now on every call fails with this, the first reason. */
  lose(reason: Error): void {
    this.lost ??= reason;
  }

  get isLost(): boolean {
    return this.lost !== undefined;
  }

  throwIfLost(): void {
    if (this.lost) throw this.lost;
  }

  fail(error: Error): void {
    this.count++;
    if (!this.untold) this.untold = this.latest = error;
  }

  /** The device will yet tell whether something went well; `telling` calls fail() if not, and does not reject. */
  expect(telling: Promise<unknown>): void {
    this.awaited.add(telling);
    void telling.then(() => this.awaited.delete(telling));
  }

  /** Resolves when all that was to be told so far has been: at once, unless buffers were just made in a browser. */
  async told(): Promise<void> {
    if (this.awaited.size > 0) await Promise.all(this.awaited);
  }

  /** Throws a failure that nobody was told of, or why the device was lost. */
  throwIfAny(): void {
    this.throwIfLost();
    const error = this.untold;
    this.untold = undefined;
    if (error) throw error;
  }

  /** Throws if anything failed since `mark` was taken, whoever was told of it: a result asked for then may be wrong. */
  throwSince(mark: number): void {
    this.throwIfLost();
    if (this.count === mark) return;
    this.untold = undefined;
    throw this.latest;
  }
}
