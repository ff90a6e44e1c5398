// Flags of src/train.ts that exclude each other, or need one another: each pair is refused in one sentence.
import { describe, expect, it } from "vitest";
import { asScript, checkCombination } from "../src/cli/train/check-flags.ts";
import { TRAIN } from "../src/cli/train/flags.ts";
import { parseFlags } from "../src/cli/shared/flags.ts";

function check(argv: string): void {
  const parsed = parseFlags(TRAIN, argv.split(" "));
  checkCombination(asScript(parsed), parsed.given);
}

describe("flags together", () => {
  it.each([
    ["--train_data_file a.txt --metadata_dropout 0.2", "--metadata_dropout changes infilling examples, and plain text"],
    ["--train_data_file a.txt --metadata_dropout_all 0", "--metadata_dropout_all changes infilling examples"],
    ["--train_data_file a.txt --context_dropout 0.1", "--context_dropout changes infilling examples"],
    ["--train_data_file a.txt --order_mix 0.1", "--order_mix changes infilling examples"],
    ["--train_data_file a.txt --section_types", "--section_types changes infilling examples"],
    [
      "--train_data_file a.txt --loss_on target",
      "--loss_on target learns p2 of infilling examples; plain text has none",
    ],
    ["--train_data_file a.txt --train_file b.jsonl", "--train_file and --train_data_file exclude each other"],
    ["--max_steps 0", "--max_steps is 0, wanted at least 1 update"],
  ])("%s is refused", (argv, message) => {
    expect(() => check(argv)).toThrow(message);
  });

  it.each([
    "--train_file a.jsonl --metadata_dropout 0.2 --metadata_dropout_all 0 --context_dropout 0.5 --order_mix 0.1",
    "--train_file a.jsonl --section_types --loss_on target",
    "--train_data_file a.txt --loss_on all",
    "--memory_limit 1",
    "--memory_limit 1 --dry_run",
  ])("%s is taken", (argv) => {
    expect(() => check(argv)).not.toThrow();
  });
});
