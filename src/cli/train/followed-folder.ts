// The run's folder as ranks other than 0 have it: they read its checkpoints, and rank 0 alone writes.
import { join } from "node:path";
import { CHART_FILE, RunFolder } from "./run-folder.ts";

export class FollowedFolder extends RunFolder {
  override mend(): Promise<string[]> {
    return Promise.resolve([]);
  }

  override startOver(): Promise<void> {
    return Promise.resolve();
  }

  override writeLog(): Promise<string> {
    return Promise.resolve(join(this.path, CHART_FILE));
  }
}
