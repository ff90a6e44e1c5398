// What nobody caught: the page says it in a sentence, whatever screen is shown, besides the browser's console.
import { signal } from "@preact/signals";
import { reasonOf } from "../i18n/index.ts";

export const failure = signal<string | undefined>(undefined);

/** What was stopped on purpose is no failure. */
function tell(reason: unknown): void {
  const error = reason instanceof Error ? reason : new Error(String(reason));
  if (error.name !== "AbortError") failure.value = reasonOf(error);
}

export function watchFailures(): void {
  addEventListener("unhandledrejection", ({ reason }) => tell(reason));
  addEventListener("error", ({ error }) => error && tell(error)); // without one: a notice of the browser's, no failure
}
