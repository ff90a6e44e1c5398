// How a run's checkpoints are called, as Hugging Face's Trainer calls them.

export const checkpointName = (step: number): string => `checkpoint-${step}`;

/** The updates that a checkpoint of this name holds; undefined when it is no checkpoint's name. */
export function stepOf(name: string): number | undefined {
  return /^checkpoint-\d{1,15}$/.test(name) ? Number(name.slice("checkpoint-".length)) : undefined;
}
