// The proof on real novels, from the books in a folder to one table: a model is trained on whole books and judged on
// books by other authors, before and after, with every control that src/evaluate.ts has; then it fills gaps, as
// src/generate.ts does by default, ranked, and with the requested characters as a constraint. Every stage leaves its
// files in --output_dir and is not run again where they are: a run that was stopped goes on. See --help.
import { UserError } from "../src/errors.ts";
import { runCli } from "../src/cli/shared/run.ts";
import { defineFlags, parseFlags } from "../src/cli/shared/flags.ts";
import { runNovels } from "./novels/run.ts";
import { NOVELS_FLAGS } from "./novels/flags.ts";

const BENCH = {
  command: "npx tsx bench/novels.ts",
  summary:
    "Trains a small model on novels, judges it on novels by other authors, and prints a table and ten gaps with what " +
    "was written into them. With its defaults it takes about an hour on two processor cores.",
  flags: defineFlags(NOVELS_FLAGS),
  positionals: { name: "FOLDER", help: "books (.txt), with novels.json or with Project Gutenberg's headers" },
  examples: [
    { args: "books", does: "the whole proof; the same command goes on where it was stopped" },
    {
      args:
        "books --config_overrides n_layer=8,n_head=8,n_embd=512,n_positions=640,embd_pdrop=0,attn_pdrop=0," +
        "resid_pdrop=0 --vocab_merges 8000 --batch_size 32 --max_steps 6000 --learning_rate 6e-4",
      does: "a larger model, for a GPU",
    },
  ],
};

await runCli(async ({ argv, signal }) => {
  const { values, positionals } = parseFlags(BENCH, argv);
  const [folder, ...more] = positionals;
  if (folder === undefined || more.length > 0)
    throw new UserError(`${positionals.length} folders are given, wanted one: that of the books.`);
  await runNovels(folder, values, signal);
});
