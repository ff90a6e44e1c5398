// How a program that runs below another process of ours hears what that one is sent: over the channel that Node keeps
// between the two, since a signal sent on could not be told from one that the terminal sends to both.
import type { ChildProcess } from "node:child_process";

export const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
/** Those that ask a program to stop. */
export type SignalName = keyof typeof SIGNALS;

/** What goes over the channel. `at`: when it was heard, in milliseconds of a clock that only the sender has. */
type Message = { readonly forwardsSignals: true } | { readonly forwardedSignal: SignalName; readonly at: number };

/** Tells `child`, which was started with a channel ("ipc"), of every signal to this process, which ignores them. */
export function forwardSignals(child: ChildProcess): void {
  const tell = (message: Message): void => {
    if (child.connected) child.send(message, () => {}); // the child may be about to end
  };
  tell({ forwardsSignals: true });
  for (const name of Object.keys(SIGNALS) as SignalName[])
    process.on(name, () => tell({ forwardedSignal: name, at: performance.now() }));
}

/**
 * Calls `heard` for each signal that forwardSignals() tells of, and `alone` when the process that did has ended.
 * Returns whether there is one: others may start a program with a channel, too.
 */
export function onForwardedSignal(heard: (name: SignalName, at: number) => void, alone: () => void): () => boolean {
  let above = false;
  if (!process.send) return () => above;
  process.on("message", (message: Message | null) => {
    if (typeof message !== "object" || message === null) return;
    if ("forwardsSignals" in message) above = true;
    else if (message.forwardedSignal in SIGNALS) heard(message.forwardedSignal, message.at);
  });
  process.on("disconnect", () => {
    if (above) alone();
    above = false;
  });
  return () => above;
}
