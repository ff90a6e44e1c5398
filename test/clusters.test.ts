// The files in docs/clusters that people hand to Slurm and Kubernetes: their form, and that what they start exists.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { parseFlags } from "../src/cli/shared/flags.ts";
import { TRAIN } from "../src/cli/train/flags.ts";

const read = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../docs/clusters/${name}`, import.meta.url)), "utf8");

/** The flags of the train command in a script, its variables with a value. */
function trainFlags(script: string): string[] {
  const command = /gpt2-webgpu\.js train (.*?)(?: \|\||$)/m.exec(script.replaceAll("\\\n", " "))![1];
  return command
    .replace(/"\$\{go_on\[@\]\}"/, "--should_continue")
    .replace(/"?\$(\w+)"?/g, "some-$1")
    .replaceAll('"', "")
    .trim()
    .split(/\s+/);
}

describe.skipIf(process.platform === "win32")("a script", () => {
  const bashAccepts = (script: string): string =>
    spawnSync("bash", ["-n"], { input: script, encoding: "utf8" }).stderr || "yes";

  it("is bash", () => {
    expect(bashAccepts(read("train.slurm"))).toBe("yes");
    expect(bashAccepts(`${read("train.slurm")}\nif true; then`)).not.toBe("yes");
    expect(bashAccepts(launcherScript())).toBe("yes");
  });
});

describe("train.slurm", () => {
  it("has its options for sbatch before the first command, each once", () => {
    const lines = read("train.slurm").split("\n");
    const first = lines.findIndex((line) => line !== "" && !line.startsWith("#"));
    const options = lines.flatMap((line, i) => (line.startsWith("#SBATCH ") ? [{ i, option: line.slice(8) }] : []));
    expect(options.length).toBeGreaterThan(5);
    for (const { i, option } of options) {
      expect(i).toBeLessThan(first);
      expect(option).toMatch(/^--[a-z-]+(=\S+)?$/);
    }
    expect(new Set(options.map(({ option }) => option.split("=")[0])).size).toBe(options.length);
  });

  it("starts train with flags that it has", () => {
    const { values } = parseFlags(TRAIN, trainFlags(read("train.slurm")));
    expect(values).toMatchObject({ shouldContinue: true, outputDir: "some-output", saveSteps: 500 });
  });
});

interface Pod {
  readonly spec: {
    readonly containers: readonly {
      readonly name: string;
      readonly image: string;
      readonly command: readonly string[];
      readonly args?: readonly string[];
      readonly resources?: { readonly limits: Readonly<Record<string, number>> };
      readonly volumeMounts: readonly { readonly name: string }[];
    }[];
    readonly volumes: readonly { readonly name: string }[];
  };
}

interface MpiJob {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly slotsPerWorker: number;
    readonly mpiReplicaSpecs: Readonly<
      Record<"Launcher" | "Worker", { readonly replicas: number; readonly template: Pod }>
    >;
  };
}

function job(): MpiJob {
  const documents = parseAllDocuments(read("mpijob.yaml"));
  expect(documents).toHaveLength(1);
  expect((documents as readonly { errors: unknown[]; warnings: unknown[] }[])[0]).toMatchObject({
    errors: [],
    warnings: [],
  });
  return (documents as readonly { toJS(): unknown }[])[0].toJS() as MpiJob;
}

function launcherScript(): string {
  return job().spec.mpiReplicaSpecs.Launcher.template.spec.containers[0].args![0];
}

describe("mpijob.yaml", () => {
  it("is a job of Kubeflow's MPI operator, with a GPU for each process", () => {
    const { apiVersion, kind, metadata, spec } = job();
    expect([apiVersion, kind]).toEqual(["kubeflow.org/v2beta1", "MPIJob"]);
    expect(metadata.name).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
    const { Launcher, Worker } = spec.mpiReplicaSpecs;
    expect(Object.keys(spec.mpiReplicaSpecs).sort()).toEqual(["Launcher", "Worker"]);
    expect(Launcher.replicas).toBe(1);
    const [worker] = Worker.template.spec.containers;
    expect(worker.resources!.limits["nvidia.com/gpu"]).toBe(spec.slotsPerWorker);
    const processes = Number(/mpirun .*?-n (\d+)/.exec(launcherScript())![1]);
    expect(processes).toBe(Worker.replicas * spec.slotsPerWorker);
    for (const { template } of [Launcher, Worker]) {
      const volumes = template.spec.volumes.map(({ name }) => name);
      for (const { image, volumeMounts } of template.spec.containers) {
        expect(image).toBe(worker.image);
        for (const { name } of volumeMounts) expect(volumes).toContain(name);
      }
    }
  });

  it("starts train with flags that it has", () => {
    const { values } = parseFlags(TRAIN, trainFlags(launcherScript()));
    expect(values).toMatchObject({ shouldContinue: true, outputDir: "/data/output", modelNameOrPath: "/data/gpt2" });
  });
});
