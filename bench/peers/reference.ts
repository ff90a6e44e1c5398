// What the forward pass must give: the float64 GPT-2 of the tests, which is checked against Hugging Face's numbers. All
// systems are held against it, this engine too; at other works they are held against this engine.
import { openCheckpoint } from "../../src/gpt2/checkpoint-files.ts";
import type { GPT2Config } from "../../src/gpt2/config.ts";
import { openFolder } from "../../src/files/open.ts";
import { OracleGPT2 } from "../../test/oracle/gpt2.ts";
import { comparedRows, encodeFloats } from "./protocol.ts";
import type { Task } from "./work.ts";

export async function float64Logits(config: GPT2Config, { folder, inputIds, vocabulary }: Task): Promise<string> {
  const parameters = new Map<string, Float32Array>();
  const checkpoint = await openCheckpoint(await openFolder(folder), config);
  await checkpoint.read((name, values) => void parameters.set(name, values));
  const { logits } = new OracleGPT2(config, parameters).forward({ inputIds });
  return encodeFloats(comparedRows(Float32Array.from(logits), inputIds[0].length, vocabulary));
}
