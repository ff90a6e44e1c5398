// Progress on stderr, so that stdout stays clean: a bar that redraws itself on a terminal, and elsewhere (a log file,
// CI) a plain line now and then.
import cliProgress from "cli-progress";
import type { MultiBar, SingleBar } from "cli-progress";
import stringWidth from "string-width";
import { cutToWidth, formatBytes, formatDuration, formatRate, terminalWidth } from "./format.ts";

export interface ProgressOptions {
  /** What is going on: "train". */
  readonly label: string;
  /** What is counted, in the plural: "steps". */
  readonly unit: string;
  readonly total: number;
  /** Where a resumed run begins. */
  readonly start?: number;
  readonly stream?: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  /** Seconds between lines where the stream is no terminal. */
  readonly lineSeconds?: number;
}

const SEPARATOR = " · ";

/** Updates remembered to tell the speed: recent enough to follow changes, many enough to be calm. */
const WINDOW = 50;

export class ProgressBar {
  private readonly options: Required<ProgressOptions>;
  private readonly bars: MultiBar | undefined;
  private readonly bar: SingleBar | undefined;
  private readonly recent: { done: number; amount: number; seconds: number }[] = [];
  private amount = 0;
  private lastLine = -Infinity;
  private stopped = false;

  constructor(options: ProgressOptions) {
    this.options = { start: 0, stream: process.stderr, lineSeconds: 10, ...options };
    const { stream, total, start } = this.options;
    if (!stream.isTTY) return;
    // Without gracefulExit: it would raise a second Ctrl-C. The cursor and line wrap are left alone, so nothing needs
    // restoring.
    this.bars = new cliProgress.MultiBar({
      stream,
      barsize: terminalWidth(stream) < 100 ? 10 : 20,
      barCompleteChar: "█",
      barIncompleteChar: "░",
      hideCursor: false,
      linewrap: true,
      gracefulExit: false,
      format: (barOptions, params, payload: { text?: string }) => {
        const { label } = this.options;
        const { text = "" } = payload;
        const line = `${label} ${cliProgress.Format.BarFormat(params.progress, barOptions)} ${text}`;
        return fitted([line, `${label} ${text}`], terminalWidth(stream, 160) - 1);
      },
    });
    this.bar = this.bars.create(total, start, { text: "" });
  }

  /**
   * `done` of the total is done; `amount` more of what `rate` counts since the last update. `detail` stands in the
   * middle, `last` at the end, where a narrow terminal cuts first.
   */
  update(done: number, detail = "", rate?: { readonly amount: number; readonly unit: string }, last = ""): void {
    const seconds = performance.now() / 1000;
    this.amount += rate?.amount ?? 0;
    this.recent.push({ done, amount: this.amount, seconds });
    if (this.recent.length > WINDOW) this.recent.shift();
    const [first] = this.recent;
    const { total, label, unit, stream, lineSeconds } = this.options;
    // from update to update: the first step compiles, and says nothing of the rest
    const span = seconds - first.seconds;
    // What matters most comes first: a narrow terminal cuts the end.
    const parts = [`${total > 0 ? Math.floor((100 * done) / total) : 100}%`, `${done}/${total} ${unit}`];
    if (done < total && done > first.done)
      parts.push(`${formatDuration((span * (total - done)) / (done - first.done))} left`);
    parts.push(detail);
    if (rate && span > 0) parts.push(`${formatRate((this.amount - first.amount) / span)} ${rate.unit}/s`);
    parts.push(last);
    const text = parts.filter(Boolean).join(SEPARATOR);
    if (this.bar) {
      this.bar.update(done, { text });
    } else if (seconds - this.lastLine >= lineSeconds || done >= total) {
      this.lastLine = seconds;
      stream.write(`${label} ${text}\n`);
    }
  }

  /** Writes a line above the bar. */
  log(line: string): void {
    if (this.bars && !this.stopped) this.bars.log(`${line}\n`);
    else this.options.stream.write(`${line}\n`);
  }

  /** Leaves the bar as it stands. Call it also on errors, or the bar keeps redrawing. */
  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.bars?.update(); // stop() alone loses the lines logged since the last redraw
    this.bars?.stop();
  }
}

/** The first of these lines that fits, else the last without the parts at its end for which there is no room. */
function fitted(lines: readonly string[], width: number): string {
  const whole = lines.find((line) => stringWidth(line) <= width);
  if (whole !== undefined) return whole;
  const parts = lines[lines.length - 1].split(SEPARATOR);
  while (parts.length > 1 && stringWidth(parts.join(SEPARATOR)) > width) parts.pop();
  return cutToWidth(parts.join(SEPARATOR), width);
}

export interface StepMetrics {
  /** Mean loss per target token, smoothed; left out where none is known: then the last one is shown. */
  readonly loss?: number;
  readonly learningRate?: number;
  /** Of the newest update that is known to be done, before clipping. */
  readonly gradNorm?: number;
  /** Tokens of this step, pads included. */
  readonly tokens: number;
  /** Bytes taken on the device. */
  readonly memory?: number;
}

/** Progress of a training run: time left, loss, learning rate, norm of the gradients, tokens a second, memory. */
export class TrainingProgress {
  private readonly progress: ProgressBar;
  private loss: number | undefined;

  constructor(
    options: { readonly totalSteps: number; readonly startStep?: number } & Pick<
      ProgressOptions,
      "stream" | "lineSeconds"
    >,
  ) {
    const { totalSteps, startStep, ...rest } = options;
    this.progress = new ProgressBar({
      label: "train",
      unit: "steps",
      total: totalSteps,
      start: startStep ?? 0,
      ...rest,
    });
  }

  step(step: number, metrics: StepMetrics): void {
    this.loss = metrics.loss ?? this.loss;
    const detail = [
      this.loss === undefined ? "" : `loss ${this.loss.toFixed(4)}`,
      metrics.learningRate === undefined ? "" : `lr ${metrics.learningRate.toExponential(1)}`,
      metrics.gradNorm === undefined ? "" : `norm ${metrics.gradNorm.toPrecision(3)}`,
    ]
      .filter(Boolean)
      .join(" · ");
    const rate = { amount: metrics.tokens, unit: "tokens" };
    const last = metrics.memory === undefined ? "" : formatBytes(metrics.memory);
    this.progress.update(step, detail, rate, last);
  }

  log(line: string): void {
    this.progress.log(line);
  }

  stop(): void {
    this.progress.stop();
  }
}
