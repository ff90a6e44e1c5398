// Text that grows on the screen. A terminal shows all of it at once and is corrected in place when a word moves to the
// next line or an unfinished sentence is taken back; a file or a pipe gets only what will stay.
import stringWidth from "string-width";
import { lastSentenceEnd } from "../../infill/sentences.ts";
import type { Paint } from "../shared/style.ts";

export interface LiveTextOptions {
  readonly stream: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  /**
   * From the plain text to what stands on the screen: wrapped, with margins. A longer text must not change what is laid
   * out but at its end.
   */
  readonly layout: (text: string) => string;
  readonly paint: Paint;
}

export class LiveText {
  private readonly options: LiveTextOptions;
  private shown = "";

  constructor(options: LiveTextOptions) {
    this.options = options;
  }

  /** The text so far; its first `settled` characters, which end with a word, will not be taken back. */
  show(text: string, settled: number): void {
    const { stream } = this.options;
    this.write(this.options.layout(stream.isTTY ? text : text.slice(0, settled)));
  }

  /** The whole text, and the line break after it. */
  finish(text: string): void {
    this.write(this.options.layout(text));
    this.options.stream.write("\n");
  }

  private write(next: string): void {
    const change = rewrite(this.shown, next, this.options.stream.columns ?? 80);
    this.shown = next;
    if (change !== "") this.options.stream.write(this.options.paint(change));
  }
}

/**
 * What turns `shown`, with the cursor at its end, into `next`: the rest of it, or the way up to the first line that
 * differs.
 */
export function rewrite(shown: string, next: string, columns: number): string {
  if (next.startsWith(shown)) return next.slice(shown.length);
  const before = shown.split("\n"),
    after = next.split("\n");
  let same = 0;
  while (same < Math.min(before.length, after.length) - 1 && before[same] === after[same]) same++;
  // A word longer than the line takes several rows of the screen.
  const rows = before.slice(same).reduce((sum, line) => sum + Math.max(1, Math.ceil(stringWidth(line) / columns)), 0);
  return `\r${rows > 1 ? `\x1b[${rows - 1}A` : ""}\x1b[J${after.slice(same).join("\n")}`;
}

/** How much of a growing text will stay: whole sentences where the rest may be cut off, else whole words. */
export function settledLength(text: string, trim: boolean): number {
  return Math.max(0, trim ? lastSentenceEnd(text, { growing: true }) : text.search(/\s+\S*$/u));
}
