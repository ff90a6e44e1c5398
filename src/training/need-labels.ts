// What training and evaluation cannot do without: a token to learn.
import { UserError } from "../errors.ts";
import { collate, countLabels } from "../examples/collate.ts";
import type { EncodedExample } from "../examples/encoded-example.ts";
import { someOf } from "../examples/example-set.ts";
import type { ExampleSet } from "../examples/example-set.ts";
import type { TrainingArguments } from "./arguments.ts";

/** Throws UserError when no example of this set ("training") has a label. */
export function needLabels(
  examples: ExampleSet,
  which: string,
  { args, padId }: { readonly args: TrainingArguments; readonly padId: number },
): void {
  const hasLabel = (example: EncodedExample): boolean =>
    countLabels(collate([example], { padId, lossOn: args.lossOn }).labels) > 0;
  if (someOf(examples, hasLabel)) return;
  throw new UserError(
    `None of the ${examples.length} ${which} examples has a token to learn: a label needs a token before it, and ` +
      `with --loss_on target it is one of p2; give longer examples.`,
  );
}
