// Lines that someone types or pipes in, one at a time. Lines that arrive before they are asked for wait: a paste or a
// pipe brings many at once.
import { createInterface } from "node:readline";
import type { Interface } from "node:readline";
import { joinLines } from "../../text/lines.ts";

export class LineReader {
  private readonly reader: Interface;
  private readonly waiting: string[] = [];
  private asking: ((line: string | undefined) => void) | undefined;
  private ended = false;

  /** `onInterrupt`: Ctrl-C on a terminal, which line editing takes away from the process. */
  constructor(input: NodeJS.ReadStream, output: NodeJS.WriteStream, onInterrupt: () => void) {
    this.reader = createInterface({ input, output, terminal: input.isTTY === true && output.isTTY === true });
    this.reader.on("line", (line) => {
      if (this.asking) this.answer(line);
      else this.waiting.push(line);
    });
    this.reader.on("close", () => {
      this.ended = true;
      this.answer(undefined);
    });
    this.reader.on("SIGINT", onInterrupt);
  }

  /** The next line; undefined once there is none, or after close(). */
  async ask(prompt: string): Promise<string | undefined> {
    const line = this.waiting.shift();
    if (line !== undefined || this.ended) return line;
    this.reader.setPrompt(prompt);
    this.reader.prompt();
    return new Promise((resolve) => {
      this.asking = resolve;
    });
  }

  /**
   * Lines up to an empty one, joined: a paragraph, however it was wrapped. undefined when the input ended before it.
   */
  async paragraph(): Promise<string | undefined> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.ask("> ");
      if (line === undefined && lines.length === 0) return undefined;
      if (line === undefined || line.trim() === "") return joinLines(lines);
      lines.push(line.trim());
    }
  }

  close(): void {
    this.reader.close();
  }

  private answer(line: string | undefined): void {
    const { asking } = this;
    this.asking = undefined;
    asking?.(line);
  }
}
