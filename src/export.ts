// Command line: writes a model in the format of another program: GGUF, for llama.cpp. See --help.
import { stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "./errors.ts";
import { EXPORT } from "./cli/export/flags.ts";
import { writeNote } from "./cli/shared/announce.ts";
import { formatBytes } from "./cli/shared/format.ts";
import { parseFlags } from "./cli/shared/flags.ts";
import { endTokens, openModel } from "./cli/shared/load-model.ts";
import type { ModelFolder } from "./cli/shared/load-model.ts";
import { resolveModel } from "./cli/shared/model-source.ts";
import { DEMO_MODEL } from "./cli/shared/project-path.ts";
import { runCli } from "./cli/shared/run.ts";
import type { CliContext } from "./cli/shared/run.ts";
import { openFolder } from "./files/open.ts";
import { gpt2Gguf } from "./gguf/gpt2-gguf.ts";
import { openCheckpoint } from "./gpt2/checkpoint-files.ts";

const OUTTYPES = { f32: "F32", f16: "F16", q8_0: "Q8_0" } as const;

async function main({ argv, signal }: CliContext): Promise<void> {
  const { values: flags, positionals } = parseFlags(EXPORT, argv);
  const [model, ...more] = [...positionals, ...(flags.modelNameOrPath === undefined ? [] : [flags.modelNameOrPath])];
  if (more.length > 0)
    throw new UserError(`Two models are named, ${model} and ${more[0]}; export one after the other.`);
  const path =
    model === undefined
      ? DEMO_MODEL
      : await resolveModel(model, { revision: flags.revision, offline: flags.offline, signal });
  const name = basename(resolve(model ?? DEMO_MODEL));
  const outputFile = flags.outputFile ?? join("output", `${name}-${flags.outtype}.gguf`);
  if (!flags.overwrite && (await stat(outputFile).catch(() => undefined)))
    throw new UserError(`${outputFile} exists already; choose another --output_file, or pass --overwrite.`);
  await exportGguf(await openModel(path, undefined), name, outputFile, OUTTYPES[flags.outtype], signal);
}

async function exportGguf(
  model: ModelFolder,
  name: string,
  outputFile: string,
  outtype: (typeof OUTTYPES)[keyof typeof OUTTYPES],
  signal: AbortSignal,
): Promise<void> {
  const { folder, config, tokenizer, encoder } = model;
  const checkpoint = await openCheckpoint(folder, config);
  const read = (parameter: string): Promise<Float32Array> => {
    signal.throwIfAborted();
    return checkpoint.tensor(parameter);
  };
  const eosTokenIds = endTokens(model, encoder !== undefined);
  const { file, size, notes } = gpt2Gguf({ config, tokenizer, encoder, eosTokenIds, name, read }, { outtype });
  for (const note of notes) writeNote(`${note}.`);
  await (await openFolder(dirname(outputFile))).write(new Map([[basename(outputFile), file]]));
  print(`Saved    ${outputFile}, ${formatBytes(size)}`);
  if (!encoder) return print(`Use      llama-cli -m ${outputFile} -no-cnv -p "Once upon a time"`);
  const { order } = encoder.template;
  const suffixFirst = order.indexOf("p3") < order.indexOf("p1");
  print(`Use      llama-server -m ${outputFile}${suffixFirst ? " --spm-infill" : ""}, then POST to /infill:`);
  print(`         {"input_prefix": " <p1>", "input_suffix": " <p3>"}, each after one space, as the model was trained`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

await runCli(main);
