// Training under mpirun, by Open MPI and by MPICH, whichever is installed: what comes out, and how a job ends in which
// one process fails. test/ranks.test.ts has the mathematics, without MPI.
import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openFolder } from "../src/files/open.ts";
import { Safetensors } from "../src/files/safetensors.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "mpi-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Launcher {
  readonly command: string;
  /** Before -n. */
  readonly flags: readonly string[];
  /** Before -n as well, where it starts npx. */
  readonly npxFlags: readonly string[];
}

/** The first of these commands that is of this MPI. */
function find(words: RegExp, flags: readonly string[], npxFlags: readonly string[]): Launcher | undefined {
  const command = ["mpirun", "mpirun.openmpi", "mpirun.mpich", "mpiexec.hydra"].find((each) =>
    words.test(spawnSync(each, ["--version"], { encoding: "utf8" }).stdout ?? ""),
  );
  return command === undefined ? undefined : { command, flags, npxFlags };
}

const MPI: Readonly<Record<string, Launcher | undefined>> = {
  "Open MPI": find(/Open MPI/, ["--oversubscribe"], []),
  MPICH: find(/HYDRA/, [], ["-pmi-port"]),
};
const launchers = Object.entries(MPI);
const installed = Object.values(MPI).filter((launcher) => launcher !== undefined);
/** Containers of continuous integration have no other user. */
const env = { ...process.env, OMPI_ALLOW_RUN_AS_ROOT: "1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1" };

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `onStderr` hears all that was said there so far, whenever more is. */
function run(
  [command, ...args]: readonly string[],
  onStderr?: (said: string) => void,
  more: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const child = spawn(command, args, { cwd: root, env: { ...env, ...more }, stdio: ["ignore", "pipe", "pipe"] });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (data) => (said.stdout += data));
  child.stderr.on("data", (data) => {
    said.stderr += data;
    onStderr?.(said.stderr);
  });
  return new Promise((done) => child.on("close", (code) => done({ code, ...said })));
}

function mpirun(
  { command, flags, npxFlags }: Launcher,
  n: number,
  program: readonly string[],
  onStderr?: (said: string) => void,
  more?: Readonly<Record<string, string>>,
): Promise<Ended> {
  const start = program[0] === "npx" ? npxFlags : [];
  return run([command, ...flags, ...start, "-n", `${n}`, ...program], onStderr, more);
}

const node = (program: string, ...args: string[]): string[] => [process.execPath, "--import", "tsx", program, ...args];

describe.each(launchers)("ranks of %s", (_name, launcher) => {
  const start = (n: number, what: string, more?: Record<string, string>): Promise<Ended> =>
    mpirun(launcher!, n, node("test/mpi-program.ts", what), undefined, more);

  it.runIf(launcher !== undefined)("give each other arrays of any lengths, and rank 0 alone prints", async () => {
    const { code, stdout, stderr } = await mpirun(launcher!, 3, ["npx", "tsx", "test/mpi-program.ts", "exchange"]);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^3 ranks of (Open MPI v|MPICH )\d+\.\S+ agree\n$/);
    expect(code).toBe(0);
  });

  it.runIf(launcher !== undefined && process.platform === "linux")(
    "keep the heap of which MPI would free a part where it cannot grow, unless the user lets it",
    async () => {
      const { code, stdout } = await start(2, "heap");
      expect(stdout).toMatch(/^(the heap is whole|no UCX)\n$/);
      expect(code).toBe(0);
      if (stdout === "no UCX\n") return;
      // The fault itself: what is gone may be missed at once (the other two keep UCX from hanging then), later or
      // never.
      const watched = await start(2, "heap", {
        UCX_MEM_EVENTS: "yes",
        UCX_HANDLE_ERRORS: "none",
        UCX_ERROR_SIGNALS: "",
      });
      expect(`${watched.stdout} code ${watched.code}`).toMatch(/bytes of the heap are gone| code (?!0)/);
    },
  );

  it.runIf(launcher !== undefined)("end together when one fails, with its number and reason", async () => {
    const { code, stderr } = await start(2, "fail");
    expect(stderr).toContain("Error: Rank 1: there is no sun.\n");
    expect(code).not.toBe(0);
  });

  it.runIf(launcher !== undefined)("hear of what will not do with all of them once", async () => {
    const { code, stderr } = await start(2, "differ");
    expect(stderr.match(/Error: 2 cooks spoil the broth\.\n/g)).toHaveLength(1);
    expect(code).not.toBe(0);
  });

  it.runIf(launcher !== undefined)("end together when one is killed, with its number", async () => {
    const started = performance.now();
    const { code, stdout, stderr } = await start(2, "die");
    // The launcher's words, on the stream that it likes.
    expect(stdout + stderr).toMatch(
      /rank 1 .*exited on signal 9|YOUR APPLICATION TERMINATED WITH THE EXIT STRING: Killed/,
    );
    expect(code).not.toBe(0);
    expect(performance.now() - started).toBeLessThan(60_000);
  });

  it.runIf(launcher !== undefined)("end together when one hangs, with its number", async () => {
    const { code, stderr } = await start(2, "hang");
    expect(stderr).toContain("Error: Rank 1 hangs: rank 0 has not heard of it for 2 s.");
    expect(code).not.toBe(0);
  });
});

describe("training", { timeout: 240_000 }, () => {
  const text = join(folder, "text.txt");
  const common = `--train_data_file ${text} --eval_data_file ${text} --block_size 8 --dropout 0.1
    --per_device_train_batch_size 2 --save_steps 10 --eval_steps 10 --logging_steps 5
    --learning_rate 1e-3`.split(/\s+/);
  const fresh = "--vocab_from_data --config_overrides n_layer=1,n_embd=16,n_head=2,n_positions=16".split(" ");
  const args = [...common, ...fresh, "--max_steps", "20"];
  const train = (to: string, ...more: string[]): string[] => [...args, "--output_dir", join(folder, to), ...more];
  const program = (to: string, ...more: string[]): string[] => node("src/train.ts", ...train(to, ...more));

  async function weightsOf(name: string, file = "model.safetensors"): Promise<Float32Array> {
    const tensors = await Safetensors.open(await openFolder(join(folder, name)), file);
    const all: number[] = [];
    for (const tensor of [...tensors.tensors.keys()].sort()) all.push(...(await tensors.read(tensor)));
    return Float32Array.from(all);
  }

  async function largestDifference(a: string, b: string, file?: string): Promise<number> {
    const [one, other] = [await weightsOf(a, file), await weightsOf(b, file)];
    expect(one.length).toBe(other.length);
    return one.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i])), 0);
  }

  const stepsLogged = (name: string): number[] =>
    readFileSync(join(folder, name, "metrics.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).step);

  beforeAll(async () => {
    const words = Array.from({ length: 260 }, (_, i) => ["the", "cat", "sat", "on", "a", "mat", "."][(i * i + i) % 7]);
    writeFileSync(text, words.join(" "));
    const { code, stderr } = await run(program("alone", "--gradient_accumulation_steps", "2"));
    if (code !== 0) throw new Error(stderr);
  }, 240_000);

  describe.each(launchers)("under %s", (by, launcher) => {
    const at = (name: string): string => `${name} by ${by}`;
    const start = (n: number, command: readonly string[], onStderr?: (said: string) => void): Promise<Ended> =>
      mpirun(launcher!, n, command, onStderr);
    /** What became of two ranks. */
    let two: Ended | undefined;

    beforeAll(async () => {
      if (launcher) two = await start(2, program(at("two")));
    }, 240_000);

    it.runIf(launcher !== undefined)("makes the model of one process, rank 0 alone writing", async () => {
      expect(two!.code).toBe(0);
      expect(two!.stdout.match(/^Run {6}20 updates of 4 sequences by 2 ranks/gm)).toHaveLength(1);
      expect(two!.stderr.match(/^Ranks {4}2 \(.*\): 0, 1 on \S+, processes \d+, \d+$/gm)).toHaveLength(1);
      expect(two!.stderr.match(/^Adapter/gm)).toHaveLength(1);
      expect(await largestDifference("alone", at("two"))).toBeLessThan(1e-6);
      expect(stepsLogged(at("two"))).toEqual([5, 10, 10, 15, 20, 20]);
    });

    it.runIf(launcher !== undefined)("makes the same bits again", async () => {
      expect((await start(2, program(at("again")))).code).toBe(0);
      expect(await largestDifference(at("two"), at("again"))).toBe(0);
    });

    it.runIf(launcher !== undefined)("is gone on with by more ranks", async () => {
      cpSync(join(folder, at("two")), join(folder, at("three")), { recursive: true });
      rmSync(join(folder, at("three"), "checkpoint-20"), { recursive: true });
      const three = await start(3, program(at("three"), "--should_continue"));
      expect(three.stdout).toMatch(/^Run {6}20 updates of 4 sequences by 3 ranks, from step 10/m);
      expect(three.code).toBe(0);
      expect(await largestDifference("alone", at("three"))).toBeLessThan(1e-6);
      expect(stepsLogged(at("three"))).toEqual([5, 10, 10, 15, 20, 20]);
    });

    it.runIf(launcher !== undefined)("ends when a rank is killed, which is named, and goes on after it", async () => {
      const longer: Record<string, string> = { "--max_steps": "120", "--save_steps": "20", "--eval_steps": "120" };
      const long = program(at("killed")).map((word, i, all) => longer[all[i - 1]] ?? word);
      let rank1 = 0;
      let killed = 0;
      const ended = await start(2, long, (said) => {
        const found = /^Ranks .* processes \d+, (\d+)$/m.exec(said);
        if (rank1 > 0 || !found || !said.includes("checkpoint-20\n")) return;
        rank1 = Number(found[1]);
        killed = performance.now();
        process.kill(rank1, "SIGKILL");
      });
      expect(ended.code).not.toBe(0);
      expect(performance.now() - killed).toBeLessThan(60_000);
      // The launcher's words: Open MPI's name the rank, MPICH's the process, which the line "Ranks" has.
      expect(ended.stdout + ended.stderr).toMatch(
        new RegExp(`rank 1 .*exited on signal 9|PID ${rank1} RUNNING AT \\S+\\n= +EXIT CODE: 9`),
      );
      const again = await start(2, [...long, "--should_continue"]);
      expect(again.stdout).toMatch(/^Run {6}120 updates .* by 2 ranks, from step \d+/m);
      expect(again.code).toBe(0);
      expect(stepsLogged(at("killed")).at(-1)).toBe(120);
    });

    // What is computed is the same whoever carries it.
    it.runIf(launcher !== undefined && launcher === installed[0]).each([
      ["an adapter", ["--lora_r", "2", "--lora_alpha", "4", "--lora_dropout", "0.1"], "adapter_model.safetensors"],
      ["a part of the model", ["--freeze", "wte", "--freeze", "h.0.attn.*"], "model.safetensors"],
    ])("of %s is that of one process", async (what, flags, file) => {
      const base = ["--model_name_or_path", join(folder, "alone"), "--max_steps", "6", ...flags];
      const begin = (to: string, ...more: string[]): string[] =>
        node("src/train.ts", ...common, ...base, "--output_dir", join(folder, to), ...more);
      const alone = await run(begin(what, "--gradient_accumulation_steps", "2"));
      expect(alone.stderr).not.toContain("Error");
      expect((await start(2, begin(at(what)))).code).toBe(0);
      expect(await largestDifference(what, at(what), file)).toBeLessThan(1e-6);
      // Each rank has moments of its part: together those of all that is trained, and of nothing else.
      const momentsOf = async (name: string): Promise<string[]> => {
        const checkpoint = await openFolder(join(folder, name, "checkpoint-6"));
        return [...(await Safetensors.open(checkpoint, "optimizer.safetensors")).tensors.keys()].sort();
      };
      const moments = await momentsOf(at(what));
      expect(moments).toEqual(await momentsOf(what));
      expect(moments.some((name) => name.includes("wte") || /h\.0\.attn\.c_proj/.test(name))).toBe(false);
      expect(moments.length).toBeGreaterThan(3);
    });

    it.runIf(launcher !== undefined)("is refused where ranks would train different models", async () => {
      const [rank0, rank1] = [program(at("differ")), program(at("differ"), "--seed", "7")];
      const ended = await start(1, [...rank0, ":", ...launcher!.flags, "-n", "1", ...rank1]);
      expect(ended.stderr).toMatch(/Error: Rank 1 would train something else than rank 0: --seed was 42 and is 7/);
      expect(ended.code).not.toBe(0);
    });
  });
});
