// Flags of src/train.ts that exclude each other, or need one another: each pair is refused in one sentence.
import { describe, expect, it } from "vitest";
import { asScript, checkCombination } from "../src/cli/train/check-flags.ts";
import { TRAIN } from "../src/cli/train/flags.ts";
import { readProgram } from "../src/cli/train/program.ts";
import type { CliContext } from "../src/cli/shared/run.ts";
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
    ["--eval_only --do_train --validation_file a.jsonl", "--eval_only trains nothing, and --do_train asks for it"],
    ["--eval_only --dry_run", "--dry_run tells what training takes, and an evaluation alone trains nothing"],
    ["--eval_only --stride 4 --validation_file a.jsonl", "--stride belongs to --eval_data_file"],
    ["--eval_only --stride 4 --eval_data_file a.txt --line_by_line", "--stride and --line_by_line exclude each other"],
    ["--stride 4 --train_data_file a.txt --eval_data_file b.txt", "--stride belongs to an evaluation alone"],
    [
      "--do_eval --do_train --stride 4 --train_data_file a --eval_data_file b",
      "--stride belongs to an evaluation alone",
    ],
    ["--eval_all_checkpoints", "--eval_all_checkpoints belongs to --do_eval"],
    ["--metric_for_best_model perplexity", "--metric_for_best_model belongs to --load_best_model_at_end or"],
    ["--early_stopping_threshold 1", "--early_stopping_threshold belongs to --early_stopping_patience"],
    ["--packing --group_by_length", "--packing and --group_by_length exclude each other"],
    ["--packing --train_data_file a.txt", "--packing puts several examples into a row, and blocks of plain text fill"],
    ["--packing --per_device_train_batch_size 1", "--per_device_train_batch_size is 1: make it larger"],
    ["--max_steps 0", "--max_steps is 0, wanted at least 1 update"],
  ])("%s is refused", (argv, message) => {
    expect(() => check(argv)).toThrow(message);
  });

  it.each([
    "--train_file a.jsonl --metadata_dropout 0.2 --metadata_dropout_all 0 --context_dropout 0.5 --order_mix 0.1",
    "--train_file a.jsonl --section_types --loss_on target",
    "--train_data_file a.txt --loss_on all",
    "--load_best_model_at_end --metric_for_best_model eval_loss --greater_is_better False",
    "--early_stopping_patience 3 --early_stopping_threshold 0.01 --metric_for_best_model perplexity",
    "--memory_limit 1",
    "--packing --train_file a.jsonl",
    "--packing --train_data_file a.txt --line_by_line",
    "--eval_only --validation_file a.jsonl",
    "--eval_only --eval_data_file a.txt --stride 4",
    "--do_eval --eval_data_file a.txt --stride 4",
    "--eval_only --eval_all_checkpoints --output_dir x --validation_file a.jsonl",
    "--memory_limit 1 --dry_run",
  ])("%s is taken", (argv) => {
    expect(() => check(argv)).not.toThrow();
  });
});

describe("what a trainer would refuse", () => {
  const read = (argv: string) =>
    readProgram({ argv: argv.split(" "), signal: new AbortController().signal } as CliContext, undefined);

  it.each([
    [
      "--early_stopping_patience 2 --train_file missing.jsonl",
      "there is nothing to evaluate on: give --validation_file",
    ],
    ["--load_best_model_at_end --validation_file missing.jsonl", "the only one is at the end: give --eval_steps"],
    [
      "--load_best_model_at_end --validation_file missing.jsonl --eval_steps 3 --save_steps 4",
      "--save_steps must be a multiple of --eval_steps",
    ],
    ["--lr_scheduler_kwargs num_cycles=2", "num_cycles of the learning rate's schedule is 2, and linear has"],
    ["--lr_scheduler_kwargs cycles=2", "wanted num_cycles"],
  ])("is refused before a file is read: %s", async (argv, message) => {
    await expect(read(argv)).rejects.toThrow(message);
  });

  it("is no matter of an evaluation alone", async () => {
    const { evaluateOnly } = await read("--eval_only --validation_file a.jsonl --load_best_model_at_end");
    expect(evaluateOnly).toBe(true);
  });
});
