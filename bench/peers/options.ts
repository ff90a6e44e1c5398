// The flags of bench/peers/run.ts.
import { defineFlags } from "../../src/cli/shared/flags.ts";
import type { Program } from "../../src/cli/shared/flags.ts";
import { UserError } from "../../src/errors.ts";
import { quote } from "../../src/files/quote.ts";
import { SYSTEMS } from "./systems.ts";
import { WORKS } from "./work.ts";

const names = (of: readonly { readonly name: string }[]): string => of.map(({ name }) => name).join(", ");

const flags = defineFlags({
  only: {
    type: "list",
    defaultText: "all",
    placeholder: "work",
    group: "What",
    help: `Works, separated by commas: ${names(WORKS)}.`,
  },
  systems: {
    type: "list",
    defaultText: "all",
    placeholder: "name",
    group: "What",
    help: `Systems, separated by commas: ${names(SYSTEMS)}. This engine is always one, since ratios are to it.`,
  },
  quick: {
    type: "bool",
    group: "How",
    help: "Few rounds of the small model's works, starts left out: to see that everything works.",
  },
  rounds: { type: "int", min: 1, max: 1000, defaultText: "9, --quick 3", group: "How", help: "Turns of each system." },
  minutes: {
    type: "float",
    above: 0,
    defaultText: "no end",
    group: "How",
    help: "Works that would begin later are left out.",
  },
  patience: { type: "int", min: 1, default: 300, group: "How", help: "Seconds that one answer of a system may take." },
  output: {
    type: "string",
    defaultText: "bench/results/peers-<adapter>.json",
    placeholder: "file",
    group: "Output",
    help: "Where the JSON goes, rewritten after each work.",
  },
});
export const PEERS: Program<typeof flags> = {
  command: "npx tsx bench/peers/run.ts",
  summary:
    "Compares this engine with ONNX Runtime, transformers.js, jax-js, TensorFlow.js and PyTorch: results first, then " +
    "times in turn. JSON lines on stdout, one table on stderr.",
  flags,
  examples: [
    { args: "--quick", does: "does everything work here?" },
    { args: "--only decode,decode-124M --systems onnxruntime,transformers.js", does: "generation alone" },
  ],
};
/** Those of `all` that were asked for. Throws UserError for a name that is none. */
export function chosen<T extends { readonly name: string }>(all: readonly T[], asked: readonly string[]): readonly T[] {
  const wanted = asked.flatMap((text) => text.split(",")).map((name) => name.trim());
  const unknown = wanted.find((name) => !all.some((each) => each.name === name));
  if (unknown !== undefined) throw new UserError(`There is no ${quote(unknown)} here; there are ${names(all)}.`);
  return wanted.length === 0 ? all : all.filter(({ name }) => wanted.includes(name));
}
