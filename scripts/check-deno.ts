// npm run check:deno: the same sources under Deno, whose WebGPU is wgpu and whose shaders naga compiles, as in Firefox.
// Runs every kernel's table there (so every shader is compiled in every form that the adapter allows; the others are
// skipped by name), the demo's text, which must be Node's to the letter, and five training steps, whose losses must be
// Node's within 1e-5. Names on the command line run only those checks of `npm run doctor`.
// Deno looks for Vulkan at its start: where the system has no driver, or GPT2_WEBGPU_ADAPTER=swiftshader asks for it,
// it is shown the SwiftShader that npm brings.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCli } from "../src/cli/shared/run.ts";
import { softwareAdapterShips, unpackSoftwareAdapter } from "../src/gpu/software-adapter.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const LOSS_TOLERANCE = 1e-5;
const DENO = join(ROOT, "node_modules", ".bin", "deno");

type Runtime = "Node" | "Deno";
interface Ended {
  readonly code: number | null;
  readonly out: string;
}

/** Deno's environment: the driver that Node's side uses too. */
function denoEnvironment(): NodeJS.ProcessEnv {
  const wanted = process.env.GPT2_WEBGPU_ADAPTER;
  const hasDriver = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"].some(
    (folder) => existsSync(folder) && readdirSync(folder).length > 0,
  );
  if (!softwareAdapterShips() || (hasDriver && !/^swiftshader$/i.test(wanted ?? ""))) return process.env;
  const folder = unpackSoftwareAdapter();
  return {
    ...process.env,
    VK_DRIVER_FILES: join(folder, "vk_swiftshader_icd.json"),
    LD_LIBRARY_PATH: [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(":"),
  };
}

/** Runs a program of this repository; stdout is collected, or shown at once with `show`. */
function run(runtime: Runtime, argv: readonly string[], show = false): Promise<Ended> {
  const [command, ...before] =
    runtime === "Node" ? [process.execPath, "--import", "tsx"] : [DENO, "run", "--quiet", "--allow-all"];
  const child = spawn(command, [...before, ...argv], {
    cwd: ROOT,
    env: runtime === "Node" ? process.env : denoEnvironment(),
    stdio: ["ignore", show ? "inherit" : "pipe", "inherit"],
  });
  return new Promise((resolve, reject) => {
    let out = "";
    child.stdout?.on("data", (data) => (out += data));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out }));
  });
}

/** A check's name, or what is wrong. */
async function sameText(): Promise<string | undefined> {
  const argv = ["src/generate.ts", "--beam", "4", "--json"];
  const [node, deno] = [await run("Node", argv), await run("Deno", argv)];
  if (node.code !== 0 || deno.code !== 0) return `Node ended with ${node.code}, Deno with ${deno.code}`;
  const textOf = ({ out }: Ended): string =>
    (JSON.parse(out) as { candidates: { p2: string }[] }).candidates.map(({ p2 }) => p2).join("\n");
  return textOf(node) === textOf(deno)
    ? undefined
    : `the texts differ:\n  Node ${textOf(node)}\n  Deno ${textOf(deno)}`;
}

async function sameLosses(): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "check-deno-"));
  try {
    const losses = async (runtime: Runtime): Promise<number[] | string> => {
      const output = join(folder, runtime);
      const argv = ["src/train.ts", "--output_dir", output, "--max_train_samples", "16", "--max_steps", "5"];
      argv.push("--logging_steps", "1", "--per_device_train_batch_size", "2", "--max_eval_samples", "2");
      const { code } = await run(runtime, [...argv, "--block_size", "128"]);
      if (code !== 0) return `${runtime} ended with ${code}`;
      return readFileSync(join(output, "metrics.jsonl"), "utf8")
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { loss?: number }).loss)
        .filter((loss) => loss !== undefined);
    };
    const [node, deno] = [await losses("Node"), await losses("Deno")];
    if (typeof node === "string") return node;
    if (typeof deno === "string") return deno;
    const same = node.length === 5 && node.every((loss, i) => Math.abs(loss - deno[i]) <= LOSS_TOLERANCE);
    return same ? undefined : `the losses differ: Node ${node.join(", ")}; Deno ${deno.join(", ")}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Test files named after a kernel's. */
function kernelTables(): string[] {
  const stems = readdirSync(join(ROOT, "src", "kernels"), { recursive: true, encoding: "utf8" }).map((file) =>
    basename(file, ".ts"),
  );
  return stems.map((stem) => join(ROOT, "test", `${stem}.test.ts`)).filter((file) => existsSync(file));
}

await runCli(async ({ argv }) => {
  let failed = 0;
  const report = (what: string, wrong: string | undefined): void => {
    process.stdout.write(wrong === undefined ? `ok    ${what}\n` : `FAIL  ${what}: ${wrong}\n`);
    if (wrong !== undefined) failed++;
  };
  if (argv.length === 0) {
    report("the demo's text is Node's", await sameText());
    report(`five training losses are Node's within ${LOSS_TOLERANCE}`, await sameLosses());
  }
  const { code } = await run("Deno", ["bench/check.ts", ...(argv.length > 0 ? argv : kernelTables())], true);
  return failed > 0 || code !== 0 ? 1 : 0;
});
