// Flags of Hugging Face's scripts that have no counterpart of the same name here: run_language_modeling.py of 2020 in
// both its forms (argparse, then HfArgumentParser), the TrainingArguments of that time, and the common ones of later
// years. parseFlags answers all that stand on a command line at once, each with what takes its place.
import type { ForeignFlag } from "../shared/flags.ts";

const takes = (answer: string): ForeignFlag => ({ answer, takesValue: true });
const is = (answer: string): ForeignFlag => ({ answer, takesValue: false });

const PRECISION = "drop it: --precision mixed trains with half precision (f16) where that is safe";
const FULL_PRECISION = "drop it: evaluation computes in float32; --save_dtype float16 halves the saved model";
const ONE_DEVICE = "drop it: a run uses one device";
const NO_SERVICE = "drop it: the log is metrics.jsonl and loss.svg in --output_dir";
const EVALUATE = "drop it: with evaluation data, --eval_steps n evaluates every n updates and at the end";
const NO_WORKERS = "drop it: batches are made while the GPU works, and large text is read as it is needed";
const MASKED = "drop it: it belongs to models that fill masks or permute; GPT-2 is trained to go on (causal)";

export const SCRIPT_FLAGS: Readonly<Record<string, ForeignFlag>> = {
  mlm: is(MASKED),
  mlm_probability: takes(MASKED),
  plm_probability: takes(MASKED),
  max_span_length: takes(MASKED),
  whole_word_mask: is(MASKED),
  train_ref_file: takes(MASKED),
  eval_ref_file: takes(MASKED),
  train_data_files: takes("--train_data_file, which takes one file: join them first (cat *.txt > all.txt)"),
  do_predict: is("src/generate.ts writes texts; src/evaluate.ts measures them"),
  no_cuda: is(
    "drop it: the GPU is found by itself; GPT2_WEBGPU_ADAPTER=swiftshader in front computes on the processor",
  ),
  use_cpu: is("drop it; GPT2_WEBGPU_ADAPTER=swiftshader in front of the command computes on the processor"),
  bf16: is(PRECISION),
  tf32: is(PRECISION),
  fp16_opt_level: takes(PRECISION),
  fp16_backend: takes(PRECISION),
  half_precision_backend: takes(PRECISION),
  fp16_full_eval: is(FULL_PRECISION),
  local_rank: takes(ONE_DEVICE),
  ddp_find_unused_parameters: takes(ONE_DEVICE),
  sharded_ddp: takes(ONE_DEVICE),
  fsdp: takes(ONE_DEVICE),
  deepspeed: takes(ONE_DEVICE),
  model_parallel: is(ONE_DEVICE),
  tpu_num_cores: takes(ONE_DEVICE),
  tpu_metrics_debug: is(ONE_DEVICE),
  server_ip: takes("drop it: node --inspect --import tsx src/train.ts debugs"),
  server_port: takes("drop it: node --inspect --import tsx src/train.ts debugs"),
  debug: is("drop it: node --inspect --import tsx src/train.ts debugs"),
  prediction_loss_only: is("drop it: evaluation computes the loss alone"),
  evaluation_strategy: takes(EVALUATE),
  eval_strategy: takes(EVALUATE),
  eval_accumulation_steps: takes("drop it: nothing but the loss is kept of an evaluation"),
  save_strategy: takes("--save_steps n saves every n updates, 0 only at the end"),
  logging_strategy: takes("--logging_steps n logs every n updates"),
  logging_first_step: is("drop it; --logging_steps 1 logs every update"),
  report_to: takes("--logging_dir writes TensorBoard event files; nothing is reported elsewhere"),
  run_name: takes(NO_SERVICE),
  disable_tqdm: is("drop it: without a terminal there is no bar"),
  push_to_hub: is("drop it: the folder in --output_dir can be uploaded as it is"),
  hub_model_id: takes("drop it: the folder in --output_dir can be uploaded as it is"),
  hub_token: takes("the environment variable HF_TOKEN"),
  token: takes("the environment variable HF_TOKEN"),
  use_auth_token: is("the environment variable HF_TOKEN"),
  model_revision: takes("--revision"),
  trust_remote_code: is("drop it: no code of a model is ever run"),
  warmup_ratio: takes("--warmup_steps, in updates"),
  adafactor: is("drop it; --optim says which AdamW is used"),
  label_smoothing_factor: takes("drop it: the loss is plain cross-entropy"),
  auto_find_batch_size: is("drop it; a smaller --per_device_train_batch_size saves memory"),
  dataloader_drop_last: is("drop it: a last, smaller batch is learned from as well"),
  dataloader_num_workers: takes(NO_WORKERS),
  dataloader_pin_memory: takes(NO_WORKERS),
  streaming: is(NO_WORKERS),
  dataset_name: takes("--train_file or --train_data_file, a file on disk"),
  dataset_config_name: takes("--train_file or --train_data_file, a file on disk"),
  past_index: takes("drop it: GPT-2 is trained without a memory of earlier batches"),
  remove_unused_columns: takes("drop it: fields that the template does not name are left out"),
  label_names: takes("drop it: labels are made from the text; --loss_on says which tokens count"),
  ignore_data_skip: is("drop it: a resumed run goes on with the next example at once"),
  skip_memory_metrics: takes("drop it: no memory metrics are taken"),
  use_fast_tokenizer: takes("drop it: there is one tokenizer"),
  keep_linebreaks: takes("drop it: line breaks are kept"),
  torch_dtype: takes("drop it: weights of any type are read, and trained in float32"),
  low_cpu_mem_usage: is("drop it: weights are read a tensor at a time"),
};
