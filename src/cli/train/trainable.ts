// Which of the model's parameters the flags say are trained.
import type { Trainable } from "../../gpt2/pretrained.ts";
import { parameterShapes } from "../../gpt2/checkpoint-files.ts";
import type { GPT2Config } from "../../gpt2/config.ts";
import { frozenParameters } from "../../gpt2/freeze.ts";
import type { Fingerprint } from "../../training/fingerprint.ts";
import type { FlagValues } from "../shared/flags.ts";
import type { TrainFlags } from "./flags.ts";

type Flags = Pick<FlagValues<TrainFlags>, "freeze">;

const patterns = ({ freeze }: Flags): string[] => freeze.flatMap((text) => text.split(",")).map((text) => text.trim());

/** Throws UserError as frozenParameters. */
export function trainableBy(flags: Flags, config: GPT2Config): Trainable {
  if (flags.freeze.length === 0) return true;
  const frozen = frozenParameters(patterns(flags), parameterShapes(config).keys());
  return (name) => !frozen.has(name);
}

/** What of the flags makes this run this run and no other; nothing where all is trained. */
export function trainableSettings(flags: Flags): Fingerprint {
  return flags.freeze.length === 0 ? {} : { freeze: patterns(flags).sort().join(",") };
}
