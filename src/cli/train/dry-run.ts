// --dry_run: what a run would take of the adapter's memory, and what to change where that is too much. Nothing is
// trained or written.
import type { Device } from "../../gpu/device.ts";
import { formatBytes } from "../shared/format.ts";
import { holds, needsOf, NO_WAY, ways } from "./memory-advice.ts";
import type { MemoryQuestion } from "./memory-advice.ts";

/** Lines for people, and whether the run fits. */
export async function dryRun(device: Device, question: MemoryQuestion): Promise<{ text: string; fits: boolean }> {
  const { shape, limit } = question;
  const needs = await needsOf(device, question);
  const what = `updates of ${shape.batchSize} x ${shape.length} tokens`;
  const lines = [`Memory   for ${what} on ${device.description}:`];
  if (typeof needs === "string") lines.push(`         ${needs}`);
  else {
    const row = (name: string, bytes: number, more = ""): void => {
      lines.push(`         ${name.padEnd(15)}${formatBytes(bytes).padStart(8)}${more}`);
    };
    for (const part of PARTS) row(part, needs[part]);
    row("peak", needs.peak, limit === undefined ? "" : ` of ${formatBytes(limit)}`);
    row("largest buffer", needs.largestBuffer, ` of at most ${formatBytes(device.gpu.limits.maxBufferSize)}`);
    if (limit === undefined)
      lines.push("         How much the GPU has WebGPU does not tell; --memory_limit 8GB says it.");
  }
  if (holds(needs, limit)) {
    lines.push(limit === undefined ? "Fits     each buffer that it needs" : "Fits");
    return { text: lines.join("\n"), fits: true };
  }
  const found = await ways(device, question);
  lines.push("Too much for this adapter; it would fit with");
  lines.push(...found.map(({ flags, peak, price }) => `  ${flags}: ${formatBytes(peak)}; ${price}`));
  if (found.length === 0) lines.push(`  ${NO_WAY}`);
  return { text: lines.join("\n"), fits: false };
}

const PARTS = ["parameters", "gradients", "moments", "activations", "logits", "staging"] as const;
