// README.md beside a model: its card, in the form in which Hugging Face's Trainer writes one. Front matter that the Hub
// reads, how to use the model, what it was trained on and how, and what came of it.
import type { Folder } from "../files/folder.ts";
import { snakeCase } from "../snake-case.ts";
import type { TrainingArguments } from "./arguments.ts";
import { frontMatter } from "./card-front-matter.ts";
import type { CardAbout } from "./card-front-matter.ts";
import { usageSections } from "./card-usage.ts";
import type { CardUsage } from "./card-usage.ts";
import type { LogEntry } from "./log-entry.ts";

export const MODEL_CARD_FILE = "README.md";

/** A README.md without this line is a person's, and is not written over. */
export const CARD_MARKER =
  "<!-- gpt2-webgpu wrote this file and writes it anew; to keep your own, remove this line. -->";

/** Whether the folder has a README.md that was not written here, or was and is a person's now. */
export async function hasOthersReadme(folder: Folder): Promise<boolean> {
  if (!(await folder.has(MODEL_CARD_FILE))) return false;
  return !new TextDecoder().decode(await folder.read(MODEL_CARD_FILE)).includes(CARD_MARKER); // whatever its encoding
}

export interface ModelCard {
  readonly about: CardAbout;
  /** "0.33M parameters, 2 layers of 64". */
  readonly size: string;
  readonly usage: CardUsage;
  /** Undefined where it is not known. */
  readonly training?: CardTraining;
}

export interface CardTraining {
  readonly args: TrainingArguments;
  readonly blockSize: number;
  /** Names and values that say which parameters were trained; nothing where all were. */
  readonly trainable: readonly (readonly [name: string, value: string])[];
  readonly worldSize: number;
  readonly history: readonly LogEntry[];
  /** The step whose weights the model has. */
  readonly finalStep: number;
  readonly data: CardData;
  readonly evaluation?: CardData;
  /** "gpt2-webgpu 0.2.0". */
  readonly program: string;
}

export interface CardData {
  readonly file: string;
  readonly examples: number;
  readonly tokens: number;
  /** Of infilling examples, how many are of each title; not all of them where there are many. */
  readonly titles: ReadonlyMap<string, number>;
}

export function modelCard({ about, size, usage, training }: ModelCard): string {
  const { name, origin, baseModel } = about;
  const made = baseModel === undefined ? `trained from ${markdown(origin)}` : `fine-tuned from ${code(baseModel)}`;
  const evaluated = training && finalEvaluation(training);
  return [
    frontMatter(about, evaluated && { ...evaluated, data: training.evaluation?.file ?? "" }),
    CARD_MARKER,
    "",
    `# ${markdown(name)}`,
    "",
    `A GPT-2 ${about.adapter ? "adapter (LoRA) " : ""}of ${size}, ${made}.`,
    ...(evaluated ? ["", "On its evaluation data:", "", ...figures(evaluated)] : []),
    "",
    ...usageSections(name, usage, about.adapter !== undefined),
    ...(training ? trainingSections(training) : []),
  ].join("\n");
}

interface Evaluated {
  readonly loss: number;
  readonly perplexity: number;
}

const figures = ({ loss, perplexity }: Evaluated): string[] => [
  `- Loss: ${loss.toFixed(4)}`,
  `- Perplexity: ${perplexity.toPrecision(4)}`,
];

/** Of the weights that the model has. */
function finalEvaluation({ history, finalStep }: CardTraining): Evaluated | undefined {
  const evaluations = history.filter((entry) => "eval_loss" in entry);
  const last = evaluations.find(({ step }) => step === finalStep) ?? evaluations.at(-1);
  return last && { loss: last.eval_loss, perplexity: last.eval_perplexity };
}

const TRAINING = "## Training";

function trainingSections(training: CardTraining): string[] {
  const { data, evaluation, program } = training;
  return [
    TRAINING,
    "",
    "### Data",
    "",
    ...dataPart("Training", data),
    ...(evaluation ? dataPart("Evaluation", evaluation) : []),
    "### Hyper-parameters",
    "",
    ...hyperParameters(training),
    "",
    ...results(training),
    "### Versions",
    "",
    `- ${program}`,
    "",
  ];
}

/** Of many titles those with most examples. */
const MOST_TITLES = 100;

function dataPart(what: string, { file, examples, tokens, titles }: CardData): string[] {
  const said = `${what}: ${code(file)}, ${examples} examples, ${tokens} tokens.`;
  if (titles.size === 0) return [said, ""];
  const sorted = [...titles].sort(([a, many], [b, few]) => few - many || (a < b ? -1 : 1));
  const rest = sorted.length - MOST_TITLES;
  return [
    said,
    "",
    "| Title | Examples |",
    "|:---|---:|",
    ...sorted.slice(0, MOST_TITLES).map(([title, count]) => `| ${markdown(title)} | ${count} |`),
    ...(rest > 0 ? [`| and ${rest} more | |`] : []),
    "",
  ];
}

function hyperParameters({ args, blockSize, trainable, worldSize, history, finalStep }: CardTraining): string[] {
  const { perDeviceTrainBatchSize: batch, gradientAccumulationSteps: accumulation } = args;
  const epochs = history.at(-1)?.epoch;
  const rows: (readonly [string, string | number])[] = [
    ["learning_rate", args.learningRate],
    ["train_batch_size", batch],
    ["eval_batch_size", args.perDeviceEvalBatchSize],
    ["seed", args.seed],
    ...(worldSize > 1 ? [["num_devices", worldSize] as [string, number]] : []),
    ["gradient_accumulation_steps", accumulation],
    ["total_train_batch_size", batch * accumulation * worldSize],
    ["block_size", blockSize],
    ...trainable.map(([name, value]) => [name, markdown(value)] as const),
    [
      "optimizer",
      `${args.optim} with betas=(${args.adamBeta1},${args.adamBeta2}), epsilon=${args.adamEpsilon}, ` +
        `weight_decay=${args.weightDecay}`,
    ],
    ["max_grad_norm", args.maxGradNorm],
    ...(args.precision === "mixed" ? [["mixed_precision_training", "float16"] as [string, string]] : []),
    ["lr_scheduler_type", args.lrSchedulerType],
    ...Object.entries(args.lrSchedulerKwargs ?? {}).map(([key, value]): [string, string] => [
      `lr_scheduler_kwargs.${snakeCase(key)}`,
      String(value),
    ]),
    ["lr_scheduler_warmup_steps", args.warmupSteps],
    ["loss_on", args.lossOn],
    ["training_steps", history.at(-1)?.step ?? finalStep],
    ...(epochs === undefined ? [] : [["num_epochs", Number(epochs.toFixed(2))] as [string, number]]),
  ];
  return rows.map(([name, value]) => `- ${name}: ${value}`);
}

/** A row for each evaluation, with the training loss that was logged last before it. */
function results({ history, finalStep }: CardTraining): string[] {
  const rows: string[] = [];
  let trainLoss = "No log";
  for (const entry of history) {
    if ("loss" in entry) trainLoss = entry.loss.toFixed(4);
    if (!("eval_loss" in entry)) continue;
    const { step, epoch, eval_loss, eval_perplexity } = entry;
    const mark = step === finalStep ? "**" : "";
    const cells = [trainLoss, epoch.toFixed(2), step, eval_loss.toFixed(4), eval_perplexity.toPrecision(4)];
    rows.push(`| ${cells.map((cell) => `${mark}${cell}${mark}`).join(" | ")} |`);
  }
  if (rows.length === 0) return trainLoss === "No log" ? [] : [`Training loss at the end: ${trainLoss}.`, ""];
  return [
    "### Results",
    "",
    "| Training Loss | Epoch | Step | Validation Loss | Perplexity |",
    "|---:|---:|---:|---:|---:|",
    ...rows,
    "",
    "The model's weights are those of the row in bold.",
    "",
  ];
}

/** Text as such within Markdown, on one line. */
export function markdown(text: string): string {
  return oneLine(text).replace(/[\\`*_[\]<>|#~]/g, "\\$&");
}

/** Text as code within Markdown, where it holds no backtick. */
export function code(text: string): string {
  return text.includes("`") ? markdown(text) : `\`${oneLine(text)}\``;
}

const oneLine = (text: string): string => text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();

/** What a card that is written here says of training, to stand in another one; undefined: nothing. */
export function trainingPart(card: string): string | undefined {
  const start = card.includes(CARD_MARKER) ? card.indexOf(`\n${TRAINING}\n`) : -1;
  return start < 0 ? undefined : card.slice(start + 1);
}
