// Command lines that people bring from Hugging Face's scripts: each flag of the 2020 run_language_modeling.py and of
// the TrainingArguments of that time is taken, or answered together with all others that are not.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { flagName } from "../src/cli/shared/flag-table.ts";
import { parseFlags } from "../src/cli/shared/flags.ts";
import { TRAIN } from "../src/cli/train/flags.ts";
import { SCRIPT_FLAGS } from "../src/cli/train/script-flags.ts";
import { overrideConfig } from "../src/cli/train/setup.ts";
import { UserError } from "../src/errors.ts";
import { GPT2Config } from "../src/gpt2/config.ts";

/** The script of early 2020 (argparse), and what HfArgumentParser and TrainingArguments added until the end of it. */
const FLAGS_OF_2020 = `
  train_data_file output_dir model_type eval_data_file line_by_line should_continue model_name_or_path
  mlm mlm_probability
  config_name tokenizer_name cache_dir block_size do_train do_eval evaluate_during_training per_gpu_train_batch_size
  per_gpu_eval_batch_size gradient_accumulation_steps learning_rate weight_decay adam_epsilon max_grad_norm
  num_train_epochs max_steps warmup_steps logging_steps save_steps save_total_limit eval_all_checkpoints no_cuda
  overwrite_output_dir overwrite_cache seed fp16 fp16_opt_level local_rank server_ip server_port
  train_data_files train_ref_file eval_ref_file whole_word_mask plm_probability max_span_length do_predict
  evaluation_strategy prediction_loss_only per_device_train_batch_size per_device_eval_batch_size
  eval_accumulation_steps adam_beta1 adam_beta2 lr_scheduler_type logging_dir logging_first_step fp16_backend
  tpu_num_cores tpu_metrics_debug debug dataloader_drop_last eval_steps dataloader_num_workers past_index run_name
  disable_tqdm remove_unused_columns label_names load_best_model_at_end metric_for_best_model greater_is_better
  ignore_data_skip sharded_ddp deepspeed label_smoothing_factor adafactor group_by_length report_to
  ddp_find_unused_parameters dataloader_pin_memory model_parallel
`
  .trim()
  .split(/\s+/);

const own = new Set(
  Object.entries(TRAIN.flags as Record<string, { readonly aliases?: readonly string[] }>).flatMap(([key, flag]) => [
    flagName(key).slice(2),
    ...(flag.aliases ?? []),
  ]),
);
const messageOf = (line: string): string => {
  try {
    parseFlags(TRAIN, line.split(" "));
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as Error).message;
  }
  throw new Error("was taken");
};

describe("flags of the 2020 script", () => {
  it.each(FLAGS_OF_2020)("%s is taken or answered", (name) => {
    expect(own.has(name) || Object.hasOwn(SCRIPT_FLAGS, name)).toBe(true);
  });

  it("are in one table only", () => {
    expect(Object.keys(SCRIPT_FLAGS).filter((name) => own.has(name))).toEqual([]);
  });

  it("that have no place here are answered all at once, with the command line that is left", () => {
    const line =
      "--train_data_file a.txt --bf16 --mlm_probability 0.15 --no-cuda --fp16_opt_level=O1 --label_names x " +
      "--block_size 8";
    const [head, ...lines] = messageOf(line).split("\n");
    expect(head).toBe("These flags of Hugging Face's scripts are not for this program:");
    expect(lines.slice(0, -1).map((each) => each.trim().split(" ", 1)[0])).toEqual([
      "--bf16",
      "--mlm_probability",
      "--no-cuda",
      "--fp16_opt_level",
      "--label_names",
    ]);
    expect(lines.at(-1)).toBe("Without them: npx tsx src/train.ts --train_data_file=a.txt --block_size=8");
  });

  it("do not swallow the flag that follows, nor hide a text that needs quotes", () => {
    expect(messageOf("--mlm_probability --seed 3")).toMatch(/Without it: npx tsx src\/train.ts --seed=3$/);
    expect(() => parseFlags(TRAIN, ["--mlm", "--train_data_file", "it's a.txt"])).toThrow(
      /--mlm .*\nWithout it: .*'--train_data_file=it'\\''s a\.txt'$/,
    );
  });

  it.each([
    ["--model_type gpt2 --do_train --do_eval --evaluate_during_training --block_size -1", "blockSize", -1],
    ["--per_gpu_train_batch_size 4 --per_gpu_eval_batch_size 2", "perDeviceTrainBatchSize", 4],
    ["--config_overrides n_layer=+2,n_embd=64,activation_function=gelu_new", "configOverrides", 3],
  ])("%s", (line, key, wanted) => {
    const value = (parseFlags(TRAIN, line.split(" ")).values as Record<string, unknown>)[key];
    expect(value instanceof Map ? value.size : value).toBe(wanted);
  });

  it("another kind of model is refused by name", () => {
    expect(messageOf("--model_type bert")).toBe('--model_type is "bert", expected one of gpt2.');
  });
});

describe("several unknown flags", () => {
  it("are told at once", () => {
    expect(messageOf("--zork --blok_size 3 --\x1b[31mred")).toBe(
      "Unknown flags --zork, --blok_size (did you mean --block_size?). --help lists all flags.",
    );
  });
});

describe("the program", () => {
  const folder = mkdtempSync(join(tmpdir(), "script-flags-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const text = join(folder, "text.txt");
  writeFileSync(text, "Once upon a time there was a mole.\n".repeat(20));
  const train = (...argv: string[]) =>
    spawnSync(process.execPath, ["--import", "tsx", "src/train.ts", ...argv], {
      cwd: fileURLToPath(new URL("..", import.meta.url)),
      encoding: "utf8",
    });

  it("evaluates alone with --do_eval, and writes nothing", { timeout: 120_000 }, () => {
    const output = join(folder, "out");
    const { status, stdout, stderr } = train(
      ...`--model_name_or_path weights/demo --line_by_line --do_eval --eval_data_file ${text}`.split(" "),
      "--output_dir",
      output,
    );
    expect([status, stdout.includes("Train    ")], stderr).toEqual([0, false]);
    expect(stdout).toMatch(/^Result {3}loss \d+\.\d{4}, perplexity [\d.]+$/m);
    expect(readdirSync(folder)).toEqual(["text.txt"]);
  });

  it.each([
    [["--do_eval", "--train_data_file", text], /^Error: --do_eval needs something to evaluate on/],
    [["--train_data_file", text, "--block_size", "1"], /^Error: --block_size is 1, wanted at least 2 tokens, or -1/],
    [["--train_data_file", text, "--evaluate_during_training"], /^Error: --evaluate_during_training belongs to/],
    // before a GPU is opened, which would be announced
    [["--tokenizer_name", join(folder, "none")], /^Error: --tokenizer_name: There is no folder/],
    [["--train_file", text], /^Error: .*text\.txt, line 1: /],
  ])("refuses %j", { timeout: 60_000 }, (argv, message) => {
    const { status, stderr } = train(...argv);
    expect([status, stderr]).toEqual([1, expect.stringMatching(message)]);
  });
});

describe("--config_overrides", () => {
  const overridden = (text: string): GPT2Config =>
    overrideConfig(new GPT2Config(), parseFlags(TRAIN, ["--config_overrides", text]).values.configOverrides);

  it("are read as Hugging Face reads them", () => {
    expect(overridden("n_layer=+1, n_head=2 ,n_embd=1e1,resid_pdrop=.5,activation_function=gelu_new")).toMatchObject({
      nLayer: 1,
      nHead: 2,
      nEmbd: 10,
      residPdrop: 0.5,
      activationFunction: "gelu_new",
    });
    expect(overridden("n_inner=None,pad_token_id=null")).toMatchObject({ nInner: null, padTokenId: null });
  });

  it.each([
    ["toString=5", /^--config_overrides: toString is not a field/],
    ["__proto__=5", /^--config_overrides: __proto__ is not a field/],
    ["n_layer=+-2", /^--config_overrides: n_layer is "\+-2", wanted a whole number/],
    ["n_layer=1e400", /^--config_overrides: n_layer is "1e400", wanted a whole number/],
    ["n_layer=.", /^--config_overrides: n_layer is "\.", wanted a whole number/],
    ["n_layer=\x1b[2J", /^--config_overrides: n_layer is "\\u001b\[2J", wanted a whole number/],
    ["n_layer=2,n_layer=3", /^--config_overrides gives n_layer twice \(2 and 3\)/],
    ["n_layer", /^--config_overrides is "n_layer", expected key=value/],
  ])("%j is refused", (text, message) => {
    expect(() => overridden(text)).toThrow(UserError);
    expect(() => overridden(text)).toThrow(message);
  });
});
