// Writes of one record, each replacing the one before: as soon as one is done, the newest is written, and those between
// are left out. So every edit is on its way to the disk at once, and a fast typist never waits.

export class LatestWriter<T> {
  private readonly write: (value: T) => Promise<void>;
  private readonly onFailure: (error: Error) => void;
  private next: { readonly value: T } | undefined;
  private working: Promise<void> | undefined;

  constructor(write: (value: T) => Promise<void>, onFailure: (error: Error) => void) {
    this.write = write;
    this.onFailure = onFailure;
  }

  /** A newer one waits for the write under way. */
  get isQueued(): boolean {
    return this.next !== undefined;
  }

  /** Something is not on the disk yet. */
  get isBusy(): boolean {
    return this.working !== undefined;
  }

  put(value: T): void {
    this.next = { value };
    this.working ??= this.run();
  }

  /** Resolves when all that was put is written, or has failed. */
  async done(): Promise<void> {
    await this.working;
  }

  private async run(): Promise<void> {
    while (this.next) {
      const { value } = this.next;
      this.next = undefined;
      try {
        await this.write(value);
      } catch (error) {
        this.onFailure(error as Error);
      }
    }
    this.working = undefined;
  }
}
