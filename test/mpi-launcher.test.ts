// What a process learns of its place from the launcher that started it, and which GPU it takes.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, test } from "vitest";
import { chooseGpu, gpuAddresses, hasDeviceSelectLayer } from "../src/cli/mpi/choose-gpu.ts";
import { expectConnected, launchOf } from "../src/cli/mpi/launcher.ts";
import { leaveHeapAlone } from "../src/cli/mpi/ucx.ts";

const folder = mkdtempSync(join(tmpdir(), "mpi-launcher-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("a process", () => {
  test.each([
    ["nobody", {}],
    ["mpirun -n 1", { OMPI_COMM_WORLD_SIZE: "1", OMPI_COMM_WORLD_LOCAL_RANK: "0" }],
    ["a batch script of Slurm", { SLURM_NTASKS: "8", SLURM_LOCALID: "0" }],
    ["srun without MPI", { SLURM_STEP_NUM_TASKS: "8", SLURM_LOCALID: "3" }],
    ["something odd", { OMPI_COMM_WORLD_SIZE: "many" }],
  ])("that %s started is alone", (_, env) => {
    expect(launchOf(env)).toBeUndefined();
  });

  test.each([
    ["Open MPI", { OMPI_COMM_WORLD_SIZE: "4", OMPI_COMM_WORLD_LOCAL_RANK: "1", OMPI_COMM_WORLD_LOCAL_SIZE: "2" }, 1, 2],
    ["MPICH", { PMI_SIZE: "4", PMI_RANK: "3", MPI_LOCALRANKID: "1", MPI_LOCALNRANKS: "2" }, 1, 2],
    ["MPICH -pmi-port", { PMI_PORT: "n:1", PMI_ID: "3", MPI_LOCALRANKID: "1", MPI_LOCALNRANKS: "3" }, 1, 3],
    [
      "srun with PMIx",
      {
        PMIX_RANK: "5",
        SLURM_STEP_NUM_TASKS: "11",
        SLURM_LOCALID: "1",
        SLURM_NODEID: "2",
        SLURM_STEP_TASKS_PER_NODE: "4(x2),3",
      },
      1,
      3,
    ],
    ["one that says no more", { OMPI_COMM_WORLD_SIZE: "2" }, 0, 1],
  ])("that %s started has its place on its machine", (_, env, localRank, localSize) => {
    expect(launchOf(env)).toMatchObject({ localRank, localSize });
  });

  it("tries its launcher's library first, or the one that is named", () => {
    expect(launchOf({ OMPI_COMM_WORLD_SIZE: "2" })!.libraries[0]).toBe("libmpi.so.40");
    expect(launchOf({ PMI_SIZE: "2" })!.libraries[0]).toBe("libmpich.so.12");
    expect(launchOf({ PMI_SIZE: "2", GPT2_WEBGPU_MPI: "/opt/libmpi.so" })!.libraries).toEqual(["/opt/libmpi.so"]);
  });

  it("says so where MPICH's connection was closed on the way", () => {
    expect(() => expectConnected({ PMI_FD: "997" })).toThrow(/-pmi-port/);
    expect(() => expectConnected({ PMI_FD: "997", PMI_PORT: "n:1" })).not.toThrow();
    expect(() => expectConnected({})).not.toThrow();
  });
});

describe("UCX", () => {
  const PMIX = { PMIX_RANK: "0", SLURM_STEP_NUM_TASKS: "2" };

  test.each([
    ["MPICH's library", "libmpich.so.12", { PMI_SIZE: "2" }],
    ["a file that MPICH's launcher belongs to", "/opt/mpich/lib/libmpi.so", { PMI_PORT: "n:1", PMI_ID: "0" }],
    ["MPICH's library in a step of Slurm", "libmpi.so.12", PMIX],
  ])("leaves the heap alone in %s", (_, name, started) => {
    const env: NodeJS.ProcessEnv = { ...started };
    const undo = leaveHeapAlone(name, env);
    expect(env).toEqual({ ...started, UCX_MEM_EVENTS: "no" });
    undo();
    expect(env).toEqual(started);
  });

  test.each([
    ["Open MPI's launcher", "/opt/lib/libmpi-custom.so", { OMPI_COMM_WORLD_SIZE: "2" }],
    ["Open MPI's library in a step of Slurm", "/usr/lib/libmpi.so.40", PMIX],
    ["what the user has set", "libmpich.so.12", { PMI_SIZE: "2", UCX_MEM_EVENTS: "yes" }],
    ["what the user has set to nothing", "libmpich.so.12", { PMI_SIZE: "2", UCX_MEM_EVENTS: "" }],
  ])("is not told so by %s", (_, name, started) => {
    const env: NodeJS.ProcessEnv = { ...started };
    leaveHeapAlone(name, env)();
    expect(env).toEqual(started);
  });
});

describe("GPUs", () => {
  const machine = (name: string, devices: Readonly<Record<string, readonly [string, string]>>): string => {
    for (const [address, [type, vendor]] of Object.entries(devices)) {
      const at = join(folder, name, address);
      mkdirSync(at, { recursive: true });
      writeFileSync(join(at, "class"), `${type}\n`);
      writeFileSync(join(at, "vendor"), `${vendor}\n`);
    }
    return join(folder, name);
  };

  it("are those of one maker that compute, in the order of the bus", () => {
    const devices = machine("server", {
      "0000:c1:00.0": ["0x030200", "0x10de"],
      "0000:41:00.0": ["0x030200", "0x10de"],
      "0000:00:02.0": ["0x030000", "0x8086"], // the processor's own
      "0000:03:00.0": ["0x030000", "0x1a03"], // a management chip's screen
      "0000:42:00.0": ["0x020700", "0x15b3"], // a network card
    });
    expect(gpuAddresses(devices)).toEqual(["0000:41:00.0", "0000:c1:00.0"]);
    expect(gpuAddresses(join(folder, "none"))).toEqual([]);
  });

  const addresses = ["0000:41:00.0", "0000:c1:00.0"];
  const chosen = (localRank: number, env: Record<string, string>, hasLayer = true): Record<string, string> => {
    chooseGpu(localRank, env, { addresses, hasLayer });
    return env;
  };

  it("are told apart by their place on the bus, counted round where there are more ranks", () => {
    const force = { MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE: "1" };
    expect(chosen(0, {})).toEqual({ ...force, DRI_PRIME: "pci-0000_41_00_0" });
    expect(chosen(1, {})).toEqual({ ...force, DRI_PRIME: "pci-0000_c1_00_0" });
    expect(chosen(3, {})).toEqual({ ...force, DRI_PRIME: "pci-0000_c1_00_0" });
  });

  it("are left alone where the user has chosen, or there is one", () => {
    expect(chosen(1, { GPT2_WEBGPU_ADAPTER: "llvmpipe" })).toEqual({ GPT2_WEBGPU_ADAPTER: "llvmpipe" });
    const env = {};
    chooseGpu(1, env, { addresses: ["0000:41:00.0"], hasLayer: false });
    expect(env).toEqual({});
  });

  it("that cannot be told apart end the job, rather than all ranks sharing one", () => {
    const missing = /2 GPUs, and the Vulkan layer that tells them apart is missing/;
    expect(() => chosen(1, {}, false)).toThrow(missing);
    expect(() => chosen(1, { CUDA_VISIBLE_DEVICES: "0,1" }, false)).toThrow(missing);
    expect(() => chosen(1, { CUDA_VISIBLE_DEVICES: "0" }, false)).not.toThrow(); // each process is shown its own
  });

  it("are told apart by a layer that is found where Vulkan looks for it", () => {
    const layers = join(folder, "data/vulkan/implicit_layer.d");
    const env = { XDG_DATA_DIRS: join(folder, "data"), XDG_DATA_HOME: join(folder, "home") };
    expect(hasDeviceSelectLayer(env)).toBe(false);
    mkdirSync(layers, { recursive: true });
    writeFileSync(join(layers, "VkLayer_MESA_device_select.json"), "{}");
    expect(hasDeviceSelectLayer(env)).toBe(true);
  });
});
