// When a run saves and of what: where it stands, whether that is finite, which checkpoint's weights are the final
// model, and what is said where the last save fails. How it is written stands in saver.ts and follower.ts.
import { UserError } from "../errors.ts";
import { bestCheckpoint } from "./best-model.ts";
import { DivergedError } from "./divergence.ts";
import { Follower } from "./follower.ts";
import type { LogEntry } from "./log-entry.ts";
import type { AdamW } from "./optimizer.ts";
import type { Plan } from "./plan.ts";
import { Saver } from "./saver.ts";
import type { CheckpointSaver } from "./saver.ts";
import type { TrainerOptions } from "./trainer-options.ts";
import { stateText } from "./trainer-state.ts";
import type { UpdatesInFlight } from "./updates-in-flight.ts";

/** Where a run stands. */
export interface Standing {
  /** Updates so far. */
  step: number;
  /** The last update that was made is the run's last: as planned, or because evaluations do not get better. */
  ended: boolean;
  logHistory: LogEntry[];
}

export interface RunSavesOptions {
  readonly options: TrainerOptions;
  readonly plan: Plan;
  /** The trainer's own, as it is when something is asked. */
  readonly standing: Readonly<Standing>;
  readonly optimizer: AdamW;
  readonly updates: UpdatesInFlight;
}

export class RunSaves {
  private readonly of: RunSavesOptions;
  /** Without a store nothing is saved. */
  private readonly saver: CheckpointSaver | undefined;

  constructor(of: RunSavesOptions) {
    this.of = of;
    const { options, standing, optimizer } = of;
    const { args, model, ranks, store } = options;
    if (!store) return;
    if (ranks && ranks.rank > 0) {
      this.saver = new Follower(optimizer, ranks);
      return;
    }
    const best = (names: readonly string[]): string | undefined =>
      args.loadBestModelAtEnd ? bestCheckpoint(names, standing.logHistory, args) : undefined;
    this.saver = new Saver(model, optimizer, { ...options, store, saveTotalLimit: args.saveTotalLimit, best });
  }

  /** Name of the newest checkpoint that this run wrote, or of the store's own that it went on from. */
  get newest(): string | undefined {
    return this.saver?.newest;
  }

  /** The run went on from the store's checkpoint of this step, which need not be written again. */
  resumedFrom(step: number): void {
    this.saver?.resumedFrom(step);
  }

  /** Whether the last update was made and the model is in the run's folder: nothing is left to do. */
  async isComplete(): Promise<boolean> {
    if (!this.of.standing.ended) return false;
    return this.saver === undefined || (await this.saver.hasModel(await this.stateText()));
  }

  /** The step whose weights are the final model's: with loadBestModelAtEnd the best checkpoint's, else the last. */
  async finalStep(): Promise<number> {
    const { options, standing } = this.of;
    const best = options.args.loadBestModelAtEnd ? await this.saver?.bestStep() : undefined;
    return best ?? standing.step;
  }

  /**
   * False where it could not be written, which onSaveFailed has heard of. Throws DivergedError where the loss since the
   * last log entry is not finite.
   */
  async saveCheckpoint(): Promise<boolean> {
    if (!this.saver) return true;
    const { updates, standing } = this.of;
    await updates.settle();
    await updates.gatherState();
    needFinite("training loss", updates.state().pending.loss, standing.step);
    return this.saver.saveCheckpoint(standing.step, await this.stateText());
  }

  /**
   * What there is no later save for, and the step whose weights the model has then. Before the first update there is
   * nothing to go on from but the beginning.
   */
  async saveLast(): Promise<number> {
    const { step, ended } = this.of.standing;
    if (step === 0) return 0;
    const saved = await this.saveCheckpoint();
    const left = this.newest === undefined ? "nothing was saved before" : `${this.newest} is what is saved`;
    if (!ended && !saved) throw new UserError(`The run stopped at step ${step}, which could not be saved; ${left}.`);
    if (!ended || !this.saver) return step;
    const finalStep = await this.finalStep();
    if (finalStep !== step) await this.saver.load(finalStep);
    if (await this.isComplete()) return finalStep;
    await this.saver.saveModel(await this.stateText()).catch((error: Error) => {
      if (!(error instanceof UserError)) throw error;
      throw new (error.constructor as typeof UserError)(
        `The trained model could not be saved: ${error.message} Of the run ${left}: when that is mended, go on ` +
          "from it.",
        { cause: error },
      );
    });
    return finalStep;
  }

  private async stateText(): Promise<string> {
    const { options, plan, standing, optimizer, updates } = this.of;
    const state = {
      step: standing.step,
      dropoutStep: options.model.transformer.dropoutStep,
      optimizerStep: optimizer.stepCount,
      ...updates.state(),
      lossScale: await optimizer.readLossScale(),
      logHistory: standing.logHistory,
    };
    return stateText(state, await plan.fingerprint(), plan.shape);
  }
}

/** Throws DivergedError unless it is. */
export function needFinite(what: string, value: number | undefined, step: number): void {
  if (!Number.isFinite(value ?? 0)) throw new DivergedError(`The ${what} is ${value} at step ${step}`);
}
