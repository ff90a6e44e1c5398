// What a training run is told by its flags and files.
import type { TrainingArguments } from "../../training/arguments.ts";
import type { MpiJob } from "../mpi/with-ranks.ts";
import type { FlagValues } from "../shared/flags.ts";
import type { OpenedExamples } from "./data.ts";
import type { TrainFlags } from "./flags.ts";
import type { Start } from "./setup.ts";

/** What is trained on, and how: the same on every device. */
export interface Job {
  readonly flags: FlagValues<TrainFlags>;
  readonly args: TrainingArguments;
  readonly start: Start;
  readonly blockSize: number;
  readonly train: OpenedExamples;
  readonly evaluation: OpenedExamples | undefined;
  /** Who trains together; undefined: this process alone. */
  readonly mpi: MpiJob | undefined;
}
