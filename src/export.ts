// Command line: writes a model in the format of another program: GGUF for llama.cpp, or a folder for Hugging Face. See
// --help.
// oxlint-disable-next-line import/no-unassigned-import -- it takes effect before the others are evaluated
import "./cli/shared/beside-tsx.ts";
import { basename, join, resolve } from "node:path";
import { UserError } from "./errors.ts";
import { EXPORT } from "./cli/export/flags.ts";
import type { ExportFlags } from "./cli/export/flags.ts";
import { exportGguf } from "./cli/export/gguf.ts";
import { exportHf } from "./cli/export/hf.ts";
import { flagName } from "./cli/shared/flag-table.ts";
import { parseFlags } from "./cli/shared/flags.ts";
import { openFolder } from "./files/open.ts";
import { isAdapter } from "./gpt2/adapter-files.ts";
import { resolveModel } from "./cli/shared/model-source.ts";
import { DEMO_MODEL } from "./cli/shared/project-path.ts";
import { runCli } from "./cli/shared/run.ts";
import type { CliContext } from "./cli/shared/run.ts";

const OUTTYPES = { f32: "F32", f16: "F16", q8_0: "Q8_0" } as const;
/** Flags that mean something in one format only. */
const ONLY_IN: Readonly<Record<string, readonly (keyof ExportFlags & string)[]>> = {
  gguf: ["outputFile"],
  hf: ["outputDir", "maxShardSize"],
};

async function main({ argv, signal }: CliContext): Promise<void> {
  const { values: flags, given, positionals } = parseFlags(EXPORT, argv);
  const { revision, offline, cacheDir, overwrite } = flags;
  if (flags.merge && given.has("format") && flags.format !== "hf")
    throw new UserError("--merge writes a folder in Hugging Face's layout; leave --format out: gguf merges by itself.");
  const format = flags.merge ? "hf" : flags.format;
  for (const [other, names] of Object.entries(ONLY_IN))
    for (const name of names)
      if (other !== format && given.has(name))
        throw new UserError(`${flagName(name)} belongs to --format ${other}; leave it out.`);
  const [model = DEMO_MODEL, ...more] = [...positionals, ...(flags.modelNameOrPath ? [flags.modelNameOrPath] : [])];
  if (more.length > 0)
    throw new UserError(`Two models are named, ${model} and ${more[0]}; export one after the other.`);
  const path = model === DEMO_MODEL ? model : await resolveModel(model, { revision, offline, cacheDir, signal });
  if (flags.merge && !(await isAdapter(await openFolder(path))))
    throw new UserError(`--merge is for an adapter, and ${model} is a whole model (or none); leave it out.`);
  const name = basename(resolve(model));
  const outtype = OUTTYPES[flags.outtype ?? (format === "gguf" ? "f16" : "f32")];
  if (format === "gguf") {
    const outputFile = flags.outputFile ?? join("output", `${name}-${outtype.toLowerCase()}.gguf`);
    return print(await exportGguf({ path, name, outputFile, outtype, overwrite, signal }));
  }
  if (outtype === "Q8_0")
    throw new UserError("--outtype q8_0 is llama.cpp's, and --format hf takes f32 or f16; choose one of them.");
  const maxShardBytes = flags.maxShardSize ?? 5e9;
  const outputDir = flags.outputDir ?? join("output", `${name}-hf`);
  print(await exportHf({ path, model, outputDir, dtype: outtype, maxShardBytes, overwrite, signal }));
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

await runCli(main);
