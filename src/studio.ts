// Command line: the page for writers, on this machine. See --help.
// oxlint-disable-next-line import/no-unassigned-import -- it takes effect before the others are evaluated
import "./cli/shared/beside-tsx.ts";
import { parseFlags } from "./cli/shared/flags.ts";
import { runCli } from "./cli/shared/run.ts";
import type { CliContext } from "./cli/shared/run.ts";
import { STUDIO } from "./cli/studio/flags.ts";
import { findSite, runByNpx } from "./cli/studio/site.ts";
import type { Site } from "./cli/studio/site.ts";
import { UserError } from "./errors.ts";

async function main({ argv, signal }: CliContext): Promise<number> {
  const { values } = parseFlags(STUDIO, argv);
  const site = await findSite();
  if (!site) return runByNpx(argv);
  const { address, close } = await site
    .serve(values.port)
    .catch((error: NodeJS.ErrnoException) => refuse(error, values.port));
  process.stdout.write(`Studio   ${address}\n`);
  if (!values.noOpen && !(await site.show(address)))
    process.stderr.write("No browser could be opened from here: open the address in one with WebGPU.\n");
  if (!signal.aborted) await new Promise((stopped) => signal.addEventListener("abort", stopped));
  await close();
  return 0;
}

function refuse({ code, message }: NodeJS.ErrnoException, port: number): ReturnType<Site["serve"]> {
  if (code === "EADDRINUSE")
    throw new UserError(
      `Port ${port} is taken: the studio may be running already, at http://localhost:${port}/; end what is there, or ` +
        "choose another by --port (another address has other documents).",
    );
  throw new UserError(`Port ${port} cannot be used (${message}); choose another by --port.`);
}

await runCli(main);
