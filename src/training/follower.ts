// Saving where ranks train together: rank 0 writes (saver.ts), and asks the others for what it has not, the moments of
// their parts. So nothing is written twice, and nothing of the optimizer has to fit on one device.
import type { AdamW } from "./optimizer.ts";
import { checkpointName } from "./checkpoint.ts";
import { told } from "./ranks.ts";
import type { Ranks } from "./ranks.ts";
import type { CheckpointSaver, Wish } from "./saver.ts";

/** The saver of every other rank than 0. */
export class Follower implements CheckpointSaver {
  newest: string | undefined;
  private readonly optimizer: AdamW;
  private readonly ranks: Ranks;

  constructor(optimizer: AdamW, ranks: Ranks) {
    this.optimizer = optimizer;
    this.ranks = ranks;
  }

  resumedFrom(step: number): void {
    this.newest = checkpointName(step);
  }

  async saveCheckpoint(step: number): Promise<boolean> {
    for (;;) {
      const wish = await told<Wish>(this.ranks);
      if ("moment" in wish) {
        await this.optimizer.readMoment(wish.moment);
        continue;
      }
      if (wish.saved) this.newest = checkpointName(step);
      return wish.saved;
    }
  }

  async saveModel(): Promise<void> {
    await told(this.ranks);
  }

  bestStep(): Promise<number | undefined> {
    return told<number | undefined>(this.ranks);
  }

  /** Only rank 0's model is saved. */
  async load(): Promise<void> {}

  hasModel(): Promise<boolean> {
    return told<boolean>(this.ranks);
  }
}
