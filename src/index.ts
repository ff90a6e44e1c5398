// The public API, and nothing else. Everything here runs in Node and in the browser.
export { requestDevice } from "./gpu/device.ts";
export type { Device, DeviceOptions } from "./gpu/device.ts";
export { requestTunedDevice } from "./tuning/tuned-device.ts";
export type { TunedDeviceOptions } from "./tuning/tuned-device.ts";
export type { Tuned } from "./tuning/tune.ts";
export { openFolder } from "./files/open.ts";
export type { Tensor } from "./gpu/tensor.ts";
export { UserError } from "./errors.ts";
export { MemoryFolder } from "./files/folder.ts";
export type { Folder } from "./files/folder.ts";

export { GPT2Config } from "./gpt2/config.ts";
export { GPT2LMHeadModel, GPT2Model } from "./gpt2/model.ts";
export type { CausalLMInput, ForwardInput, ModelOptions, PretrainedOptions } from "./gpt2/model.ts";
export type {
  BaseModelOutput,
  CausalLMOutput,
  LabelledOutput,
  Loss,
  Output,
  OutputElement,
  TupleAccess,
} from "./gpt2/output.ts";
export type { Adapter } from "./gpt2/adapter.ts";
export { LoraConfig } from "./gpt2/lora-config.ts";
export type { LoraOptions } from "./gpt2/lora-config.ts";
export { KVCache } from "./gpt2/kv-cache.ts";
export type { ParameterStore, Trainable } from "./autograd/parameter.ts";
export type { Parameter } from "./autograd/variable.ts";
export { GPT2Tokenizer } from "./tokenizer/tokenizer.ts";
export { PreTrainedTokenizer } from "./tokenizer/pretrained-tokenizer.ts";

export type { Decoder } from "./generation/device/decoder.ts";
export { GPT2Decoder } from "./generation/device/gpt2-decoder.ts";
export { generate } from "./generation/generate.ts";
export type { GenerateInputs, GenerateOutput } from "./generation/generate.ts";
export type { FinishReason, StoppingCriteria } from "./generation/loops/stopping-criteria.ts";
export type { StepRecord } from "./generation/loops/recorder.ts";
export type { Streamer } from "./generation/loops/run.ts";
export type { GenerationConfig, GenerationOptions } from "./generation/options/options.ts";
export { DisjunctiveConstraint, PhrasalConstraint } from "./generation/loops/constraint.ts";
export type { Constraint } from "./generation/loops/constraint.ts";
export type {
  GenerationObserver,
  ObservedBeams,
  ObservedChoice,
  ObservedExtension,
  ObservedRow,
} from "./generation/loops/observer.ts";
export type {
  EditingProcessor,
  LogitEdit,
  LogitsProcessor,
  NormalizingProcessor,
  RowContext,
  RowProcessor,
  SamplerSettings,
  SamplerWarper,
} from "./generation/scores/logits-processor.ts";
export type { PrefixAllowedTokens } from "./generation/scores/row-processors.ts";

export { explain } from "./explain/explain.ts";
export type { Explained, ExplainOptions } from "./explain/explain.ts";
export type { Explanation } from "./explain/explanation.ts";
export { explanationPage } from "./explain/page/page.ts";

export { gpt2Gguf } from "./gguf/gpt2-gguf.ts";
export type { Gpt2Gguf, Gpt2GgufModel } from "./gguf/gpt2-gguf.ts";

export { AdamW, decayAllButBiases, decayMatrices } from "./training/optimizer.ts";
export type { AdamWForm, AdamWOptions, OptimizerState } from "./training/optimizer.ts";
export { learningRateAt } from "./training/lr-schedule.ts";
export { DEFAULT_ARGUMENTS } from "./training/arguments.ts";
export type { TrainingArguments } from "./training/arguments.ts";
export { TrainingStep } from "./training/step.ts";
export type { LossReduction, MicroBatch, SentStep, StepResult, TrainingStepOptions } from "./training/step.ts";
export type { Counts, Exchange } from "./training/exchange.ts";
export { Shards } from "./training/shards.ts";
export type { ExchangeMeter, Span } from "./training/shards.ts";
export type { Rank, Ranks } from "./training/ranks.ts";
export { MixedPrecision } from "./training/mixed-precision.ts";
export type { MixedPrecisionOptions } from "./training/mixed-precision.ts";
export type { Precision } from "./training/precision.ts";
export { memoryNeeds } from "./training/memory-needs.ts";
export type { BatchShape, MemoryNeeds } from "./training/memory-needs.ts";
export { Trainer } from "./training/trainer.ts";
export type { Progress, TrainerOptions } from "./training/trainer-options.ts";
export type { LogEntry } from "./training/trainer-state.ts";
export type { Fingerprint } from "./training/fingerprint.ts";
export type { Evaluation } from "./training/evaluate.ts";
export { DataLoader } from "./examples/data-loader.ts";
export type { EncodedExample } from "./examples/encoded-example.ts";
export { slidingWindows } from "./training/sliding-windows.ts";
export { textBlocks, textLines, textWindows } from "./training/text-dataset.ts";

export { collate } from "./examples/collate.ts";
export { collatePacked } from "./examples/pack.ts";
export { InfillEncoder } from "./infill/encode.ts";
export { TextConstraints } from "./infill/constraints/text-constraints.ts";
export type { TextPlace, TextWishes } from "./infill/constraints/text-constraints.ts";
export type { InfillExample, InfillRequest } from "./infill/example.ts";
export { parseJsonl } from "./infill/example.ts";
export { Reranker } from "./rerank/reranker.ts";
export type { Ranked } from "./rerank/reranker.ts";
export { candidateTerms } from "./rerank/terms.ts";
export type { Terms } from "./rerank/terms.ts";
export type { RerankWeights } from "./rerank/weights.ts";
export { DEFAULT_TEMPLATE, SUFFIX_FIRST_TEMPLATE, parseTemplate, specialTokensToAdd } from "./infill/template.ts";
export { ORIGIN_2020_TEMPLATE } from "./infill/template-presets.ts";
export type { InfillTemplate } from "./infill/template.ts";

// What options and results of the above are made of.
export type { GPT2ConfigFields } from "./gpt2/config.ts";
export type { DType, Shape } from "./gpu/tensor.ts";
export type { FileData } from "./files/folder.ts";
export type { SavedCheckpointOptions } from "./gpt2/checkpoint-files.ts";
export type { TokenRows } from "./gpt2/token-batch.ts";
export type { DecodeOptions, EncodeOptions } from "./tokenizer/pretrained-tokenizer.ts";
export type { NewSpecialTokens } from "./tokenizer/special-tokens.ts";
export type { NewToken } from "./tokenizer/added-tokens.ts";
export type { DecodeStream } from "./tokenizer/decode-stream.ts";
export type { StepOptions } from "./training/optimizer.ts";
export type { LoaderOptions } from "./examples/data-loader.ts";
export type { CollateOptions } from "./examples/collate.ts";
export type { Reduction } from "./autograd/cross-entropy.ts";
export type {
  BlockOptions,
  EncodedSet,
  ExampleOptions,
  FittedExample,
  GenerationInputs,
  PromptOptions,
  ReadingOrderExample,
} from "./infill/encode.ts";
export type { TemplateTokenizer } from "./infill/template.ts";
export type { LengthBounds } from "./infill/length-class.ts";
export type { Place } from "./infill/example.ts";
export type { TermOptions } from "./rerank/terms.ts";
export type { MemoryNeedsOptions } from "./training/memory-needs.ts";
export type { TextTokenizer } from "./training/text-dataset.ts";
export type { LrSchedule, LrSchedulerKwargs } from "./training/lr-schedule.ts";
export type { TrainerState } from "./training/trainer-state.ts";
export type { CheckpointStore } from "./training/checkpoint.ts";
export type { ExampleOf } from "./training/update-batches.ts";
export type { ExplainedPrompt } from "./explain/explanation.ts";
export type { WindowOptions } from "./training/sliding-windows.ts";
