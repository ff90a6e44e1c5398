// Who is compared: how each is started, what it needs, and what it is good for.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Command } from "./client.ts";
import { isInstalled } from "./packages.ts";

export interface System {
  /** As --systems has it. */
  readonly name: string;
  /** In the table. */
  readonly title: string;
  readonly command: Command;
  /** Why it cannot be started here; undefined where it can. */
  missing(): string | undefined;
}

const fileOf = (name: string): string => fileURLToPath(new URL(`./${name}`, import.meta.url));

function node(name: string, title: string, file: string, args: readonly string[], packages: readonly string[]): System {
  return {
    name,
    title,
    command: { program: process.execPath, args: [...process.execArgv, fileOf(`systems/${file}`), ...args] },
    missing() {
      const absent = packages.filter((each) => !isInstalled(each));
      return absent.length > 0 ? `${absent.join(", ")} is not in bench/peers/node_modules: npm ci there` : undefined;
    },
  };
}

const PYTHON = "python3";

function python(name: string, title: string, args: readonly string[], modules: readonly string[]): System {
  return {
    name,
    title,
    command: { program: PYTHON, args: [fileOf("pytorch.py"), ...args] },
    missing() {
      const looks = "import importlib.util, sys; print(*[m for m in sys.argv[1:] if not importlib.util.find_spec(m)])";
      const { status, stdout } = spawnSync(PYTHON, ["-c", looks, ...modules], { encoding: "utf8" });
      if (status !== 0) return `there is no ${PYTHON}`;
      return stdout.trim() === "" ? undefined : `${PYTHON} has no ${stdout.trim().replaceAll(" ", ", ")}`;
    },
  };
}

const ORT = "onnxruntime-node";
const HF = "@huggingface/transformers";
const TFJS = ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-webgpu"];

/** This engine first: the others are compared with it. */
export const SYSTEMS: readonly System[] = [
  node("gpt2-webgpu", "gpt2-webgpu", "ours.ts", [], []),
  node("onnxruntime", "ONNX Runtime, WebGPU", "onnxruntime.ts", ["webgpu"], [ORT]),
  node("onnxruntime-fused", "ONNX Runtime, WebGPU, fused attention", "onnxruntime.ts", ["webgpu", "fused"], [ORT]),
  node("onnxruntime-cpu", "ONNX Runtime, CPU", "onnxruntime.ts", ["cpu", "fused"], [ORT]),
  node("transformers.js", "transformers.js, WebGPU", "transformers-js.ts", [], [HF]),
  node("jax-js", "jax-js, WebGPU", "jax-js.ts", [], ["@jax-js/jax"]),
  node("tfjs", "TensorFlow.js, WebGPU", "tfjs.ts", [], TFJS),
  python("torch", "PyTorch", ["model"], ["torch", "transformers"]),
  python("generate", "transformers generate(), eager", ["generate"], ["torch", "transformers"]),
  python("generate-compiled", "transformers generate(), compiled", ["compiled"], ["torch", "transformers"]),
];
