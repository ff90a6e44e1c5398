// How a page learns that its engine's worker is gone. A worker that is terminated says nothing: its messages stop, and
// whoever waits for one would wait for ever. So the worker holds a lock of the page's origin (Web Locks) for as long as
// it lives, which the browser gives to whoever waits for it when the worker is no more, whatever ended it.

interface Locks {
  request(name: string, held: () => unknown): Promise<unknown>;
}
/** All browsers that have WebGPU have them; undefined in Node before 24. */
const locks = (): Locks | undefined => (globalThis as { navigator?: { locks?: Locks } }).navigator?.locks;

/** In the worker: resolves as soon as it is held; what it returns gives the lock back. */
export function holdLife(name: string): Promise<() => void> {
  return new Promise((held) => {
    const letGo = (): Promise<void> => new Promise((release) => held(release));
    if (locks()) void locks()!.request(name, letGo);
    else held(() => {});
  });
}

/** In the page, once the worker holds it: `ended` is called when it does no more. */
export function watchLife(name: string, ended: () => void): void {
  void locks()?.request(name, ended);
}

/**
 * `ended` is called when the page ends this worker by its terminate(): at once, and also before the worker has run a
 * line of its script.
 */
export function watchTerminate(worker: object, ended: () => void): void {
  const { terminate } = worker as { terminate?: (...args: unknown[]) => unknown };
  if (typeof terminate !== "function") return; // a port
  Object.assign(worker, {
    terminate(...args: unknown[]) {
      ended();
      return terminate.apply(worker, args);
    },
  });
}
