// Layouts side by side: the same books, budget and seed under each, then one table of what each model makes of p1, p3
// and metadata on pages it has not seen. Every stage is one of the programs in src with its own flags, printed as it
// starts; a stage whose result is there already is not run again, so a run that was stopped goes on. See --help.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../src/errors.ts";
import { defineFlags, parseFlags } from "../src/cli/shared/flags.ts";
import { runCli } from "../src/cli/shared/run.ts";
import { DEFAULT_TEMPLATE, SUFFIX_FIRST_TEMPLATE, TEMPLATE_FILE, parseTemplate } from "../src/infill/template.ts";
import type { InfillTemplate } from "../src/infill/template.ts";
import { ORIGIN_2020_TEMPLATE } from "../src/infill/template-presets.ts";
import { START_FLAGS, writeStart, writeTokenizer } from "./start/fresh-model.ts";
import { goingOn, markdownRows, runStage, shownInterval } from "./stages.ts";
import type { Interval } from "./stages.ts";

/** The rows of the table. */
const LAYOUTS: Readonly<Record<string, InfillTemplate>> = {
  default: DEFAULT_TEMPLATE,
  suffix_first: SUFFIX_FIRST_TEMPLATE,
  origin_2020: ORIGIN_2020_TEMPLATE,
  section_types: { ...DEFAULT_TEMPLATE, sectionTypes: true },
  order_mix: { ...DEFAULT_TEMPLATE, orderMix: 0.25 },
};

const flags = defineFlags({
  outputDir: {
    type: "string",
    placeholder: "folder",
    default: "output/layouts",
    group: "Output",
    help: "Where all of it goes.",
  },
  maxSteps: { type: "int", min: 1, default: 2000, group: "Training", help: "Updates of each model." },
  batchSize: { type: "int", min: 1, default: 8, group: "Training", help: "Sequences an update." },
  learningRate: { type: "float", above: 0, default: 1e-3, group: "Training", help: "Peak learning rate." },
  configOverrides: {
    type: "string",
    placeholder: "key=value,...",
    default: "n_layer=4,n_head=4,n_embd=128,n_positions=768,embd_pdrop=0,attn_pdrop=0,resid_pdrop=0",
    group: "Training",
    help: "The model, with fresh weights.",
  },
  ...START_FLAGS,
  lossOn: {
    type: "choice",
    choices: ["target", "all"],
    default: "target",
    group: "Training",
    help: "What every layout learns.",
  },
  maxEvalSamples: {
    type: "int",
    min: 2,
    default: 300,
    group: "Evaluation",
    help: "Examples of the test part that are scored.",
  },
  seed: {
    type: "int",
    min: 0,
    max: 2 ** 32 - 1,
    default: 42,
    group: "Training",
    help: "Seed of split, weights, order and intervals.",
  },
});

const BENCH = {
  command: "npx tsx bench/layouts.ts",
  summary: `Trains the same model under each layout (${Object.keys(LAYOUTS).join(", ")}) and compares them in a table.`,
  flags,
  positionals: { name: "BOOK", help: "text files, or folders of them" },
  examples: [{ args: "novels --output_dir output/layouts", does: "all layouts on a folder of novels" }],
};

interface Model {
  readonly infill_textonly_ppl: Interval;
  readonly p2_log_likelihood_change_per_token: Readonly<Record<string, Interval>>;
  readonly p3_retrieval: { readonly accuracy: Interval };
}

await runCli(async ({ argv }) => {
  const { values, positionals: books } = parseFlags(BENCH, argv);
  if (books.length === 0) throw new UserError("No books are given; name text files, or a folder of them.");
  const rows: string[][] = [
    ["layout", "p2 perplexity", "without p1", "without p3", "foreign p3", "without metadata", "p3 found"],
  ];
  for (const [name, layout] of Object.entries(LAYOUTS)) {
    const at = (part: string): string => join(values.outputDir, name, part);
    const seed = ["--seed", String(values.seed)];
    await writeTokenizer(at("tokenizer"), layout, values);
    runStage("prepare", at("data/train.jsonl"), [
      [...books, "--output_dir", at("data"), ...seed, "--tokenizer_name", at("tokenizer")],
      ["--template", at(`tokenizer/${TEMPLATE_FILE}`)],
    ]);
    const template = parseTemplate(JSON.parse(readFileSync(at(`data/${TEMPLATE_FILE}`), "utf8")), at("data"));
    await writeStart(at("start"), at("tokenizer"), template, values);
    runStage("train", at("model/model.safetensors"), [
      [
        "--model_name_or_path",
        at("start"),
        "--train_file",
        at("data/train.jsonl"),
        "--output_dir",
        at("model"),
        ...seed,
      ],
      ["--max_steps", String(values.maxSteps), "--per_device_train_batch_size", String(values.batchSize)],
      ["--learning_rate", String(values.learningRate), "--warmup_steps", String(Math.ceil(values.maxSteps / 20))],
      ["--loss_on", values.lossOn, "--group_by_length", goingOn(at("model"))],
    ]);
    runStage("evaluate", at("evaluation/evaluation.json"), [
      ["--model_name_or_path", at("model"), "--test_file", at("data/test.jsonl"), "--output_dir", at("evaluation")],
      ["--max_eval_samples", String(values.maxEvalSamples), ...seed, "--max_examples", "0"],
    ]);
    const { models } = JSON.parse(readFileSync(at("evaluation/evaluation.json"), "utf8")) as { models: Model[] };
    rows.push([name, ...figures(models[0]!)]);
  }
  process.stdout.write(`\n${markdownRows(rows)}`);
});

function figures({ infill_textonly_ppl: perplexity, p2_log_likelihood_change_per_token: change, p3_retrieval }: Model) {
  const parts = ["without_p1", "without_p3", "with_foreign_p3", "without_metadata"].map((part) => change[part] ?? null);
  return [
    shownInterval(perplexity, 1),
    ...parts.map((part) => shownInterval(part, 3)),
    shownInterval(p3_retrieval.accuracy, 2),
  ];
}
