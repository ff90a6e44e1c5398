// What nobody caught: the page says it in a sentence, whatever screen is shown, besides the browser's console.
import { signal } from "@preact/signals";

export const failure = signal<string | undefined>(undefined);

/** What was stopped on purpose is no failure. */
function tell(reason: unknown): void {
  const { name, message } = reason instanceof Error ? reason : { name: "", message: String(reason) };
  if (name !== "AbortError") failure.value = message;
}

export function watchFailures(): void {
  addEventListener("unhandledrejection", ({ reason }) => tell(reason));
  addEventListener("error", ({ error }) => error && tell(error)); // without one: a notice of the browser's, no failure
}
