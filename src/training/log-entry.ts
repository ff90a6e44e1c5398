// What a run logs, at every few updates: losses with the gradient norm and the learning rate, and evaluations.

/** One line of the log, as in Hugging Face's log_history. */
export type LogEntry = Readonly<Record<string, number>> & { readonly step: number; readonly epoch: number };
