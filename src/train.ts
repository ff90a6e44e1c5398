// Command line: fine-tunes GPT-2, or trains one from scratch, on infilling examples or plain text. See --help.
// oxlint-disable-next-line import/no-unassigned-import -- it takes effect before the others are evaluated
import "./cli/shared/beside-tsx.ts";
import { runCli } from "./cli/shared/run.ts";
import type { CliContext } from "./cli/shared/run.ts";
import { announceRanks } from "./cli/mpi/announce-ranks.ts";
import { withRanks } from "./cli/mpi/with-ranks.ts";
import type { MpiJob } from "./cli/mpi/with-ranks.ts";
import { evaluateModel, tellMemory } from "./cli/train/looking.ts";
import { print, readProgram } from "./cli/train/program.ts";
import type { Program } from "./cli/train/program.ts";
import { chooseFolder } from "./cli/train/together.ts";
import { STOPPED_EARLY, train } from "./cli/train/training-run.ts";

async function main(cli: CliContext, mpi: MpiJob | undefined): Promise<number | void> {
  const program = await readProgram(cli, mpi);
  if (mpi) await announceRanks(mpi.ranks);
  const code = await carryOut(program);
  await program.profiling.end();
  return code;
}

async function carryOut(program: Program): Promise<number | void> {
  const { flags, signal, mpi } = program;
  if (program.evaluateOnly) return evaluateModel(program);
  if (flags.dryRun) return tellMemory(program);

  const run = await chooseFolder(flags, mpi);
  try {
    return await train(program, run);
  } catch (error) {
    if (signal.aborted && error === signal.reason) print(STOPPED_EARLY);
    throw error;
  } finally {
    run.release();
  }
}

await runCli((cli) => withRanks((mpi) => main(cli, mpi)));
