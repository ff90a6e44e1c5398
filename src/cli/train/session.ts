// One run on one device: the model, its trainer, and what is told while it trains. Where the device is lost, another
// session goes on from what was last saved.
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { openFolder } from "../../files/open.ts";
import type { Device } from "../../gpu/device.ts";
import type { Profiler } from "../../gpu/profiler.ts";
import type { GPT2LMHeadModel } from "../../gpt2/model.ts";
import { templateToJson } from "../../infill/template.ts";
import { digest } from "../../training/fingerprint.ts";
import type { TrainerState } from "../../training/trainer-state.ts";
import { Trainer } from "../../training/trainer.ts";
import { writeNote } from "../shared/announce.ts";
import { openModelFolder } from "../shared/model-source.ts";
import { TrainingProgress } from "../shared/progress.ts";
import { EventWriter } from "./event-writer.ts";
import type { Job } from "./job.ts";
import type { RunFolder } from "./run-folder.ts";
import { RunReport } from "./run-report.ts";
import { savedWorldSize } from "./saved.ts";
import type { Saved } from "./saved.ts";
import type { Start } from "./setup.ts";
import { trainableSettings } from "./trainable.ts";

export type { Job } from "./job.ts";

export class Session {
  readonly trainer: Trainer;
  /** Where the run stands, if it goes on from a checkpoint. */
  readonly state: TrainerState | undefined;
  readonly model: GPT2LMHeadModel;
  private readonly saved: Saved | undefined;
  private readonly told: Told | undefined;

  private constructor(model: GPT2LMHeadModel, trainer: Trainer, told?: Told, saved?: Saved, state?: TrainerState) {
    this.model = model;
    this.trainer = trainer;
    this.told = told;
    this.saved = saved;
    this.state = state;
  }

  /**
   * Takes memory for training the model, until destroy(). With `saved` it goes on from there, whose weights the model
   * has, and throws UserError where that cannot be, OtherRunError where it is another run's.
   */
  static async open(model: GPT2LMHeadModel, job: Job, run: RunFolder, saved: Saved | undefined): Promise<Session> {
    const { flags, args, train, evaluation, blockSize } = job;
    const ranks = job.mpi?.ranks;
    const { tokenizer, template, padId, extraFiles } = job.start;
    const told = ranks && ranks.rank > 0 ? undefined : new Told(run, job, model);
    const trainer = new Trainer({
      model,
      args,
      train: train.examples,
      varied: train.varied,
      evaluation: evaluation?.examples,
      padId,
      extraFiles,
      store: run,
      ranks,
      worldSize: saved && (await savedWorldSize(saved)),
      saveDtype: flags.saveDtype === "float16" ? "F16" : "F32",
      settings: {
        training_data: train.source,
        template: template ? await digest(templateToJson(template)) : null,
        // Not what is saved, which says the model's positions: GPT-2's own is what a new run's tokenizer comes with.
        tokenizer: await digest(JSON.stringify([...tokenizer.save({ modelMaxLength: 1024 })])),
        block_size: blockSize,
        line_by_line: flags.lineByLine,
        max_train_samples: flags.maxTrainSamples ?? null,
        metadata_dropout: flags.metadataDropout,
        metadata_dropout_all: flags.metadataDropoutAll,
        context_dropout: flags.contextDropout,
        order_mix: template?.orderMix ?? 0,
        ...(await trainableSettings(flags, job.start.lora, job.start.folder)),
      },
      ...(evaluation && { sampleSteps: args.evalSteps || Infinity }), // at each evaluation: 0 is one at the end
      ...told?.callbacks,
    });
    try {
      const state = saved && (await trainer.resume(await openFolder(saved.path), { own: saved.own }));
      return new Session(model, trainer, told, saved, state);
    } catch (error) {
      trainer.destroy();
      throw error;
    }
  }

  /** The newest checkpoint of this run, else the one that it went on from; undefined: neither is there. */
  lastSaved(run: RunFolder): Saved | undefined {
    const { newestCheckpoint } = this.trainer;
    return newestCheckpoint === undefined ? this.saved : { path: join(run.path, newestCheckpoint), own: true };
  }

  /** Whether the device is gone: what a call on it threw then follows from that. */
  isLost(): Promise<boolean> {
    return wasLost(this.model.device);
  }

  /** See Trainer.train; with a progress bar. */
  async train(signal: AbortSignal): ReturnType<Trainer["train"]> {
    await this.told?.start(this.trainer.totalSteps, this.state);
    return this.trainer.train(signal).finally(() => this.told?.stop());
  }

  /** Frees what is on the device, and the device. */
  destroy(): void {
    this.model.device.destroy();
  }
}

/** What is told of a run while it goes on: in the log, on the bar and above it. */
class Told {
  private readonly run: RunFolder;
  private readonly profiler: Profiler | undefined;
  private readonly model: GPT2LMHeadModel;
  private readonly loggingDir: string | undefined;
  private readonly report: RunReport;
  private bar: TrainingProgress | undefined;
  private events: EventWriter | undefined;
  private positions = 0;
  private stepBegan = 0;

  constructor(run: RunFolder, job: Job, model: GPT2LMHeadModel) {
    this.run = run;
    this.profiler = model.device.profiler;
    this.model = model;
    this.loggingDir = job.flags.loggingDir;
    this.report = new RunReport(run, job, model, (what) => this.say(`WARNING  ${what} The run goes on.`));
  }

  async start(totalSteps: number, state: TrainerState | undefined): Promise<void> {
    if (this.loggingDir !== undefined) this.events = new EventWriter(this.loggingDir, state?.step);
    this.bar = new TrainingProgress({ totalSteps, startStep: state?.step });
    await this.report.start(totalSteps, state?.logHistory ?? []);
    this.stepBegan = performance.now();
  }

  async stop(): Promise<void> {
    this.bar?.stop();
    await this.report.write();
  }

  readonly callbacks: Pick<
    ConstructorParameters<typeof Trainer>[0],
    "onStep" | "onLog" | "onSample" | "onSkip" | "onSave" | "onSaveFailed"
  > = {
    onStep: (at) => {
      const { step, smoothedLoss: loss, learningRate, gradNorm } = at;
      const memory = this.model.device.pool.allocatedBytes;
      this.bar?.step(step, { loss, learningRate, gradNorm, tokens: at.positions - this.positions, memory });
      this.positions = at.positions;
      this.report.onStep(at);
      const now = performance.now();
      this.profiler?.span("step", `step ${step}`, this.stepBegan, now);
      this.stepBegan = now;
    },
    onLog: (entry) => {
      this.run.log(entry).catch((error: Error) => this.say(`metrics.jsonl cannot be written: ${error.message}`));
      this.report.onLog(entry);
      this.events?.log(entry).catch((error: Error) => this.say(`The event file cannot be written: ${error.message}`));
      if ("eval_loss" in entry)
        this.say(
          `step ${entry.step}: evaluation loss ${entry.eval_loss.toFixed(4)}, ` +
            `perplexity ${entry.eval_perplexity.toFixed(2)}`,
        );
    },
    onSample: (at) => this.report.onSample(at),
    onSkip: (step, reason) => this.say(`step ${step}: no update was made: ${reason}`),
    onSave: (name) => {
      this.report.onSave();
      this.say(`saved ${join(this.run.path, name)}`);
    },
    onSaveFailed: (what, error) =>
      this.say(`WARNING  ${what}: ${error.message} The run goes on and tries again at the next save.`),
  };

  private say(line: string): void {
    if (this.bar) this.bar.log(line);
    else writeNote(line);
  }
}

/** What the job starts from, or as much of it as a checkpoint of its run does not replace. */
export async function startOf({ start, flags: { offline, cacheDir } }: Job, saved: Saved | undefined): Promise<Start> {
  return saved ? { ...start, folder: await openModelFolder(saved.path, { offline, cacheDir }), fresh: false } : start;
}

/** What of a session it takes to go through losses. */
export type LosableSession = Pick<Session, "state" | "train" | "isLost" | "lastSaved" | "destroy">;

interface Losses {
  readonly run: RunFolder;
  readonly signal: AbortSignal;
  /** A session on another device, from a checkpoint or from the beginning. */
  readonly reopen: (saved: Saved | undefined) => Promise<LosableSession>;
  /** Milliseconds before the first try. A driver that was reset takes a moment; twice as long after each in a row. */
  readonly firstWait?: number;
}

/** Whether a device is gone, where a call on it has failed: the news may come after the failure. */
export async function wasLost({ gpu, failures }: Device): Promise<boolean> {
  await Promise.race([gpu.lost, wait(100)]);
  return failures.isLost;
}

/** So many devices may be lost one after the other with no new checkpoint between them. */
const MAX_LOSSES = 3;

/**
 * Trains to the end, on another device where one is lost: the run goes on from what was last saved, as if it had been
 * killed and gone on with. Throws what train() does, and the loss where there were too many of them.
 */
export async function trainThroughLosses(
  first: LosableSession,
  { run, signal, reopen, firstWait = 500 }: Losses,
): ReturnType<Trainer["train"]> {
  let session: LosableSession | undefined = first;
  let saved = first.lastSaved(run);
  for (let losses = 0; ;) {
    try {
      session ??= await goOn(saved, run, reopen);
      return await session.train(signal);
    } catch (error) {
      if (session && !(await session.isLost())) throw error;
      const newest = session?.lastSaved(run) ?? saved;
      losses = newest?.path === saved?.path ? losses + 1 : 1;
      if (losses > MAX_LOSSES) throw error;
      writeNote(
        `${(error as Error).message} Going on from ${newest?.path ?? "the beginning"} on another device ` +
          `(${losses} of at most ${MAX_LOSSES} tries until the next checkpoint).`,
      );
      session?.destroy();
      session = undefined;
      saved = newest;
      await wait(firstWait * 2 ** (losses - 1));
    }
  }
}

async function goOn(saved: Saved | undefined, run: RunFolder, reopen: Losses["reopen"]): Promise<LosableSession> {
  const session = await reopen(saved);
  await run.writeLog(session.state?.logHistory ?? []);
  return session;
}
