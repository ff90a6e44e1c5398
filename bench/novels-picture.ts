// Draws a gap that bench/novels.ts filled, for README.md. See --help.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../src/errors.ts";
import { defineFlags, parseFlags } from "../src/cli/shared/flags.ts";
import { runCli } from "../src/cli/shared/run.ts";
import { linesOf } from "./novels/data.ts";
import { pictureOf } from "./novels/picture.ts";
import type { Filled } from "./novels/results.ts";

const PICTURE = {
  command: "npx tsx bench/novels-picture.ts",
  summary: "Draws a gap of a novel with its candidates as an SVG, from what bench/novels.ts wrote.",
  flags: defineFlags({
    gap: { type: "int", min: 1, default: 1, group: "Picture", help: "Number of the gap, in the order of gaps.jsonl." },
    candidates: { type: "int", min: 1, default: 2, group: "Picture", help: "Candidates that are shown." },
    context: {
      type: "int",
      min: 40,
      default: 360,
      group: "Picture",
      help: "Characters of the passages before and after.",
    },
    output: {
      type: "string",
      placeholder: "file.svg",
      default: "docs/novel-gap.svg",
      group: "Picture",
      help: "The file.",
    },
  }),
  positionals: { name: "FOLDER", help: "the --output_dir of bench/novels.ts" },
  examples: [{ args: "output/novels --gap 5", does: "the fifth gap" }],
};

await runCli(async ({ argv }) => {
  const { values, positionals } = parseFlags(PICTURE, argv);
  const folder = positionals[0] ?? "output/novels";
  const file = join(folder, "ranked.jsonl");
  if (!existsSync(file)) throw new UserError(`${file} is not there; run bench/novels.ts, or name its --output_dir.`);
  const line = linesOf(file)[values.gap - 1];
  if (line === undefined) throw new UserError(`${file} has ${linesOf(file).length} gaps, and --gap is ${values.gap}.`);
  writeFileSync(values.output, pictureOf(JSON.parse(line) as Filled, values));
});
