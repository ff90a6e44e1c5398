// How a program that runs below another process of ours hears what that one is sent: over the channel that Node keeps
// between the two, since a signal sent on could not be told from one that the terminal sends to both.
import type { ChildProcess } from "node:child_process";

export const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
/** Those that ask a program to stop. */
export type SignalName = keyof typeof SIGNALS;

/** Tells `child`, which was started with a channel ("ipc"), of every signal to this process, which ignores them. */
export function forwardSignals(child: ChildProcess): void {
  for (const name of Object.keys(SIGNALS) as SignalName[])
    process.on(name, () => {
      if (child.connected) child.send({ forwardedSignal: name }, () => {}); // the child may be about to end
    });
}

/** Calls `heard` for each signal that forwardSignals() tells of, and `alone` when the process that did has ended. */
export function onForwardedSignal(heard: (name: SignalName) => void, alone: () => void): void {
  if (!process.send) return;
  process.on("message", (message: { readonly forwardedSignal?: string } | null) => {
    const name = message?.forwardedSignal;
    if (name !== undefined && name in SIGNALS) heard(name as SignalName);
  });
  process.on("disconnect", alone);
}
