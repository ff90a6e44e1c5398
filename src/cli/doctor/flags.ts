// The flags of src/doctor.ts.
import { defineFlags } from "../shared/flags.ts";
import type { Program } from "../shared/flags.ts";

const flags = defineFlags({
  json: {
    type: "bool",
    group: "Output",
    help: "One JSON object on stdout, when all is done: the machine, every group of checks, and what is wrong.",
  },
  tune: {
    type: "bool",
    group: "What",
    help:
      "Try the kernels' forms on this adapter, print how fast each is, and keep the fastest for later runs; checks " +
      "no kernel but those that are named.",
  },
  machineOnly: { type: "bool", group: "What", help: "Only say what this machine is; check no kernel." },
});

export const DOCTOR: Program<typeof flags> = {
  command: "npx tsx src/doctor.ts",
  summary:
    "Says what computes here, and checks every kernel on this adapter against float64. Exit code 1 when something is " +
    "wrong. Seconds on a graphics card, minutes on a software adapter.",
  flags,
  positionals: { name: "kernel", help: "only these kernels: gelu, matmul, ... (a wrong name lists all)" },
};
