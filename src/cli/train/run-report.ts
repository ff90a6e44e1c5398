// report.html of a run, written anew at each evaluation and at the end. What it shows beside the log, the texts and the
// speed, is kept in report.jsonl, so that a run that goes on shows all of it. Nothing of this stops a run.
import type { GPT2LMHeadModel } from "../../gpt2/model.ts";
import { decodeUtf8 } from "../../files/folder.ts";
import { parseJson } from "../../files/json.ts";
import { snakeCase } from "../../snake-case.ts";
import { trainingReport } from "../../training/report.ts";
import type { Fact, Rate } from "../../training/report.ts";
import type { LogEntry } from "../../training/log-entry.ts";
import type { Progress } from "../../training/trainer.ts";
import { describeModel } from "../shared/describe-model.ts";
import type { OpenedExamples } from "./data.ts";
import { REPORT_FILE, REPORT_LOG_FILE } from "./run-folder.ts";
import type { RunFolder } from "./run-folder.ts";
import { fillGaps, sameGaps } from "./same-gaps.ts";
import type { SameGap } from "./same-gaps.ts";
import { trainableFacts } from "./trainable.ts";
import type { Job } from "./job.ts";

/** A line of report.jsonl. Texts are known by what stands in the gap: another evaluation file has other gaps. */
interface Line {
  readonly step: number;
  readonly tokens_per_second?: number;
  readonly texts?: readonly { readonly real: string; readonly text: string }[];
}

export class RunReport {
  private readonly run: RunFolder;
  private readonly job: Job;
  private readonly model: GPT2LMHeadModel;
  private readonly warn: (what: string) => void;
  private readonly gaps: readonly SameGap[];
  private history: LogEntry[] = [];
  private lines: Line[] = [];
  private totalSteps = 0;
  private readonly clock = new TrainingClock();

  /** `warn`: told what could not be done. */
  constructor(run: RunFolder, job: Job, model: GPT2LMHeadModel, warn: (what: string) => void) {
    this.run = run;
    this.job = job;
    this.model = model;
    this.warn = warn;
    this.gaps = sameGaps(job);
  }

  /** From this log on, of which the later lines of another try are dropped. */
  async start(totalSteps: number, history: readonly LogEntry[]): Promise<void> {
    this.totalSteps = totalSteps;
    this.history = [...history];
    const reached = history.at(-1)?.step ?? 0;
    await this.attempt(async () => {
      const folder = await this.run.open("");
      const text = (await folder.has(REPORT_LOG_FILE)) ? decodeUtf8(await folder.read(REPORT_LOG_FILE), "") : "";
      this.lines = text
        .split("\n")
        .flatMap(lineOf)
        .filter(({ step }) => step <= reached);
    });
    this.clock.restart();
  }

  onStep({ positions }: Progress): void {
    this.clock.tick(positions);
  }

  onSave(): void {
    this.clock.restart();
  }

  onLog(entry: LogEntry): void {
    this.history.push(entry);
    const rate = "loss" in entry ? this.clock.take() : undefined;
    if (rate !== undefined) this.lines.push({ step: entry.step, tokens_per_second: Math.round(10 * rate) / 10 });
  }

  /** Lets the model write into the gaps and writes the page. */
  async onSample({ step }: Pick<Progress, "step">): Promise<void> {
    if (this.gaps.length > 0) await this.attempt(() => this.fillGaps(step));
    await this.write();
    this.clock.restart();
  }

  private async fillGaps(step: number): Promise<void> {
    const texts = await fillGaps(this.model, this.gaps, this.job.start);
    this.lines.push({ step, texts: texts.map((text, i) => ({ real: this.gaps[i].real[1], text })) });
  }

  /** Of a run that has logged something. */
  async write(): Promise<void> {
    if (this.history.length === 0) return;
    await this.attempt(async () => {
      const log = this.lines.map((line) => `${JSON.stringify(line)}\n`).join("");
      const files = [
        [REPORT_FILE, this.page()],
        [REPORT_LOG_FILE, log],
      ] as const;
      await (await this.run.open("")).write(new Map(files));
    });
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.warn(`${REPORT_FILE} is not as it should be: ${(error as Error).message}`);
    }
  }

  private page(): string {
    const rates = this.lines.flatMap(({ step, tokens_per_second: tokensPerSecond }): Rate[] =>
      tokensPerSecond === undefined ? [] : [{ step, tokensPerSecond }],
    );
    const gaps = this.gaps.map(({ given, real }) => ({
      given,
      real,
      written: this.lines.flatMap(({ step, texts = [] }) =>
        texts.filter((each) => each.real === real[1]).map(({ text }) => ({ step, text })),
      ),
    }));
    const { totalSteps, history } = this;
    return trainingReport({ title: this.run.path, totalSteps, history, rates, gaps, facts: this.facts() });
  }

  private facts(): ReadonlyMap<string, readonly Fact[]> {
    const { flags, train, evaluation, start, args, blockSize } = this.job;
    const { nPositions, nHead, vocabSize } = this.model.config;
    const model: Fact[] = [
      ["begins as", start.origin],
      ["size", describeModel(this.model)],
      ["heads, positions, vocabulary", `${nHead}, ${nPositions}, ${vocabSize}`],
    ];
    const data = [...dataFacts("training", train), ...(evaluation ? dataFacts("validation", evaluation) : [])];
    const settings = Object.entries({ ...args, blockSize }).flatMap(([name, value = ""]): Fact[] =>
      typeof value === "object"
        ? Object.entries(value).map(([key, option]): Fact => [`${snakeCase(name)}.${snakeCase(key)}`, String(option)])
        : [[snakeCase(name), String(value)]],
    );
    return new Map([
      ["Model", model],
      ["Data", data],
      ["Configuration", [...settings, ...trainableFacts(flags, start.lora)]],
    ]);
  }
}

function dataFacts(name: string, { file, examples, tokens }: OpenedExamples): Fact[] {
  return [[name, `${file}: ${examples.length} examples, ${tokens} tokens`]];
}

/** None where the line was torn, or is of another program. */
function lineOf(text: string): Line[] {
  if (text === "") return [];
  try {
    const line = parseJson(text, REPORT_LOG_FILE) as Line;
    return Number.isInteger(line.step) && (line.texts === undefined || Array.isArray(line.texts)) ? [line] : [];
  } catch {
    return [];
  }
}

/** Positions a second between calls of take(), of the time that updates take. */
class TrainingClock {
  private since = performance.now();
  private seconds = 0;
  private positions = 0;
  private reached = 0;

  /** What was done in between is no training. */
  restart(): void {
    this.since = performance.now();
  }

  tick(positions: number): void {
    const now = performance.now();
    this.seconds += (now - this.since) / 1000;
    this.positions += positions - this.reached;
    this.reached = positions;
    this.since = now;
  }

  take(): number | undefined {
    const { positions, seconds } = this;
    [this.positions, this.seconds] = [0, 0];
    return seconds > 0 && positions > 0 ? positions / seconds : undefined;
  }
}
