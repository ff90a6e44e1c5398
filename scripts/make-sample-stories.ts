// Writes the sample stories: with no flags, exactly the committed data/sample/; with --count and --output_dir, as
// many as wanted.
//   npx tsx scripts/make-sample-stories.ts --count 20000 --validation_count 300 --seed 20 --output_dir output/stories
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { COMMITTED, sampleFiles } from "./stories/sample.ts";

const committedFolder = fileURLToPath(new URL("../data/sample", import.meta.url));

function wholeNumber(flag: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (Number.isInteger(value) && value >= 0 && value < 2 ** 32) return value;
  console.error(`--${flag} is ${text}, wanted a whole number from 0 to 4294967295.`);
  process.exit(1);
}

const string = { type: "string" } as const;
const { values } = parseArgs({
  options: { count: string, validation_count: string, seed: string, output_dir: string },
});
const folder = values.output_dir ?? committedFolder;
const files = sampleFiles({
  seed: wholeNumber("seed", values.seed, COMMITTED.seed),
  count: wholeNumber("count", values.count, COMMITTED.count),
  validationCount: wholeNumber("validation_count", values.validation_count, COMMITTED.validationCount),
});
mkdirSync(folder, { recursive: true });
for (const [name, text] of files) {
  writeFileSync(join(folder, name), text);
  console.log(`${join(folder, name)}: ${text.split("\n").length - 1} lines, ${Buffer.byteLength(text)} bytes`);
}
