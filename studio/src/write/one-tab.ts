// One tab at a time writes a document: it holds the browser's lock of that name. Another tab shows the document as it
// is on the disk, and can take the writing over: the tab that has it writes what it has and answers, and only then the
// lock is taken from it. Where the tab with the lock is closed, the one that waits goes on by itself.
const lockOf = (id: string): string => `studio-document-${id}`;
/** A page that is reloaded gives its lock back a moment after the new one asks. */
const MOMENT_MS = 300;
/** A tab that the browser has frozen does not answer; what it had is on the disk. */
const ANSWER_MS = 3000;

type Word = { readonly asks: string } | { readonly gives: string };

/** Some tab writes it; this one is a tab, too. */
export async function isBeingWritten(id: string): Promise<boolean> {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  return held.some(({ name }) => name === lockOf(id));
}

export interface OneTabHooks {
  /** The right to write has come, or has gone. */
  readonly onChange: (mine: boolean) => void;
  /** Another tab asks for the writing: no edit from now on; resolves when all is on the disk. */
  readonly handOver: () => Promise<void>;
}

export class OneTab {
  private readonly hooks: OneTabHooks;
  private readonly channel = new BroadcastChannel("studio-documents");
  private id: string | undefined;
  private release: (() => void) | undefined;
  private waiting: AbortController | undefined;

  constructor(hooks: OneTabHooks) {
    this.hooks = hooks;
    this.channel.addEventListener("message", ({ data }: MessageEvent<Word>) => {
      if ("asks" in data && data.asks === this.id && this.release) void this.answer(data.asks);
    });
  }

  /** Lets go of the document before, and asks for this one; false where another tab has it, whose end is waited for. */
  async open(id: string): Promise<boolean> {
    this.close();
    this.id = id;
    const atOnce = await this.hold(id, { signal: AbortSignal.timeout(MOMENT_MS) });
    if (!atOnce && this.id === id) this.wait(id);
    return atOnce;
  }

  /** It is the last that was opened here. */
  has(id: string): boolean {
    return this.id === id;
  }

  close(): void {
    this.waiting?.abort();
    this.release?.();
    this.release = this.waiting = this.id = undefined;
  }

  /** The right to write, from whichever tab has it. */
  async take(): Promise<void> {
    const { id } = this;
    if (id === undefined) return;
    await this.ask(id);
    if (this.id !== id) return;
    this.waiting?.abort();
    if (await this.hold(id, { steal: true })) this.hooks.onChange(true);
  }

  private wait(id: string): void {
    this.waiting = new AbortController();
    void this.hold(id, { signal: this.waiting.signal }).then((mine) => {
      if (mine && this.id === id) this.hooks.onChange(true);
    });
  }

  /** Resolves when the lock is held, with false when it will not be. */
  private hold(id: string, options: LockOptions): Promise<boolean> {
    if (!navigator.locks) return Promise.resolve(true); // a page that is not served safely has none
    return new Promise((resolve) => {
      let release: (() => void) | undefined;
      const held = (): Promise<void> | undefined => {
        if (this.id !== id) return void resolve(false);
        return new Promise((done) => {
          this.release = release = done;
          resolve(true);
        });
      };
      navigator.locks.request(lockOf(id), options, held).catch(() => {
        resolve(false);
        // Not asked for any more; or another tab has taken it.
        if (release === undefined || this.release !== release) return;
        this.release = undefined;
        this.hooks.onChange(false);
        this.wait(id);
      });
    });
  }

  private async answer(id: string): Promise<void> {
    await this.hooks.handOver();
    this.say({ gives: id });
  }

  private say(word: Word): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has one origin
    this.channel.postMessage(word);
  }

  private ask(id: string): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(patience);
        this.channel.removeEventListener("message", hear);
        resolve();
      };
      const hear = ({ data }: MessageEvent<Word>): void => {
        if ("gives" in data && data.gives === id) done();
      };
      const patience = setTimeout(done, ANSWER_MS);
      this.channel.addEventListener("message", hear);
      this.say({ asks: id });
    });
  }
}
